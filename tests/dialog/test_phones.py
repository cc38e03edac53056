"""People at the desk who are ready at a telephone: it rings for whoever waits, and a key takes the caller."""

from __future__ import annotations

import asyncio
from typing import Any

from contracts.dialling import DialEnd
from contracts.events import EventKind
from contracts.handoff import HandoffStatus, Reason
from contracts.leg import HangupReason, TransferResult
from dialog.waitingline import WaitingLine
from escalation.queue import Presence
from escalation.queuesettings import QueueSettings
from escalation.settings import EscalationSettings
from tests.dialog.kit import Talk
from tests.dialog.phones import CALLER, Exchange

ONE_ROUND = EscalationSettings.model_validate({"handover": {"rounds": 1}})


def line_of(talk: Talk) -> WaitingLine:
    assert talk.line is not None
    return talk.line


def ready(talk: Talk, *names: str) -> None:
    for name in names:
        line_of(talk).queue.ready(name, talk.clock.now(), reach=f"sip:{name}@pbx.example")
    line_of(talk).moved()


def presence(talk: Talk, name: str) -> Presence:
    return {one.name: one.presence for one in line_of(talk).queue.agents}[name]


def moves(talk: Talk, *steps: str) -> list[tuple[str, str]]:
    found = [(body["step"], body["by"]) for body in talk.record.bodies(EventKind.QUEUE_MOVED)]
    return [one for one in found if one[0] in steps]


def steps(talk: Talk) -> list[str]:
    return [body["step"] for body in talk.record.bodies(EventKind.TRANSFER_STEP)]


def dialled(exchange: Exchange) -> list[str]:
    return [target.removeprefix("sip:").partition("@")[0] for target, _ in exchange.dialled]


async def joined(talk: Talk) -> None:
    async with asyncio.timeout(300):
        while "joined" not in steps(talk):  # noqa: ASYNC110 - virtual time
            await asyncio.sleep(0.1)


def parts(exchange: Exchange, target: Any = "", **settings: Any) -> dict[str, Any]:
    return {
        "queue": QueueSettings(**settings),
        "target": target,
        "dialler": exchange,
        "caller": "sip:+15551234567@x.org",
    }


def test_a_key_after_the_briefing_takes_the_caller_and_both_hear_each_other(talk: Any) -> None:
    exchange = Exchange(stay_s=60.0)
    exchange.keys = "1"

    async def scenario(t: Talk) -> None:
        ready(t, "ann")
        t.say("I want to talk to a person")
        await joined(t)
        await asyncio.sleep(0.5)
        assert presence(t, "ann") is Presence.BUSY
        assert all(voiced for _, voiced in t.voiced[-20:])
        await asyncio.sleep(70)
        assert presence(t, "ann") is Presence.READY, "their telephone is free again, the caller is with the operator"

    done = talk(scenario, **parts(exchange))
    assert steps(done) == ["dialled", "ringing", "answered", "briefed", "joined", "left"]
    assert moves(done, "offered", "claimed", "connected") == [
        ("offered", "ann"), ("claimed", "ann"), ("connected", "ann"),
    ]  # fmt: skip
    assert done.record.handoffs[-1].status is HandoffStatus.CONNECTED


def test_a_plan_that_refers_callers_away_calls_a_persons_telephone_itself(talk: Any) -> None:
    exchange = Exchange()
    exchange.keys = "1"

    async def scenario(t: Talk) -> None:
        ready(t, "ann")
        t.say("I want to talk to a person")
        await joined(t)
        assert len(t.leg.transfers) == 1, "the plan's target alone was referred to"

    busy = [TransferResult(False, "486 Busy Here")]
    done = talk(scenario, **parts(exchange, "sip:queue@pbx.example"), transfers=busy)
    assert dialled(exchange) == ["ann"]
    assert done.record.bodies(EventKind.TRANSFER_ENDED)[-1]["mode"] == "bridge"


def test_a_mailbox_takes_nobody_and_the_next_telephone_rings(talk: Any) -> None:
    exchange = Exchange()
    exchange.keys_of = {"bob": "1"}

    async def scenario(t: Talk) -> None:
        ready(t, "ann", "bob")
        t.say("I want to talk to a person")
        await joined(t)
        assert CALLER not in exchange.phones[0].heard

    done = talk(scenario, **parts(exchange))
    assert dialled(exchange) == ["ann", "bob"]
    assert exchange.phones[0].ended == [HangupReason.OPERATOR]
    assert done.record.bodies(EventKind.TRANSFER_ENDED)[0]["status"] == "answered, and no key was pressed"
    assert moves(done, "expired", "connected") == [("expired", "ann"), ("connected", "bob")]


def test_busy_unanswered_and_declined_telephones_are_passed_over_and_the_place_is_kept(talk: Any) -> None:
    exchange = Exchange(busy=DialEnd.BUSY, away=DialEnd.NO_ANSWER, dead=DialEnd.UNREACHABLE)
    exchange.keys_of = {"declines": "2", "zoe": "1"}
    places: list[list[str]] = []

    async def scenario(t: Talk) -> None:
        ready(t, "busy", "away", "dead", "declines", "zoe")
        t.say("I want to talk to a person")
        while line_of(t).queue.entry("call-1") is None:  # noqa: ASYNC110 - virtual time
            await asyncio.sleep(0.01)
        line_of(t).queue.enter("later", Reason.OTHER, t.clock.now())
        while "joined" not in steps(t):
            await asyncio.sleep(0.1)
            places.append([one.call_id for one in line_of(t).queue.waiting()])

    done = talk(scenario, **parts(exchange), escalation=ONE_ROUND)
    assert dialled(exchange)[-1] == "zoe"
    assert all(place[0] == "call-1" for place in places[:-1])
    assert done.record.bodies(EventKind.TRANSFER_ENDED)[-1]["ok"]


def test_a_caller_who_hangs_up_while_a_telephone_rings_is_called_for_no_longer(talk: Any) -> None:
    exchange = Exchange(ring_s=15.0)

    async def scenario(t: Talk) -> None:
        ready(t, "ann")
        t.say("I want to talk to a person")
        await asyncio.sleep(8.0)

    done = talk(scenario, **parts(exchange))
    assert (exchange.taken_back, moves(done, "left")) == (1, [("left", "ann")])
    assert presence(done, "ann") is Presence.READY


def test_a_record_that_cannot_be_written_keeps_nobody_from_a_person(talk: Any) -> None:
    exchange = Exchange()
    exchange.keys = "1"

    async def scenario(t: Talk) -> None:
        t.record.locked = True
        ready(t, "ann")
        t.say("I want to talk to a person")
        await joined(t)

    done = talk(scenario, **parts(exchange))
    assert done.record.handoffs == []
    assert {body["what"] for body in done.record.bodies(EventKind.TROUBLE)} == {"handoff"}


def test_a_telephone_that_never_answers_is_asked_twice_and_the_caller_promised_a_callback(talk: Any) -> None:
    exchange = Exchange(ann=DialEnd.NO_ANSWER)

    async def scenario(t: Talk) -> None:
        ready(t, "ann")
        t.say("I want to talk to a person")
        await asyncio.sleep(40.0)

    done = talk(scenario, **parts(exchange, again_s=10.0), escalation=ONE_ROUND)
    assert dialled(exchange) == ["ann", "ann"]
    assert presence(done, "ann") is Presence.AWAY
    assert len(done.record.tickets) == 1
    heard = " ".join(body["heard"] for body in done.record.bodies(EventKind.TURN_OPERATOR))
    assert "You are next in line." in heard
