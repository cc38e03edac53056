"""The tables for reading, brought up to date with each event as it is written."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError, StatementError

from operations.meaning import Body, Change, meaning
from operations.tables import escalations

log = structlog.get_logger()


def apply_safely(connection: sa.Connection, kind: str, call_id: str, turn: int, at: datetime, body: Body) -> None:
    """Bring the tables up to date with one event.

    One whose values the tables refuse is kept in the log alone: it must not stop the others. Raises OperationalError
    and its like, when the database itself is in trouble.
    """
    try:
        changes = list(meaning(kind, call_id, turn, at, body))
        if not changes:
            return
        with connection.begin_nested():
            for change in changes:
                _apply(connection, change)
    except (OperationalError, InterfaceError, InternalError):
        raise
    except (StatementError, OverflowError) as error:
        log.error("record.event_not_applied", kind=kind, call_id=call_id, detail=type(error).__name__)


def _apply(connection: sa.Connection, change: Change) -> None:
    if change.latest:
        connection.execute(_latest(), {**_named(change.key), **change.values})
        return
    if change.key:
        changed = _update(change.table, tuple(change.key))
        if connection.execute(changed, {**_named(change.key), **change.values}).rowcount:
            return
    if change.defaults is not None:
        connection.execute(sa.insert(change.table), {**change.defaults, **change.key, **change.values})


def _named(key: Body) -> Mapping[str, Any]:
    return {f"key_{name}": value for name, value in key.items()}


@lru_cache(maxsize=32)
def _update(table: sa.Table, key: tuple[str, ...]) -> sa.Update:
    """Made once: building a statement takes longer than running it."""
    return sa.update(table).where(*(table.c[name] == sa.bindparam(f"key_{name}") for name in key))


@lru_cache(maxsize=1)
def _latest() -> sa.Update:
    mine = escalations.c.call_id == sa.bindparam("key_call_id")
    latest = sa.select(sa.func.max(escalations.c.escalation_id)).where(mine)
    return sa.update(escalations).where(escalations.c.escalation_id == latest.scalar_subquery())
