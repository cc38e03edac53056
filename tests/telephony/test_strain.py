"""Overload closes the door before the callers inside notice much of it."""

from __future__ import annotations

from contracts.clock import ManualClock
from telephony.admission import Admission, AdmissionSettings, Refusal, RefusalReason, Ticket
from telephony.strain import Strain, StrainSettings


def strain(**settings: object) -> tuple[Strain, ManualClock]:
    return Strain(StrainSettings.model_validate(settings)), ManualClock()


def test_late_answers_strain_and_prompt_ones_relax() -> None:
    load, clock = strain(fewest=4, begin_share=0.5, end_share=0.2)
    for latency in (0.5, 0.5, 3.0, 3.0):
        load.answered(latency, clock.advance(1.0))
    assert load.strained(clock.now())
    for _ in range(5):
        load.answered(0.5, clock.advance(1.0))
    assert load.strained(clock.now()), "2 of 9 are late: between the two marks it stays as it was"
    load.answered(0.5, clock.advance(1.0))
    assert not load.strained(clock.now())


def test_a_few_answers_prove_nothing() -> None:
    load, clock = strain(fewest=4)
    for _ in range(3):
        load.answered(9.0, clock.advance(1.0))
    assert not load.strained(clock.now())


def test_old_lateness_is_forgotten() -> None:
    load, clock = strain(window_s=30.0)
    for _ in range(6):
        load.unanswered(clock.advance(1.0))
    assert load.strained(clock.now())
    assert not load.strained(clock.advance(31.0))


def test_a_strained_machine_admits_nobody_else_and_those_inside_stay() -> None:
    load, clock = strain()
    gate = Admission(AdmissionSettings(max_calls=10, when_full="refuse"), load)
    inside = gate.admit("sip", "a", clock.now())
    assert isinstance(inside, Ticket)
    for _ in range(5):
        load.answered(4.0, clock.advance(1.0))
    refused = gate.admit("sip", "b", clock.now())
    assert isinstance(refused, Refusal)
    assert refused.reason is RefusalReason.STRAINED
    assert (gate.active, gate.ready(clock.now())) == (1, False)


def test_an_empty_machine_is_never_strained_by_its_past() -> None:
    load, clock = strain()
    gate = Admission(AdmissionSettings(max_calls=10, when_full="refuse"), load)
    for _ in range(5):
        load.answered(4.0, clock.advance(0.1))
    assert isinstance(gate.admit("sip", "b", clock.now()), Ticket)
