"""The queue on the pages: ready, offered, one person takes the caller; callbacks, with numbers for who may see them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from contracts.errors import LegError
from contracts.handoff import CallbackTicket, Reason
from contracts.seats import Role
from escalation.queue import Wait
from operations.audit import AuditLog
from operations.callbacks import Callbacks
from operations.eventlog import EventLog
from operations.settings import EventLogSettings
from server.records_link import TicketKeeper
from tests.console.conftest import Somebody, csrf_of
from tests.console.house import House
from tests.dialog.kit import Talk


async def wait_for_person(talk: Talk) -> None:
    await talk.ask("I want to talk to a person")


def test_a_caller_is_offered_taken_by_one_and_given_back_when_the_browser_never_talks(house: House) -> None:
    house.queued = True
    with house.browser("agent") as agent, house.browser("supervisor") as supervisor:
        agent.post("/queue/ready")
        supervisor.post("/queue/ready")
        talk = house.ring("call-q", target="")
        house.do(wait_for_person(talk))
        page = agent.get("/queue")
        assert "Take the caller" in page
        assert "asked for a person" in page
        assert "+15550142" not in page
        assert "+15550142" in supervisor.get("/queue")
        assert "is being offered to agent" in supervisor.post("/queue/call-q/claim").text
        taken = agent.post("/queue/call-q/claim").text
        assert "The caller is yours" in taken
        assert "Talk with the caller" in taken
        assert "has been taken by agent" in supervisor.post("/queue/call-q/claim").text

        async def others_cannot_talk() -> None:
            with pytest.raises(LegError):
                talk.session.byhand.join("supervisor", Role.PERSON, None, None)

        house.do(others_cannot_talk())
        assert "give them back first" in agent.post("/queue/away").text
        agent.post("/queue/call-q/release")

        async def again() -> None:
            entry = house.line.queue.entry("call-q")
            assert entry is not None
            assert (entry.state, entry.agent) == (Wait.OFFERED, "supervisor")

        house.do(again())
        supervisor.post("/queue/call-q/claim")

        async def talks() -> None:
            talk.session.byhand.join("supervisor", Role.PERSON, None, None)
            await asyncio.sleep(0)

        house.do(talks())
        assert "Nobody is waiting." in supervisor.get("/queue")
        house.do(talk.end())
    done = [one["action"] for one in AuditLog(house.record).latest() if one["call_id"] == "call-q"]
    assert done.count("queue.claim") == 4


async def test_callbacks_show_the_number_to_who_takes_one(
    people: sa.Engine, tmp_path: Path, somebody: Somebody
) -> None:
    # Soon, in a second whose fraction makes a valid national number, as one in 23 does.
    now = (datetime.now(UTC) + timedelta(minutes=1)).replace(second=16, microsecond=322838)
    ticket = CallbackTicket(
        ticket="3f2a91c0", call_id="call-1", caller="+15551234567", reason=Reason.FRAUD, wanted_at=now,
        expires_at=now + timedelta(days=5),
    )  # fmt: skip
    log = EventLog(people, tmp_path / "spool", EventLogSettings(group_commit_ms=1))
    await TicketKeeper(log).keep(ticket)
    log.close()
    async with somebody("agent") as http:
        page = (await http.get("/callbacks")).text
        assert "reported fraud" in page
        assert "+15551234567" not in page
        form = {"csrf": csrf_of(page)}
        claimed = (await http.post("/callbacks/3f2a91c0/claim", data=form)).text
        assert '<a id="dial-3f2a91c0" href="tel:+15551234567">+15551234567</a>' in claimed
        closing = {**form, "outcome": "reached", "note": "card 4111 1111 1111 1111"}
        assert (await http.post("/callbacks/3f2a91c0/close", data={**closing, "outcome": "?"})).status_code == 400
        assert "Nobody is to be called back" in (await http.post("/callbacks/3f2a91c0/close", data=closing)).text
        assert "no callback" in (await http.post("/callbacks/unknown/claim", data=form)).text
    async with somebody("editor") as http:
        assert (await http.get("/callbacks")).status_code == 403
        assert (await http.get("/queue")).status_code == 403
    assert "4111" not in Callbacks(people).get("3f2a91c0").note
    assert "callback.claim" in {one["action"] for one in AuditLog(people).latest()}


async def test_without_an_operator_the_page_says_so(people: sa.Engine, somebody: Somebody) -> None:
    async with somebody("agent") as http:
        assert "The operator does not answer" in (await http.get("/queue")).text
