"""An operator killed while callers wait for a person: at the restart each is called back, once, and has an end."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from contracts.events import Event, EventKind
from contracts.handoff import HandoffRecord, HandoffStatus, Reason
from escalation.queuesettings import QueueSettings
from operations.callbacks import Callbacks
from operations.database import migrate, open_database, writing
from operations.eventlog import EventLog
from operations.records import Records
from operations.settings import EventLogSettings
from server.aftermath import STOPPED, Aftermath
from server.records_link import HandoffKeeper, TicketKeeper

QUICK = EventLogSettings(group_commit_ms=1, retry_s=0.05, busy_timeout_ms=100)
CALLERS = {
    "waits": "sip:+15551230001@x.example",
    "claimed": "+15551230002",
    "hidden": "sip:anonymous@anonymous.invalid",
}


def begun(call_id: str, caller: str) -> Event:
    return Event(EventKind.CALL_STARTED, call_id, {"caller": caller, "called": "sip:bank@x.example", "kind": "sip"})


def asked(call_id: str, caller: str, status: HandoffStatus = HandoffStatus.TRANSFERRING) -> HandoffRecord:
    return HandoffRecord(
        call_id=call_id, caller=caller, reason=Reason.FRAUD, rule_id="fraud", summary="A summary.",
        asked_at=datetime.now(UTC), status=status,
    )  # fmt: skip


def killed(home: Path) -> None:
    """What a process does that is killed between claim and connect. Runs in a process of its own."""
    log = EventLog(open_database("sqlite:///record.db", home, 100), home / "spool", QUICK)
    for call_id, caller in CALLERS.items():
        log.append(begun(call_id, caller))
        log.save_handoff(asked(call_id, caller))
        log.append(Event(EventKind.QUEUE_MOVED, call_id, {"step": "entered", "by": "", "waited_s": 0.0}))
    log.append(Event(EventKind.QUEUE_MOVED, "claimed", {"step": "claimed", "by": "ann", "waited_s": 3.0}))
    log.append(begun("joined", "+15551230003"))
    log.save_handoff(asked("joined", "+15551230003", HandoffStatus.CONNECTED))
    log.append(begun("over", "+15551230004"))
    log.append(Event(EventKind.CALL_ENDED, "over", {"reason": "caller", "detail": "", "duration_s": 1.0}))
    assert log.flush(10)
    os.kill(os.getpid(), signal.SIGKILL)


CHILD = (
    "import sys; from pathlib import Path; from tests.server.test_aftermath import killed; killed(Path(sys.argv[1]))"
)


@pytest.fixture
def engine(tmp_path: Path) -> sa.Engine:
    opened = open_database("sqlite:///record.db", tmp_path, 100)
    migrate(opened)
    return opened


def restart(engine: sa.Engine, home: Path) -> int:
    async def run() -> int:
        log = EventLog(engine, home / "spool", QUICK)
        kept = await Aftermath(engine, log, HandoffKeeper(log), TicketKeeper(log), QueueSettings()).run()
        log.append(begun("new", "+15551230009"))
        await asyncio.to_thread(log.close)
        return kept

    return asyncio.run(run())


@pytest.mark.parametrize("locked", [False, True])
def test_whoever_waited_is_called_back_once_and_every_call_has_an_end(
    engine: sa.Engine, tmp_path: Path, locked: bool
) -> None:
    with ExitStack() as stack:
        if locked:
            stack.enter_context(writing(engine))
        done = subprocess.run([sys.executable, "-c", CHILD, str(tmp_path)], timeout=60, check=False)
        assert done.returncode == -signal.SIGKILL
    assert restart(engine, tmp_path) == 2
    tickets = {one.call_id: (one.caller, one.reason) for one in Callbacks(engine).to_do()}
    assert tickets == {"waits": ("+15551230001", Reason.FRAUD), "claimed": ("+15551230002", Reason.FRAUD)}
    records = Records(engine)
    ends = {one["call_id"]: (one["end_reason"], one["end_detail"]) for one in records.list_calls()}
    assert ends.pop("over") == ("caller", "")
    assert ends.pop("new") == ("", "")
    assert set(ends.values()) == {("error", STOPPED)}
    states = {one.call_id: one.status for one in records.list_handoffs()}
    assert states.pop("joined") is HandoffStatus.CONNECTED
    assert set(states.values()) == {HandoffStatus.FAILED}
    kinds = [one["kind"] for one in records.get_call("claimed").events]
    assert kinds == [
        "call.started", "handoff.saved", "queue.moved", "queue.moved", "callback.wanted", "handoff.saved", "call.ended",
    ]  # fmt: skip
    assert restart(engine, tmp_path) == 0, "and no second time"
    assert len(Callbacks(engine).to_do()) == 2
