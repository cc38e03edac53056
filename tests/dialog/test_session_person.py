"""How a caller gets to a person in a conversation on virtual time: by asking, by a key, by a supervisor's hand."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from contracts.events import EventKind
from contracts.handoff import HandoffStatus, Reason
from contracts.leg import HangupReason, TransferResult
from tests.dialog.kit import Talk


@pytest.mark.parametrize("words", ["Can I talk to a human?", "agent", "Operator please."])
def test_asking_for_a_person_reaches_one(talk: Any, words: str) -> None:
    async def scenario(call: Any) -> None:
        await call.ask(words)

    call = talk(scenario)
    assert len(call.leg.transfers) == 1
    assert call.leg.ended == [(HangupReason.TRANSFERRED, "person")]
    assert [one.status for one in call.record.handoffs] == [
        HandoffStatus.RAISED, HandoffStatus.TRANSFERRING, HandoffStatus.CONNECTED,
    ]  # fmt: skip


def test_the_key_zero_reaches_a_person_even_in_mid_answer(talk: Any) -> None:
    call = talk(Talk.zero_in_mid_answer)
    assert len(call.leg.transfers) == 1
    assert call.record.bodies(EventKind.DTMF_RECEIVED) == [{"digit": "0"}]


def test_when_nobody_takes_the_transfer_the_caller_is_told_and_the_call_goes_on(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        assert "nobody could take the call" in await call.ask("Can I talk to a human?")
        assert "9 a.m." in await call.ask("When are your branches open?")

    call = talk(scenario, transfers=[TransferResult(False, "486 Busy Here")])
    assert call.record.handoffs[-1].status is HandoffStatus.FAILED
    assert call.leg.ended == [(HangupReason.CALLER, "")]


def test_without_a_target_the_wish_is_kept_and_said_to_be(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        assert "can't reach a person" in await call.ask("Can I talk to a human?")

    call = talk(scenario, target="")
    assert call.record.handoffs[-1].status is HandoffStatus.FAILED
    assert call.leg.transfers == []


def test_everything_that_was_said_is_in_the_hand_over(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        await call.ask("When are your branches open?")
        await call.ask("Let me talk to a person.")

    record = talk(scenario).record.handoffs[-1]
    assert [line.speaker for line in record.transcript][:2] == ["operator", "operator"]
    assert any("branches open" in line.text for line in record.transcript)
    assert "Turn 1" in record.tried[0]
    assert record.reason is Reason.PERSON_REQUESTED


def test_a_crisis_without_a_person_to_reach_is_told_whom_to_call(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        heard = await call.ask("I want to kill myself")
        assert "local emergency number" in heard
        assert "putting you through" not in heard

    call = talk(scenario, target="")
    assert call.small.asked == call.large.asked == []
    assert call.record.handoffs[-1].rule_id == "danger-to-self"


def test_a_supervisor_pulls_a_caller_who_is_put_through_with_a_briefing(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        await call.ask("When are your branches open?")
        assert call.session.pull("sofia")
        assert not call.session.pull("second")
        assert not call.session.end("second")
        await call.quiet()
        assert not call.session.pull("late")

    call = talk(scenario)
    raised = call.record.bodies(EventKind.ESCALATION_RAISED)
    assert [(one["reason"], one["evidence"]) for one in raised] == [("supervisor", "sofia")]
    assert len(call.leg.transfers) == 1
    assert call.record.handoffs[-1].status is HandoffStatus.CONNECTED
    assert "by a supervisor (sofia)" in call.record.handoffs[-1].summary
    assert "putting you through" in call.record.bodies(EventKind.TURN_OPERATOR)[-1]["heard"]


def test_what_the_caller_says_does_not_undo_a_pull(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        call.say("When are your branches open?")
        await asyncio.sleep(0.05)
        assert call.session.pull("sofia")
        call.say("Hello? And on Sunday?")
        await call.quiet()

    assert len(talk(scenario).leg.transfers) == 1


def test_a_pull_that_reaches_nobody_leaves_the_caller_in_the_conversation(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        call.session.pull("sofia")
        await call.quiet()
        assert "9 a.m." in await call.ask("When are your branches open?")

    assert len(talk(scenario, transfers=[TransferResult(False, "486 Busy Here")]).leg.transfers) == 1


def test_a_supervisor_ends_a_call_with_a_goodbye(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        assert call.session.end("sofia")
        await call.quiet()

    call = talk(scenario)
    assert call.leg.ended == [(HangupReason.OPERATOR, "ended by sofia")]
    assert "Goodbye" in call.record.bodies(EventKind.TURN_OPERATOR)[-1]["heard"]
