"""Callers for whom the operator has no line: they go the way of the plan to a person, or hear an honest end."""

from __future__ import annotations

import asyncio
from typing import Any

from contracts.dialling import DialEnd
from contracts.events import EventKind
from contracts.leg import HangupReason, TransferResult
from escalation.queuesettings import QueueSettings
from tests.dialog.kit import Talk
from tests.dialog.phones import Exchange

BRIDGE = [{"mode": "bridge", "target": f"sip:{name}@desk.example"} for name in ("busy", "alice")]


def heard(done: Talk) -> str:
    return " ".join(body["heard"] for body in done.record.bodies(EventKind.TURN_OPERATOR))


async def to_the_end(t: Talk) -> None:
    async with asyncio.timeout(300):
        await t.finish()


def test_the_trunks_plan_is_followed_to_whoever_answers_and_the_call_ends_with_that_conversation(talk: Any) -> None:
    exchange = Exchange(stay_s=30.0, busy=DialEnd.BUSY)
    done = talk(to_the_end, target=BRIDGE, dialler=exchange, overloaded=True)
    assert [body["step"] for body in done.record.bodies(EventKind.TRANSFER_STEP)][-2:] == ["joined", "left"]
    assert [one.info.called for one in exchange.phones] == ["sip:alice@desk.example"]
    assert done.record.handoffs[-1].reason == "overload"
    assert done.leg.ended[0][0] is HangupReason.TRANSFERRED
    assert heard(done).startswith("Hello, this is Test Bank's automated assistant. All our lines are busy right now.")
    assert "anything else" not in heard(done)


def test_a_far_end_that_takes_callers_is_asked_to(talk: Any) -> None:
    done = talk(to_the_end, target="sip:queue@pbx.example", overloaded=True)
    assert [target for target, _ in done.leg.transfers] == ["sip:queue@pbx.example"]
    assert done.leg.ended[0][0] is HangupReason.TRANSFERRED


def test_people_at_the_desk_have_such_callers_too(talk: Any) -> None:
    exchange = Exchange(stay_s=30.0)
    exchange.keys = "1"

    async def scenario(t: Talk) -> None:
        assert t.line is not None
        t.line.queue.ready("ann", t.clock.now(), reach="sip:ann@pbx.example")
        t.line.moved()
        await to_the_end(t)

    talk(scenario, target="", dialler=exchange, overloaded=True, queue=QueueSettings(), begun_s=0.1)
    assert [one.info.called for one in exchange.phones] == ["sip:ann@pbx.example"]


def test_nobody_there_is_said_with_a_callback_and_the_call_ends(talk: Any) -> None:
    busy = [TransferResult(False, "486 Busy Here")]
    parts = {"target": "sip:queue@pbx.example", "transfers": busy, "caller": "sip:+15551234567@example.org"}
    done = talk(to_the_end, **parts, overloaded=True, queue=QueueSettings())
    assert len(done.record.tickets) == 1
    assert "I've noted a callback for plus 1, 5 5 5, 1 2 3, 4 5 6 7. Thank you for calling. Goodbye." in heard(done)
    assert done.leg.ended[0][0] is HangupReason.OPERATOR


def test_without_a_queue_the_end_is_honest(talk: Any) -> None:
    done = talk(to_the_end, target="", overloaded=True)
    assert "all our lines are busy and nobody can take your call" in heard(done)
    assert done.leg.ended[0][0] is HangupReason.OPERATOR
