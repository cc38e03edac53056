"""What people did, kept in the same hash-chained log as what happened in calls, in a chain of its own."""

from __future__ import annotations

import uuid

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from contracts.errors import RecordError
from contracts.events import Event, EventKind
from escalation.redact import redact_value
from operations.chain import append_rows, entry_of
from operations.database import writing
from operations.tables import events

CHAIN = "console"
"""Name of the chain, for ``operations.chain.verify_chain``."""
_TRIES = 5


class AuditLog:
    """Written before the answer is sent: what could not be written down is not done. Thread-safe."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def note(self, by: str, action: str, what: str = "", *, call_id: str = "-") -> None:
        """``by`` (an account) did ``action`` (``knowledge.publish``) to ``what``. Raises RecordError."""
        body = {"by": by, "action": action, "what": redact_value(what, frozenset())}
        stored = entry_of(Event(EventKind.CONSOLE_ACTED, call_id, body), uuid.uuid4().hex, body)
        for left in reversed(range(_TRIES)):
            try:
                with writing(self._engine) as connection:
                    append_rows(connection, CHAIN, [stored])
                return
            except IntegrityError as error:  # Postgres: another process took the same number; take the next
                if not left:
                    raise RecordError("the audit log could not be written; try again") from error
            except (SQLAlchemyError, OSError) as error:
                raise RecordError(f"the audit log could not be written: {str(error).splitlines()[0]}") from error

    def latest(self, limit: int = 200) -> list[dict[str, str]]:
        """``at``, ``by``, ``action``, ``what``, ``call_id``, the latest first. Raises RecordError."""
        statement = sa.select(events).where(events.c.log == CHAIN).order_by(events.c.seq.desc()).limit(limit)
        try:
            with self._engine.connect() as connection:
                rows = connection.execute(statement).all()
        except SQLAlchemyError as error:
            raise RecordError(f"the audit log cannot be read: {str(error).splitlines()[0]}") from error
        return [
            {"at": row.at.isoformat(timespec="seconds"), "call_id": row.call_id, **(row.body or {})} for row in rows
        ]
