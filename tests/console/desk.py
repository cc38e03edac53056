"""A caller by SIP, a house that answers them, and supervisors in real browsers with microphones that play a file."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import wave
from collections.abc import AsyncIterator, Iterator
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
from server.phone import PhoneStream
from telephony.patchbay import Patchbay, PatchbaySettings
from telephony.sip.server import SipServer
from telephony.sip.settings import SipSettings
from telephony.ticker import MediaTicker
from tests.console.chromium import MARKS, By, Chrome, WebDriverWait, chromium
from tests.console.conftest import record_of_people
from tests.console.house import House
from tests.dialog.kit import ROOT, Talk
from tests.voice.conftest import line_noise, model
from voice.front import AudioFront
from voice.settings import VoiceSettings
from voice.vad import SileroModel

SOUND = [*MARKS, pytest.mark.models]
"""Marks of tests with all of it."""
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
