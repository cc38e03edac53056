"""Reaching a person by a plan, on virtual time: telephones in memory, a real bay, mouth and front."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from contracts.audio import FRAME_S, SILENCE, AudioFrame
from contracts.dialling import DialEnd, Introduction, NoQueue, OutgoingLeg, WaitEnd, WaitOutcome
from contracts.events import EventKind
from contracts.handoff import HandoffRecord, HandoffStatus
from contracts.leg import HangupReason, LegCapabilities, TransferResult
from escalation.settings import EscalationSettings
from tests.dialog.kit import MemoryLeg, Talk
from tests.dialog.phones import CALLER, Exchange


class ReplacingLeg(MemoryLeg):
    """A caller whose far end knows Replaces, and answers as the test says."""

    def __init__(self, answers: Any) -> None:
        super().__init__(answers)
        self.capabilities = LegCapabilities("us", True, True, True, 16000, "g711")
        self.consulted: list[str] = []

    async def transfer_to(self, consult: OutgoingLeg) -> TransferResult:
        self.consulted.append(consult.info.called)
        return self.answers.pop(0)


class StreamLeg(MemoryLeg):
    """A caller whose far end cannot transfer."""

    def __init__(self, answers: Any) -> None:
        super().__init__(answers)
        self.capabilities = LegCapabilities("us", True, True, False, 8000, "g711")


def plan(*names: str, mode: str = "bridge", **more: Any) -> list[dict[str, Any]]:
    return [{"mode": mode, "target": f"sip:{name}@desk.example", **more} for name in names]


def steps(call: Talk) -> list[str]:
    return [body["step"] for body in call.record.bodies(EventKind.TRANSFER_STEP)]


def statuses(call: Talk) -> list[tuple[str, bool]]:
    ended = call.record.bodies(EventKind.TRANSFER_ENDED)
    return [(body["target"].removeprefix("sip:").partition("@")[0], body["ok"]) for body in ended]


async def joined(call: Talk, count: int = 1) -> None:
    async with asyncio.timeout(120):
        while steps(call).count("joined") < count:  # noqa: ASYNC110 - virtual time
            await asyncio.sleep(0.1)


async def speak(call: Talk, seconds: float) -> None:
    for _ in range(round(seconds / FRAME_S)):
        call.bay.on_frame(AudioFrame(CALLER, call.clock.now()))
        await asyncio.sleep(FRAME_S)


def test_a_joined_person_and_the_caller_hear_each_other_and_the_operator_is_silent(talk: Any) -> None:
    exchange = Exchange()

    async def scenario(call: Any) -> None:
        call.say("Can I talk to a human?")
        await joined(call)
        await asyncio.sleep(0.5)
        await speak(call, 1.0)
        assert all(voiced for _, voiced in call.voiced[-40:])
        assert exchange.phones[0].heard[-20:].count(CALLER) > 15

    call = talk(scenario, target=plan("alice"), dialler=exchange)
    assert steps(call) == ["dialled", "ringing", "answered", "briefed", "joined"]
    assert exchange.phones[0].ended == [HangupReason.OPERATOR], "the person's call ends with the caller's"
    assert call.record.handoffs[-1].status is HandoffStatus.CONNECTED
    assert exchange.dialled[0][1] == Introduction("sip:alice@example.org", "call-1", "person_requested")


def test_the_call_to_a_person_begins_before_the_caller_has_heard_the_sentence(talk: Any) -> None:
    exchange = Exchange()

    async def scenario(call: Any) -> None:
        call.say("Can I talk to a human?")
        await asyncio.sleep(0.1)
        assert len(exchange.dialled) == 1
        assert call.record.bodies(EventKind.TRANSFER_BEGUN)[0]["mode"] == "bridge"

    talk(scenario, target=plan("alice"), dialler=exchange)


def test_the_person_is_told_what_it_is_about_and_the_caller_only_then_joined(talk: Any) -> None:
    exchange = Exchange()

    async def scenario(call: Any) -> None:
        call.say("Can I talk to a human?")
        await joined(call)
        told = [frame for frame in exchange.phones[0].heard if frame != SILENCE]
        assert 5.0 < len(told) * FRAME_S < 15.0
        assert CALLER not in told

    call = talk(scenario, target=plan("alice"), dialler=exchange)
    assert call.record.bodies(EventKind.TRANSFER_STEP)[3]["skipped"] is False


def test_a_key_ends_the_briefing(talk: Any) -> None:
    exchange = Exchange()
    exchange.keys = "1"

    async def scenario(call: Any) -> None:
        call.say("Can I talk to a human?")
        await joined(call)

    call = talk(scenario, target=plan("alice"), dialler=exchange)
    briefed = call.record.bodies(EventKind.TRANSFER_STEP)[3]
    assert briefed["skipped"]
    assert briefed["seconds"] < 0.5


def test_without_a_briefing_the_person_hears_the_caller_at_once(talk: Any) -> None:
    exchange = Exchange()

    async def scenario(call: Any) -> None:
        call.say("Can I talk to a human?")
        await joined(call)

    assert "briefed" not in steps(talk(scenario, target=plan("alice", brief=False), dialler=exchange))


def test_a_person_who_hangs_up_leaves_the_caller_with_the_operator(talk: Any) -> None:
    exchange = Exchange(stay_s=30.0)

    async def scenario(call: Any) -> None:
        call.say("Can I talk to a human?")
        await joined(call)
        await asyncio.sleep(30.0)
        await call.quiet()
        assert "9 a.m." in await call.ask("When are your branches open?")

    call = talk(scenario, target=plan("alice"), dialler=exchange)
    assert steps(call)[-1] == "left"
    assert any("my colleague is over" in one["heard"] for one in call.record.bodies(EventKind.TURN_OPERATOR))


def test_what_the_caller_says_to_the_person_is_written_down_and_answered_by_nobody_else(talk: Any) -> None:
    exchange = Exchange()

    async def scenario(call: Any) -> None:
        call.say("Can I talk to a human?")
        await joined(call)
        call.say("When are your branches open?")
        call.press("1")
        await asyncio.sleep(3.0)

    call = talk(scenario, target=plan("alice"), dialler=exchange)
    assert call.record.bodies(EventKind.TURN_CALLER)[-1]["text"] == "When are your branches open?"
    assert not any("9 a.m." in one["heard"] for one in call.record.bodies(EventKind.TURN_OPERATOR))


def test_a_supervisor_can_end_a_call_that_is_joined_here(talk: Any) -> None:
    exchange = Exchange()

    async def scenario(call: Any) -> None:
        call.say("Can I talk to a human?")
        await asyncio.sleep(1.0)
        assert not call.session.end("sofia"), "it rings"
        await joined(call)
        assert call.session.end("sofia")
        await call.finish()

    call = talk(scenario, target=plan("alice"), dialler=exchange)
    assert call.leg.ended == [(HangupReason.OPERATOR, "ended by sofia")]
    assert exchange.phones[0].ended == [HangupReason.OPERATOR]
    assert call.record.handoffs[-1].status is HandoffStatus.CONNECTED


def test_or_the_call_ends_with_a_goodbye_as_the_owner_wishes(talk: Any) -> None:
    exchange = Exchange(stay_s=30.0)

    async def scenario(call: Any) -> None:
        call.say("Can I talk to a human?")
        await joined(call)
        await asyncio.sleep(35.0)

    wish = EscalationSettings.model_validate({"handover": {"after_person": "goodbye"}})
    call = talk(scenario, target=plan("alice"), dialler=exchange, escalation=wish)
    assert call.leg.ended[0][0] is HangupReason.TRANSFERRED
    assert "Goodbye" in call.record.bodies(EventKind.TURN_OPERATOR)[-1]["heard"]


def test_busy_telephones_and_hasty_persons_lead_to_the_next_target(talk: Any) -> None:
    exchange = Exchange(busy=DialEnd.BUSY, away=DialEnd.NO_ANSWER)

    async def scenario(call: Any) -> None:
        call.say("Can I talk to a human?")
        await joined(call)

    call = talk(scenario, target=plan("busy", "away", "hasty", "alice"), dialler=exchange)
    assert [target for target, _ in statuses(call)[:3]] == ["busy", "away", "hasty"]
    assert not any(ok for _, ok in statuses(call)[:3])
    assert "hung up before" in call.record.bodies(EventKind.TRANSFER_ENDED)[2]["status"]
    assert exchange.phones[-1].info.called == "sip:alice@desk.example"
    heard = [one["heard"] for one in call.record.bodies(EventKind.TURN_OPERATOR)]
    assert sum("trying someone else" in one for one in heard) >= 1


def test_a_caller_who_hangs_up_while_it_rings_is_called_for_no_longer(talk: Any) -> None:
    exchange = Exchange(ring_s=15.0)

    async def scenario(call: Any) -> None:
        call.say("Can I talk to a human?")
        await asyncio.sleep(5.0)

    call = talk(scenario, target=plan("alice", "bob"), dialler=exchange)
    assert (len(exchange.dialled), exchange.taken_back) == (1, 1)
    assert call.record.handoffs[-1].detail == "the caller hung up"


def test_when_nobody_can_be_reached_the_caller_is_told_so_and_stays(talk: Any) -> None:
    exchange = Exchange(busy=DialEnd.BUSY)

    async def scenario(call: Any) -> None:
        assert "nobody could take the call" in await call.ask("Can I talk to a human?")
        assert "9 a.m." in await call.ask("When are your branches open?")

    call = talk(scenario, target=plan("busy"), dialler=exchange)
    assert call.record.handoffs[-1].status is HandoffStatus.FAILED
    assert call.record.handoffs[-1].detail == "486 Busy Here"


def test_a_far_end_that_takes_our_place_has_the_caller_and_we_are_out_of_it(talk: Any) -> None:
    exchange = Exchange()

    async def scenario(call: Any) -> None:
        call.say("Can I talk to a human?")
        await call.finish()
        assert call.leg.consulted == ["sip:alice@desk.example"]

    call = talk(scenario, target=plan("alice", mode="attended"), dialler=exchange, leg=ReplacingLeg)
    assert call.leg.ended == [(HangupReason.TRANSFERRED, "person")]
    assert call.record.handoffs[-1].detail == "200"
    assert statuses(call) == [("alice", True)]


def test_a_far_end_that_will_not_is_bridged_with_the_person_who_is_on_the_line(talk: Any) -> None:
    exchange = Exchange()

    async def scenario(call: Any) -> None:
        call.say("Can I talk to a human?")
        await joined(call)

    refusal = [TransferResult(False, "peer does not support the Replaces header")]
    parts = {"target": plan("alice", mode="attended"), "transfers": refusal}
    call = talk(scenario, **parts, dialler=exchange, leg=ReplacingLeg)
    assert steps(call)[-2:] == ["not_replaced", "joined"]
    assert len(exchange.dialled) == 1


@pytest.mark.parametrize("refusal", ["405 Method Not Allowed", "501 Not Implemented"])
def test_a_far_end_that_knows_no_refer_is_bridged(talk: Any, refusal: str) -> None:
    exchange = Exchange()

    async def scenario(call: Any) -> None:
        call.say("Can I talk to a human?")
        await joined(call)

    call = talk(scenario, target="sip:alice@desk.example", dialler=exchange, transfers=[TransferResult(False, refusal)])
    assert statuses(call) == [("alice", False), ("alice", True)]
    assert len(call.leg.transfers) == 1


def test_a_caller_by_stream_is_bridged_where_a_telephone_would_be_referred(talk: Any) -> None:
    exchange = Exchange()

    async def scenario(call: Any) -> None:
        call.say("Can I talk to a human?")
        await joined(call)

    assert talk(scenario, target="sip:alice@desk.example", dialler=exchange, leg=StreamLeg).leg.transfers == []


class Room(NoQueue):
    """contracts.dialling.Waiting: these outcomes in turn, one each 40 s."""

    staffed = True
    promised = False

    def __init__(self, *outcomes: WaitOutcome, ticket: str = "") -> None:
        self.outcomes = list(outcomes)
        self.number = ticket
        self.records: list[HandoffRecord] = []

    def __call__(self, leg: Any, speaking: Any, bay: Any) -> Room:
        return self

    async def wait(self, record: HandoffRecord, announced: Any = None) -> WaitOutcome:
        self.records.append(record)
        await asyncio.sleep(40.0)
        return self.outcomes.pop(0)

    async def ticket(self, record: HandoffRecord, *, say: bool, opening: str = "", last: bool = False) -> str:
        self.promised = say
        return self.number


def test_after_the_last_target_the_caller_waits_and_whoever_becomes_free_is_called(talk: Any) -> None:
    exchange = Exchange(busy=DialEnd.BUSY)
    room = Room(WaitOutcome(WaitEnd.READY, target="sip:carol@desk.example"))

    async def scenario(call: Any) -> None:
        call.say("Can I talk to a human?")
        await joined(call)

    talk(scenario, target=plan("busy"), dialler=exchange, lineup=room)
    assert [target for target, _ in exchange.dialled] == ["sip:busy@desk.example", "sip:carol@desk.example"]
    assert room.records[0].call_id == "call-1"


def test_who_wants_to_be_called_back_hears_a_goodbye(talk: Any) -> None:
    room = Room(WaitOutcome(WaitEnd.CALLBACK, ticket="T-7"))

    async def scenario(call: Any) -> None:
        call.say("Can I talk to a human?")
        await call.finish()

    call = talk(scenario, target=plan("busy"), dialler=Exchange(busy=DialEnd.BUSY), lineup=room)
    assert call.leg.ended[0][0] is HangupReason.OPERATOR
    assert call.record.handoffs[-1].detail == "callback T-7"


def test_a_ticket_is_promised_when_the_queue_gives_up(talk: Any) -> None:
    room = Room(WaitOutcome(WaitEnd.NOBODY), ticket="T-8")

    async def scenario(call: Any) -> None:
        call.say("Can I talk to a human?")
        await asyncio.sleep(45.0)
        await call.quiet()

    call = talk(scenario, target=plan("busy"), dialler=Exchange(busy=DialEnd.BUSY), lineup=room)
    assert room.promised
    assert "nobody could take the call" not in call.record.bodies(EventKind.TURN_OPERATOR)[-1]["heard"]
    assert call.record.handoffs[-1].detail == "486 Busy Here; callback T-8"
