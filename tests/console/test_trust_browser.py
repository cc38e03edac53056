"""Signing in at a provider, and the pages of callers, in a real browser: light, dark and 360 pixels wide."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from console.__main__ import make_server
from console.api import make_api
from console.settings import OidcSettings
from tests.console.chromium import MARKS, By, Chrome, Keys, chromium, complaints, enter, keep, see
from tests.console.conftest import SETTINGS
from tests.console.house import House
from tests.console.oidc_provider import CLIENT, SECRET, OidcProvider, served, serving
from tests.console.test_callers import NUMBER, has_called

pytestmark = MARKS
SIZES = (("light", 1200, 900), ("dark", 1200, 900), ("light", 360, 740), ("dark", 360, 740))


@pytest.fixture
def chrome(tmp_path: Path) -> Iterator[Chrome]:
    """A fresh browser."""
    with chromium(tmp_path) as driver:
        yield driver


def in_every_size(chrome: Chrome, name: str) -> None:
    """The page as it is, without going anywhere."""
    for scheme, width, height in SIZES:
        media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        assert chrome.execute_script("return document.documentElement.scrollWidth") <= width
        keep(chrome, f"{scheme}-{width}-{name}")
    chrome.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@contextmanager
def desk_and_provider(home: Path, record: sa.Engine) -> Iterator[tuple[str, OidcProvider]]:
    """A console that trusts a provider on another site, both answering from a thread."""
    up, stop = threading.Event(), asyncio.Event()
    made: list[tuple[str, OidcProvider, Callable[[], object]]] = []

    async def run() -> None:
        loop = asyncio.get_running_loop()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            async with served("localhost") as provider:
                oidc = OidcSettings.model_validate(
                    {"issuer": provider.issuer, "client_id": CLIENT, "client_secret": SECRET, "public_url": url,
                     "roles": {"desk-supervisors": "supervisor"}, "label": "Acme"}
                )  # fmt: skip
                sign_in = SETTINGS.sign_in.model_copy(update={"oidc": oidc})
                settings = SETTINGS.model_copy(update={"sign_in": sign_in})
                async with serving(make_server(settings, make_api(settings, record, home / "control.sock")), listener):
                    made.append((url, provider, lambda: loop.call_soon_threadsafe(stop.set)))
                    up.set()
                    await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
    thread.start()
    assert up.wait(60)
    url, provider, end = made[0]
    try:
        yield url, provider
    finally:
        end()
        thread.join(60)


def test_a_person_signs_in_at_another_site_and_lands_on_the_page_that_they_wanted(
    chrome: Chrome, people: sa.Engine, tmp_path: Path
) -> None:
    with desk_and_provider(tmp_path, people) as (url, provider):
        chrome.get(f"{url}/callers")
        see(chrome, "Sign in with Acme")
        in_every_size(chrome, "sign-in")
        chrome.find_element(By.LINK_TEXT, "Sign in with Acme").send_keys(Keys.ENTER)
        see(chrome, "What is kept of a caller")
        assert chrome.current_url == f"{url}/callers"
        chrome.find_element(By.LINK_TEXT, "ana").click()
        see(chrome, "You sign in at")
        in_every_size(chrome, "account-oidc")
        chrome.find_element(By.XPATH, "//button[.='Sign out']").send_keys(Keys.ENTER)
        see(chrome, "You are signed out")
        in_every_size(chrome, "signed-out")
        provider.claims = {"groups": ["staff"]}
        chrome.get(f"{url}/sign-in/oidc")
        see(chrome, "You have no role here")
        in_every_size(chrome, "no-role")
        assert [one for one in complaints(chrome) if "403" not in one] == []


def test_a_supervisor_erases_a_caller_by_keyboard(chrome: Chrome, house: House) -> None:
    has_called(house)
    enter(chrome, house, "supervisor")
    chrome.find_element(By.LINK_TEXT, "History").send_keys(Keys.ENTER)
    see(chrome, "to hand it out or erase it")
    chrome.find_element(By.LINK_TEXT, "All that is kept of one caller").send_keys(Keys.ENTER)
    see(chrome, "What is kept of a caller")
    in_every_size(chrome, "callers")
    chrome.find_element(By.NAME, "number").send_keys("+1 555 01 42", Keys.ENTER)
    see(chrome, "2 calls of +1 555 01 42")
    in_every_size(chrome, "caller")
    chrome.find_element(By.NAME, "why").send_keys("asked in writing on 3 May", Keys.ENTER)
    see(chrome, "Erase 2 calls of")
    in_every_size(chrome, "caller-erase")
    chrome.switch_to.active_element.send_keys(NUMBER, Keys.ENTER)
    see(chrome, "nothing is left")
    in_every_size(chrome, "caller-erased")
    assert complaints(chrome) == []
