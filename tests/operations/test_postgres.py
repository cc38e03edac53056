"""Postgres under the record: what it does otherwise than SQLite, and what is said when it does not work."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from contracts.errors import RecordError
from operations.audit import AuditLog
from operations.database import migrate, open_database
from operations.erasing import Eraser
from operations.eventlog import EventLog
from operations.verifying import faults, heads
from server.checkup import record_lines
from server.settings import OperatorSettings
from tests.operations.kit import call_events, handoff, keep, length_of
from tests.operations.test_eventlog import FAST, Alarms, numbers, trouble
from tests.postgres import Cluster

SECRET = "swordf1sh"


@pytest.fixture
def url(cluster: Cluster) -> Iterator[str]:
    """A database that has the schema."""
    with cluster.migrated() as made:
        yield made


@pytest.fixture
def record(url: str, tmp_path: Path) -> Iterator[sa.Engine]:
    engine = open_database(url, tmp_path)
    yield engine
    engine.dispose()


def test_a_server_that_is_restarted_during_a_call_loses_nothing(
    cluster: Cluster, record: sa.Engine, tmp_path: Path
) -> None:
    alarms = Alarms()
    log = EventLog(record, tmp_path / "spool", FAST, alarm=alarms)
    log.append(trouble(0))
    assert log.flush(20)
    with cluster.away():
        for number in range(1, 30):
            log.append(trouble(number))
        assert log.flush(20)
        assert log.spooled == 29
        alarms.wait("database")
    log.append(trouble(30))
    alarms.wait("recovered")
    assert log.close()
    assert numbers(record) == list(range(31))
    assert length_of(record) == 31


def test_processes_that_start_at_once_make_the_schema_once(cluster: Cluster, tmp_path: Path) -> None:
    refused: list[RecordError] = []
    start = threading.Barrier(3)

    def begin(url: str) -> None:
        engine = open_database(url, tmp_path)
        start.wait(60)
        try:
            migrate(engine)
        except RecordError as error:
            refused.append(error)
        engine.dispose()

    with cluster.database() as url:
        threads = [threading.Thread(target=begin, args=(url,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert refused == []


def test_two_who_write_one_chain_leave_no_gap_and_no_fork(url: str, record: sa.Engine, tmp_path: Path) -> None:
    engines = [open_database(url, tmp_path, 20_000) for _ in range(2)]
    alarms = Alarms()
    logs = [EventLog(engine, tmp_path / f"spool{number}", FAST, alarm=alarms) for number, engine in enumerate(engines)]

    def act(engine: sa.Engine) -> None:
        for number in range(20):
            AuditLog(engine).note("ana", "test.act", str(number))

    threads = [threading.Thread(target=act, args=(engine,)) for engine in engines]
    for thread in threads:
        thread.start()
    for number in range(200):
        for log in logs:
            log.append(trouble(number))
    for thread in threads:
        thread.join(60)
    assert [log.close(20) for log in logs] == [True, True]
    assert alarms.seen == [], "each waited for the other; nobody was refused and went to the spool"
    for engine in engines:
        engine.dispose()
    assert length_of(record) == 400
    assert heads(record)["console"][0] == 40


def test_a_proof_sees_one_moment_whoever_writes_meanwhile(record: sa.Engine, tmp_path: Path) -> None:
    keep(record, tmp_path / "spool", call_events(), handoff())
    written: list[int] = []

    def tell(done: int, total: int) -> None:
        if done == total and not written:
            written.append(done)
            keep(record, tmp_path / "spool", call_events("call-2"), handoff("call-2"))

    assert list(faults(record, tell)) == []
    assert written
    assert length_of(record) > written[0]


def test_after_an_erasure_no_old_version_of_a_row_can_be_read(record: sa.Engine, tmp_path: Path) -> None:
    keep(record, tmp_path / "spool", call_events(), handoff())
    done = Eraser(record, tmp_path / "recordings").forget(["call-1"], "test", "asked for")
    assert all(one.left == 0 for one in done)
    with record.begin() as connection:
        connection.exec_driver_sql("CREATE EXTENSION pgstattuple")
        for table in ("events", "turns", "handoffs"):
            assert connection.exec_driver_sql(f"SELECT dead_tuple_count FROM pgstattuple('{table}')").scalar() == 0


def refused(url: str, home: Path) -> str:
    """Why the record cannot be opened, after what `callwright check` says about it was looked at too."""
    settings = OperatorSettings.model_validate({"home": home, "operations": {"database_url": url}})
    (line,) = record_lines(settings)
    assert line.state == "fail"
    assert SECRET not in str(line)
    engine = open_database(url, home)
    with pytest.raises(RecordError) as caught:
        migrate(engine)
    engine.dispose()
    told = str(caught.value)
    assert SECRET not in told
    assert "\n" not in told
    assert told in line.text
    return told


def test_what_is_wrong_is_named_with_what_to_do(cluster: Cluster, tmp_path: Path) -> None:
    cluster.command(f"CREATE ROLE locked LOGIN PASSWORD '{SECRET}'")
    cluster.command("CREATE ROLE guest LOGIN")
    with cluster.database() as url:
        name = str(sa.make_url(url).database)
        assert "mend it in ~/.pgpass" in refused(cluster.url(name, "locked", "wrong" + SECRET), tmp_path)
        assert "wants a password" in refused(cluster.url(name, "locked"), tmp_path)
        assert "ALTER DATABASE" in refused(cluster.url(name, "guest"), tmp_path)
        assert "createuser" in refused(cluster.url(name, "nobody"), tmp_path)
        assert "createdb" in refused(cluster.url("nowhere"), tmp_path)
        with cluster.away():
            assert "start it" in refused(cluster.url(name, "owner", SECRET), tmp_path)
    assert "start it" in refused(f"postgresql://owner:{SECRET}@127.0.0.1:9/record", tmp_path)
    with cluster.database("ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0") as url:
        assert "LATIN1" in refused(url, tmp_path)


def test_check_says_which_server_and_shows_no_password(cluster: Cluster, url: str, tmp_path: Path) -> None:
    given = cluster.url(str(sa.make_url(url).database), "owner", SECRET)
    settings = OperatorSettings.model_validate({"home": tmp_path, "operations": {"database_url": given}})
    lines = record_lines(settings)
    assert [line.state for line in lines] == ["ok", "ok"]
    assert "PostgreSQL" in lines[0].text
    assert SECRET not in str(lines)
