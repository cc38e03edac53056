"""Where a database is, and that no password is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.databases import make_engine, resolve_url, shown
from contracts.errors import ConfigError

HOME = Path("/srv/callwright")


def test_a_relative_file_is_under_home_and_an_absolute_one_stays() -> None:
    assert resolve_url("sqlite:///a.db", HOME).database == "/srv/callwright/a.db"
    assert resolve_url("sqlite:////b/a.db", HOME).database == "/b/a.db"
    assert resolve_url("sqlite://", HOME).database is None


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_name_of_postgres_means_its_one_driver(scheme: str) -> None:
    url = resolve_url(f"{scheme}://ana:swordf1sh@db.example/record", HOME)
    assert (url.drivername, url.database) == ("postgresql+psycopg", "record")
    assert shown(url) == "postgresql+psycopg://ana:***@db.example/record"


def test_a_password_in_the_parameters_is_hidden_too() -> None:
    assert "swordf1sh" not in shown(resolve_url("postgresql://ana@db/record?password=swordf1sh", HOME))


@pytest.mark.parametrize("url", ["nonsense", "postgresql://ana:sword/f1sh@db:no/record", "postgresql://ana@db:f1sh/x"])
def test_what_is_no_url_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ConfigError, match=r"operations\.database_url: not a database URL") as caught:
        resolve_url(url, HOME, "operations.database_url")
    assert "f1sh" not in str(caught.value)


def test_other_databases_are_refused() -> None:
    with pytest.raises(ConfigError, match="no driver"):
        make_engine(resolve_url("mysql://ana@db/record", HOME), 100)


def test_what_a_url_says_of_the_connection_counts() -> None:
    engine = make_engine(resolve_url("postgresql://ana@db/record?connect_timeout=60", HOME), 100)
    _, given = engine.dialect.create_connect_args(engine.url)
    assert given["connect_timeout"] == "60"
