"""Promises to call back: they outlive a kill, a locked database and a restart; one person holds each."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from contracts.errors import CallUnknown
from contracts.handoff import CallbackTicket, Reason
from operations.audit import AuditLog
from operations.callbacks import CallbackOutcome, Callbacks, CallbackState
from operations.callbacks_cli import make_app
from operations.cases import CaseTaken
from operations.database import migrate, open_database
from operations.eventlog import EventLog
from operations.settings import EventLogSettings
from server.records_link import TicketKeeper
from tests.operations.kit import locked

NOW = datetime.now(UTC)
QUICK = EventLogSettings(group_commit_ms=1, retry_s=0.05, busy_timeout_ms=100)


def promise(ticket: str = "3f2a91c0", days: float = 5, since: datetime = NOW) -> CallbackTicket:
    return CallbackTicket(
        ticket=ticket, call_id=f"call-{ticket}", caller="+15551234567", reason=Reason.FRAUD, wanted_at=since,
        expires_at=since + timedelta(days=days),
    )  # fmt: skip


@pytest.fixture
def engine(tmp_path: Path, database_url: str) -> Iterator[sa.Engine]:
    opened = open_database(database_url, tmp_path, 100)
    migrate(opened)
    yield opened
    opened.dispose()


def kept(engine: sa.Engine, home: Path, *tickets: CallbackTicket) -> Callbacks:
    async def work() -> None:
        log = EventLog(engine, home / "spool", QUICK)
        for one in tickets:
            await TicketKeeper(log).keep(one)
        log.close()

    asyncio.run(work())
    return Callbacks(engine)


CHILD = """
import asyncio, os, signal, sys
from pathlib import Path
from operations.database import open_database
from operations.eventlog import EventLog
from server.records_link import TicketKeeper
from tests.operations.test_callbacks import QUICK, promise
home = Path(sys.argv[1])
log = EventLog(open_database(sys.argv[2], home, 100), home / "spool", QUICK)
asyncio.run(TicketKeeper(log).keep(promise()))
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("held", [False, True])
def test_a_ticket_that_was_promised_is_there_after_kill_9_even_if_the_database_was_locked(
    engine: sa.Engine, tmp_path: Path, database_url: str, held: bool
) -> None:
    def child() -> int:
        return subprocess.run(
            [sys.executable, "-c", CHILD, str(tmp_path), database_url], timeout=60, check=False
        ).returncode

    if held:
        with locked(engine):
            assert child() == -signal.SIGKILL
        assert Callbacks(engine).to_do() == []
    else:
        assert child() == -signal.SIGKILL
    after = EventLog(engine, tmp_path / "spool", QUICK)  # the restart
    assert after.close()
    (one,) = Callbacks(engine).to_do()
    assert (one.caller, one.state(NOW)) == ("+15551234567", CallbackState.OPEN)


def test_one_person_holds_a_callback_and_closes_it_with_an_outcome(engine: sa.Engine, tmp_path: Path) -> None:
    callbacks = kept(engine, tmp_path, promise())
    callbacks.claim("3f2a91c0", "ana")
    with pytest.raises(CaseTaken, match="ana has taken"):
        callbacks.claim("3f2a91c0", "bo")
    with pytest.raises(CaseTaken, match="ana has taken"):
        callbacks.close("3f2a91c0", "bo", CallbackOutcome.REACHED)
    callbacks.release("3f2a91c0", "ana")
    callbacks.claim("3f2a91c0", "bo")
    callbacks.close("3f2a91c0", "bo", CallbackOutcome.NOT_REACHED, "busy")
    one = callbacks.get("3f2a91c0")
    assert (one.state(NOW), one.outcome, one.note) == (CallbackState.DONE, "not reached", "busy")
    with pytest.raises(CaseTaken, match="closed by bo"):
        callbacks.claim("3f2a91c0", "ana")
    with pytest.raises(CallUnknown):
        callbacks.claim("nothing", "ana")


def test_what_nobody_kept_expires(engine: sa.Engine, tmp_path: Path) -> None:
    long_ago = NOW - timedelta(days=40)
    callbacks = kept(
        engine, tmp_path, promise("old", 1, long_ago), promise("late", 1, NOW - timedelta(days=2)), promise()
    )
    assert [one.ticket for one in callbacks.to_do()] == ["3f2a91c0"]
    assert {one.ticket: str(one.state(NOW)) for one in callbacks.past()} == {"late": "expired", "old": "expired"}


def test_the_command_line_lists_and_closes_and_both_are_in_the_audit(engine: sa.Engine, tmp_path: Path) -> None:
    callbacks, audit = kept(engine, tmp_path, promise()), AuditLog(engine)

    @contextmanager
    def opened():  # type: ignore[no-untyped-def]
        yield callbacks, audit

    app, run = make_app(opened), CliRunner().invoke
    assert "+15551234567" in run(app, ["list"]).output
    assert "+15551234567  tel:+15551234567" in run(app, ["claim", "3f2a91c0", "--by", "ann"]).output
    assert isinstance(run(app, ["claim", "3f2a91c0", "--by", "bob"]).exception, CaseTaken)
    assert "is closed: reached" in run(app, ["close", "3f2a91c0"]).output
    assert "nobody is to be called back" in run(app, ["list"]).output
    assert '"state": "done"' in run(app, ["list", "--all", "--json"]).output
    assert {one["action"] for one in audit.latest()} == {
        "callbacks.list", "callback.claim", "callback.close",
    }  # fmt: skip
