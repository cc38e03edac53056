"""Databases for tests of several rooms: SQLite, and Postgres where its server is installed."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.postgres import BOTH, Cluster, binaries

_REQUIRED = "CALLWRIGHT_TESTS_REQUIRE"
"""Environment: ``postgres``: its absence is a failure. .ci/run sets it, for set-up has installed the server."""
_MISSING = "no Postgres server here: apt-get install -y --no-install-recommends postgresql"


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A Postgres server for all tests of this process."""
    if binaries() is None:
        if "postgres" in os.environ.get(_REQUIRED, "").split(","):
            pytest.fail(_MISSING)
        pytest.skip(_MISSING)
    made = Cluster()
    yield made
    made.close()


@pytest.fixture(params=BOTH)
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Of a record: a file to be made under the home folder; a Postgres database that has the schema already.

    A test that is about one of them: ``@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)``.
    """
    if request.param == "sqlite":
        yield "sqlite:///record.db"
        return
    cluster: Cluster = request.getfixturevalue("cluster")
    with cluster.migrated() as url:
        yield url
