"""A record with accounts, and people who are signed in."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
import sqlalchemy as sa

from console.accounts import Accounts
from console.api import make_api
from console.permissions import Role
from console.settings import ConsoleSettings, SignInSettings
from operations.database import migrate, open_database
from tests.postgres import Cluster

if TYPE_CHECKING:
    from tests.console.house import House

PASSWORD = "a sentence to remember"
SETTINGS = ConsoleSettings(
    control_timeout_s=10, sign_in=SignInSettings(argon2_passes=1, argon2_memory_kib=64, tries=3, window_s=300)
)
Somebody = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture
def people(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    """A record in which each role is an account of that name; ``maria`` is editor and approver.

    On SQLite, or on both: ``@pytest.mark.parametrize("people", BOTH, indirect=True)``.
    """
    if getattr(request, "param", "sqlite") == "sqlite":
        yield record_of_people(tmp_path)
        return
    cluster: Cluster = request.getfixturevalue("cluster")
    with cluster.migrated() as url:
        engine = record_of_people(tmp_path, url)
        yield engine
        engine.dispose()


def record_of_people(home: Path, url: str = "sqlite:///record.db") -> sa.Engine:
    """In that folder, or there."""
    engine = open_database(url, home)
    migrate(engine)
    accounts = Accounts(engine, SETTINGS.sign_in)
    for role in Role:
        accounts.add(str(role), PASSWORD, [role], by="test")
    accounts.add("maria", PASSWORD, [Role.EDITOR, Role.APPROVER], by="test")
    return engine


def csrf_of(page: str) -> str:
    """The token of the forms on a page."""
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found is not None
    return found[1]


async def sign_in(http: httpx.AsyncClient, name: str, password: str = PASSWORD, to: str = "/") -> httpx.Response:
    """Fill in the form."""
    page = await http.get("/sign-in", params={"to": to})
    token = re.search(r'name="token" value="([^"]+)"', page.text)
    assert token is not None
    return await http.post(
        "/sign-in", data={"name": name, "password": password, "to": to, "token": token[1]}, follow_redirects=False
    )


@pytest.fixture
def somebody(people: sa.Engine, tmp_path: Path) -> Somebody:
    """``async with somebody("editor") as http``: a browser with that person's cookie; "" is nobody."""

    @asynccontextmanager
    async def browser(
        name: str = "", *, peer: str = "127.0.0.1", base: str = "http://127.0.0.1:8080"
    ) -> AsyncIterator[httpx.AsyncClient]:
        api = make_api(SETTINGS, people, tmp_path / "control.sock")
        transport = httpx.ASGITransport(api, client=(peer, 1234))
        headers = {"accept": "text/html"}
        async with httpx.AsyncClient(
            transport=transport, base_url=base, headers=headers, follow_redirects=True
        ) as http:
            if name:
                assert (await sign_in(http, name)).status_code == 303
            yield http

    return browser


@pytest.fixture
def house(people: sa.Engine, tmp_path: Path) -> Iterator[House]:
    """The whole console with documents and calls in it."""
    from tests.console.house import House  # which needs the accounts above

    made = House(tmp_path, people)
    made.start()
    made.fill()
    yield made
    made.stop()
