"""What people did, kept in the same hash-chained log as what happened in calls, in a chain of its own."""

from __future__ import annotations

import getpass

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from contracts.databases import said
from contracts.errors import RecordError
from contracts.events import EventKind
from escalation.redact import redact_value
from operations.changes import CHAIN, chained, entry
from operations.tables import events

_SHOWN = (EventKind.CONSOLE_ACTED, EventKind.ACCOUNT_CHANGED, EventKind.RECORD_ERASED)
"""Entries that the audit lists; changes of cases and callbacks are behind the acts that are listed."""


class AuditLog:
    """Written before the answer is sent: what could not be written down is not done. Thread-safe."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def note(self, by: str, action: str, what: str = "", *, call_id: str = "-", **more: str) -> None:
        """``by`` (an account) did ``action`` (``knowledge.publish``) to ``what``. Raises RecordError."""
        body = {"by": by, "action": action, "what": redact_value(what, frozenset()), **more}
        try:
            chained(self._engine, lambda _: [entry(EventKind.CONSOLE_ACTED, call_id, body)])
        except (SQLAlchemyError, OSError) as error:
            raise RecordError(f"the audit log could not be written: {said(error)}") from error

    def latest(self, limit: int = 200) -> list[dict[str, str]]:
        """``at``, ``by``, ``action``, ``what``, ``call_id``, the latest first. Raises RecordError."""
        mine = sa.and_(events.c.log == CHAIN, events.c.kind.in_([str(kind) for kind in _SHOWN]))
        statement = sa.select(events).where(mine).order_by(events.c.seq.desc()).limit(limit)
        try:
            with self._engine.connect() as connection:
                rows = connection.execute(statement).all()
        except SQLAlchemyError as error:
            raise RecordError(f"the audit log cannot be read: {said(error)}") from error
        return [_shown(row) for row in rows]


def _shown(row: sa.Row[tuple[object, ...]]) -> dict[str, str]:
    body = row.body or {}
    action, what = str(body.get("action", row.kind)), str(body.get("what", ""))
    if row.kind == EventKind.RECORD_ERASED:
        what = f"{body.get('class', '')} of {len(body.get('calls', ()))} calls: {body.get('why', '')}"
    by, at = str(body.get("by", "")), row.at.isoformat(timespec="seconds")
    return {"at": at, "call_id": row.call_id, "by": by, "action": action, "what": what}


def at_terminal() -> str:
    """Who works at this terminal, as the audit names them."""
    try:
        return f"{getpass.getuser()} (terminal)"
    except (KeyError, OSError):  # a container without a user of that number
        return "terminal"
