"""A supervisor of benchmarks: Debian's Chromium without a window, with a microphone that plays a file."""

from __future__ import annotations

import base64
import contextlib
import shutil
import signal
import time
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import numpy as np
import psutil
from numpy.typing import NDArray
from selenium.common.exceptions import WebDriverException
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from contracts.audio import RATE
from contracts.errors import CallwrightError

EAR = (Path(__file__).parent / "desk_ear.js").read_text()
CLICKS = """
window.clicks = [];
document.addEventListener("click", () => window.clicks.push((performance.timeOrigin + performance.now()) / 1000), true);
"""
NAME, PASSWORD = "bench", "a sentence for measuring"
Samples = NDArray[np.float64]


def write_wav(path: Path, pcm: bytes) -> Path:
    """Internal PCM as a WAV."""
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(pcm)
    return path


@contextlib.contextmanager
def browser(home: Path, microphone: Path) -> Iterator[Chrome]:
    """Chromium without a window."""
    options = ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    flags = (
        "headless=new", "no-sandbox", "disable-dev-shm-usage", "disable-gpu", f"user-data-dir={home}/c",
        "use-fake-device-for-media-stream", "use-fake-ui-for-media-stream",
        f"use-file-for-fake-audio-capture={microphone}",
    )  # fmt: skip
    for flag in flags:
        options.add_argument(f"--{flag}")
    driver = Chrome(options=options, service=Service(shutil.which("chromedriver")))
    try:
        driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": EAR + CLICKS})
        yield driver
    finally:
        with contextlib.suppress(WebDriverException):
            driver.quit()


class Supervisor:
    """Somebody at the desk. All methods block: call them in a thread."""

    def __init__(self, chrome: Chrome, url: str) -> None:
        self._chrome = chrome
        self._url = url

    def sign_in(self) -> None:
        """By keyboard, as soon as the console is there."""
        self._until(self._console_is_up)
        self._chrome.get(self._url)
        self._chrome.switch_to.active_element.send_keys(NAME, Keys.TAB, PASSWORD, Keys.ENTER)
        self._until(lambda: "Sign out" in self._chrome.find_element(By.TAG_NAME, "body").text)

    def open(self, call_id: str) -> None:
        """A call's page, as soon as the record has the call."""

        def there() -> bool:
            self._chrome.get(f"{self._url}/calls/{call_id}")
            return bool(self._chrome.find_elements(By.ID, "seat"))

        self._until(there)

    def press(self, button: str, role: str) -> float:
        """Click, wait until it is so; when the click was, in monotonic seconds."""
        self._chrome.find_element(By.XPATH, f"//button[.='{button}']").click()
        self._until(lambda: self._chrome.find_element(By.ID, "seat").get_attribute("data-role") == role)
        return float(self._chrome.execute_script("return window.clicks.at(-1)")) - wall_offset()

    def heard(self) -> tuple[Samples, float]:
        """What the page made so far, and when it began, in monotonic seconds."""
        kept = self._chrome.execute_script("return window.takeKept()")
        return np.frombuffer(base64.b64decode(kept["pcm"]), "<i2").astype(float), kept["began"] - wall_offset()

    def close(self) -> None:
        """The page goes."""
        self._chrome.get("about:blank")

    def at(self, url: str) -> Supervisor:
        """The same one, at another console."""
        return Supervisor(self._chrome, url)

    def signal(self, number: signal.Signals) -> None:
        """To the browser and all its processes, but not to its driver."""
        for one in psutil.Process(self._chrome.service.process.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                one.send_signal(number)

    def mute(self) -> None:
        """Nothing of the microphone is passed on any more."""
        self._chrome.find_element(By.CSS_SELECTOR, "[data-mute]").click()

    def _console_is_up(self) -> bool:
        try:
            return httpx.get(f"{self._url}/healthz").is_success
        except httpx.TransportError:
            return False

    def _until(self, condition: Callable[[], bool]) -> None:
        until = time.monotonic() + 20
        while not condition():
            if time.monotonic() > until:
                raise CallwrightError("the page never came so far")
            time.sleep(0.02)


def wall_offset() -> float:
    """What wall-clock time is ahead of monotonic time."""
    return time.time() - time.monotonic()
