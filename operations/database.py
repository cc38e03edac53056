"""Opens the record's database, and brings its schema up to date."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import event
from sqlalchemy.exc import SQLAlchemyError

from contracts.databases import advice, first_line, hold, is_postgres, make_engine, resolve_url, shown
from contracts.errors import RecordError

MIGRATIONS = Path(__file__).parent / "migrations"
_WRITE = "callwright_write"
_SETTING = "operations.database_url"


def open_database(url: str, home: Path, busy_timeout_ms: int = 2000) -> sa.Engine:
    """An engine for the record. SQLite: WAL, full sync, foreign keys; ``busy_timeout_ms`` for locks.

    Makes the folder of a SQLite file. Raises ConfigError for a wrong URL or a missing database driver.
    """
    parsed = resolve_url(url, home, _SETTING)
    engine = make_engine(parsed, busy_timeout_ms, _SETTING)
    if is_postgres(engine):
        return engine
    if parsed.database and parsed.database != ":memory:":
        try:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RecordError(f"{parsed.database}: its folder cannot be made ({error.strerror})") from error
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


@contextmanager
def snapshot(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A connection whose statements all see one moment, whoever writes meanwhile."""
    with engine.connect() as connection:
        if is_postgres(engine):
            connection.execution_options(isolation_level="REPEATABLE READ")
        yield connection


def migrate(engine: sa.Engine) -> None:
    """Bring the schema to the newest revision; does nothing if it is there. Raises RecordError.

    Several processes may begin at once: one does it, the others wait for it.
    """
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    try:
        with writing(engine) as connection:
            if is_postgres(connection):
                connection.execute(sa.text("SET LOCAL lock_timeout = 0"))
                hold(connection, "schema")
                _refuse_encoding(connection)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except (SQLAlchemyError, CommandError, OSError) as error:
        raise RecordError(_why_not(engine, error)) from error


def _refuse_encoding(connection: sa.Connection) -> None:
    encoding = connection.scalar(sa.text("SHOW server_encoding"))
    if encoding != "UTF8":
        raise RecordError(
            f"{shown(connection.engine.url)}: the database is encoded in {encoding}, and callers speak every language: "
            "createdb --encoding UTF8 --template template0 NAME"
        )


def _why_not(engine: sa.Engine, error: Exception) -> str:
    where = shown(engine.url)
    if isinstance(error, SQLAlchemyError) and (what_to_do := advice(error)):
        return f"{where}: {what_to_do} [{first_line(error)}]"
    return f"{where}: the schema cannot be brought up to date: {error}"
