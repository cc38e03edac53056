"""The inbox while something else holds the database: all is seen, nothing can be taken, nothing is lost."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from console.api import make_api
from operations.audit import AuditLog
from operations.cases import Cases
from operations.database import open_database
from operations.tables import sessions
from tests.console.conftest import SETTINGS, csrf_of, sign_in
from tests.operations.kit import call_events, handoff, keep

PATIENCE_MS = 50


@pytest.mark.parametrize("again", ["/inbox/call-1/claim", "/inbox/call-1/close", "/inbox/call-1/release"])
async def test_nothing_is_taken_while_the_database_is_locked_and_the_same_click_works_afterwards(
    people: sa.Engine, tmp_path: Path, again: str
) -> None:
    keep(people, tmp_path / "spool", call_events(), handoff())
    if not again.endswith("claim"):
        Cases(people).claim("call-1", "agent")
    engine = open_database("sqlite:///record.db", tmp_path, PATIENCE_MS)
    transport = httpx.ASGITransport(make_api(SETTINGS, engine, tmp_path / "control.sock"), client=("127.0.0.1", 1))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://127.0.0.1:8080", headers={"accept": "text/html"}, follow_redirects=True
    ) as http:
        await sign_in(http, "agent")
        form = {"csrf": csrf_of((await http.get("/inbox")).text), "outcome": "solved"}
        with people.begin() as connection:  # long enough ago that the next request would write it down again
            connection.execute(sessions.update().values(seen_at=datetime.now(UTC) - timedelta(minutes=5)))
        before = Cases(people).get("call-1"), len(AuditLog(people).latest())
        holder = sqlite3.connect(tmp_path / "record.db", isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        refused = await http.post(again, data=form)
        assert refused.url.path == "/inbox"
        assert "Nothing was changed" in refused.text
        assert "Try again in a moment" in refused.text
        assert "sqlite" not in refused.text.lower()
        assert "asked for a person" in refused.text, "it is still there to be seen"
        view = await http.get("/inbox/call-1")
        assert (view.status_code, "Try again" in view.text) == (503, True), "what cannot be audited is not shown"
        assert (Cases(people).get("call-1"), len(AuditLog(people).latest())) == before
        holder.execute("ROLLBACK")
        holder.close()
        done = await http.post(again, data=form)
        assert "Nothing was changed" not in done.text
        assert Cases(people).get("call-1") != before[0]
    engine.dispose()
