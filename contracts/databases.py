"""How a room's database is opened, SQLite or Postgres, and what its errors ask a person to do.

A password in a URL is shown to nobody: ``shown`` is what goes into logs, errors and `callwright check`.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import SQLAlchemyError

from contracts.errors import ConfigError

POSTGRES = "postgresql"
_DRIVER = "postgresql+psycopg"
_SECRET = ("password", "sslpassword")
_NET: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
    "client_encoding": "utf8",
    "application_name": "callwright",
}
"""libpq's own parameters: a server that vanished (cable, power) is given up after seconds, not hours. A URL's count."""
_SESSION = """SELECT set_config('lock_timeout', %s, false), set_config('timezone', 'UTC', false),
set_config('synchronous_commit', replace(current_setting('synchronous_commit'), 'off', 'on'), false)"""
"""What is acknowledged is on the server's disk, whatever its default; times come back as UTC."""
_DISK_FULL = "53100"
_ADVICE = {
    "password authentication failed": "the password is refused: mend it in ~/.pgpass, PGPASSWORD or the URL",
    "no password supplied": "the server wants a password: put it into ~/.pgpass or PGPASSWORD",
    "no pg_hba.conf entry": "the server lets nobody in from here: add machine and user to its pg_hba.conf",
    "peer authentication failed": "the server wants the system user of that name: run as it, or change pg_hba.conf",
    'role "': "the server knows no such user: createuser --pwprompt NAME",
    'database "': "there is no such database: createdb --owner USER --encoding UTF8 --template template0 NAME",
    "too many clients": "the server has no connection left: raise its max_connections",
    "remaining connection slots": "the server has no connection left: raise its max_connections",
    "starting up": "the server is just starting: try again in some seconds",
    "shutting down": "the server is just ending: start it again",
    "read-only transaction": "that is a standby, which only reads: name the primary",
    "permission denied": "the user may not make tables: ALTER DATABASE NAME OWNER TO USER",
    "resolve host": "no machine has that name: mend the host",
    "name or service not known": "no machine has that name: mend the host",
    **dict.fromkeys(
        ("refused", "no such file", "timeout expired", "timed out", "no route", "unreachable", "closed", "terminating"),
        "no Postgres answers there: start it, or mend host and port",
    ),
    "ssl": "the server and this machine disagree on TLS: see sslmode in libpq's documentation",
}
"""What a server or libpq says → what a person is to do; in this order, for one text may hold several."""


def resolve_url(url: str, home: Path, setting: str = "database_url") -> sa.URL:
    """The URL with a relative SQLite path put under ``home``, and psycopg for Postgres. Raises ConfigError.

    ``setting``: its name, for the error; of the URL, which may hold a password, nothing is told.
    """
    try:
        parsed = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):  # the latter: what stands for a port is no number
        raise ConfigError(
            f"{setting}: not a database URL; e.g. sqlite:///callwright.db or postgresql://user@host/callwright "
            "(in a password, write @ : / ? # % as %40 %3A %2F %3F %23 %25, or keep it in ~/.pgpass)"
        ) from None
    backend = parsed.get_backend_name()
    if backend == "sqlite" and parsed.database and parsed.database != ":memory:":
        return parsed.set(database=str(home / parsed.database))
    return parsed.set(drivername=_DRIVER) if parsed.drivername in ("postgres", POSTGRES) else parsed


def make_engine(url: sa.URL, patience_ms: int, setting: str = "database_url") -> sa.Engine:
    """An engine, connected to nothing yet; on Postgres locks are waited for ``patience_ms``. Raises ConfigError."""
    options: dict[str, Any] = {"connect_args": {"timeout": patience_ms / 1000}}
    if url.get_backend_name() == POSTGRES:
        given = {name: value for name, value in _NET.items() if name not in url.query}
        options = {"connect_args": given, "pool_pre_ping": True}
    elif url.get_backend_name() != "sqlite":
        raise ConfigError(f"{setting}: no driver for {url.drivername!r}: take sqlite:/// or postgresql://")
    try:
        engine = sa.create_engine(url, **options)
    except (sa.exc.NoSuchModuleError, ImportError) as error:
        what_to_do = "pip install 'callwright[postgres]'" if "psycopg" in str(error) else "take postgresql+psycopg://"
        raise ConfigError(f"{setting}: no driver for {url.drivername!r} ({error}): {what_to_do}") from error
    if is_postgres(engine):
        patience = f"{patience_ms}ms"

        def prepare(connection: DBAPIConnection, _record: object) -> None:
            connection.autocommit = True  # else a rollback would take the settings back
            with connection.cursor() as cursor:  # type: ignore[attr-defined]
                cursor.execute(_SESSION, (patience,))
            connection.autocommit = False

        event.listen(engine, "connect", prepare)
    return engine


def is_postgres(engine: sa.Engine | sa.Connection) -> bool:
    """Else it is SQLite."""
    return engine.dialect.name == POSTGRES


def shown(url: sa.URL) -> str:
    """A URL without its secrets, wherever they stand."""
    hidden = {name: "***" for name in _SECRET if name in url.query}
    return url.update_query_dict(hidden).render_as_string()


def first_line(error: Exception) -> str:
    """What the database said, in one line, without the statement and its parameters: for logs."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def said(error: Exception) -> str:
    """What to do where that is known, else what the database said, in one line: for people and over HTTP."""
    return advice(error) or first_line(error)


def advice(error: Exception) -> str:
    """What a person is to do about an error of Postgres; empty where nothing is known."""
    if not type(getattr(error, "orig", None)).__module__.startswith("psycopg"):
        return ""
    text = str(error).lower().split("[sql:")[0]
    return next((what for sign, what in _ADVICE.items() if sign in text), "")


def utc(moment: datetime) -> datetime:
    """A stored moment, in UTC: SQLite keeps no zone, and all that is stored is UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def is_full(error: SQLAlchemyError) -> bool:
    """The database's disk has no space left."""
    orig = getattr(error, "orig", None)
    return getattr(orig, "sqlstate", None) == _DISK_FULL or (
        type(orig).__module__.startswith("sqlite3") and "full" in str(orig)
    )


def hold(connection: sa.Connection, name: str) -> None:
    """On Postgres: be the only one who does that, until the transaction ends. SQLite has one writer at any time."""
    if is_postgres(connection):
        key = int.from_bytes(hashlib.sha256(f"callwright {name}".encode()).digest()[:8], "big", signed=True)
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})
