"""Whisper, barge in, a race, and everything that may die while somebody has the caller: in real browsers, by sound."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import cycle
from pathlib import Path

import psutil
import pytest
from pydantic import SecretStr
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from console.accounts import Accounts
from console.permissions import Role
from console.start import ConsoleStart
from contracts.audio import FRAME_BYTES, RATE
from scripts.peers.compare import match
from telephony.lines import read_wav
from tests.console.chromium import By, Chrome, Keys, WebDriverWait, complaints, enter, see
from tests.console.conftest import PASSWORD, SETTINGS
from tests.console.desk import (
    SOUND,
    Phone,
    browser,
    caller,
    heard_by_caller,
    house,
    kept,
    more,
    phone,
    press,
    role,
    speech,
)
from tests.console.house import House, until
from tests.console.test_audio import line_to
from tests.console.test_queue_line import free_port, up

__all__ = ["house", "phone"]
pytestmark = SOUND
HEARD, NOT_HEARD = 0.6, 0.5
"""Best correlation of a voice that is there (the browser takes echo and noise from a microphone), and of others."""


@pytest.fixture
def tom(house: House) -> str:
    """A second supervisor."""
    accounts = Accounts(house.record, SETTINGS.sign_in)
    if "tom" not in {one.name for one in accounts.list_accounts()}:
        accounts.add("tom", PASSWORD, [Role.SUPERVISOR], by="test")
    return "tom"


@pytest.fixture
def voices(tmp_path: Path) -> dict[str, Path]:
    """What caller, person and supervisor say, over and over; the pauses let each be heard alone."""
    said = {
        "caller": ("Is the blue bicycle still standing in your shop window?", "en+f3", 2.5),
        "person": ("Seventy green bottles are hanging on the kitchen wall.", "en+m1", 1.0),
        "supervisor": ("Good morning, seven yellow boats wait in the harbour.", "en+m3", 1.5),
    }
    return {name: speech(tmp_path / f"{name}.wav", *how) for name, how in said.items()}


class Colleague(threading.Thread):
    """A person who has the caller, without a browser: says a frame for each that it hears."""

    def __init__(self, socket: ClientConnection, says: bytes) -> None:
        super().__init__(daemon=True)
        self._socket = socket
        self._says = cycle(
            [says[at : at + FRAME_BYTES].ljust(FRAME_BYTES, b"\0") for at in range(0, len(says), FRAME_BYTES)]
        )
        self.heard = bytearray()
        self.quiet = False

    def run(self) -> None:
        """Until the line is closed."""
        self._socket.send(json.dumps({"do": "person"}))
        try:
            for message in self._socket:
                if isinstance(message, bytes):
                    self.heard += message
                    frame = next(self._says)
                    self._socket.send(bytes(FRAME_BYTES) if self.quiet else frame)
        except ConnectionClosed:
            return


def there(chrome: Chrome, url: str, call_id: str) -> None:
    """The page of a call, as soon as the record has it."""

    def shown(one: Chrome) -> bool:
        one.get(f"{url}/calls/{call_id}")
        return bool(one.find_elements(By.ID, "seat"))

    WebDriverWait(chrome, 20).until(shown)


def test_a_whisper_is_for_the_person_alone_and_who_barges_in_is_heard_by_all(
    house: House, phone: Phone, tom: str, voices: dict[str, Path], tmp_path: Path
) -> None:
    record = tmp_path / "call.wav"
    pcm = {name: read_wav(path) for name, path in voices.items()}
    with browser(tmp_path, voices["supervisor"]) as chrome, caller(phone, voices["caller"], record) as call:
        enter(chrome, house, "supervisor")
        there(chrome, house.url, phone.call_id)
        with line_to(house, phone.call_id, tom) as socket:
            person = Colleague(socket, pcm["person"])
            person.start()
            until(lambda: phone.acts()[-1:] == ["takes over"])
            press(chrome, "Whisper")
            role(chrome, "whisper")
            began = len(person.heard)
            more(chrome, 5.5)
            told = bytes(person.heard[began:])
            person.quiet = True
            barged = time.monotonic()
            press(chrome, "Barge in")
            role(chrome, "barge")
            began, before = len(person.heard), len(kept(chrome))
            more(chrome, 5.5)
            joined, seen = bytes(person.heard[began:]), kept(chrome)[before:]
            assert complaints(chrome) == []
            press(chrome, "Leave")
            role(chrome, "")
    back = heard_by_caller(record)
    cut = 2 * round((barged - float(call["answered"])) * RATE)
    alone, all_three = back[:cut], back[cut:]
    assert match(told, pcm["supervisor"]) > HEARD, "the person hears the whisper"
    assert match(told, pcm["caller"]) > HEARD, "and the caller"
    assert match(alone, pcm["person"]) > HEARD, "the caller hears the person"
    assert match(alone, pcm["supervisor"]) < NOT_HEARD, "and no whisper"
    assert match(all_three, pcm["supervisor"]) > HEARD, "the caller hears who barges in"
    assert match(joined, pcm["supervisor"]) > HEARD, "so does the person"
    assert match(seen, pcm["caller"]) > HEARD, "and who barges in hears the caller"


def test_of_two_browsers_that_race_for_a_call_one_has_it_and_the_other_is_told_who(
    house: House, phone: Phone, tom: str, voices: dict[str, Path], tmp_path: Path
) -> None:
    with ExitStack() as stack:
        two = [stack.enter_context(browser(tmp_path / name, voices["supervisor"])) for name in ("a", "b")]
        stack.enter_context(caller(phone, voices["caller"], tmp_path / "call.wav"))
        for chrome, name in zip(two, ("supervisor", tom), strict=True):
            enter(chrome, house, name)
            there(chrome, house.url, phone.call_id)
            press(chrome, "Listen")
            role(chrome, "listen")
        at = round(time.time() * 1000) + 1500
        for chrome in two:
            chrome.execute_script(
                "const take = document.querySelector('[data-do=person]');"
                f"setTimeout(() => take.click(), {at} - Date.now())"
            )
        until(lambda: "takes over" in phone.acts())
        loser_says = "is talking with this caller"
        until(lambda: any(loser_says in chrome.find_element(By.CSS_SELECTOR, "[data-says]").text for chrome in two))
        roles = sorted(str(chrome.find_element(By.ID, "seat").get_attribute("data-role")) for chrome in two)
        assert roles == ["listen", "person"]
        assert phone.acts().count("takes over") == 1
        for chrome in two:
            press(chrome, "Leave")
        until(lambda: "You're back with the automated assistant" in phone.said())


@contextmanager
def console_process(house: House) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Another console of the same house, which can be killed."""
    port = free_port()
    settings = SETTINGS.model_copy(update={"port": port})
    start = ConsoleStart(home=house.home, database_url=SecretStr("sqlite:///record.db"), settings=settings)
    process = subprocess.Popen([sys.executable, "-m", "console"], env={**os.environ, **start.environment()})
    try:
        until(lambda: up(port))
        yield f"http://127.0.0.1:{port}", process
    finally:
        process.kill()
        process.wait(30)


def signal_all(chrome: Chrome, number: int) -> None:
    """To the browser and all its processes, but not to its driver."""
    for one in psutil.Process(chrome.service.process.pid).children(recursive=True):
        one.send_signal(number)


def taken(chrome: Chrome, phone: Phone, url: str) -> None:
    """This browser has the call."""
    there(chrome, url, phone.call_id)
    press(chrome, "Take over")
    role(chrome, "person")


def test_whatever_dies_under_whoever_has_the_caller_the_operator_goes_on(
    house: House, phone: Phone, voices: dict[str, Path], tmp_path: Path
) -> None:
    def lost(times: int) -> bool:
        return phone.acts().count("is cut off") == times and phone.said().count("I'm sorry, we lost") == times

    with caller(phone, voices["caller"], tmp_path / "call.wav"), console_process(house) as (url, console):
        with browser(tmp_path / "a", voices["supervisor"]) as chrome:
            chrome.get(f"{url}/")
            chrome.switch_to.active_element.send_keys("supervisor", Keys.TAB, PASSWORD, Keys.ENTER)
            see(chrome, "Sign out")
            taken(chrome, phone, url)
            console.send_signal(signal.SIGKILL)
            until(lambda: lost(1))
            see(chrome, "The line to the operator is lost.")
        with browser(tmp_path / "b", voices["supervisor"]) as chrome:
            enter(chrome, house, "supervisor")
            taken(chrome, phone, house.url)
            signal_all(chrome, signal.SIGSTOP)  # connected, but nothing comes: a machine that fell asleep
            until(lambda: lost(2))
            signal_all(chrome, signal.SIGCONT)
            see(chrome, "The line to the operator is lost.")
            taken(chrome, phone, house.url)
            signal_all(chrome, signal.SIGKILL)
            until(lambda: lost(3))
        assert phone.call_id, "the call is up"
