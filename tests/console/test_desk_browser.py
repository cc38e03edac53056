"""A caller by SIP and a supervisor in a real browser, with a microphone that plays a file: who hears whom is proved by
correlating what each of them recorded with what the other said."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import time
import wave
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contracts.audio import RATE
from contracts.clock import MonotonicClock
from contracts.engines import SpeechChunk, Transcript
from contracts.events import EventKind
from contracts.leg import CallLeg
from contracts.worker import Urgency
from dialog.session import Session
from scripts.peers.compare import match
from server.phone import PhoneStream
from telephony.lines import read_wav
from telephony.patchbay import Patchbay, PatchbaySettings
from telephony.sip.server import SipServer
from telephony.sip.settings import SipSettings
from telephony.ticker import MediaTicker
from tests.console.chromium import MARKS, By, Chrome, WebDriverWait, chromium, complaints, enter, keep, see
from tests.console.conftest import record_of_people
from tests.console.house import House
from tests.dialog.kit import ROOT, Talk
from tests.voice.conftest import line_noise, model
from voice.front import AudioFront
from voice.settings import VoiceSettings
from voice.vad import SileroModel

pytestmark = [*MARKS, pytest.mark.models]
EAR = (ROOT / "scripts" / "desk_ear.js").read_text()


def speech(path: Path, text: str, voice: str, pause_s: float = 0.0) -> Path:
    """A WAV of a sentence and of silence behind it."""
    subprocess.run(["espeak-ng", "-v", voice, "-w", str(path), text], check=True, capture_output=True)
    with wave.open(str(path)) as wav:
        form, sound = wav.getparams(), wav.readframes(wav.getnframes())
    with wave.open(str(path), "wb") as out:
        out.setparams(form)
        out.writeframes(sound + bytes(2 * round(pause_s * form.framerate)))
    return path


class Murmur:
    """contracts.engines.Synthesiser: 15 ms of noise for each letter; not silent, and like nothing that people say."""

    async def synthesise(
        self, text: str, *, deadline: float, first: bool, urgency: Urgency | None = None
    ) -> AsyncIterator[SpeechChunk]:
        yield SpeechChunk(line_noise(0.015 * len(text), 150.0), len(text))


class NoWords:
    """Recogniser and judge: nothing was said that could be understood, and it is not over."""

    async def transcribe(self, pcm: bytes, *, deadline: float, final: bool, digits: int = 0) -> Transcript:
        return Transcript("good morning to you")

    async def probability(self, pcm: bytes, *, deadline: float) -> float:
        return 0.1


class Phone:
    """The SIP side of a house: answers calls with a session whose engines are stand-ins."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.clock = MonotonicClock()
        self.ticker = MediaTicker(self.clock)
        self.server = SipServer(SipSettings(port=0, rtp_port_min=23000, rtp_port_max=23100), self.ticker, self.clock)
        self.talk: Talk | None = None
        self.call_id = ""
        self.said_to_us, self.said_by_us = bytearray(), bytearray()
        self.vad = SileroModel(model("silero-vad/model.onnx"))

    async def start(self) -> None:
        await self.server.start(self.serve)
        self.ticker.start()

    async def stop(self) -> None:
        await self.server.close()
        await self.ticker.close()

    async def serve(self, leg: CallLeg) -> None:
        self.talk = talk = Talk(self.clock)
        services = self.house.services_of(talk)
        front = AudioFront(
            VoiceSettings(), vad=self.vad, recogniser=NoWords(), judge=NoWords(), synthesiser=Murmur(), clock=self.clock
        )
        self.said_to_us, self.said_by_us = bytearray(), bytearray()
        bay = Patchbay(front, PatchbaySettings(), self)
        await leg.answer(bay)
        session = Session(leg, front, services, bay)
        self.call_id = leg.info.call_id
        with self.house.desk.serving(leg.info.call_id, session):
            await session.run()
        self.call_id = ""

    def said(self) -> str:
        """What the operator began to say."""
        assert self.talk is not None
        return " ".join(body["text"] for body in self.talk.record.bodies(EventKind.TURN_OPERATOR))

    def caller(self, pcm: bytes) -> None:
        """telephony.patchbay.Tap"""
        self.said_to_us += pcm

    def operator(self, pcm: bytes) -> None:
        """telephony.patchbay.Tap"""
        self.said_by_us += pcm

    def acts(self) -> list[str]:
        assert self.talk is not None
        return [body["act"] for body in self.talk.record.bodies(EventKind.DESK_ACTED)]


@pytest.fixture(scope="module")
def phone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Phone]:
    home = tmp_path_factory.mktemp("desk")
    house = House(home, record_of_people(home))
    made = Phone(house)
    house.streams["phone"] = PhoneStream(made.serve, made.ticker, made.clock, 2.0)
    house.start()
    house.do(made.start())
    yield made
    house.do(made.stop())
    house.stop()


@pytest.fixture
def house(phone: Phone) -> House:
    return phone.house


@contextmanager
def caller(phone: Phone, said: Path, record: Path) -> Iterator[dict[str, Any]]:
    """Somebody calls and talks without end."""
    command = [sys.executable, "-m", "scripts.desk_caller", f"sip:bank@127.0.0.1:{phone.server.port}"]
    process = subprocess.Popen(
        [*command, "--wav", str(said), "--record", str(record)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.stdin.close()
        process.stdout.read()
        process.wait(20)


def wait(condition: Callable[[], bool]) -> None:
    """Until it is so."""
    until = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < until, "it never came about"
        time.sleep(0.05)


@contextmanager
def browser(home: Path, microphone: Path) -> Iterator[Chrome]:
    """One whose microphone plays a file, and whose pages keep what they play."""
    flags = ("use-fake-device-for-media-stream", "use-fake-ui-for-media-stream")
    with chromium(home, *flags, f"use-file-for-fake-audio-capture={microphone}") as chrome:
        chrome.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": EAR})
        yield chrome


def press(chrome: Chrome, name: str) -> None:
    chrome.find_element(By.XPATH, f"//button[.='{name}']").click()


def role(chrome: Chrome, wanted: str) -> None:
    """Wait until the page has that part in the call."""
    WebDriverWait(chrome, 20).until(
        lambda one: one.find_element(By.ID, "seat").get_attribute("data-role") == wanted, f"never {wanted!r}"
    )


def kept(chrome: Chrome) -> bytes:
    """What the page has played so far."""
    return base64.b64decode(chrome.execute_script("return window.takeKept().pcm"))


def more(chrome: Chrome, seconds: float) -> None:
    """Until the page has played so much more."""
    enough = chrome.execute_script("return window.kept.samples") + seconds * RATE
    WebDriverWait(chrome, 30).until(lambda one: one.execute_script("return window.kept.samples") >= enough)


def heard_by_caller(record: Path) -> bytes:
    """The right side of their recording."""
    with wave.open(str(record)) as wav:
        both = np.frombuffer(wav.readframes(wav.getnframes()), "<i2").reshape(-1, 2)
    return np.ascontiguousarray(both[:, 1]).tobytes()


def test_each_hears_the_other_and_nobody_is_left_alone(house: House, phone: Phone, tmp_path: Path) -> None:
    mine = speech(
        tmp_path / "mine.wav", "Is the blue bicycle still standing in your shop window?", "en+f3", pause_s=2.0
    )
    theirs = speech(tmp_path / "theirs.wav", "Good morning, seven yellow boats wait in the harbour.", "en+m3")
    record = tmp_path / "call.wav"
    with browser(tmp_path, theirs) as chrome, caller(phone, mine, record):
        enter(chrome, house, "supervisor")
        chrome.get(f"{house.url}/calls/{phone.call_id}")
        press(chrome, "Listen")
        role(chrome, "listen")
        more(chrome, 5.5)
        alone = len(kept(chrome))
        press(chrome, "Take over")
        role(chrome, "person")
        more(chrome, 5.5)
        heard = kept(chrome)
        see(chrome, "The caller is yours")
        keep(chrome, "desk")
        press(chrome, "Give back")
        role(chrome, "listen")
        wait(lambda: "You're back with the automated assistant" in phone.said())
        press(chrome, "Take over")
        role(chrome, "person")
        assert complaints(chrome) == []
        chrome.get("about:blank")
        wait(lambda: "I'm sorry, we lost my colleague." in phone.said())
    assert phone.acts() == ["listens", "takes over", "gives back", "takes over", "is cut off"]
    assert match(heard[:alone], read_wav(mine)) > 0.8, "who listens hears the caller"
    assert match(heard[alone:], read_wav(mine)) > 0.9, "who has taken over hears the caller alone"
    back = heard_by_caller(record)
    # The browser takes echo and noise out of a microphone: its sound is not quite what the file holds.
    assert match(back, read_wav(theirs)) > 0.65, "the caller hears the supervisor"
    assert match(back, read_wav(mine)) < 0.5, "and not themselves"


def test_the_call_button_is_a_call_to_the_operator(house: House, phone: Phone, tmp_path: Path) -> None:
    theirs = speech(
        tmp_path / "theirs.wav", "Good morning, seven yellow boats wait in the harbour.", "en+m3", pause_s=1.0
    )
    with browser(tmp_path, theirs) as chrome:
        enter(chrome, house, "agent")
        chrome.find_element(By.LINK_TEXT, "Call").click()
        press(chrome, "Call")
        see(chrome, "You are through.")
        more(chrome, 5.5)
        press(chrome, "0")
        keep(chrome, "phone")
        wait(lambda: phone.talk is not None and bool(phone.talk.record.bodies(EventKind.ESCALATION_RAISED)))
        heard = kept(chrome)
        press(chrome, "Hang up")
        see(chrome, "You have hung up.")
        wait(lambda: not phone.call_id)
        assert complaints(chrome) == []
    assert match(bytes(phone.said_to_us), read_wav(theirs)) > 0.65
    loud = np.abs(np.frombuffer(heard, "<i2").astype(int)) > 100
    assert loud.mean() > 0.02, "the disclosure was heard"
    assert phone.talk is not None
    started = phone.talk.record.bodies(EventKind.CALL_STARTED)[0]
    assert (started["kind"], started["caller"]) == ("browser", "browser:agent")
