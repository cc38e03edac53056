"""How long a supervisor's sound takes through the desk: listening, taking over, a closed browser.

    python -m scripts.bench_desk --rounds 10 --json desk.json

The real operator with all models, a caller by SIP in a process of its own, Debian's Chromium with a microphone that
plays a file. Both record what they hear on this machine's one clock; delays are found by correlation and by onsets:
*listen*: the caller's packet leaves → the same sound is made in the browser's audio graph (its device is not in it);
*take over*: click → the supervisor's first sound at the caller's socket;
*closed*: the page goes → the event that the call is with the operator again (its sentence is prepared).
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import json
import shutil
import sys
import tempfile
import time
import wave
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from numpy.typing import NDArray
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from console.accounts import Accounts
from console.permissions import Role
from console.settings import SignInSettings
from contracts.audio import RATE
from contracts.errors import CallwrightError
from operations.database import open_database
from scripts.latency_report import machine
from scripts.operator_process import OperatorProcess
from scripts.stats import summary
from server.settings import ROOT
from telephony.lines import Speaker

EAR = (Path(__file__).parent / "desk_ear.js").read_text()
CLICKS = """
window.clicks = [];
document.addEventListener("click", () => window.clicks.push((performance.timeOrigin + performance.now()) / 1000), true);
"""
NAME, PASSWORD = "bench", "a sentence for measuring"
PIECE = RATE * 3 // 10
HEARD_RMS = 120.0
SAYS = "Good morning this is Sofia speaking and I am going to read you the names of all our branches in the north"
ASKS = "I am calling because my card was not accepted at the station this morning and I would like to know why"

Samples = NDArray[np.float64]


def write_wav(path: Path, pcm: bytes) -> Path:
    """Internal PCM as a WAV."""
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(pcm)
    return path


def delays(said: Samples, said_at: float, heard: Samples, heard_at: float) -> list[float]:
    """Seconds from saying 0.3 s of sound to hearing it, for each that was loud and is found; 0 to 1 s are looked at."""
    found = []
    for at in range(0, len(said) - PIECE, PIECE):
        piece = said[at : at + PIECE]
        first = round((said_at + at / RATE - heard_at) * RATE)
        window = heard[first : first + PIECE + RATE] if first >= 0 else heard[:0]
        if np.sqrt(np.mean(piece**2)) < 500 or len(window) < PIECE + RATE:
            continue
        cross = np.correlate(window, piece, "valid")
        energy = np.concatenate(([0.0], np.cumsum(window**2)))
        norms = np.sqrt(np.maximum(energy[PIECE:] - energy[:-PIECE], 1.0)) * np.linalg.norm(piece)
        best = int(np.argmax(cross / norms))
        if cross[best] / norms[best] > 0.75:
            found.append(best / RATE)
    return found


def onset(track: Samples, start: float, after: float) -> float | None:
    """Seconds from ``after``, if it was quiet then, to two loud 20 ms frames in a row; ``start``: of the track."""
    first = max(0, round((after - start) * RATE))
    if np.sqrt(np.mean(track[max(0, first - RATE // 4) : first + 1] ** 2)) > HEARD_RMS:
        return None
    frames = track[first : first + 5 * RATE]
    frames = frames[: len(frames) // 320 * 320].reshape(-1, 320)
    loud = np.sqrt(np.mean(frames**2, axis=1)) > HEARD_RMS
    both = np.flatnonzero(loud[:-1] & loud[1:])
    return float(both[0]) * 0.02 if len(both) else None


@dataclass(slots=True)
class Figures:
    """Seconds, by what was measured."""

    listen: list[float] = field(default_factory=list)
    take_over: list[float] = field(default_factory=list)
    closed: list[float] = field(default_factory=list)

    def report(self) -> dict[str, Any]:
        """p50, p95, greatest, n and intervals of each, in seconds."""
        named = {name: getattr(self, name) for name in ("listen", "take_over", "closed")}
        return {name: summary(values) for name, values in named.items() if values}


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

    def _console_is_up(self) -> bool:
        try:
            return httpx.get(f"{self._url}/healthz").is_success
        except httpx.TransportError:
            return False

    def _until(self, condition: Any) -> None:
        until = time.monotonic() + 20
        while not condition():
            if time.monotonic() > until:
                raise CallwrightError("the page never came so far")
            time.sleep(0.02)


def wall_offset() -> float:
    """What wall-clock time is ahead of monotonic time."""
    return time.time() - time.monotonic()


@dataclass(slots=True)
class Caller:
    """A running scripts.desk_caller."""

    call_id: str
    answered: float
    record: Path

    def tracks(self) -> tuple[Samples, Samples]:
        """Said and heard, from ``answered`` on; when the call is over."""
        with wave.open(str(self.record)) as wav:
            both = np.frombuffer(wav.readframes(wav.getnframes()), "<i2").reshape(-1, 2).astype(float)
        return both[:, 0], both[:, 1]


@contextlib.asynccontextmanager
async def calling(operator: OperatorProcess, wav: Path, record: Path) -> AsyncIterator[Caller]:
    """A call that is up."""
    before = len(operator.events)
    arguments = (operator.sip_uri, "--wav", str(wav), "--record", str(record))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "scripts.desk_caller", *arguments, cwd=ROOT,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        answered = json.loads(await process.stdout.readline())["answered"]
        while not (ids := [one["call_id"] for one in operator.events[before:] if one["kind"] == "call.started"]):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        yield Caller(ids[0], answered, record)
    finally:
        process.stdin.close()
        await process.stdout.read()
        await process.wait()
    await operator.idle()


async def listening(operator: OperatorProcess, one: Supervisor, home: Path, rounds: int, figures: Figures) -> None:
    """A caller who talks; a supervisor who listens."""
    wav = write_wav(home / "asks.wav", Speaker().say(ASKS))
    async with calling(operator, wav, home / "listen.wav") as caller:
        await asyncio.to_thread(one.open, caller.call_id)
        await asyncio.to_thread(one.press, "Listen", "listen")
        await asyncio.sleep(rounds * 2.0)
        heard, heard_at = await asyncio.to_thread(one.heard)
        await asyncio.to_thread(one.press, "Leave", "")
    figures.listen += delays(caller.tracks()[0], caller.answered, heard, heard_at)


async def taking_over(operator: OperatorProcess, one: Supervisor, home: Path, rounds: int, figures: Figures) -> None:
    """A caller who is silent; a supervisor who takes over and gives back, and at last is gone."""
    wav = write_wav(home / "silent.wav", bytes(2 * RATE))
    taken = []
    async with calling(operator, wav, home / "take.wav") as caller:
        await asyncio.to_thread(one.open, caller.call_id)
        await asyncio.to_thread(one.press, "Listen", "listen")
        await asyncio.sleep(12.0)  # the opening
        for _ in range(rounds):
            taken.append(await asyncio.to_thread(one.press, "Take over", "person"))
            await asyncio.sleep(1.5)
            await asyncio.to_thread(one.press, "Give back", "listen")
            await asyncio.sleep(6.0)  # its sentence
        await asyncio.to_thread(one.press, "Leave", "")
        for _ in range(max(1, rounds // 2)):
            await asyncio.to_thread(one.open, caller.call_id)
            await asyncio.to_thread(one.press, "Take over", "person")
            await asyncio.sleep(1.0)
            gone, seen = time.monotonic(), len(operator.events)
            await asyncio.to_thread(one.close)
            while not any(event["body"].get("act") == "is cut off" for event in operator.events[seen:]):  # noqa: ASYNC110
                await asyncio.sleep(0.005)
            figures.closed.append(time.monotonic() - gone)
            await asyncio.sleep(6.0)
    _, heard = caller.tracks()
    figures.take_over += [s for at in taken if (s := onset(heard, caller.answered, at)) is not None]


async def run(options: argparse.Namespace, home: Path) -> dict[str, Any]:
    """All figures."""
    figures = Figures()
    microphone = write_wav(home / "says.wav", Speaker().say(SAYS))
    async with OperatorProcess(options.config, apart=True) as operator:
        settings = operator.settings
        database = open_database(settings.operations.database_url, settings.home_dir)
        Accounts(database, SignInSettings()).add(NAME, PASSWORD, [Role.SUPERVISOR], by="bench")
        url = f"http://{settings.console.host}:{settings.console.port}"
        with browser(home, microphone) as chrome:
            one = Supervisor(chrome, url)
            await asyncio.to_thread(one.sign_in)
            await listening(operator, one, home, options.rounds, figures)
            await taking_over(operator, one, home, options.rounds, figures)
    return {"machine": machine(), "rounds": options.rounds, **figures.report()}


def main(arguments: list[str] | None = None) -> int:
    """Parse, run, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, default=ROOT / "configs" / "demo.yaml")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory(prefix="callwright-desk-") as home:
            figures = asyncio.run(run(options, Path(home)))
    except CallwrightError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(json.dumps(figures, indent=1))
    if options.json is not None:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
