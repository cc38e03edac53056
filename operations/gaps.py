"""What callers asked and no document answered, from the event log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from contracts.databases import said
from contracts.errors import RecordError
from contracts.events import EventKind
from operations.tables import events, turns

_ENDINGS = ("gate rejected", "the model found no answer in the documents")
"""How ``why`` of a turn ends whose passage was there but did not hold the answer (dialog.attempt)."""


@dataclass(slots=True, frozen=True)
class Unanswered:
    """A turn as it was recognised and redacted. ``why``: in the cascade's words."""

    call_id: str
    turn: int
    at: datetime
    text: str
    why: str


def unanswered(
    engine: sa.Engine, since: datetime, limit: int = 2000, calls: Sequence[str] | None = None
) -> list[Unanswered]:
    """Questions without evidence, the latest first; of these calls alone. Raises RecordError."""
    kinds = (EventKind.CASCADE_DECIDED, EventKind.TURN_OPERATOR)
    same = sa.and_(turns.c.call_id == events.c.call_id, turns.c.turn == events.c.turn)
    statement = (
        sa.select(events.c.kind, events.c.call_id, events.c.turn, events.c.at, events.c.body, turns.c.caller_text)
        .join(turns, same)
        .where(events.c.kind.in_([str(kind) for kind in kinds]), events.c.at >= since, turns.c.caller_text != "")
        .order_by(events.c.at.desc())
        .limit(limit * 20)
    )
    if calls is not None:
        statement = statement.where(events.c.call_id.in_(list(calls)))
    found: dict[tuple[str, int], Unanswered] = {}
    try:
        with engine.connect() as connection:
            for row in connection.execute(statement):
                if (why := _why(row.kind, row.body)) and len(found) < limit:
                    found.setdefault(
                        (row.call_id, row.turn), Unanswered(row.call_id, row.turn, row.at, row.caller_text, why)
                    )
    except SQLAlchemyError as error:
        raise RecordError(f"the record cannot be read: {said(error)}") from error
    return list(found.values())


def _why(kind: str, body: Any) -> str:
    if not isinstance(body, dict):
        return ""
    why = str(body.get("why", ""))
    if kind == EventKind.CASCADE_DECIDED:
        return why or "no evidence" if body.get("rung") == "unknown" else ""
    return why if why.endswith(_ENDINGS) else ""
