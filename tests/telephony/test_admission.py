from __future__ import annotations

import random

from contracts.clock import ManualClock
from telephony.admission import Admission, AdmissionSettings, Refusal, RefusalReason, Ticket


def admission(**settings: object) -> Admission:
    return Admission(AdmissionSettings.model_validate({"max_calls": 2, "overflow_calls": 1, **settings}))


def reason(answer: Ticket | Refusal) -> RefusalReason | None:
    return answer.reason if isinstance(answer, Refusal) else None


def test_the_call_after_the_last_hears_the_prepared_sentence_and_the_one_after_that_is_refused() -> None:
    gate, clock = admission(), ManualClock()
    answers = [gate.admit("sip", f"+{n}", clock.now()) for n in range(4)]
    assert [isinstance(each, Ticket) and each.overflow for each in answers] == [False, False, True, False]
    assert reason(answers[3]) is RefusalReason.FULL
    assert (gate.active, gate.overflow, gate.ready(clock.now())) == (2, 1, False)


def test_with_refusal_as_policy_nobody_overflows() -> None:
    gate, clock = admission(when_full="refuse"), ManualClock()
    answers = [gate.admit("sip", "", clock.now()) for _ in range(3)]
    assert [reason(each) for each in answers] == [None, None, RefusalReason.FULL]
    assert gate.refused == {"full": 1}


def test_a_released_line_is_free_again_and_releasing_twice_frees_it_once() -> None:
    gate, clock = admission(when_full="refuse"), ManualClock()
    first = gate.admit("sip", "a", clock.now())
    gate.admit("twilio", "b", clock.now())
    assert isinstance(first, Ticket)
    first.release()
    first.release()
    assert (gate.active, gate.active_of("sip"), gate.active_of("twilio")) == (1, 0, 1)
    assert isinstance(gate.admit("sip", "c", clock.now()), Ticket)
    assert isinstance(gate.admit("sip", "d", clock.now()), Refusal)


def test_calls_that_come_too_fast_are_refused_until_a_second_has_passed() -> None:
    gate, clock = admission(max_calls=100, starts_per_s=3), ManualClock()
    assert [reason(gate.admit("sip", "", clock.now())) for _ in range(5)] == [None] * 3 + [RefusalReason.TOO_FAST] * 2
    clock.advance(1.01)
    assert reason(gate.admit("sip", "", clock.now())) is None


def test_a_rate_below_one_a_second_is_kept_too() -> None:
    gate, clock = admission(max_calls=100, starts_per_s=0.5), ManualClock()
    gate.admit("sip", "", clock.now())
    clock.advance(1.5)
    assert reason(gate.admit("sip", "", clock.now())) is RefusalReason.TOO_FAST
    clock.advance(0.6)
    assert reason(gate.admit("sip", "", clock.now())) is None


def test_one_caller_cannot_take_all_lines_or_redial_without_end() -> None:
    gate, clock = admission(max_calls=100, calls_per_caller=2, starts_per_caller=3, starts_per_s=100), ManualClock()
    held = [gate.admit("sip", "a", clock.now()) for _ in range(3)]
    assert [reason(each) for each in held] == [None, None, RefusalReason.CALLER_TOO_MANY]
    assert reason(gate.admit("sip", "b", clock.now())) is None
    for each in held:
        if isinstance(each, Ticket):
            each.release()
    again = gate.admit("sip", "a", clock.now())
    assert isinstance(again, Ticket)
    again.release()
    assert reason(gate.admit("sip", "a", clock.now())) is RefusalReason.CALLER_TOO_OFTEN
    clock.advance(61)
    assert reason(gate.admit("sip", "a", clock.now())) is None


def test_callers_without_a_name_are_not_taken_for_one_caller() -> None:
    gate, clock = admission(max_calls=100, calls_per_caller=1), ManualClock()
    assert all(isinstance(gate.admit("sip", "", clock.now()), Ticket) for _ in range(5))


def test_while_draining_nobody_is_admitted_and_it_says_when_the_last_is_gone() -> None:
    gate, clock = admission(), ManualClock()
    ticket = gate.admit("sip", "a", clock.now())
    gate.drain()
    assert reason(gate.admit("sip", "b", clock.now())) is RefusalReason.DRAINING
    assert not gate.idle
    assert isinstance(ticket, Ticket)
    ticket.release()
    assert gate.idle
    assert not gate.ready(clock.now())


def test_it_is_closed_only_when_nobody_could_even_hear_the_prepared_sentence() -> None:
    gate, clock = admission(max_calls=1, overflow_calls=1), ManualClock()
    held = []
    for closed in (False, False, True):
        clock.advance(2)
        assert gate.closed(clock.now()) is closed
        held.append(gate.admit("twilio", "a", clock.now()))
    assert isinstance(held[1], Ticket)
    assert isinstance(held[2], Refusal)
    held[1].release()
    clock.advance(2)
    assert not gate.closed(clock.now())


def test_a_flood_of_strangers_leaves_no_memory_behind() -> None:
    gate, clock = admission(max_calls=10, starts_per_caller=1, starts_per_s=1000), ManualClock()
    for n in range(12_000):
        clock.advance(0.01)
        answer = gate.admit("sip", str(n), clock.now())
        assert isinstance(answer, Ticket)
        answer.release()
    assert len(gate._callers) == 10_000
    assert not gate._by_caller


def test_whatever_order_calls_come_and_go_in_the_counts_stay_true() -> None:
    rng, clock = random.Random(7), ManualClock()
    gate = admission(max_calls=5, overflow_calls=2, starts_per_s=1000)
    held: list[Ticket] = []
    for _ in range(5000):
        clock.advance(0.01)
        if rng.random() < 0.5 and held:
            held.pop(rng.randrange(len(held))).release()
        elif isinstance(
            answer := gate.admit(rng.choice(("sip", "twilio")), str(rng.randrange(9)), clock.now()), Ticket
        ):
            held.append(answer)
        assert gate.active == sum(not each.overflow for each in held) <= 5
        assert gate.overflow == sum(each.overflow for each in held) <= 2
