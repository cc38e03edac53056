"""Whom to try, how and in which order; on the virtual clock where time decides."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from pydantic import ValidationError

from contracts.clock import Clock
from contracts.dialling import WaitEnd, WaitOutcome
from contracts.errors import ConfigError
from contracts.leg import LegInfo
from contracts.virtual_time import LoopClock, run_virtual
from dialog.settings import DialogSettings
from escalation.plan import Ability, Course, Failure, Kept, Mode, Nobody, Plans, Queue, Step, Target, Trunk, Try
from server.settings import load_settings

ALICE = Target(mode=Mode.BRIDGE, target="sip:alice@desk.example", ring_s=20)
BOB = Target(mode=Mode.ATTENDED, target="sip:bob@desk.example", ring_s=15)
PBX = Target(mode=Mode.REFER, target="sip:queue@pbx.example")
ALL = Ability()


def course(*targets: Target, can: Ability = ALL, patience_s: float = 60.0, rounds: int = 3) -> Course:
    return Course(targets, can, patience_s=patience_s, rounds=rounds)


def tried(step: Step) -> tuple[str, Mode, float]:
    assert isinstance(step, Try), step
    return step.target.target, step.mode, step.ring_s


def call(
    called: str = "sip:bank@example.org", caller: str = "sip:+49301@carrier.example", kind: str = "sip"
) -> LegInfo:
    return LegInfo("c", "e", kind, caller, called)


def plan(value: object) -> tuple[Target, ...]:
    return DialogSettings.model_validate({"targets": {"person": value}}).targets["person"]


def test_a_sip_uri_alone_is_a_blind_refer_to_it() -> None:
    assert plan("sip:queue@pbx.example") == (Target(mode=Mode.REFER, target="sip:queue@pbx.example"),)


@pytest.mark.parametrize("nobody", ["", None, []])
def test_no_target_is_nobody(nobody: object) -> None:
    assert plan(nobody) == ()


def test_a_list_keeps_its_order_and_mixes_both_ways_of_writing() -> None:
    mapping = {"mode": "attended", "target": "sip:200@pbx:5060", "ring_s": 12, "brief": False}
    first, second = plan([mapping, "sip:queue@pbx.example"])
    assert (first.mode, first.ring_s, first.brief) == (Mode.ATTENDED, 12, False)
    assert second.mode is Mode.REFER


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("sip:nobody@", "write a SIP URI"),
        ("sip:a@b?Replaces=x", "write a SIP URI"),
        ("sip:a b@c", "write a SIP URI"),
        ("a\r\nEvil: 1", "write a SIP URI"),
        ([{"mode": "carrier-pigeon", "target": "sip:a@b"}], "'refer', 'attended' or 'bridge'"),
        ([{"mode": "bridge"}], "Field required"),
        ([{"target": "sip:a@b", "ring_s": 0}], "greater than or equal to 1"),
        (7, "a target is a SIP URI"),
    ],
)
def test_a_target_that_cannot_be_called_is_an_error_that_says_what_to_write(wrong: object, says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        plan(wrong)


def test_a_wrong_target_stops_the_start_with_file_and_line(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("name: Test\ndialog:\n  targets:\n    person:\n      - {mode: attended, target: 'sip:a b'}\n")
    with pytest.raises(ConfigError, match=r"settings\.yaml:5.*SIP URI"):
        load_settings(file)


def test_the_first_trunk_that_fits_decides_and_names_it_lacks_come_from_the_targets() -> None:
    german = Trunk(called="sip:+49*", targets={"person": (ALICE,)})
    provider = Trunk(kind="twilio", targets={"person": (BOB,)})
    peer = Trunk(peer="*.carrier.example", targets={"person": ()})
    plans = Plans({"person": (PBX,), "fraud": (BOB,)}, (german, provider, peer))
    assert plans.of(call("sip:+4930123@us"), "person") == (ALICE,)
    assert plans.of(call(kind="twilio", caller="+15550100"), "person") == (BOB,)
    assert plans.of(call(caller="sip:x@eu.carrier.example:5070"), "person") == ()
    assert plans.of(call("sip:+4930123@us"), "fraud") == (BOB,)
    assert plans.of(call(), "person") == (PBX,)
    assert not Plans({"person": ()}).reachable(call())
    assert plans.reachable(call())


def test_each_failure_leads_to_the_next_target_and_the_last_to_the_queue() -> None:
    one = course(BOB, ALICE, PBX)
    assert tried(one.first(0.0)) == (BOB.target, Mode.ATTENDED, 15)
    assert tried(one.failed(Failure.BUSY, "486 Busy Here", 1.0)) == (ALICE.target, Mode.BRIDGE, 20)
    assert tried(one.failed(Failure.LEFT, "", 2.0)) == (PBX.target, Mode.REFER, 20)
    assert one.failed(Failure.NO_ANSWER, "408", 30.0) == Queue()
    assert one.waited(WaitOutcome(WaitEnd.NOBODY), 31.0) == Nobody("408")


def test_a_far_end_that_cannot_refer_is_bridged_to_the_same_target() -> None:
    one = course(PBX, ALICE)
    one.first(0.0)
    assert tried(one.failed(Failure.UNSUPPORTED, "405", 0.5)) == (PBX.target, Mode.BRIDGE, 20)
    assert tried(one.failed(Failure.BUSY, "486", 1.0))[0] == ALICE.target


def test_an_extension_cannot_be_bridged_since_only_the_far_end_knows_it() -> None:
    one = course(Target(target="200"))
    assert tried(one.first(0.0)) == ("200", Mode.REFER, 20)
    assert one.failed(Failure.UNSUPPORTED, "405", 1.0) == Queue()


@pytest.mark.parametrize(
    ("wished", "can", "way"),
    [
        (Mode.ATTENDED, Ability(attend=False), Mode.BRIDGE),
        (Mode.REFER, Ability(transfer=False, attend=False), Mode.BRIDGE),
        (Mode.BRIDGE, Ability(dial=False), Mode.REFER),
        (Mode.ATTENDED, Ability(dial=False), Mode.REFER),
    ],
)
def test_what_a_call_does_not_allow_is_done_the_next_best_way(wished: Mode, can: Ability, way: Mode) -> None:
    one = course(Target(mode=wished, target="sip:a@b.example"), can=can)
    assert tried(one.first(0.0))[1] is way


def test_a_call_from_which_nothing_can_be_reached_goes_to_the_queue() -> None:
    one = course(ALICE, can=Ability(False, False, False))
    assert one.first(0.0) == Queue()
    assert one.waited(WaitOutcome(WaitEnd.NOBODY), 0.0) == Nobody("no target can be reached from this call")


def test_who_becomes_free_while_the_caller_waits_is_tried_and_rounds_of_the_plan_are_counted() -> None:
    one = course(ALICE, rounds=2)
    one.first(0.0)
    assert one.failed(Failure.BUSY, "486", 1.0) == Queue()
    ready = WaitOutcome(WaitEnd.READY, target="sip:carol@desk.example", ring_s=12, confirm=True)
    for at in (300.0, 350.0, 400.0):
        step = one.waited(ready, at)
        assert tried(step) == ("sip:carol@desk.example", Mode.BRIDGE, 12)
        assert isinstance(step, Try)
        assert step.target.confirm
        assert one.failed(Failure.NO_ANSWER, "480", at + 12) == Queue()
    assert tried(one.waited(WaitOutcome(WaitEnd.READY), 430.0)) == (ALICE.target, Mode.BRIDGE, 20)
    one.failed(Failure.BUSY, "486", 431.0)
    assert one.waited(WaitOutcome(WaitEnd.READY), 440.0) == Nobody("486")


@pytest.mark.parametrize(("plan", "mode"), [(PBX, Mode.BRIDGE), (BOB, Mode.ATTENDED), (ALICE, Mode.BRIDGE)])
def test_a_persons_telephone_is_never_reached_by_letting_go_of_the_caller(plan: Target, mode: Mode) -> None:
    one = course(plan)
    one.first(0.0)
    one.failed(Failure.BUSY, "486", 1.0)
    assert tried(one.waited(WaitOutcome(WaitEnd.READY, target="sip:carol@desk.example"), 2.0))[1] is mode


def test_a_callback_ends_the_search() -> None:
    one = course(ALICE)
    one.first(0.0)
    one.failed(Failure.DECLINED, "603", 1.0)
    assert one.waited(WaitOutcome(WaitEnd.CALLBACK, ticket="T-7"), 9.0) == Kept("T-7")


def test_phones_that_ring_and_ring_take_no_more_than_the_patience_on_the_clock() -> None:
    """Five phones of 20 s each, nobody there, 45 s of patience: two ring to the end, one for what is left."""

    async def search(clock: Clock) -> list[tuple[float, float]]:
        started, rung = clock.now(), []
        one = course(*[ALICE] * 5, patience_s=45.0)
        step = one.first(clock.now())
        while isinstance(step, Try):
            rung.append((clock.now() - started, step.ring_s))
            await asyncio.sleep(step.ring_s)
            step = one.failed(Failure.NO_ANSWER, "no answer", clock.now())
        assert step == Queue()
        return rung

    async def whole() -> list[tuple[float, float]]:
        return await search(LoopClock(asyncio.get_running_loop()))

    assert run_virtual(whole()) == [(0.0, 20.0), (20.0, 20.0), (40.0, 5.0)]
