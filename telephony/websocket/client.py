"""A provider's side of a stream: what Twilio does, for tests, measurements and load.

::

    say(pcm) ──► queue ──20 ms──► media ──►┐          ┌──► heard (arrival, when it plays)
    silence when the queue is empty        │  server  │    mark: echoed once what is before it has played
    digit(), stop() ──────────────────────►┘          └──► clear: the buffer is emptied, its marks come back at once

Everything has a time (monotonic seconds of ``clock``): when each utterance left, and when each sound came and played.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import websockets.asyncio.client
from websockets.exceptions import ConnectionClosed

from contracts.audio import FRAME_BYTES, FRAME_S
from contracts.clock import Clock, MonotonicClock
from telephony.resample import StreamResampler
from telephony.websocket.auth import signature
from telephony.websocket.g711 import ULAW_SILENCE, linear_to_ulaw, ulaw_to_linear

RATE = 8000
_FRAME = RATE // 50
_QUIET = bytes([ULAW_SILENCE]) * _FRAME


@dataclass(slots=True, frozen=True)
class Spoken:
    """One utterance: when its first frame left and when its last one was over, monotonic seconds."""

    started: float
    ended: float


@dataclass(slots=True)
class Heard:
    """One media message: when it came, when it plays, and what (µ-law). ``clear`` cuts ``ulaw`` short."""

    arrived: float
    plays_at: float
    ulaw: bytes


@dataclass(slots=True)
class _Utterance:
    ulaw: bytes
    done: asyncio.Future[Spoken]
    at: int = 0
    started: float = 0.0


@dataclass(slots=True, frozen=True)
class Mark:
    """A mark of the server: when it came, when it was echoed, and whether that was because of a clear."""

    name: str
    arrived: float
    echoed: float
    cleared: bool


@dataclass(slots=True)
class StreamLog:
    """What came from the server, in order."""

    heard: list[Heard] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    clears: list[float] = field(default_factory=list)
    unknown: list[dict[str, Any]] = field(default_factory=list)


class TwilioClient:
    """One call to a WebSocketServer. ``async with TwilioClient(url) as call: await call.say(pcm)``.

    ``url`` is ws://host:port/twilio; ``auth_token`` signs the handshake. Entering raises
    websockets.exceptions.InvalidStatus when the upgrade is refused, OSError when nobody listens.
    """

    def __init__(
        self,
        url: str,
        *,
        parameters: Mapping[str, str] | None = None,
        auth_token: str = "",
        headers: Mapping[str, str] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.url = url
        self.stream_sid = f"MZ{secrets.token_hex(16)}"
        self.call_sid = f"CA{secrets.token_hex(16)}"
        self.log = StreamLog()
        self.closed = asyncio.Event()
        self._parameters = dict(parameters or {})
        self._headers = dict(headers or {})
        if auth_token:
            self._headers.setdefault("X-Twilio-Signature", signature(auth_token, url))
        self._clock = clock or MonotonicClock()
        self._sequence = 0
        self._chunk = 0
        self._queue: list[_Utterance] = []
        self._plays_until = 0.0
        self._waiting: dict[str, tuple[float, asyncio.TimerHandle]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.socket: websockets.asyncio.client.ClientConnection

    async def __aenter__(self) -> Self:
        await self.connect()
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.hang_up()

    # ------------------------------------------------------------------ out

    async def connect(self) -> None:
        """Open the socket and say ``connected``; no media yet."""
        self.socket = await websockets.asyncio.client.connect(
            self.url, additional_headers=self._headers, compression=None, proxy=None, max_queue=256, close_timeout=2
        )
        await self.send({"event": "connected", "protocol": "Call", "version": "1.0.0"})

    async def start(self) -> None:
        """Say ``start`` and begin to send a frame each 20 ms and to listen."""
        await self.send(self.start_message())
        for job in (self._pace(), self._listen()):
            task = asyncio.get_running_loop().create_task(job)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def start_message(self) -> dict[str, Any]:
        """The ``start`` message, as Twilio sends it."""
        return {
            "event": "start",
            "streamSid": self.stream_sid,
            "start": {
                "streamSid": self.stream_sid,
                "accountSid": f"AC{'0' * 32}",
                "callSid": self.call_sid,
                "tracks": ["inbound"],
                "customParameters": self._parameters,
                "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": RATE, "channels": 1},
            },
        }

    async def send(self, message: dict[str, Any]) -> None:
        """One message, with the next sequence number (``connected`` has none)."""
        if message["event"] != "connected":
            self._sequence += 1
            message = {**message, "sequenceNumber": str(self._sequence), "streamSid": self.stream_sid}
        await self.socket.send(json.dumps(message))

    def say(self, pcm: bytes) -> asyncio.Future[Spoken]:
        """Queue an utterance (internal PCM, 16 kHz); the future tells when it was said.

        Cancelled if the call ends first.
        """
        whole = StreamResampler(16_000, RATE).process(pcm + bytes(-len(pcm) % FRAME_BYTES))
        done: asyncio.Future[Spoken] = asyncio.get_running_loop().create_future()
        self._queue.append(_Utterance(linear_to_ulaw(whole), done))
        return done

    async def digit(self, digit: str) -> None:
        """Press a key."""
        await self.send({"event": "dtmf", "dtmf": {"track": "inbound_track", "digit": digit}})

    async def hang_up(self) -> None:
        """The caller hangs up: ``stop``, then the socket closes; harmless if it is closed."""
        try:
            await self.send({"event": "stop", "stop": {"accountSid": f"AC{'0' * 32}", "callSid": self.call_sid}})
        except ConnectionClosed:
            pass
        await self.socket.close()
        self._end()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def close_reason(self) -> str:
        """What the server's close frame said."""
        return self.socket.close_reason or ""

    @property
    def close_code(self) -> int | None:
        """The close code; None while open."""
        return self.socket.close_code

    def heard_pcm(self) -> bytes:
        """All that was played, back to back, as s16le at 8 kHz."""
        return ulaw_to_linear(b"".join(each.ulaw for each in self.log.heard))

    # ------------------------------------------------------------------ tasks

    async def _pace(self) -> None:
        begun = self._clock.now()
        try:
            while True:
                ulaw = self._next_frame()
                self._chunk += 1
                media = {
                    "track": "inbound",
                    "chunk": str(self._chunk),
                    "timestamp": str((self._chunk - 1) * 20),
                    "payload": b64encode(ulaw).decode(),
                }
                await self.send({"event": "media", "media": media})
                await asyncio.sleep(max(0.0, begun + self._chunk * FRAME_S - self._clock.now()))
        except ConnectionClosed:
            self._end()

    def _next_frame(self) -> bytes:
        if not self._queue:
            return _QUIET
        utterance, now = self._queue[0], self._clock.now()
        if utterance.at == 0:
            utterance.started = now
        ulaw = utterance.ulaw[utterance.at : utterance.at + _FRAME]
        utterance.at += _FRAME
        if utterance.at >= len(utterance.ulaw):
            del self._queue[0]
            if not utterance.done.done():
                utterance.done.set_result(Spoken(utterance.started, now + FRAME_S))
        return ulaw or _QUIET

    async def _listen(self) -> None:
        try:
            async for text in self.socket:
                self._take(json.loads(text), self._clock.now())
        except ConnectionClosed:
            pass
        self._end()

    def _take(self, message: dict[str, Any], now: float) -> None:
        match message["event"]:
            case "media":
                ulaw = b64decode(message["media"]["payload"])
                plays_at = max(now, self._plays_until)
                self._plays_until = plays_at + len(ulaw) / RATE
                self.log.heard.append(Heard(now, plays_at, ulaw))
            case "mark":
                name = message["mark"]["name"]
                timer = asyncio.get_running_loop().call_later(
                    max(0.0, self._plays_until - now), self._echo, name, False
                )
                self._waiting[name] = (now, timer)
            case "clear":
                self._clear(now)
            case _:
                self.log.unknown.append(message)

    def _clear(self, now: float) -> None:
        self.log.clears.append(now)
        self._plays_until = now
        for each in reversed(self.log.heard):
            if each.plays_at + len(each.ulaw) / RATE <= now:
                break
            each.ulaw = each.ulaw[: max(0, int((now - each.plays_at) * RATE))]
        for name in list(self._waiting):
            self._echo(name, True)

    def _echo(self, name: str, cleared: bool) -> None:
        arrived, timer = self._waiting.pop(name)
        timer.cancel()
        self.log.marks.append(Mark(name, arrived, self._clock.now(), cleared))
        task = asyncio.get_running_loop().create_task(self._send_mark(name))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send_mark(self, name: str) -> None:
        try:
            await self.send({"event": "mark", "mark": {"name": name}})
        except ConnectionClosed:
            pass

    def _end(self) -> None:
        self.closed.set()
        for utterance in self._queue:
            utterance.done.cancel()
        self._queue.clear()
        for _, timer in self._waiting.values():
            timer.cancel()
        self._waiting.clear()
