"""Erasing what must not be kept any longer: by class and age, or by caller. What was erased is itself written down.

::

    events   body and salt go, digest and hashes stay (a tombstone): the chain goes on and can still be verified
    tables   rows, or the words in them, go          recordings   files go
    record.erased, in the chain of what people did, in the same transaction: which calls, which class, by whom

A tombstone that no ``record.erased`` speaks of was made by somebody else: ``operations.verifying`` finds it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from contracts.errors import RecordError
from contracts.events import Event, EventKind
from operations.audit import CHAIN
from operations.chain import append_rows, entry_of, verify_chain
from operations.database import writing
from operations.settings import RetentionSettings
from operations.tables import callbacks, calls, cases, escalations, events, handoffs, turns

_CHUNK = 200


class Class(StrEnum):
    """What is kept for how long."""

    TRANSCRIPTS = "transcripts"
    """What was said, on either side."""
    RECORDINGS = "recordings"
    HANDOVERS = "handovers"
    """Briefings with their transcripts, escalations, what the inbox knows of them, promised callbacks."""
    EVENTS = "events"
    """Everything else of a call, and the call itself."""


_WORDS = (EventKind.TURN_CALLER, EventKind.TURN_OPERATOR, EventKind.GATE_REJECTED, EventKind.DTMF_RECEIVED)
_HANDING = (
    EventKind.HANDOFF_SAVED,
    EventKind.ESCALATION_RAISED,
    EventKind.TRANSFER_BEGUN,
    EventKind.TRANSFER_ENDED,
    EventKind.CALLBACK_WANTED,
)
KINDS: dict[Class, tuple[EventKind, ...] | None] = {
    Class.TRANSCRIPTS: _WORDS,
    Class.RECORDINGS: (),
    Class.HANDOVERS: _HANDING,
    Class.EVENTS: None,
}
"""Events whose bodies go with a class; None: all of the call."""
_NO_WORDS = {"caller_text": "", "operator_text": "", "heard": ""}


@dataclass(slots=True, frozen=True)
class Erased:
    """What one class lost. ``left``: of what should be gone, counted afterwards; 0 is the proof."""

    what: Class
    calls: int
    events: int
    rows: int
    files: int
    left: int


class Eraser:
    """Over a record and its folder of recordings. All methods raise RecordError."""

    def __init__(self, engine: sa.Engine, recordings: Path) -> None:
        self._engine = engine
        self._recordings = recordings

    def retain(self, settings: RetentionSettings, now: datetime, by: str = "retention") -> list[Erased]:
        """Erase what is older than its class may be; classes of 0 days are kept."""
        done = []
        for what in Class:
            days: int = getattr(settings, f"{what}_days")
            if days:
                done.append(self._erase(what, self._before(now - timedelta(days=days), what), by, f"over {days} days"))
        self._compact()
        return done

    def forget(self, call_ids: Sequence[str], by: str, why: str) -> list[Erased]:
        """Erase all of these calls."""
        done = [self._erase(what, list(call_ids), by, why, promises=True) for what in Class]
        self._compact()
        return done

    def of_caller(self, number: str) -> list[str]:
        """Ids of the calls of a caller, oldest first: the identity as it is in the record, or its number."""
        with self._reading() as connection:
            rows = connection.execute(sa.select(calls.c.call_id, calls.c.caller).order_by(calls.c.started_at)).all()
        return [row.call_id for row in rows if same_caller(number, row.caller)]

    def _before(self, moment: datetime, what: Class) -> list[str]:
        """Calls that began before and still have something of the class."""
        with self._reading() as connection:
            old = list(connection.scalars(sa.select(calls.c.call_id).where(calls.c.started_at < moment)))
            if what is Class.RECORDINGS:
                return [one for one in old if self._file(one).exists()]
            if what is Class.EVENTS:
                return old
            having = set(
                connection.scalars(
                    sa.select(events.c.call_id)
                    .where(events.c.log != CHAIN, events.c.body.is_not(None))
                    .where(events.c.kind.in_([str(kind) for kind in KINDS[what] or ()]))
                    .distinct()
                )
            )
        return [one for one in old if one in having]

    def _erase(self, what: Class, ids: list[str], by: str, why: str, *, promises: bool = False) -> Erased:
        gone = rows = files = left = 0
        for start in range(0, len(ids), _CHUNK):
            some = ids[start : start + _CHUNK]
            try:
                with writing(self._engine) as connection:
                    body = {"class": str(what), "calls": some, "by": by, "why": why}
                    told = entry_of(Event(EventKind.RECORD_ERASED, "-", body), uuid.uuid4().hex, body)
                    append_rows(connection, CHAIN, [told])
                    chosen = _of(what, some)
                    if chosen is not None:
                        gone += connection.execute(
                            sa.update(events).where(chosen).values(body=None, salt=None)
                        ).rowcount
                        left += _count(connection, events, chosen)
                    rows += _tables(connection, what, some, promises=promises)
            except SQLAlchemyError as error:
                raise RecordError(f"{what} could not be erased: {str(error).splitlines()[0]}") from error
            if what in (Class.RECORDINGS, Class.EVENTS):
                found = [path for path in map(self._file, some) if path.exists()]
                files += len(found)
                left += sum(not _removed(path) for path in found)
        return Erased(what, len(ids), gone, rows, files, left)

    def _file(self, call_id: str) -> Path:
        return self._recordings / f"{Path(call_id).name}.wav"

    def _reading(self) -> sa.Connection:
        try:
            return self._engine.connect()
        except SQLAlchemyError as error:
            raise RecordError(f"the record cannot be read: {str(error).splitlines()[0]}") from error

    def _compact(self) -> None:
        """Empty the write-ahead log: what was erased must not stand there still (freed pages are zeroed anyway)."""
        if self._engine.dialect.name != "sqlite":
            return
        raw = self._engine.raw_connection()
        try:
            raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            raw.close()

    def verify(self) -> dict[str, int]:
        """Links of each chain, as far as they hold. Raises RecordError naming the first broken one."""
        with self._reading() as connection:
            names = list(connection.scalars(sa.select(events.c.log).distinct().order_by(events.c.log)))
        return {name: verify_chain(self._engine, name) for name in names}


def same_caller(given: str, caller: str) -> bool:
    """Is that who is meant? ``+1 555 01 42`` means ``sip:+15550142@example.org``; under six digits mean nobody."""
    if given == caller:
        return True
    user = caller.partition(":")[2].partition("@")[0] if ":" in caller else caller
    digits, own = ("".join(one for one in text if one.isdigit()) for text in (given, user))
    return given == user or (len(digits) >= 6 and digits == own and not any(one.isalpha() for one in given))


def _of(what: Class, ids: Iterable[str]) -> sa.ColumnElement[bool] | None:
    """Which events have a body to lose."""
    kinds = KINDS[what]
    mine = sa.and_(events.c.call_id.in_(list(ids)), events.c.log != CHAIN, events.c.body.is_not(None))
    if kinds is None:
        return mine
    return sa.and_(mine, events.c.kind.in_([str(kind) for kind in kinds])) if kinds else None


def _tables(connection: sa.Connection, what: Class, ids: list[str], *, promises: bool) -> int:
    if what is Class.TRANSCRIPTS:
        return connection.execute(sa.update(turns).where(turns.c.call_id.in_(ids)).values(**_NO_WORDS)).rowcount
    removed: tuple[sa.Table, ...] = ()
    if what is Class.HANDOVERS:
        removed = (handoffs, cases, escalations)
    elif what is Class.EVENTS:
        removed = (turns, escalations, handoffs, cases, calls)
    count = sum(connection.execute(sa.delete(table).where(table.c.call_id.in_(ids))).rowcount for table in removed)
    if removed:
        # A promise to call back is kept, unless it is the caller who wants to be forgotten.
        over = sa.or_(callbacks.c.closed_at.is_not(None), callbacks.c.expires_at < today(), sa.literal(promises))
        count += connection.execute(sa.delete(callbacks).where(callbacks.c.call_id.in_(ids), over)).rowcount
    return count


def _count(connection: sa.Connection, table: sa.Table, which: sa.ColumnElement[bool]) -> int:
    return int(connection.scalar(sa.select(sa.func.count()).select_from(table).where(which)) or 0)


def _removed(path: Path) -> bool:
    path.unlink(missing_ok=True)
    return not path.exists()


def today() -> datetime:
    """Now, as retention counts."""
    return datetime.now(UTC)
