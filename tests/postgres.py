"""A Postgres server for tests: a cluster of its own, made in a second, gone with whoever made it.

Tests that want both databases take the fixture ``database_url``, or ``@pytest.mark.parametrize("people", BOTH,
indirect=True)`` where a room's fixture knows it. One cluster serves all tests of a pytest process; each test has a
database of its own, copied from one that holds the schema.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from operations.database import migrate, open_database

BOTH = ("sqlite", "postgres")
_TEMPLATE = "with_schema"
_QUICK = (
    "-F -c full_page_writes=off -c autovacuum=off -c shared_buffers=16MB -c max_connections=60 -c max_wal_size=64MB"
).split()
"""Nothing here must survive a power cut."""
_PR_SET_PDEATHSIG = 1


@cache
def binaries() -> Path | None:
    """The folder with ``initdb`` and ``postgres``, the newest there is; None: not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[4]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


class Cluster:
    """A server on a Unix socket. It refuses to run as root: then it runs as Debian's user for it, or nobody."""

    def __init__(self) -> None:
        folder = binaries()
        assert folder is not None
        self._bin = folder
        self._as: dict[str, Any] = {}
        self.folder = Path(tempfile.mkdtemp(prefix="callwright-pg-"))
        if os.geteuid() == 0:
            known = {one.pw_name: one for one in pwd.getpwall()}
            user = known.get("postgres") or known["nobody"]
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            self._as = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        self._server: subprocess.Popen[bytes] | None = None
        self._numbers = count(1)
        self._data = str(self.folder / "data")
        initdb = [str(folder / "initdb"), "-D", self._data, "-U", "owner", "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run([*initdb, "--locale=C.UTF-8"], check=True, capture_output=True, cwd="/", **self._as)
        # "locked" needs a password, all others do not.
        (self.folder / "data" / "pg_hba.conf").write_text("local all locked scram-sha-256\nlocal all all trust\n")
        self.start()
        admin = open_database(self.url("postgres"), self.folder)
        self._admin = admin.execution_options(isolation_level="AUTOCOMMIT")
        self._made = False

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        command = [str(self._bin / "postgres"), "-D", self._data, "-k", str(self.folder), "-h", "", *_QUICK]
        server = subprocess.Popen(
            command, stderr=subprocess.PIPE, preexec_fn=_die_with_parent, cwd="/", env={"LC_ALL": "C.UTF-8"}, **self._as
        )
        assert server.stderr is not None
        told = b""
        while b"ready to accept connections" not in told:
            line = server.stderr.readline()
            assert line, told.decode()
            told += line
        threading.Thread(target=server.stderr.read, name="postgres-says", daemon=True).start()
        self._server = server

    def stop(self) -> None:
        """At once, as if the machine had lost its power."""
        if self._server is not None:
            self._server.send_signal(signal.SIGQUIT)
            self._server.wait(60)
            self._server = None

    @contextmanager
    def away(self) -> Iterator[None]:
        """Without a server meanwhile."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    def close(self) -> None:
        """Stop, and leave nothing behind."""
        self._admin.dispose()
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str, user: str = "owner", password: str = "") -> str:
        """For SQLAlchemy."""
        where = {"host": str(self.folder)}
        made = sa.URL.create("postgresql", user, password or None, database=database, query=where)
        return made.render_as_string(hide_password=False)

    @contextmanager
    def database(self, options: str = "") -> Iterator[str]:
        """The URL of a new database without tables, unless ``options`` (of CREATE DATABASE) name a template."""
        name = f"t{next(self._numbers)}"
        self.command(f"CREATE DATABASE {name} {options}")
        yield self.url(name)
        self.command(f"DROP DATABASE {name} WITH (FORCE)")

    @contextmanager
    def migrated(self) -> Iterator[str]:
        """The URL of a new database with the record's schema."""
        if not self._made:
            self.command(f"CREATE DATABASE {_TEMPLATE}")
            record = open_database(self.url(_TEMPLATE), self.folder)
            migrate(record)
            record.dispose()
            self._made = True
        with self.database(f"TEMPLATE {_TEMPLATE}") as url:
            yield url

    def command(self, sql: str) -> None:
        """As the cluster's owner, outside any transaction."""
        with self._admin.connect() as connection:
            connection.exec_driver_sql(sql)


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)
