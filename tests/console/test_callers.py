"""What is kept of a caller is found, handed out and erased, and then there is nothing of them in any file or table."""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from contracts.events import Event, EventKind
from contracts.handoff import CallbackTicket, Reason
from operations.audit import AuditLog
from operations.chain import entry_of
from operations.records import Records
from operations.spool import Spool
from operations.verifying import faults
from operations.webhook import HandoffWebhook
from tests.console.conftest import Somebody, csrf_of
from tests.console.house import House
from tests.operations.kit import call_events, handoff, keep
from tests.operations.test_webhook import settings as webhook_settings
from tests.postgres import BOTH

NUMBER, WORDS = "+15550142", "my aunt Philippa wants a domestic wire"
SOUND = b"RIFF the voice of +15550142"
CLOSED_PORT = 9


def has_called(house: House, call_id: str = "call-aunt") -> None:
    """Somebody who asks, wants a person, is recorded, is to be called back, and whose briefing cannot be posted."""
    talk = house.ring(call_id, caller=f"sip:{NUMBER}@example.org")
    house.do(talk.ask(WORDS))
    house.do(talk.ask("I want to talk to a person"))
    house.do(talk.end())
    now = datetime.now(UTC)
    ticket = CallbackTicket(
        ticket="ticket-aunt", call_id=call_id, caller=NUMBER, reason=Reason.PERSON_REQUESTED, wanted_at=now,
        expires_at=now + timedelta(days=5),
    )  # fmt: skip
    house.append(Event(EventKind.CALLBACK_WANTED, call_id, ticket.model_dump(mode="json")))
    refused = {"reason": "overload", "caller": f"sip:{NUMBER}@example.org"}
    house.append(Event(EventKind.CALL_REFUSED, f"{call_id}-refused", refused))
    assert house.flush(30)
    (house.home / "recordings").mkdir()
    (house.home / "recordings" / f"{call_id}.wav").write_bytes(SOUND)
    (house.home / "recordings" / f"{call_id}-refused.partial.wav").write_bytes(SOUND)
    asyncio.run(_left_unsent(house, call_id))


async def _left_unsent(house: House, call_id: str) -> None:
    webhook = HandoffWebhook(webhook_settings(CLOSED_PORT), house.home / "webhook")
    await webhook.start()
    webhook.put(Records(house.record).get_handoff(call_id))
    await webhook.close()
    assert len(webhook.waiting) == 1


def left_of_them(house: House) -> list[str]:
    """Every file under the house's folder and every cell of every table that holds their number or words."""
    needles = (NUMBER.lstrip("+").encode(), b"5550142", b"Philippa")
    found = [
        str(path)
        for path in house.home.rglob("*")
        if path.is_file() and any(one in path.read_bytes() for one in needles)
    ]
    tables = sa.MetaData()
    tables.reflect(house.record)
    with house.record.connect() as connection:
        for table in tables.sorted_tables:
            said = str(connection.execute(sa.select(table)).all()).encode()
            found += [table.name for one in needles if one in said]
    return found


@pytest.mark.parametrize("people", BOTH, indirect=True)
def test_a_caller_is_found_handed_out_and_erased_and_nothing_is_left(house: House) -> None:
    has_called(house)
    assert left_of_them(house) != []
    with house.browser("supervisor") as boss:
        boss.post("/inbox/call-aunt/claim")
        boss.post("/inbox/call-aunt/close", outcome="solved", note=f"her number is {NUMBER}")
        boss.post("/callbacks/ticket-aunt/claim")
        boss.get("/history", q="555 0142")
        page = boss.post("/callers", number="+1 555 01 42").text
        assert "2 calls of +1 555 01 42" in page
        assert "person requested" in page
        answer = boss.post("/callers/export", number=NUMBER)
        asked = boss.post("/callers/erase", number=NUMBER, why=f"she called from {NUMBER}").text
        assert f"Erase 2 calls of {NUMBER}?" in asked
        wrong = boss.post("/callers/erase", number=NUMBER, why="asked", again="+15550143").text
        assert "nothing was erased: the number that you typed is another one" in wrong
        done = boss.post("/callers/erase", number=NUMBER, why=f"she called from {NUMBER}", again="+1 555 0142").text
        assert "Every table and file was searched once more for …142: nothing is left." in done
        assert "Nothing is kept of" in boss.post("/callers", number=NUMBER).text
        noted = [one for one in AuditLog(house.record).latest() if one["action"].startswith(("caller", "record"))]
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        names = set(archive.namelist())
        told = json.loads(archive.read("caller.json"))
        assert archive.read("recordings/call-aunt.wav") == SOUND
        assert "Philippa" in archive.read("transcripts/call-aunt.txt").decode()
    assert {"README.txt", "recordings/call-aunt-refused.partial.wav"} <= names
    assert sum(name.startswith("briefings/") for name in names) == 1
    (first, second) = sorted(told["calls"], key=lambda one: str(one["call_id"]))
    assert first["callbacks"][0]["claimed_by"] == "supervisor"
    assert first["handoffs"][0]["reason"] == "person_requested"
    assert second["events"][0]["body"]["reason"] == "overload"
    assert left_of_them(house) == []
    assert list(faults(house.record)) == []
    assert [one["action"] for one in reversed(noted)] == [
        "caller.search", "caller.export", "caller.search", "caller.erase", "caller.erase",
        "record.erased", "record.erased", "record.erased", "record.erased", "record.erased", "caller.search",
    ]  # fmt: skip
    assert "she called from [number]" in noted[1]["what"]


def test_a_caller_who_is_on_the_line_is_not_erased(house: House) -> None:
    house.ring("call-up", caller=f"sip:{NUMBER}@example.org")
    with house.browser("supervisor") as boss:
        said = boss.post("/callers/erase", number=NUMBER, why="asked", again=NUMBER).text
    assert "nothing was erased: a call of theirs is up" in said
    assert Records(house.record).call_ids()[-1] == "call-up"


def test_what_waits_for_the_database_is_waited_for(house: House) -> None:
    keep(house.record, house.home / "spool", call_events())
    waiting = Event(EventKind.TURN_CALLER, "call-1", {"text": "late words"})
    Spool(house.home / "events.spool").write([entry_of(waiting, "e" * 32, waiting.body)])
    with house.browser("supervisor") as boss:
        assert "still wait for the database" in boss.post("/callers/erase", number="+15550100", why="asked").text


@pytest.fixture
def record(people: sa.Engine, tmp_path: Path) -> sa.Engine:
    """With one call that was handed over."""
    keep(people, tmp_path / "spool", call_events(), handoff())
    return people


async def test_auditors_look_and_export_supervisors_erase_and_nobody_else_does(
    record: sa.Engine, somebody: Somebody
) -> None:
    given = {"number": "+15550100", "why": "asked", "again": "+15550100"}
    async with somebody("auditor") as http:
        form = {**given, "csrf": csrf_of((await http.get("/callers")).text)}
        page = (await http.post("/callers", data=form)).text
        assert "1 call of +15550100" in page
        assert "Erase" not in page
        assert (await http.post("/callers/export", data=form)).headers["content-type"] == "application/zip"
        assert (await http.post("/callers/erase", data=form)).status_code == 403
    for name in ("agent", "editor", "approver", "engineer"):
        async with somebody(name) as http:
            for path in ("/callers", "/callers/export", "/callers/erase"):
                assert (await http.post(path, data={**given, "csrf": "x"})).status_code == 403
    assert Records(record).call_ids() == ["call-1"]


async def test_without_an_operator_that_says_who_is_on_the_line_nothing_is_erased(
    record: sa.Engine, somebody: Somebody
) -> None:
    async with somebody("supervisor") as http:
        form = {"number": "+15550100", "csrf": csrf_of((await http.get("/callers")).text)}
        assert "say why" in (await http.post("/callers/erase", data=form)).text
        said = (await http.post("/callers/erase", data={**form, "why": "asked", "again": "+15550100"})).text
        assert "does not say which calls are up" in said
        assert (
            "callers without a number are many"
            in (await http.post("/callers", data={**form, "number": "anonymous"})).text
        )
    assert Records(record).call_ids() == ["call-1"]
