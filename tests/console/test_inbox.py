"""The inbox of escalations: one person for each, whoever is faster."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from operations.audit import AuditLog
from operations.cases import CaseOutcome, Cases, CaseTaken
from operations.database import open_database
from operations.erasing import Eraser
from operations.tables import cases as table
from tests.console.conftest import Somebody, csrf_of
from tests.operations.kit import call_events, handoff, keep
from tests.postgres import BOTH

pytestmark = pytest.mark.parametrize("people", BOTH, indirect=True)


@pytest.fixture
def record(people: sa.Engine, tmp_path: Path) -> sa.Engine:
    """With one hand-over."""
    keep(people, tmp_path / "spool", call_events(), handoff())
    return people


def test_of_many_who_claim_at_once_one_gets_it(record: sa.Engine, tmp_path: Path) -> None:
    start, got, refused = threading.Barrier(8), [], []

    def claim(name: str) -> None:
        own = open_database(record.url.render_as_string(hide_password=False), tmp_path, 20_000)
        inbox = Cases(own)  # as another process would
        start.wait(60)
        try:
            inbox.claim("call-1", name)
            got.append(name)
        except CaseTaken as error:
            refused.append(str(error))
        finally:
            own.dispose()

    for again in range(3):
        threads = [threading.Thread(target=claim, args=(f"agent{number}",)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert len(got) == again + 1
        assert Cases(record).get("call-1").holder == got[-1]
        assert refused[-7:] == [f"{got[-1]} has taken this already"] * 7
        Cases(record).release("call-1", got[-1])


def test_only_the_holder_gives_back_or_closes_and_what_is_closed_stays_closed(record: sa.Engine) -> None:
    inbox = Cases(record)
    with pytest.raises(CaseTaken, match="claim it"):
        inbox.close("call-1", "ana", CaseOutcome.SOLVED)
    inbox.claim("call-1", "ana")
    for change in (inbox.release, inbox.claim):
        with pytest.raises(CaseTaken, match="ana has taken"):
            change("call-1", "bo")
    inbox.close("call-1", "ana", CaseOutcome.SOLVED, ["fees"], "refunded")
    closed = inbox.get("call-1")
    assert (closed.open, closed.outcome, closed.tags, closed.note) == (False, "solved", ("fees",), "refunded")
    with pytest.raises(CaseTaken, match="closed by ana"):
        inbox.claim("call-1", "bo")


def test_a_caller_who_needs_a_person_again_after_closing_is_anybodys(record: sa.Engine, tmp_path: Path) -> None:
    inbox = Cases(record)
    inbox.claim("call-1", "ana")
    inbox.close("call-1", "ana", CaseOutcome.CALL_BACK)
    closed_at = inbox.get("call-1").closed_at
    assert closed_at is not None
    again = handoff().model_copy(update={"asked_at": closed_at + timedelta(seconds=1)})
    keep(record, tmp_path / "spool", [], again)
    assert (inbox.get("call-1").open, inbox.get("call-1").holder) == (True, "")
    inbox.claim("call-1", "bo")
    assert inbox.get("call-1").holder == "bo"


def test_what_is_erased_from_the_record_is_gone_from_the_inbox(record: sa.Engine, tmp_path: Path) -> None:
    Cases(record).claim("call-1", "ana")
    Eraser(record, tmp_path).forget(["call-1"], "test", "asked for")
    assert Cases(record).inbox() == []
    with record.connect() as connection:
        assert connection.execute(sa.select(table)).all() == []


async def test_two_people_race_on_the_page_and_the_loser_is_told_who_won(record: sa.Engine, somebody: Somebody) -> None:
    async with somebody("agent") as one, somebody("supervisor") as two:
        forms = [{"csrf": csrf_of((await http.get("/inbox")).text)} for http in (one, two)]
        answers = await asyncio.gather(
            *(http.post("/inbox/call-1/claim", data=form) for http, form in zip((one, two), forms, strict=True))
        )
    told = sorted(("It is yours" in answer.text, "has taken this already" in answer.text) for answer in answers)
    assert told == [(False, True), (True, False)]


async def test_an_agent_takes_a_caller_reads_the_briefing_and_closes(record: sa.Engine, somebody: Somebody) -> None:
    async with somebody("agent") as http:
        page = (await http.get("/inbox")).text
        assert "asked for a person" in page
        assert "+15550100" not in page
        assert "One. Two. Three." not in (await http.get("/inbox/call-1")).text
        form = {"csrf": csrf_of(page)}
        assert "One. Two. Three." in (await http.post("/inbox/call-1/claim", data=form)).text
        given = {**form, "outcome": "solved", "tags": "fees, fees, card 4111 1111 1111 1111", "note": "ok"}
        assert (await http.post("/inbox/call-1/close", data={**given, "outcome": "whatever"})).status_code == 400
        assert "Nobody is waiting" in (await http.post("/inbox/call-1/close", data=given)).text
    tags = Cases(record).get("call-1").tags
    assert tags[0] == "fees"
    assert "4111" not in str(tags)
    done = [one["action"] for one in AuditLog(record).latest() if one["call_id"] == "call-1"]
    assert done == ["handoff.close", "handoff.view", "handoff.claim", "handoff.view"]


async def test_the_inbox_needs_its_permission_and_its_token(record: sa.Engine, somebody: Somebody) -> None:
    for name in ("editor", "auditor", "engineer"):
        async with somebody(name) as http:
            assert (await http.get("/inbox")).status_code == 403
            assert (await http.post("/inbox/call-1/claim", data={"csrf": "x"})).status_code == 403
    async with somebody("agent") as http:
        assert (await http.post("/inbox/call-1/claim", data={"csrf": "guessed"})).status_code == 403
        assert (await http.get("/inbox/unknown")).status_code == 404
    assert Cases(record).get("call-1").holder == ""
