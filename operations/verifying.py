"""Proves that the record is what was written: every link of a chain, every tombstone, every row made for reading."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from contracts.errors import RecordError
from contracts.events import EventKind
from operations.audit import CHAIN
from operations.chain import GENESIS, digest, link
from operations.erasing import KINDS, Class
from operations.readtables import apply_safely
from operations.tables import calls, escalations, events, handoffs, metadata, turns

_MADE = {
    calls: ("call_id",),
    turns: ("call_id", "turn"),
    escalations: ("call_id", "turn", "rule_id"),
    handoffs: ("call_id",),
}
"""Tables that are made from events, and what names a row of each."""


def faults(engine: sa.Engine) -> Iterator[str]:
    """One line for everything that is not as it was written. Raises RecordError when the record cannot be read."""
    try:
        with engine.connect() as connection:
            erased = _erasures(connection)
            names = list(connection.scalars(sa.select(events.c.log).distinct().order_by(events.c.log)))
            for name in names:
                yield from _chain(connection, name, erased)
            yield from _tables(connection)
    except SQLAlchemyError as error:
        raise RecordError(f"the record cannot be read: {str(error).splitlines()[0]}") from error


def heads(engine: sa.Engine) -> dict[str, tuple[int, str]]:
    """Length and last hash of each chain: noted elsewhere, they show later that no end was cut off."""
    last = sa.select(events.c.log, sa.func.max(events.c.seq).label("seq")).group_by(events.c.log).subquery()
    query = sa.select(events.c.log, events.c.seq, events.c.hash).join(
        last, sa.and_(events.c.log == last.c.log, events.c.seq == last.c.seq)
    )
    with engine.connect() as connection:
        return {row.log: (row.seq, row.hash) for row in connection.execute(query)}


def _erasures(connection: sa.Connection) -> dict[str, set[Class]]:
    """Call → classes that were erased of it, as the record tells."""
    query = sa.select(events.c.body).where(events.c.kind == str(EventKind.RECORD_ERASED), events.c.body.is_not(None))
    found: dict[str, set[Class]] = {}
    for body in connection.scalars(query):
        if body.get("class") in set(Class):
            for call_id in body.get("calls", ()):
                found.setdefault(call_id, set()).add(Class(body["class"]))
    return found


def _chain(connection: sa.Connection, name: str, erased: Mapping[str, set[Class]]) -> Iterator[str]:
    expected, last = 1, GENESIS
    rows = connection.execute(
        sa.select(events).where(events.c.log == name).order_by(events.c.seq).execution_options(yield_per=1000)
    )
    for row in rows.mappings():
        where = f"event log {name!r}, entry {row['seq']} ({row['kind']}, call {row['call_id']})"
        if row["seq"] != expected:
            yield f"event log {name!r}: entries {expected} to {row['seq'] - 1} are missing"
        elif row["prev_hash"] != last:
            yield f"{where}: does not follow from the entry before it"
        if row["hash"] != link(dict(row)):
            yield f"{where}: was changed"
        if row["body"] is not None:
            if digest(row["salt"] or "", row["body"]) != row["body_sha256"]:
                yield f"{where}: its content was changed"
        elif not _spoken_of(row["kind"], erased.get(row["call_id"], set())):
            yield f"{where}: its content was removed, and no erasure tells of it"
        expected, last = row["seq"] + 1, row["hash"]


def _spoken_of(kind: str, classes: set[Class]) -> bool:
    return any((kinds := KINDS[one]) is None or kind in {str(each) for each in kinds} for one in classes)


def _tables(connection: sa.Connection) -> Iterator[str]:
    """Make the tables for reading once more, from the events, and compare."""
    again = sa.create_engine("sqlite://")
    metadata.create_all(again, tables=list(_MADE))
    query = (
        sa.select(events.c.kind, events.c.call_id, events.c.turn, events.c.at, events.c.body)
        .where(events.c.log != CHAIN)
        .order_by(events.c.log, events.c.seq)
    )
    incomplete: set[str] = set()
    with again.begin() as copy:
        for row in connection.execute(query):
            if row.body is None:
                incomplete.add(row.call_id)  # erased in part: what is left cannot be made again
            else:
                apply_safely(copy, row.kind, row.call_id, row.turn, row.at, row.body)
        for table, key in _MADE.items():
            yield from _compared(connection, copy, table, key, incomplete)
    again.dispose()


def _compared(
    kept: sa.Connection, made: sa.Connection, table: sa.Table, key: tuple[str, ...], incomplete: set[str]
) -> Iterator[str]:
    should = _rows(made, table, key)
    for name, row in _rows(kept, table, key).items():
        if name[0] in incomplete:
            continue
        where = f"table {table.name}, " + ", ".join(f"{one} {part}" for one, part in zip(key, name, strict=False))
        right = should.pop(name, None)
        if right is None:
            yield f"{where}: no event tells of this row"
        elif changed := [column for column, value in row.items() if value != right[column]]:
            yield f"{where}: {', '.join(changed)} changed"
    for name in should:
        if name[0] not in incomplete:
            yield f"table {table.name}, call {name[0]}: a row is missing"


def _rows(connection: sa.Connection, table: sa.Table, key: tuple[str, ...]) -> dict[tuple[Any, ...], dict[str, Any]]:
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in connection.execute(sa.select(table)).mappings():
        values = {name: value for name, value in row.items() if name != "escalation_id"}
        name = tuple(row[one] for one in key)
        while name in found:  # the same rule twice in a turn
            name = (*name, "again")
        found[name] = values
    return found
