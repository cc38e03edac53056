"""The event log: what happened, in order, provably unchanged, never lost once acknowledged.

::

    append() ──► memory ──► writer thread ──┬─► database   group commit, full sync, hash chain, read tables
    (any thread, never blocks or raises)    └─► spool file when the database is locked or full; replayed in order

While the spool holds anything, new events go behind it, so the order stays. A crash between commit and emptying the
spool repeats nothing: every event has an id that the database has seen.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections import deque
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import SQLAlchemyError

from contracts.databases import first_line
from contracts.errors import DeviceFull
from contracts.events import Event, EventKind
from contracts.handoff import HandoffRecord
from operations.chain import Stored, append_rows, entry_of
from operations.database import writing
from operations.redacting import Redactor
from operations.settings import EventLogSettings
from operations.spool import Spool

log = structlog.get_logger()
Alarm = Callable[[str, str], None]
"""Called with what (``database``, ``spool``, ``lost``, ``recovered``) and a detail; from the writer thread."""


class EventLog:
    """An ``EventSink`` that keeps. One writer thread; ``close()`` flushes and ends it.

    ``names``: people's names are redacted too.
    ``name`` is the hash chain's name: one per media process that writes into the same database.
    """

    def __init__(
        self,
        engine: sa.Engine,
        spool: Path,
        settings: EventLogSettings,
        *,
        name: str = "main",
        alarm: Alarm | None = None,
        names: bool = False,
    ) -> None:
        self._engine = engine
        self._spool = Spool(spool)
        self._settings = settings
        self._name = name
        self._alarm = alarm
        self._redactor = Redactor(names)
        self._queue: deque[Stored] = deque()
        self._changed = threading.Condition()
        self._taken = 0
        self._kept = 0
        self._lost = 0
        self._urgent = False
        self._closing = False
        self._trouble = ""
        self._retry_at = 0.0
        self._writer = threading.Thread(target=self._run, name="event-log", daemon=True)
        self._writer.start()

    def append(self, event: Event) -> None:
        """Take an event: redacted and queued at once. Never blocks, never raises; after ``close()`` it is dropped."""
        stored = entry_of(event, uuid.uuid4().hex, self._redactor.body_of(event))
        with self._changed:
            if self._closing:
                return
            self._queue.append(stored)
            self._taken += 1
            if len(self._queue) > self._settings.max_queued:
                self._queue.popleft()
                self._lost += 1
                self._kept += 1
            self._changed.notify_all()

    def save_handoff(self, record: HandoffRecord) -> None:
        """Keep a hand-over record, as an event of its call; never blocks."""
        self.append(Event(EventKind.HANDOFF_SAVED, record.call_id, record.model_dump(mode="json")))

    def flush(self, timeout: float) -> bool:
        """Wait until everything appended so far is on the disk (database or spool); False after ``timeout`` seconds."""
        until = time.monotonic() + timeout
        with self._changed:
            target = self._taken
            self._urgent = True
            self._changed.notify_all()
            while self._kept < target:
                left = until - time.monotonic()
                if left <= 0:
                    return False
                self._changed.wait(left)
            return True

    def close(self, timeout: float = 5.0) -> bool:
        """Flush, try the spool once more, and end the writer. False if something is left in memory."""
        flushed = self.flush(timeout)
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._writer.join(timeout)
        return flushed

    @property
    def depth(self) -> int:
        """Events in memory that are on no disk yet."""
        with self._changed:
            return len(self._queue)

    @property
    def spooled(self) -> int:
        """Events in the spool file that the database has not got yet."""
        return self._spool.depth

    @property
    def lost(self) -> int:
        """Events dropped because neither database nor spool could take them."""
        return self._lost

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._queue and not self._closing and not self._due():
                    self._changed.wait(self._settings.retry_s if self._spool.depth else None)
                if self._queue and not self._urgent and not self._closing:
                    # One pause gathers a group; flush() and close() cut it short.
                    self._changed.wait_for(lambda: self._urgent or self._closing, self._settings.group_commit_ms / 1000)
                group = [self._queue[i] for i in range(min(len(self._queue), self._settings.max_group))]
                self._urgent = self._urgent and len(self._queue) > len(group)
                last = self._closing and not group
            done = self._keep(group) if group else True
            if last:
                self._replay()
                return
            with self._changed:
                if done:
                    self._forget(group)
                else:
                    self._changed.wait_for(lambda: self._closing, self._settings.retry_s)
                    if self._closing:
                        return
            if self._due():
                self._replay()

    def _forget(self, group: list[Stored]) -> None:
        """Take a kept group off the queue; its head may have been dropped meanwhile."""
        kept = {stored.event_id for stored in group}
        while self._queue and self._queue[0].event_id in kept:
            self._queue.popleft()
            self._kept += 1
        self._changed.notify_all()

    def _due(self) -> bool:
        return self._spool.depth > 0 and time.monotonic() >= self._retry_at

    def _keep(self, group: list[Stored]) -> bool:
        """Put a group on the disk: database, else spool. False if neither took it."""
        if self._spool.depth == 0 and self._commit(group):
            return True
        try:
            self._spool.write(group)
        except (OSError, DeviceFull) as error:
            self._warn("spool", str(error))
            return False
        return True

    def _commit(self, group: list[Stored]) -> bool:
        try:
            with writing(self._engine) as connection:
                append_rows(connection, self._name, group)
        except (SQLAlchemyError, OSError) as error:
            self._retry_at = time.monotonic() + self._settings.retry_s
            self._warn("database", first_line(error))
            return False
        return True

    def _replay(self) -> None:
        """Bring the spool into the database, in order; leave it as it is if that fails."""
        if self._spool.depth == 0:
            return
        try:
            waiting = self._spool.read()
        except OSError as error:
            self._retry_at = time.monotonic() + self._settings.retry_s
            self._warn("spool", str(error))
            return
        size = self._settings.max_group
        for start in range(0, len(waiting), size):
            if not self._commit(waiting[start : start + size]):
                return
        self._spool.clear()
        if self._trouble:
            self._trouble = ""
            log.info("record.recovered", events=len(waiting))
            self._tell("recovered", f"{len(waiting)} events replayed")

    def _warn(self, what: str, detail: str) -> None:
        if self._trouble != what:
            self._trouble = what
            log.error("record.trouble", what=what, detail=detail)
            self._tell(what, detail)

    def _tell(self, what: str, detail: str) -> None:
        if self._alarm is not None:
            self._alarm(what, detail)
