"""The database of the canonical text: how it is opened, and its errors by name."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import DatabaseError, OperationalError

from contracts.databases import advice, first_line, is_full, is_postgres, make_engine, resolve_url, shown
from contracts.errors import DeviceFull, KnowledgeError

CHUNK = 500
"""Keys in one IN (…): below every database's limit of parameters."""
_SETTING = "knowledge.database"
_PATIENCE_MS = 10_000
"""How long a lock of the database is waited for."""
_NEEDED = 1 << 20
"""Bytes that must be free for SQLite's files beside the database."""
ItemT = TypeVar("ItemT")


def open_engine(url: str, home: Path) -> sa.Engine:
    """An engine for a database URL; a relative SQLite path is under ``home``. SQLite runs in WAL mode, fully synced.

    Raises ConfigError for a wrong URL or a missing database driver.
    """
    parsed = resolve_url(url, home, _SETTING)
    engine = make_engine(parsed, _PATIENCE_MS, _SETTING)
    if not is_postgres(engine):
        if parsed.database and parsed.database != ":memory:":
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction. Raises DeviceFull when there is no space, and then nothing has changed."""
    try:
        with engine.begin() as connection:
            yield connection
    except OperationalError as error:
        if is_full(error):
            raise DeviceFull(
                "no space left for the knowledge base; nothing was changed. Free some and repeat"
            ) from error
        raise


@contextmanager
def opening(engine: sa.Engine) -> Iterator[None]:
    """Names a database that cannot be used. Raises KnowledgeError."""
    try:
        yield
    except DatabaseError as error:
        raise KnowledgeError(unusable(shown(engine.url), error, _free_bytes(engine.url))) from error


def unusable(where: str, error: DatabaseError, free_bytes: int) -> str:
    """Why a database cannot be opened, and what to do. SQLite cannot even be read without some space: its write-ahead
    log needs an index file. Pure."""
    if free_bytes < _NEEDED:
        return (
            f"the database {where} cannot be opened: no space is left there ({first_line(error)}). Nothing is lost; "
            "free some and start again"
        )
    what_to_do = advice(error) or "restore it from a backup, or move it away and add the documents again"
    return f"the database {where} cannot be used ({first_line(error)}); {what_to_do}"


def _free_bytes(url: sa.URL) -> int:
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        return _NEEDED
    return shutil.disk_usage(Path(url.database).parent).free


def chunks(items: Iterable[ItemT], size: int = CHUNK) -> Iterator[Sequence[ItemT]]:
    """Pieces of a list, short enough for one statement."""
    kept = list(items)
    for at in range(0, len(kept), size):
        yield kept[at : at + size]


def insert_missing(connection: sa.Connection, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows of a table that is written once; those whose key is there are the same and left alone."""
    if not rows:
        return
    keys = [column.name for column in table.primary_key]
    if len(keys) == 1:
        column = table.c[keys[0]]
        present: set[Any] = set()
        for piece in chunks({row[keys[0]] for row in rows}):
            present |= set(connection.execute(sa.select(column).where(column.in_(piece))).scalars())
        fresh = {row[keys[0]]: row for row in rows if row[keys[0]] not in present}
        rows = list(fresh.values())
    for piece in chunks(rows):
        connection.execute(table.insert(), list(piece))
