"""Proves that the record is what was written: every link of a chain, every tombstone, every row.

::

    events, chain after chain, in one pass ─┬─► does each follow from the one before, is its content its digest's?
                                            ├─► made once more into tables in memory ─► compared with those that are
                                            └─► accounts as they were last changed, sessions as they began ─► likewise
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from contracts.databases import said
from contracts.errors import RecordError
from contracts.events import EventKind
from operations.chain import GENESIS, digest, link
from operations.changes import CHAIN, account_row
from operations.database import snapshot
from operations.erasing import KINDS, Class
from operations.meaning import MADE, Change, meaning
from operations.tables import (
    accounts,
    callbacks,
    calls,
    cases,
    escalations,
    events,
    handoffs,
    sessions,
    turns,
)

_KEYS = {
    calls: ("call_id",),
    turns: ("call_id", "turn"),
    escalations: ("call_id", "turn", "rule_id"),
    handoffs: ("call_id",),
    cases: ("call_id",),
    callbacks: ("call_id", "ticket"),
}
"""Tables that are made from events, and what names a row of each."""
_TOLD = 1000
"""Entries between two words on how far it is."""
Tell = Callable[[int, int], None]
"""Told how many entries are checked, and of how many."""


@dataclass(slots=True)
class _Seen:
    """What the entries said, for the tables. ``emptied`` and ``told``: calls, by the table that they are made into."""

    emptied: dict[str, set[str]] = field(default_factory=lambda: {table.name: set() for table in _KEYS})
    told: dict[str, set[str]] = field(default_factory=lambda: {table.name: set() for table in _KEYS})
    rows: dict[str, dict[tuple[Any, ...], dict[str, Any]]] = field(
        default_factory=lambda: {table.name: {} for table in _KEYS}
    )
    """Of each table, by the key that changes name them with; of escalations, by call and number."""
    accounts: dict[str, dict[str, Any]] = field(default_factory=dict)
    begun: dict[str, str] = field(default_factory=dict)
    _raised: dict[str, int] = field(default_factory=dict)

    def take(self, row: sa.Row[Any]) -> None:
        """One entry, in its order."""
        table, body = MADE.get(row.kind), row.body
        if table is not None:
            (self.emptied if body is None else self.told)[table.name].add(row.call_id)
        if body is None:
            return
        if row.kind == EventKind.ACCOUNT_CHANGED:
            if isinstance(kept := body.get("row"), dict):
                self.accounts[str(kept.get("name"))] = kept
        elif row.kind == EventKind.CONSOLE_ACTED:
            if session := body.get("session"):
                self.begun[session] = str(body.get("by", ""))
        elif table is not None:
            try:
                for change in meaning(row.kind, row.call_id, row.turn, row.at, body):
                    self._make(change)
            except OverflowError:
                return  # as it was when it was written: in the log alone

    def _make(self, change: Change) -> None:
        """As operations.readtables does in the database."""
        kept = self.rows[change.table.name]
        if change.table is escalations:
            call_id = str({**change.key, **change.values}["call_id"])
            self._raised[call_id] = number = self._raised.get(call_id, 0) + (not change.latest)
            name: tuple[Any, ...] = (call_id, number)
        else:
            name = tuple(change.key.values())
        if name in kept:
            kept[name].update(change.values)
        elif change.defaults is not None:
            kept[name] = {**change.defaults, **change.key, **change.values}


def faults(engine: sa.Engine, tell: Tell | None = None) -> Iterator[str]:
    """One line for everything that is not as it was written. Raises RecordError when the record cannot be read."""
    try:
        with snapshot(engine) as connection:
            names = list(connection.scalars(sa.select(events.c.log).distinct()))
            seen, erased = _Seen(), _erasures(connection)
            count = _Counter(connection.scalar(sa.select(sa.func.count()).select_from(events)) or 0, tell)
            for name in sorted(names, key=lambda one: (one == CHAIN, one)):  # people act on what calls have made
                yield from _chain(connection, name, erased, seen, count)
            for table, key in _KEYS.items():
                yield from _compared(connection, table, key, seen)
            yield from _accounts(connection, seen.accounts)
            yield from _sessions(connection, seen.begun)
    except SQLAlchemyError as error:
        raise RecordError(f"the record cannot be read: {said(error)}") from error


def heads(engine: sa.Engine) -> dict[str, tuple[int, str]]:
    """Length and last hash of each chain: noted elsewhere, they show later that no end was cut off."""
    last = sa.select(events.c.log, sa.func.max(events.c.seq).label("seq")).group_by(events.c.log).subquery()
    query = sa.select(events.c.log, events.c.seq, events.c.hash).join(
        last, sa.and_(events.c.log == last.c.log, events.c.seq == last.c.seq)
    )
    with engine.connect() as connection:
        return {row.log: (row.seq, row.hash) for row in connection.execute(query)}


class _Counter:
    def __init__(self, total: int, tell: Tell | None) -> None:
        self._done, self._total, self._tell = 0, total, tell

    def one(self) -> None:
        self._done += 1
        if self._tell is not None and (self._done % _TOLD == 0 or self._done == self._total):
            self._tell(self._done, self._total)


def _erasures(connection: sa.Connection) -> dict[str, set[Class]]:
    """Call → classes that were erased of it, as the record tells."""
    query = sa.select(events.c.body).where(events.c.kind == str(EventKind.RECORD_ERASED), events.c.body.is_not(None))
    found: dict[str, set[Class]] = {}
    for body in connection.scalars(query):
        if body.get("class") in set(Class):
            for call_id in body.get("calls", ()):
                found.setdefault(call_id, set()).add(Class(body["class"]))
    return found


def _chain(
    connection: sa.Connection,
    name: str,
    erased: Mapping[str, set[Class]],
    seen: _Seen,
    count: _Counter,
) -> Iterator[str]:
    expected, last = 1, GENESIS
    rows = connection.execute(
        sa.select(events).where(events.c.log == name).order_by(events.c.seq).execution_options(yield_per=_TOLD)
    )
    for row in rows:
        where = f"event log {name!r}, entry {row.seq} ({row.kind}, call {row.call_id})"
        if row.seq != expected:
            yield f"event log {name!r}: entries {expected} to {row.seq - 1} are missing"
        elif row.prev_hash != last:
            yield f"{where}: does not follow from the entry before it"
        if row.hash != link(dict(row._mapping)):
            yield f"{where}: was changed"
        if row.body is not None:
            if digest(row.salt or "", row.body) != row.body_sha256:
                yield f"{where}: its content was changed"
        elif not _spoken_of(row.kind, erased.get(row.call_id, set())):
            yield f"{where}: its content was removed, and no erasure tells of it"
        seen.take(row)
        count.one()
        expected, last = row.seq + 1, row.hash


def _spoken_of(kind: str, classes: set[Class]) -> bool:
    return any((kinds := KINDS[one]) is None or kind in {str(each) for each in kinds} for one in classes)


def _compared(connection: sa.Connection, table: sa.Table, key: tuple[str, ...], seen: _Seen) -> Iterator[str]:
    should = _named(seen.rows[table.name].values(), key)
    kept = connection.execute(sa.select(table).order_by(*table.primary_key.columns)).mappings()
    emptied = seen.emptied[table.name]
    gone = set() if table in (turns, callbacks) else emptied - seen.told[table.name]
    for name, row in _named((dict(row) for row in kept), key).items():
        where = f"table {table.name}, " + ", ".join(f"{one} {part}" for one, part in zip(key, name, strict=False))
        if name[0] in gone:
            yield f"{where}: was erased, and stands there again"
        elif name[0] in emptied:
            continue  # erased in part: what is left cannot be made again
        elif (right := should.pop(name, None)) is None:
            yield f"{where}: no event tells of this row"
        elif changed := [column for column, value in row.items() if value != right.get(column)]:
            yield f"{where}: {', '.join(changed)} changed"
    for name in should:
        if name[0] not in emptied:
            yield f"table {table.name}, call {name[0]}: a row is missing"


def _accounts(connection: sa.Connection, should: dict[str, dict[str, Any]]) -> Iterator[str]:
    for row in connection.execute(sa.select(accounts)).mappings():
        where = f"table accounts, name {row['name']}"
        right = should.pop(row["name"], None)
        if right is None:
            yield f"{where}: no entry of the audit tells of this account"
        elif changed := [one for one, value in account_row(dict(row)).items() if value != right.get(one)]:
            yield f"{where}: {', '.join(changed)} changed"
    for name in should:
        yield f"table accounts, name {name}: a row is missing"


def _sessions(connection: sa.Connection, begun: Mapping[str, str]) -> Iterator[str]:
    """Old ones are thrown away; none is there that did not begin by signing in."""
    for row in connection.execute(sa.select(sessions)):
        if begun.get(row.digest) != row.name:
            yield f"table sessions, a session of {row.name} since {row.made_at:%Y-%m-%d %H:%M}: nobody signed in for it"


def _named(rows: Iterable[Mapping[str, Any]], key: tuple[str, ...]) -> dict[tuple[Any, ...], dict[str, Any]]:
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        name = tuple(row[one] for one in key)
        while name in found:  # the same rule twice in a turn
            name = (*name, "again")
        found[name] = {column: value for column, value in row.items() if column != "escalation_id"}
    return found
