"""A WebSocketServer on a free port, a port that echoes, and a neighbour whose call must not suffer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import numpy as np

from contracts.audio import RATE, AudioFrame
from contracts.clock import Clock
from contracts.leg import CallLeg, HangupReason
from telephony.ticker import MediaTicker
from telephony.websocket.client import TwilioClient
from telephony.websocket.g711 import ulaw_to_linear
from telephony.websocket.server import WebSocketServer
from telephony.websocket.settings import WebSocketSettings


class EchoPort:
    """Plays back what it hears, one frame later; remembers everything."""

    def __init__(self) -> None:
        self.frames: list[AudioFrame] = []
        self.digits: list[str] = []
        self.asked = 0
        self.closed: list[tuple[HangupReason, str]] = []
        self.over = asyncio.Event()
        self._back: list[bytes] = []

    def on_frame(self, frame: AudioFrame) -> None:
        self.frames.append(frame)
        self._back.append(frame.pcm)

    def next_frame(self) -> bytes | None:
        self.asked += 1
        return self._back.pop(0) if self._back else None

    def play(self, frame: bytes) -> None:
        """Play this frame next."""
        self._back.insert(0, frame)

    def on_dtmf(self, digit: str) -> None:
        self.digits.append(digit)

    def on_hold(self, held: bool) -> None:
        raise AssertionError("this protocol knows no hold")

    def on_closed(self, reason: HangupReason, detail: str) -> None:
        self.closed.append((reason, detail))
        self.over.set()


class House:
    """A running server whose handler answers with an EchoPort and waits for the end."""

    def __init__(self, settings: WebSocketSettings, clock: Clock) -> None:
        self.clock = clock
        self.ticker = MediaTicker(clock)
        self.full = False
        self.server = WebSocketServer(settings, self.ticker, clock, lambda: self.full)
        self.legs: list[CallLeg] = []
        self.ports: list[EchoPort] = []
        self.answered = asyncio.Event()

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.server.port}/twilio"

    async def handle(self, leg: CallLeg) -> None:
        port = EchoPort()
        self.legs.append(leg)
        self.ports.append(port)
        await leg.answer(port)
        self.answered.set()
        await port.over.wait()

    def client(self, **options: str) -> TwilioClient:
        return TwilioClient(self.url, parameters=options)

    @contextlib.asynccontextmanager
    async def neighbour(self) -> AsyncIterator[TwilioClient]:
        """A call that says a second of tone and must hear it back, whatever happens meanwhile."""
        before = len(self.ports)
        async with self.client() as client:
            await until(lambda: len(self.ports) > before and bool(self.ports[before].frames))
            await client.say(tone(0.3))
            yield client
            before_words = len(client.log.heard)
            await asyncio.wait_for(client.say(tone(0.5)), 20)
            # On a starved machine the echo is late by what the port's own queue gathered; it must come whole.
            await until(lambda: loud_samples(client, before_words) > 2000)
            assert not client.closed.is_set()
            assert self.ports[before].closed == []


def loud_samples(client: TwilioClient, since: int) -> int:
    """How many samples near a tone's peaks were heard from that message on."""
    pcm = ulaw_to_linear(b"".join(each.ulaw for each in client.log.heard[since:]))
    return int((np.abs(np.frombuffer(pcm, dtype="<i2")) > 3000).sum())


MakeHouse = Callable[..., contextlib.AbstractAsyncContextManager[House]]


async def until(condition: Callable[[], bool], timeout_s: float = 20.0) -> None:
    """Wait for something that only real sockets can bring about."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)


def tone(duration_s: float, hertz: float = 440.0, amplitude: float = 10_000) -> bytes:
    """A sine as internal PCM."""
    t = np.arange(int(duration_s * RATE)) / RATE
    return (amplitude * np.sin(2 * np.pi * hertz * t)).astype("<i2").tobytes()
