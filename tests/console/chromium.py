"""Debian's Chromium without a window, for the tests of pages; skips the module that imports it where it is missing.

``CALLWRIGHT_PICTURES=folder`` keeps what it saw.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.console.conftest import PASSWORD
from tests.console.house import House

LACKING = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
MARKS = [
    pytest.mark.browser,
    pytest.mark.skipif(bool(LACKING), reason=f"{', '.join(LACKING)} missing: apt install chromium chromium-driver"),
]
pytest.importorskip("selenium", reason="selenium missing: pip install -e .[dev]")

from selenium.common.exceptions import StaleElementReferenceException  # noqa: E402
from selenium.webdriver import Chrome, ChromeOptions  # noqa: E402
from selenium.webdriver.chrome.service import Service  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402

__all__ = [
    "MARKS",
    "PATIENCE_S",
    "By",
    "Chrome",
    "Keys",
    "StaleElementReferenceException",
    "WebDriverWait",
    "chromium",
    "complaints",
    "dressed",
    "enter",
    "keep",
    "nameless",
    "see",
]
PATIENCE_S = 40


@contextmanager
def chromium(home: Path, *flags: str) -> Iterator[Chrome]:
    """A fresh browser that can reach this machine alone and logs what its pages complain of."""
    options = ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    own = ("headless=new", "no-sandbox", "disable-dev-shm-usage", "disable-gpu", f"user-data-dir={home}/c")
    for flag in (*own, *flags):
        options.add_argument(f"--{flag}")
    options.add_argument("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = Chrome(options=options, service=Service(shutil.which("chromedriver")))
    try:
        driver.set_page_load_timeout(PATIENCE_S)
        driver.set_window_size(1280, 900)
        yield driver
    finally:
        driver.quit()


def see(chrome: Chrome, words: str) -> None:
    """Wait until the page says so. Asked in one step, of whatever page is there: an element found a moment ago may
    belong to the page that has just been left."""
    WebDriverWait(chrome, PATIENCE_S).until(
        lambda one: words in one.execute_script("return document.body ? document.body.innerText : ''"),
        f"{words!r} never came",
    )


def enter(chrome: Chrome, house: House, name: str) -> None:
    """Sign in by keyboard alone."""
    chrome.get(f"{house.url}/")
    chrome.switch_to.active_element.send_keys(name, Keys.TAB, PASSWORD, Keys.ENTER)
    see(chrome, "Sign out")


def keep(chrome: Chrome, name: str) -> None:
    """A picture, if somebody wants pictures."""
    if folder := os.environ.get("CALLWRIGHT_PICTURES"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        chrome.save_screenshot(f"{folder}/{name}.png")


_ACTIVE = {"button", "link", "textbox", "searchbox", "checkbox", "radio", "combobox", "DisclosureTriangle", "Audio"}


def nameless(chrome: Chrome) -> list[str]:
    """What can be acted upon and a screen reader could only call by its kind; and landmarks that are missing."""
    tree = chrome.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    nodes = [(one.get("role", {}).get("value", ""), one.get("name", {}).get("value", "")) for one in tree]
    found = [f"a {kind} without a name" for kind, name in nodes if kind in _ACTIVE and not name.strip()]
    kinds = {kind for kind, _ in nodes}
    return found + [f"no {one}" for one in ("main", "navigation", "banner", "heading") if one not in kinds]


def dressed(chrome: Chrome, scheme: str, width: int, height: int = 800) -> None:
    """The page in light or dark, so wide; everything fits into the width."""
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    assert chrome.execute_script("return document.documentElement.scrollWidth") <= width


def complaints(chrome: Chrome) -> list[str]:
    """What the browser held against the pages: blocked scripts and styles, errors in ours."""
    return [one["message"] for one in chrome.get_log("browser") if one["level"] == "SEVERE"]  # type: ignore[no-untyped-call]
