"""Waiting for a person: what the caller hears, who may take them, callbacks, and that nobody is lost on the way."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from contracts.errors import LegError
from contracts.events import EventKind
from contracts.handoff import HandoffStatus, Reason
from contracts.leg import HangupReason, TransferResult
from contracts.seats import Role
from dialog.waitingline import WaitingLine
from escalation.queue import Presence, Wait
from escalation.queuesettings import QueueSettings
from tests.dialog.kit import Talk

NUMBER = "sip:+15551234567@example.org"
NOBODY = TransferResult(False, "486 Busy Here")


def heard(talk: Talk) -> str:
    return " ".join(body["heard"] for body in talk.record.bodies(EventKind.TURN_OPERATOR))


def steps(talk: Talk) -> list[tuple[str, str]]:
    return [(body["step"], body["by"]) for body in talk.record.bodies(EventKind.QUEUE_MOVED)]


def line_of(talk: Talk) -> WaitingLine:
    assert talk.line is not None
    return talk.line


def ready(talk: Talk, name: str, reach: str = "") -> None:
    line_of(talk).queue.ready(name, talk.clock.now(), reach=reach)
    line_of(talk).moved()


def busy(talk: Talk, name: str) -> None:
    """Somebody is there, with another caller."""
    queue, now = line_of(talk).queue, talk.clock.now()
    ready(talk, name)
    queue.enter(f"other-{name}", Reason.OTHER, now)
    queue.claim(f"other-{name}", name, now)
    queue.taken(f"other-{name}", "", now)


def waiting(**settings: Any) -> dict[str, Any]:
    return {"queue": QueueSettings(**settings), "target": "", "caller": NUMBER}


def test_who_waits_hears_their_place_and_the_way_out_and_leaves_the_queue_by_hanging_up(talk: Any) -> None:
    async def scenario(t: Talk) -> None:
        busy(t, "ann")
        line_of(t).queue.enter("before", Reason.OTHER, t.clock.now())
        said = await t.ask("I want to talk to a person")
        assert "You are number 2 in line." in said
        assert "press one" in said
        line_of(t).queue.leave("before", t.clock.now())
        await asyncio.sleep(60)
        assert "You are next in line." in heard(t)
        await t.leg.hangup(HangupReason.CALLER)
        await t.finish()
        assert line_of(t).queue.entry("call-1") is None

    done = talk(scenario, **waiting())
    assert ("left", "") in steps(done)
    assert done.record.handoffs[-1].status is HandoffStatus.FAILED


def test_a_wait_that_is_known_is_said_in_minutes(talk: Any) -> None:
    async def scenario(t: Talk) -> None:
        for _ in range(3):
            busy(t, "ann")
            await asyncio.sleep(150)
            ready(t, "ann")
        busy(t, "ann")
        assert "It will take about 3 minutes." in await t.ask("I want to talk to a person")

    talk(scenario, **waiting(gone_s=3600))


def test_somebody_at_the_desk_takes_the_caller_and_is_free_again_after_giving_back(talk: Any) -> None:
    async def scenario(t: Talk) -> None:
        busy(t, "bob")
        ready(t, "ann")
        await t.ask("I want to talk to a person")
        line_of(t).queue.claim("call-1", "ann", t.clock.now())
        with pytest.raises(LegError):
            t.session.byhand.join("bob", Role.PERSON, None, None)
        seat = t.session.byhand.join("ann", Role.PERSON, None, None)
        await asyncio.sleep(1)
        assert t.session.byhand.taken
        assert t.record.handoffs[-1].status is HandoffStatus.CONNECTED
        assert line_of(t).queue.entry("call-1") is None
        assert {one.name: one.presence for one in line_of(t).queue.agents}["ann"] is Presence.BUSY
        t.session.byhand.change(seat, Role.LISTEN)
        await t.quiet()
        assert {one.name: one.presence for one in line_of(t).queue.agents}["ann"] is Presence.READY
        assert "all branches" in (await t.ask("When are your branches open?")).lower()

    done = talk(scenario, **waiting())
    assert [one for one in steps(done) if one[1] == "ann"][1:4] == [
        ("offered", "ann"), ("claimed", "ann"), ("connected", "ann"),
    ]  # fmt: skip


def test_a_claim_whose_console_died_expires_and_the_caller_who_never_left_is_offered_again(talk: Any) -> None:
    async def scenario(t: Talk) -> None:
        ready(t, "ann")
        await t.ask("I want to talk to a person")
        line_of(t).queue.claim("call-1", "ann", t.clock.now())
        line_of(t).moved()
        ready(t, "bob")
        await asyncio.sleep(10.5)  # nothing comes from the console any more
        entry = line_of(t).queue.entry("call-1")
        assert entry is not None
        assert (entry.state, entry.agent) == (Wait.OFFERED, "bob")
        line_of(t).queue.claim("call-1", "bob", t.clock.now())
        with pytest.raises(LegError):
            t.session.byhand.join("ann", Role.PERSON, None, None)
        t.session.byhand.join("bob", Role.PERSON, None, None)
        await asyncio.sleep(1)

    done = talk(scenario, **waiting(connect_s=10))
    assert [one for one in steps(done) if one[0] in ("claimed", "expired", "connected")] == [
        ("claimed", "ann"), ("expired", "ann"), ("claimed", "bob"), ("connected", "bob"),
    ]  # fmt: skip


def test_press_one_reads_the_number_back_keeps_a_ticket_and_says_goodbye(talk: Any) -> None:
    async def scenario(t: Talk) -> None:
        busy(t, "ann")
        await t.ask("I want to talk to a person")
        t.press("1")
        await t.quiet(2)
        assert "plus 1, 5 5 5, 1 2 3, 4 5 6 7" in heard(t)
        t.press("1")
        await t.finish()

    done = talk(scenario, **waiting())
    assert [one.caller for one in done.record.tickets] == ["+15551234567"]
    assert "I've noted a callback" in heard(done)
    assert done.leg.ended[0][0] is HangupReason.OPERATOR
    assert f"callback {done.record.tickets[0].ticket}" == done.record.handoffs[-1].detail


def test_a_withheld_number_is_keyed_in_and_keys_of_it_are_not_recorded(talk: Any) -> None:
    async def scenario(t: Talk) -> None:
        busy(t, "ann")
        await t.ask("I want to talk to a person")
        t.say("can you call me back please")
        await t.quiet(2)
        t.press("12#")
        await t.quiet(2)
        assert "That is no number" in heard(t)
        for key in "5557654321#":
            t.press(key)
            await asyncio.sleep(0.3)
        await t.quiet(2)
        t.press("1")
        await t.finish()

    done = talk(scenario, **{**waiting(), "caller": "sip:anonymous@anonymous.invalid"})
    assert [one.caller for one in done.record.tickets] == ["5557654321"]
    digits = [body["digit"] for body in done.record.bodies(EventKind.DTMF_RECEIVED)]
    assert "7" not in digits


def test_a_card_keyed_in_where_a_number_is_asked_for_is_kept_nowhere(talk: Any) -> None:
    card = "4012888888881881"

    async def scenario(t: Talk) -> None:
        busy(t, "ann")
        await t.ask("I want to talk to a person")
        t.say("can you call me back please")
        await t.quiet(2)
        t.press(f"{card}1228#")
        await t.quiet(2)
        assert "That is no number" in heard(t)
        t.press("5557654321#")
        await t.quiet(2)
        t.press("1")
        await t.finish()

    done = talk(scenario, **{**waiting(), "caller": "sip:anonymous@anonymous.invalid"})
    assert [one.caller for one in done.record.tickets] == ["5557654321"]
    spoken = heard(done).replace(" ", "").replace(",", "")
    assert not any(card[at : at + 5] in spoken for at in range(len(card) - 4))


def test_whoever_says_nothing_to_the_number_goes_on_waiting(talk: Any) -> None:
    async def scenario(t: Talk) -> None:
        busy(t, "ann")
        await t.ask("I want to talk to a person")
        t.press("1")
        await asyncio.sleep(25)
        assert "you keep your place in line" in heard(t)
        assert line_of(t).queue.entry("call-1") is not None

    assert talk(scenario, **waiting()).record.tickets == []


def test_with_nobody_at_the_desk_a_callback_is_noted_honestly_and_the_call_goes_on(talk: Any) -> None:
    async def scenario(t: Talk) -> None:
        said = await t.ask("I want to talk to a person")
        assert "nobody can take your call now. I've noted a callback for plus 1, 5 5 5" in said
        assert "all branches" in (await t.ask("When are your branches open?")).lower()
        await t.ask("I want to talk to a person")

    done = talk(scenario, **waiting())
    assert len(done.record.tickets) == 1  # promised twice, noted once


def test_a_ticket_that_cannot_be_written_is_not_promised(talk: Any) -> None:
    async def scenario(t: Talk) -> None:
        t.record.disk_full = True
        said = await t.ask("I want to talk to a person")
        assert "noted a callback" not in said
        assert "I can't reach a person right now" in said

    done = talk(scenario, **waiting())
    assert done.record.bodies(EventKind.TROUBLE)[-1]["what"] == "callback"


def test_whoever_is_in_danger_is_not_asked_to_hang_up(talk: Any) -> None:
    async def scenario(t: Talk) -> None:
        busy(t, "ann")
        said = await t.ask("I want to kill myself")
        assert "You are next in line" in said
        assert "press one" not in said.split("You are next in line")[1]
        t.press("1")
        await asyncio.sleep(20)
        assert line_of(t).queue.entry("call-1") is not None

    assert talk(scenario, **waiting()).record.tickets == []


def test_a_person_with_a_telephone_is_called_and_who_does_not_answer_is_passed_over_for_a_ticket(talk: Any) -> None:
    async def scenario(t: Talk) -> None:
        ready(t, "ann", reach="sip:ann@pbx.example")
        said = await t.ask("I want to talk to a person")
        assert "I've noted a callback" in said

    missed = TransferResult(False, "480 Temporarily Unavailable")
    done = talk(
        scenario,
        **{**waiting(misses=2, again_s=0), "target": "sip:person@example.org", "transfers": [NOBODY, missed, missed]},
    )
    assert [target for target, _ in done.leg.transfers] == ["sip:person@example.org", *["sip:ann@pbx.example"] * 2]
    assert line_of(done).queue.agents[0].presence is Presence.AWAY


def test_the_telephone_that_answers_has_the_caller(talk: Any) -> None:
    async def scenario(t: Talk) -> None:
        ready(t, "ann", reach="sip:ann@pbx.example")
        t.say("I want to talk to a person")
        await t.finish()

    answers = [NOBODY, TransferResult(True, "200")]
    done = talk(scenario, **{**waiting(), "target": "sip:person@example.org", "transfers": answers})
    assert done.leg.ended[0][0] is HangupReason.TRANSFERRED
    assert ("connected", "ann") in steps(done)
    assert line_of(done).queue.agents[0].presence is Presence.BUSY  # until they say that they are ready


def test_too_long_a_wait_ends_in_a_promise(talk: Any) -> None:
    async def scenario(t: Talk) -> None:
        busy(t, "ann")
        t.say("I want to talk to a person")
        await asyncio.sleep(140)
        assert "I've noted a callback" in heard(t)

    assert len(talk(scenario, **waiting(max_wait_s=100)).record.tickets) == 1
