"""An acknowledged event is never lost, the order stays, and nothing can be changed unseen."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from contracts.events import Event, EventKind
from operations.database import migrate, open_database
from operations.eventlog import EventLog
from operations.settings import EventLogSettings
from operations.tables import events, turns
from tests.operations.kit import length_of, locked

FAST = EventLogSettings(group_commit_ms=1, retry_s=0.02, busy_timeout_ms=20)


class Alarms:
    """What the log complained about; ``wait`` for a particular complaint."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self._came = threading.Condition()

    def __call__(self, what: str, detail: str) -> None:
        with self._came:
            self.seen.append(what)
            self._came.notify_all()

    def wait(self, what: str) -> None:
        with self._came:
            assert self._came.wait_for(lambda: what in self.seen, 20), f"no alarm {what!r} in {self.seen}"


@pytest.fixture
def engine(tmp_path: Path, database_url: str) -> Iterator[sa.Engine]:
    engine = open_database(database_url, tmp_path, busy_timeout_ms=20)
    migrate(engine)
    yield engine
    engine.dispose()


def trouble(number: int, call_id: str = "c1") -> Event:
    return Event(EventKind.TROUBLE, call_id, {"n": number})


def numbers(engine: sa.Engine) -> list[int]:
    with engine.connect() as connection:
        return [body["n"] for body in connection.scalars(sa.select(events.c.body).order_by(events.c.seq))]


def test_events_are_kept_in_order_and_the_chain_holds(engine: sa.Engine, tmp_path: Path) -> None:
    log = EventLog(engine, tmp_path / "spool", FAST)
    for number in range(1200):
        log.append(trouble(number))
    assert log.flush(20)
    assert numbers(engine) == list(range(1200))
    assert log.close()
    assert length_of(engine) == 1200


def test_two_logs_keep_a_chain_each_in_one_database(engine: sa.Engine, tmp_path: Path) -> None:
    logs = [EventLog(engine, tmp_path / name, FAST, name=name) for name in ("a", "b")]
    for number in range(100):
        for log in logs:
            log.append(trouble(number))
    closed = [log.close(20) for log in logs]
    assert closed == [True, True]
    assert [length_of(engine, name) for name in ("a", "b")] == [100, 100]


def test_a_locked_database_sends_events_to_the_spool_and_back_in_order(engine: sa.Engine, tmp_path: Path) -> None:
    alarms = Alarms()
    log = EventLog(engine, tmp_path / "spool", FAST, alarm=alarms)
    log.append(trouble(0))
    assert log.flush(20)
    with locked(engine):
        for number in range(1, 40):
            log.append(trouble(number))
        assert log.flush(20)
        assert log.spooled == 39
        alarms.wait("database")
    log.append(trouble(40))
    alarms.wait("recovered")
    assert log.close()
    assert numbers(engine) == list(range(41))
    assert length_of(engine) == 41
    assert not (tmp_path / "spool").exists()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_full_disk_stops_nobody_and_loses_nothing_that_fits_the_spool(engine: sa.Engine, tmp_path: Path) -> None:
    @sa.event.listens_for(engine, "connect")
    def _limit(connection: sa.engine.interfaces.DBAPIConnection, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA max_page_count=1")  # SQLite answers "database or disk is full"
        cursor.close()

    engine.dispose()
    alarms = Alarms()
    log = EventLog(engine, tmp_path / "spool", FAST, alarm=alarms)
    big = "x" * 5000
    for _ in range(50):
        log.append(Event(EventKind.TROUBLE, "c1", {"n": 1, "detail": big}))
    assert log.flush(20)
    alarms.wait("database")
    assert log.spooled == 50
    log.close()
    sa.event.remove(engine, "connect", _limit)
    engine.dispose()
    again = EventLog(engine, tmp_path / "spool", FAST)
    assert again.spooled == 50
    again.close()
    assert length_of(engine) == 50


def test_with_neither_database_nor_spool_the_oldest_go_and_it_is_said(engine: sa.Engine, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    alarms = Alarms()
    log = EventLog(engine, tmp_path / "file" / "spool", FAST.model_copy(update={"max_queued": 100}), alarm=alarms)
    with locked(engine):
        for number in range(150):
            log.append(trouble(number))
        alarms.wait("spool")
        assert not log.flush(0.05)
        assert log.depth == 100
        assert log.lost == 50
    assert log.flush(20)
    log.close()
    assert numbers(engine) == list(range(50, 150))


def test_events_replayed_after_a_crash_are_not_kept_twice(engine: sa.Engine, tmp_path: Path) -> None:
    log = EventLog(engine, tmp_path / "spool", FAST)
    with locked(engine):
        log.append(trouble(1))
        assert log.flush(20)
        spooled = (tmp_path / "spool").read_bytes()
    log.close()
    (tmp_path / "spool").write_bytes(spooled + b'{"torn')
    again = EventLog(engine, tmp_path / "spool", FAST)
    again.append(trouble(2))
    again.close()
    assert numbers(engine) == [1, 2]
    assert length_of(engine) == 2


def test_kill_minus_nine_loses_no_acknowledged_event(tmp_path: Path, database_url: str) -> None:
    child = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("crash_child.py")), str(tmp_path), database_url],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        text=True,
    )
    assert child.stdout is not None
    acknowledged = 0
    for line in child.stdout:
        acknowledged = int(line)
        if acknowledged >= 70:
            break
    child.send_signal(signal.SIGKILL)
    rest = child.stdout.read().split()
    child.wait(20)
    acknowledged = int(rest[-1]) if rest else acknowledged
    engine = open_database(database_url, tmp_path)
    kept = numbers(engine)
    assert kept[:acknowledged] == list(range(1, acknowledged + 1))
    assert length_of(engine) == len(kept)


def test_odd_values_neither_raise_nor_stop_the_others(engine: sa.Engine, tmp_path: Path) -> None:
    log = EventLog(engine, tmp_path / "spool", FAST)
    odd = {
        "text": "\ud800\0",
        "confidence": float("nan"),
        "turn": 10**30,
        "set": {1},
        "object": object(),
        "heard": b"x",
    }
    for kind in EventKind:
        log.append(Event(kind, "c\ud800\0", dict(odd)))
    log.append(trouble(1, "c2"))
    assert log.close()
    assert length_of(engine) == len(EventKind) + 1


def test_card_numbers_never_reach_database_or_spool(engine: sa.Engine, tmp_path: Path) -> None:
    log = EventLog(engine, tmp_path / "spool", FAST)
    spoken = "four one one one one one one one one one one one one one one one"
    with locked(engine):
        log.append(Event(EventKind.TURN_CALLER, "c1", {"turn": 1, "text": f"my card is {spoken}"}))
        log.append(Event(EventKind.TURN_OPERATOR, "c1", {"turn": 1, "text": "4111 1111 1111 1111", "heard": ""}))
        for digit in "4111111111111111":
            log.append(Event(EventKind.DTMF_RECEIVED, "c1", {"digit": digit}))
        assert log.flush(20)
        assert b"4111 1111" not in (tmp_path / "spool").read_bytes()
    log.close()
    with engine.connect() as connection:
        assert connection.scalar(sa.select(turns.c.caller_text)) == "my card is [card]"
        query = sa.select(events.c.body).where(events.c.kind == "dtmf.received").order_by(events.c.seq)
        keys = [body["digit"] for body in connection.scalars(query)]
    assert "".join(keys) == "41111111" + "•" * 8
