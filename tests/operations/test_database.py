"""The database opens as promised and its schema is what the code says."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext

from contracts.errors import ConfigError, RecordError
from knowledge.tables import metadata as knowledge_metadata
from operations.changes import CHAIN
from operations.database import MIGRATIONS, migrate, open_database, writing
from operations.tables import metadata
from operations.verifying import faults, heads


def test_the_migrated_schema_is_the_one_that_the_code_describes(tmp_path: Path, database_url: str) -> None:
    engine = open_database(database_url, tmp_path / "a")
    migrate(engine)
    with engine.connect() as connection:
        everything = sa.MetaData()
        for table in [*metadata.sorted_tables, *knowledge_metadata.sorted_tables]:
            table.to_metadata(everything)
        context = MigrationContext.configure(connection, opts={"version_table": "record_version", "compare_type": True})
        assert compare_metadata(context, everything) == []


def test_migrating_twice_changes_nothing(tmp_path: Path, database_url: str) -> None:
    engine = open_database(database_url, tmp_path)
    migrate(engine)
    before = sa.inspect(engine).get_table_names()
    migrate(engine)
    assert sa.inspect(engine).get_table_names() == before
    assert {"calls", "turns", "events", "escalations", "handoffs"} <= set(before)


def test_sqlite_is_opened_with_wal_full_sync_and_foreign_keys(tmp_path: Path) -> None:
    engine = open_database("sqlite:///record.db", tmp_path)
    with engine.connect() as connection:
        said = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    assert said == ["wal", 2, 1]


def test_a_wrong_url_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not a database URL"):
        open_database("nonsense", tmp_path)
    with pytest.raises(ConfigError, match="no driver"):
        open_database("nosuch://x/y", tmp_path)


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "record.db").write_bytes(b"this is not a database file at all" * 100)
    engine = open_database("sqlite:///record.db", tmp_path)
    with pytest.raises(RecordError, match=r"record\.db"):
        migrate(engine)


def test_what_people_changed_before_changes_were_entries_is_taken_as_it_is(tmp_path: Path) -> None:
    engine = open_database("sqlite:///record.db", tmp_path)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with writing(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0006")
        for sql in (
            "INSERT INTO accounts VALUES ('ana', '$argon2id$', '[\"agent\"]', '2026-01-05', '2026-01-05', 1)",
            "INSERT INTO sessions VALUES ('d', 'ana', 'c', '2026-01-05', '2026-01-05')",
            "INSERT INTO cases VALUES ('c1', 'ana', '2026-01-05', NULL, '', '[]', '')",
        ):
            connection.exec_driver_sql(sql)
    migrate(engine)
    assert list(faults(engine)) == []
    assert heads(engine)[CHAIN][0] == 2
