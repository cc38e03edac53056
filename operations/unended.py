"""Calls whose operator was killed: they have a beginning and no end in the record."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError

from contracts.databases import said
from contracts.errors import RecordError
from contracts.events import EventKind
from contracts.handoff import HandoffRecord, HandoffStatus
from operations.tables import callbacks, calls, events, handoffs

_UNDER_WAY = (str(HandoffStatus.RAISED), str(HandoffStatus.TRANSFERRING))
_MOST = 1000


@dataclass(slots=True, frozen=True)
class Unended:
    """One call. ``handoff``: it was on its way to a person; ``promised``: a callback was noted already."""

    call_id: str
    caller: str
    lasted_s: float
    """Up to its last event."""
    handoff: HandoffRecord | None = None
    promised: bool = False


def unended(engine: sa.Engine, before: datetime, log: str = "main") -> list[Unended]:
    """Calls of this event log that began before then and have no end, oldest first. Raises RecordError."""
    last = sa.select(sa.func.max(events.c.at)).where(events.c.call_id == calls.c.call_id).scalar_subquery()
    ours = sa.exists().where(
        events.c.call_id == calls.c.call_id, events.c.log == log, events.c.kind == str(EventKind.CALL_STARTED)
    )
    promised = sa.exists().where(callbacks.c.call_id == calls.c.call_id)
    query = (
        sa.select(
            calls.c.call_id, calls.c.caller, calls.c.started_at, last.label("last"), promised.label("promised"),
            handoffs.c.record, handoffs.c.status,
        )
        .outerjoin(handoffs, handoffs.c.call_id == calls.c.call_id)
        .where(calls.c.ended_at.is_(None), calls.c.started_at < before, ours)
        .order_by(calls.c.started_at)
        .limit(_MOST)
    )  # fmt: skip
    try:
        with engine.connect() as connection:
            rows = connection.execute(query).all()
    except SQLAlchemyError as error:
        raise RecordError(f"the record cannot be read: {said(error)}") from error
    return [
        Unended(
            row.call_id, row.caller, max(0.0, (_aware(row.last, row.started_at) - row.started_at).total_seconds()),
            _handoff(row.record) if row.status in _UNDER_WAY else None, bool(row.promised),
        )
        for row in rows
    ]  # fmt: skip


def _aware(moment: datetime | None, started_at: datetime) -> datetime:
    """SQLite's max() gives what is stored, without a zone; it is UTC."""
    if moment is None:
        return started_at
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=started_at.tzinfo)


def _handoff(record: object) -> HandoffRecord | None:
    try:
        return HandoffRecord.model_validate(record)
    except ValidationError:
        return None
