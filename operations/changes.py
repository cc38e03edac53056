"""Rows that people change (cases, callbacks, accounts): each change is an entry of the audit's chain, in one
transaction with it, and tells all that the row holds from then on.

::

    update … where it is still free ─┬─ no row ─► nothing is written, the asker is told who was faster
                                     └─ row ─► entry {by, act, row} behind the chain's head ─► commit

``operations.verifying`` makes the rows once more from the entries: a row that somebody changed otherwise is found.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError

from contracts.databases import hold
from contracts.errors import RecordError
from contracts.events import Event, EventKind
from operations.chain import Stored, append_rows, entry_of
from operations.database import writing
from operations.meaning import CALLBACK_ROW, CASE_ROW
from operations.tables import accounts, callbacks, cases

CHAIN = "console"
"""Name of the chain of what people did."""
_TRIES = 5
_AGAIN = ("40001", "40P01")
"""Postgres: serialization failure, deadlock."""
Work = Callable[[sa.Connection], Iterable[Stored]]


def chained(engine: sa.Engine, work: Work) -> int:
    """Do ``work`` and append the entries that it returns, in one transaction; how many they were.

    One at a time, as SQLite does it: on Postgres the chain is held from the beginning. Where two still stand in each
    other's way, all is done once more.
    Raises RecordError when that happens too often, SQLAlchemyError when the database cannot be asked.
    """
    for left in reversed(range(_TRIES)):
        try:
            with writing(engine) as connection:
                hold(connection, f"chain {CHAIN}")
                told = list(work(connection))
                if told:
                    append_rows(connection, CHAIN, told)
            return len(told)
        except DBAPIError as error:
            if not _in_the_way(error):
                raise
            if not left:
                raise RecordError("the audit log could not be written; try again") from error
    raise AssertionError("unreachable")


def _in_the_way(error: DBAPIError) -> bool:
    return isinstance(error, IntegrityError) or getattr(error.orig, "sqlstate", None) in _AGAIN


def entry(kind: EventKind, call_id: str, body: Mapping[str, Any]) -> Stored:
    """An entry for the chain. Its text is kept as it is: redact before."""
    return entry_of(Event(kind, call_id, dict(body)), uuid.uuid4().hex, dict(body))


def case_changed(connection: sa.Connection, call_id: str, by: str, act: str) -> Stored:
    """The entry of a case as it is now."""
    row = connection.execute(sa.select(cases).where(cases.c.call_id == call_id)).mappings().one()
    return entry(EventKind.CASE_CHANGED, call_id, {"by": by, "act": act, "row": _plain(dict(row), CASE_ROW)})


def callback_changed(connection: sa.Connection, ticket: str, by: str, act: str) -> Stored:
    """The entry of a callback as it is now."""
    row = connection.execute(sa.select(callbacks).where(callbacks.c.ticket == ticket)).mappings().one()
    body = {"by": by, "act": act, "ticket": ticket, "row": _plain(dict(row), CALLBACK_ROW)}
    return entry(EventKind.CALLBACK_CHANGED, row["call_id"], body)


def account_changed(connection: sa.Connection, name: str, by: str, action: str, what: str) -> Stored:
    """The entry of an account as it is now."""
    row = connection.execute(sa.select(accounts).where(accounts.c.name == name)).mappings().one()
    body = {"by": by, "action": action, "what": what, "row": account_row(dict(row))}
    return entry(EventKind.ACCOUNT_CHANGED, "-", body)


def account_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """An account as its entry holds it: of the password's hash, which has its own salt, a digest."""
    names = [column.name for column in accounts.c if column.name != "password"]
    return {**_plain(row, names), "password_sha256": hashlib.sha256(str(row["password"]).encode()).hexdigest()}


def _plain(row: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value := row[name], datetime) else value for name in names}
