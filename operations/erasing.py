"""Erasing what must not be kept any longer: by class and age, or by caller. What was erased is itself written down.

::

    events   body and salt go, digest and hashes stay (a tombstone): the chain goes on and can still be verified
    tables   rows, or the words in them, go          recordings, briefings that wait to be posted   files go
    record.erased, in the chain of what people did, in the same transaction: which calls, which class, by whom

A tombstone that no ``record.erased`` speaks of was made by somebody else: ``operations.verifying`` finds it.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import SQLAlchemyError

from contracts.databases import is_postgres, said
from contracts.errors import RecordError
from contracts.events import EventKind
from escalation.redact import redact
from operations.chain import Stored
from operations.changes import CHAIN, chained, entry
from operations.settings import RetentionSettings
from operations.tables import callbacks, calls, cases, escalations, events, handoffs, turns
from operations.webhook import call_of

log = structlog.get_logger()
_CHUNK = 200
_DIGITS = re.compile(r"\+?\d[\d ().-]{3,}\d")
"""What may be a telephone number in a reason: it is not kept with the proof that all of a caller was erased."""


class Class(StrEnum):
    """What is kept for how long."""

    TRANSCRIPTS = "transcripts"
    """What was said, on either side."""
    RECORDINGS = "recordings"
    HANDOVERS = "handovers"
    """Briefings with their transcripts, escalations, what the inbox knows of them, callbacks that are over."""
    CALLBACKS = "callbacks"
    """Promises to call back that are over: closed or expired."""
    EVENTS = "events"
    """Everything else of a call, and the call itself."""


_WORDS = (
    EventKind.TURN_CALLER,
    EventKind.TURN_OPERATOR,
    EventKind.TURN_PERSON,
    EventKind.DESK_SUGGESTED,
    EventKind.GATE_REJECTED,
    EventKind.DTMF_RECEIVED,
)
_PROMISES = (EventKind.CALLBACK_WANTED, EventKind.CALLBACK_CHANGED)
_HANDING = (
    EventKind.HANDOFF_SAVED,
    EventKind.ESCALATION_RAISED,
    EventKind.TRANSFER_BEGUN,
    EventKind.TRANSFER_ENDED,
    EventKind.CASE_CHANGED,
    *_PROMISES,
)
KINDS: dict[Class, tuple[EventKind, ...] | None] = {
    Class.TRANSCRIPTS: _WORDS,
    Class.RECORDINGS: (),
    Class.HANDOVERS: _HANDING,
    Class.CALLBACKS: _PROMISES,
    Class.EVENTS: None,
}
"""Events whose bodies go with a class; None: all of the call."""
_NO_WORDS = {"caller_text": "", "operator_text": "", "heard": ""}


@dataclass(slots=True, frozen=True)
class Erased:
    """What one class lost. ``left``: of what should be gone, counted afterwards; 0 is the proof."""

    what: str
    calls: int
    events: int
    rows: int
    files: int
    left: int


class Eraser:
    """Over a record, its folder of recordings, and that of briefings to be posted. All methods raise RecordError."""

    def __init__(self, engine: sa.Engine, recordings: Path, webhook: Path | None = None) -> None:
        self._engine = engine
        self._recordings = recordings
        self._webhook = webhook

    def retain(
        self, settings: RetentionSettings, now: datetime, by: str = "retention", *, callbacks_days: float = 0
    ) -> list[Erased]:
        """Erase what is older than its class may be; classes of 0 days are kept.

        ``callbacks_days``: after they were closed or had expired; the other classes count from a call's beginning.
        """
        done = []
        for what in Class:
            days = callbacks_days if what is Class.CALLBACKS else getattr(settings, f"{what}_days")
            if days:
                ids = self._before(now - timedelta(days=days), what)
                done.append(self._erase(what, ids, by, f"over {days:g} days"))
        return [*done, *self._compact(done)]

    def forget(self, call_ids: Sequence[str], by: str, why: str) -> list[Erased]:
        """Erase all of these calls, open promises to call back too. ``why`` loses what could be a number."""
        told = redact(_DIGITS.sub("[number]", why))  # numbers first, whole: redaction knows some forms of them
        done = [self._erase(what, list(call_ids), by, told, promises=True) for what in Class]
        return [*done, *self._compact(done)]

    def _before(self, moment: datetime, what: Class) -> list[str]:
        """Calls that began before and still have something of the class."""
        with self._reading() as connection:
            if what is Class.CALLBACKS:
                return _over_since(connection, moment)
            old = list(connection.scalars(sa.select(calls.c.call_id).where(calls.c.started_at < moment)))
            if what is Class.RECORDINGS:
                return [one for one in old if any(path.exists() for path in self._recordings_of(one))]
            having = sa.select(events.c.call_id).where(_bodies(what, promises=False)).distinct()
            if what is Class.EVENTS:
                refused = sa.and_(events.c.kind == str(EventKind.CALL_REFUSED), events.c.at < moment)
                return [*old, *connection.scalars(having.where(refused))]
            known = set(connection.scalars(having))
        return [one for one in old if one in known]

    def _erase(self, what: Class, ids: list[str], by: str, why: str, *, promises: bool = False) -> Erased:
        gone = rows = files = left = 0
        for start in range(0, len(ids), _CHUNK):
            some = ids[start : start + _CHUNK]
            counts = [0, 0, 0]
            body = {"class": str(what), "calls": some, "by": by, "why": why}

            def work(connection: sa.Connection) -> list[Stored]:
                counts[:] = _emptied(connection, what, some, promises=promises)  # noqa: B023 - done before the next
                return [entry(EventKind.RECORD_ERASED, "-", body)]  # noqa: B023

            try:
                chained(self._engine, work)
            except SQLAlchemyError as error:
                raise RecordError(f"{what} could not be erased: {said(error)}") from error
            gone, rows, left = gone + counts[0], rows + counts[1], left + counts[2]
            found = [path for path in self._files(what, some) if path.exists()]
            files += len(found)
            left += sum(not _removed(path) for path in found)
        return Erased(what, len(ids), gone, rows, files, left)

    def _files(self, what: Class, ids: Sequence[str]) -> list[Path]:
        found: list[Path] = []
        if what in (Class.RECORDINGS, Class.EVENTS):
            found += [path for one in ids for path in self._recordings_of(one)]
        if what in (Class.HANDOVERS, Class.EVENTS) and self._webhook is not None and self._webhook.is_dir():
            theirs = set(ids)
            found += [path for path in self._webhook.iterdir() if call_of(path) in theirs]
        return found

    def _recordings_of(self, call_id: str) -> list[Path]:
        """Finished, and left behind by a crash."""
        name = Path(call_id).name
        return [self._recordings / f"{name}{ending}" for ending in (".wav", ".partial.wav")]

    def _reading(self) -> sa.Connection:
        try:
            return self._engine.connect()
        except SQLAlchemyError as error:
            raise RecordError(f"the record cannot be read: {said(error)}") from error

    def _compact(self, done: Sequence[Erased]) -> list[Erased]:
        """Empty the write-ahead log: what was erased must not stand there still (freed pages are zeroed anyway).
        On Postgres, vacuum the tables: no old version of a row can be read any more.

        One line that says so if others keep it from being emptied: the next erasure, or the operator's end, does it.
        """
        if is_postgres(self._engine):
            return [] if not any(one.events or one.rows for one in done) or self._vacuumed() else [_left("dead rows")]
        raw = self._engine.raw_connection()
        try:
            busy, *_ = raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.OperationalError:
            busy = 1
        finally:
            raw.close()
        return [_left("write-ahead log")] if busy else []

    def _vacuumed(self) -> bool:
        names = ", ".join(table.name for table in (events, calls, turns, escalations, handoffs, cases, callbacks))
        try:
            with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.exec_driver_sql(f"VACUUM {names}")
        except SQLAlchemyError as error:
            log.error("erasing.not_vacuumed", error=said(error), what_to_do=f"VACUUM {names}")
            return False
        return True


def _left(what: str) -> Erased:
    return Erased(what, 0, 0, 0, 0, 1)


def _over_since(connection: sa.Connection, moment: datetime) -> list[str]:
    """Calls all of whose promises to call back were over before."""
    over = sa.func.max(sa.func.coalesce(callbacks.c.closed_at, callbacks.c.expires_at))
    query = sa.select(callbacks.c.call_id).group_by(callbacks.c.call_id)
    return list(connection.scalars(query.having(over < sa.bindparam("moment", moment, callbacks.c.closed_at.type))))


def _emptied(connection: sa.Connection, what: Class, ids: list[str], *, promises: bool) -> tuple[int, int, int]:
    """Events emptied, rows gone, and what of it is there still."""
    gone = left = 0
    if KINDS[what] != ():
        chosen = sa.and_(events.c.call_id.in_(ids), _bodies(what, promises=promises))
        gone = connection.execute(sa.update(events).where(chosen).values(body=None, salt=None)).rowcount
        left = int(connection.scalar(sa.select(sa.func.count()).select_from(events).where(chosen)) or 0)
    return gone, _tables(connection, what, ids, promises=promises), left


def _bodies(what: Class, *, promises: bool) -> sa.ColumnElement[bool]:
    """Which events have a body to lose. A promise to call back that is open keeps its own, but with ``promises``."""
    kinds, kind = KINDS[what], events.c.kind
    promised = kind.in_([str(one) for one in _PROMISES])
    mine = sa.and_(
        events.c.body.is_not(None), sa.or_(events.c.log != CHAIN, promised, kind == str(EventKind.CASE_CHANGED))
    )
    if kinds is not None:
        mine = sa.and_(mine, kind.in_([str(one) for one in kinds]))
    if promises:
        return mine
    waiting = sa.select(callbacks.c.call_id).where(sa.not_(_over()))
    return sa.and_(mine, sa.not_(sa.and_(promised, events.c.call_id.in_(waiting))))


def _over() -> sa.ColumnElement[bool]:
    return sa.or_(callbacks.c.closed_at.is_not(None), callbacks.c.expires_at < today())


def _tables(connection: sa.Connection, what: Class, ids: list[str], *, promises: bool) -> int:
    if what is Class.TRANSCRIPTS:
        return connection.execute(sa.update(turns).where(turns.c.call_id.in_(ids)).values(**_NO_WORDS)).rowcount
    removed: tuple[sa.Table, ...] = ()
    if what is Class.HANDOVERS:
        removed = (handoffs, cases, escalations)
    elif what is Class.EVENTS:
        removed = (turns, escalations, handoffs, cases, calls)
    count = sum(connection.execute(sa.delete(table).where(table.c.call_id.in_(ids))).rowcount for table in removed)
    if what in (Class.HANDOVERS, Class.CALLBACKS, Class.EVENTS):
        # A promise to call back is kept, unless it is the caller who wants to be forgotten.
        which = sa.and_(callbacks.c.call_id.in_(ids), sa.or_(_over(), sa.literal(promises)))
        count += connection.execute(sa.delete(callbacks).where(which)).rowcount
    return count


def _removed(path: Path) -> bool:
    path.unlink(missing_ok=True)
    return not path.exists()


def today() -> datetime:
    """Now, as retention counts."""
    return datetime.now(UTC)
