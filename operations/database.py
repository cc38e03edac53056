"""Opens the record's database, and brings its schema up to date."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import event
from sqlalchemy.exc import SQLAlchemyError

from contracts.errors import ConfigError, RecordError

MIGRATIONS = Path(__file__).parent / "migrations"
_WRITE = "callwright_write"


def resolve_url(url: str, home: Path) -> sa.URL:
    """The URL with a relative SQLite path put under ``home``. Raises ConfigError for one that cannot be read."""
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError as error:
        raise ConfigError(f"database_url: not a database URL; e.g. sqlite:///callwright.db ({error})") from error
    if parsed.get_backend_name() == "sqlite" and parsed.database and parsed.database != ":memory:":
        return parsed.set(database=str(home / parsed.database))
    return parsed


def open_database(url: str, home: Path, busy_timeout_ms: int = 2000) -> sa.Engine:
    """An engine for the record. SQLite: WAL, full sync, foreign keys, ``busy_timeout_ms`` for locks.

    Makes the folder of a SQLite file. Raises ConfigError for a wrong URL or a missing database driver.
    """
    parsed = resolve_url(url, home)
    sqlite = parsed.get_backend_name() == "sqlite"
    if sqlite and parsed.database and parsed.database != ":memory:":
        try:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RecordError(f"{parsed.database}: its folder cannot be made ({error.strerror})") from error
    options: dict[str, Any] = (
        {"connect_args": {"timeout": busy_timeout_ms / 1000}} if sqlite else {"pool_pre_ping": True}
    )
    try:
        engine = sa.create_engine(parsed, **options)
    except (sa.exc.NoSuchModuleError, ImportError) as error:
        raise ConfigError(f"database_url: no driver for {parsed.drivername!r}: {error}") from error
    if sqlite:
        event.listen(engine, "connect", _on_connect)
        event.listen(engine, "begin", _on_begin)
    return engine


def _on_connect(connection: sqlite3.Connection, _record: object) -> None:
    # sqlite3 would begin transactions by its own rules; _on_begin does it, so that a writer locks from the start.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _on_begin(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get(_WRITE, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction that may write: on SQLite it holds the lock from its start, so it cannot fail half-way."""
    with engine.connect().execution_options(**{_WRITE: True}) as connection, connection.begin():
        yield connection


def migrate(engine: sa.Engine) -> None:
    """Bring the schema to the newest revision; does nothing if it is there. Raises RecordError."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    try:
        with writing(engine) as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except (SQLAlchemyError, CommandError, OSError) as error:
        raise RecordError(
            f"{engine.url.render_as_string()}: the schema cannot be brought up to date: {error}"
        ) from error
