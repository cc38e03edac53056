"""A SIP user agent that calls: the demo's caller, ``callwright call``, the benchmarks.

It notes when each sample was handed to the wire and when each received piece arrived, on the machine's one monotonic
clock, so that latency is measured where a caller would: at the caller's socket. It has no jitter buffer. It lives in a
process without a SipServer (one library runtime per process).

::

    async with SipCaller(CallerSettings()) as caller:
        call = await caller.dial("sip:bank@127.0.0.1", record=Path("call.wav"))
        call.listen(lambda pcm, at: ...)
        said = call.send(pcm)
        await call.said(said)                # said.ended_at: when its last sample left
        await call.hangup()
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog
from baresip import (
    BaresipError,
    Call,
    CallFailed,
    CallState,
    Event,
    Runtime,
    StackEvent,
    StaleHandleError,
    TransferRequest,
    UserAgent,
)
from pydantic import Field

from contracts.audio import FRAME_S, seconds
from contracts.clock import Clock, MonotonicClock
from contracts.errors import ConfigError, DialFailed, LegClosed
from contracts.settings import Settings
from telephony.sip.media import WireAudio
from telephony.sip.pcm import CallPcm
from telephony.sip.sending import Departures, NextFrame, Utterance
from telephony.sip.settings import Codec, Transport
from telephony.sip.stack import account, caller_config, placed, usable_port
from telephony.sip.timeline import StereoTimeline

log = structlog.get_logger()

OnAudio = Callable[[bytes, float], None]
"""Internal PCM as it arrived (any length) and the monotonic time at which it was there."""

_HOLD_ATTEMPTS = 10
_PORT_ATTEMPTS = 3
"""A port that was free a moment ago may be gone when the library wants it: browsers beside us take many."""


class CallerSettings(Settings):
    """A calling user agent."""

    host: str = Field(default="127.0.0.1", description="Local address to call from; 0.0.0.0 to reach other machines.")
    port: int = Field(default=0, ge=0, le=65534, description="Local SIP port; 0 takes a free one.")
    transport: Transport = Field(default="udp", description="UDP or TCP.")
    codecs: tuple[Codec, ...] = Field(default=("pcma", "pcmu", "g722", "opus"), min_length=1, description="As offered.")
    user: str = Field(default="caller", pattern=r"^[A-Za-z0-9._+-]+$", description="Our user part.")
    rtp_ports: tuple[int, int] = Field(default=(40000, 49998), description="Range of RTP ports.")
    rtp_timeout_s: int = Field(default=0, ge=0, description="End a call that receives no RTP for so long; 0: never.")
    poll_s: float = Field(default=0.005, ge=0.002, le=0.02, description="How often sound is looked for: the precision.")
    ahead_frames: int = Field(default=2, ge=1, le=5, description="20 ms frames kept in the library's send buffer.")
    follow_transfers: bool = Field(default=True, description="Call where a REFER sends us; else refuse with 603.")


class CallerCall:
    """An answered outgoing call. All times are monotonic seconds."""

    def __init__(
        self, runtime: Runtime, call: Call, settings: CallerSettings, clock: Clock, record: Path | None
    ) -> None:
        self._runtime = runtime
        self._settings = settings
        self._clock = clock
        self._record = record
        self._departures = Departures()
        self._source: NextFrame | None = None
        self._listener: OnAudio | None = None
        self._over = asyncio.Event()
        self._sent = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self.answered_at = clock.now()
        self._looked = self.answered_at
        self.close_text = ""
        self.transferred_to = ""
        self.on_transfer: Callable[[TransferRequest], None] | None = None
        self.heard_digits: list[str] = []
        self._timeline = StereoTimeline(self.answered_at)
        self._adopt(call)
        self._loop = asyncio.get_running_loop().create_task(self._run(), name="caller-media")

    def _adopt(self, call: Call) -> None:
        self._call = call
        self._wire = WireAudio(CallPcm(call.audio))
        call.on(self._on_event)
        call.on_transfer_request(self._on_transfer_request)
        if call.state is CallState.CLOSED:
            self._closed("closed at once")

    @property
    def codec(self) -> str:
        """``opus``, ``g722`` or ``g711``."""
        return self._wire.codec

    @property
    def sip_call_id(self) -> str:
        """The Call-ID."""
        return self._call.call_id or ""

    @property
    def closed(self) -> bool:
        """The call is over."""
        return self._over.is_set()

    def listen(self, listener: OnAudio | None) -> None:
        """Hand over received sound as it arrives; replaces the former listener."""
        self._listener = listener

    def send(self, pcm: bytes) -> Utterance:
        """Say internal PCM after what was sent before. Raises LegClosed when the call is over."""
        if self.closed:
            raise LegClosed("the call is over")
        return self._departures.send(pcm)

    def speak_from(self, source: NextFrame | None) -> None:
        """Ask ``source`` for each frame when nothing was sent; None: silence."""
        self._source = source

    def stop_sending(self) -> None:
        """Break off: what waits is dropped, at most 40 ms still leave."""
        self._departures.stop()

    async def said(self, utterance: Utterance) -> None:
        """Until all of it left, was broken off, or the call is over."""
        while not utterance.sent and not self.closed:
            self._sent.clear()
            await self._sent.wait()

    async def dtmf(self, digits: str) -> None:
        """Press keys, about 0.2 s each. Raises LegClosed, or ValueError for what is no key."""
        call = self._call
        try:
            await call.send_dtmf(digits)
        except BaresipError as error:
            if self._tasks or self._call is not call:
                return  # the far end transferred us before the key was released
            raise LegClosed(f"keys could not be sent: {error}") from error

    async def hold(self, held: bool = True) -> None:
        """Put the far end on hold, or come back. Raises LegClosed."""
        for attempt in range(_HOLD_ATTEMPTS):
            try:
                await (self._call.hold() if held else self._call.resume())
                return
            except BaresipError as error:
                if self.closed or attempt == _HOLD_ATTEMPTS - 1:
                    raise LegClosed(f"hold failed: {error}") from error
            await asyncio.sleep(0.1)  # the last re-INVITE's transaction is not over yet

    async def hangup(self) -> None:
        """BYE; harmless if the call is over."""
        if not self.closed:
            try:
                await self._call.hangup()
                async with asyncio.timeout(2.0):
                    await self._over.wait()
            except (StaleHandleError, TimeoutError):
                self._closed("hung up")
        await self._loop

    async def wait_closed(self) -> str:
        """Until the call is over and its recording written: the stack's words on why."""
        await asyncio.wait({self._loop})
        return self.close_text

    # ------------------------------------------------------------------ media

    async def _run(self) -> None:
        due = self._clock.now()
        while not self.closed:
            now = self._clock.now()
            self._poll(now)
            due = max(due + self._settings.poll_s, now)
            await asyncio.sleep(due - self._clock.now())
        self._sent.set()
        if self._record is not None:
            self._timeline.write(self._record)

    def _poll(self, now: float) -> None:
        heard = self._wire.read()
        left = self._departures.observe(self._wire.buffered_s, self._looked, now)
        self._looked = now
        for at, pcm in left:
            self._timeline.put(StereoTimeline.SAID, pcm, at)
        if left:
            self._sent.set()
        if heard:
            self._timeline.put(StereoTimeline.HEARD, heard, now - seconds(heard))
            if self._listener is not None:
                self._listener(heard, now)
        ahead = self._settings.ahead_frames * FRAME_S
        while self._wire.can_write and self._wire.buffered_s < ahead - FRAME_S / 2:
            frame = self._departures.next(self._source, now)
            if frame is None:
                break
            self._wire.write(frame)

    # ------------------------------------------------------------------ the stack

    def _on_event(self, event: StackEvent) -> None:
        if event.call != self._call.handle:
            return  # a call that we were transferred away from
        if event.event is Event.CALL_CLOSED:
            self._closed(event.text or "")
        elif event.event is Event.CALL_DTMF_START and event.text:
            self.heard_digits.append(event.text)

    def _closed(self, text: str) -> None:
        if not self._over.is_set():
            self.close_text = text
            self._over.set()

    def _on_transfer_request(self, request: TransferRequest) -> None:
        if self.on_transfer is not None:
            self.on_transfer(request)
        task = asyncio.get_running_loop().create_task(self._answer_transfer(self._call, request))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer_transfer(self, call: Call, request: TransferRequest) -> None:
        try:
            if not self._settings.follow_transfers or request.method != "INVITE":
                await call.reject_transfer()
                return
            new = await placed(self._runtime, call.accept_transfer())
            await new.wait_established()
        except BaresipError as error:
            log.info("caller.transfer_not_followed", target=request.target, error=str(error))
            return
        # The library closes the old call by itself, once it has told the transferor.
        self.transferred_to = request.raw
        self._departures.in_buffer.clear()
        self._adopt(new)


async def _started(settings: CallerSettings) -> tuple[Runtime, int]:
    """The library, and its SIP port. Raises ConfigError for one that cannot be used, BaresipError."""
    for _ in range(_PORT_ATTEMPTS - 1 if settings.port == 0 else 0):
        try:
            return await _started_once(settings)
        except BaresipError as error:
            log.info("caller.another_port", error=str(error))
    return await _started_once(settings)


async def _started_once(settings: CallerSettings) -> tuple[Runtime, int]:
    port = usable_port(settings.host, settings.port)
    runtime = Runtime()
    await runtime.start(caller_config(settings.host, port, settings.rtp_ports, settings.rtp_timeout_s))
    return runtime, port


class SipCaller:
    """The user agent. Enter it, dial, leave it."""

    def __init__(self, settings: CallerSettings, clock: Clock | None = None) -> None:
        self._settings = settings
        self._clock = clock or MonotonicClock()
        self._runtime: Runtime | None = None
        self._agent: UserAgent | None = None
        self._calls: list[CallerCall] = []

    async def __aenter__(self) -> Self:
        """Start the library. Raises ConfigError when the address or port cannot be used."""
        settings = self._settings
        try:
            runtime, port = await _started(settings)
            self._agent = await UserAgent.create(
                runtime,
                account(settings.user, f"{settings.host}:{port}", settings.transport, settings.codecs, catchall=False),
            )
        except BaresipError as error:
            raise ConfigError(f"the calling user agent did not start: {error}") from error
        self._runtime = runtime
        return self

    async def dial(
        self, uri: str, *, headers: Mapping[str, str] | None = None, timeout_s: float = 30.0, record: Path | None = None
    ) -> CallerCall:
        """Call ``uri`` and wait for the answer. Raises DialFailed (busy, refused, no answer, unreachable)."""
        if self._agent is None or self._runtime is None:
            raise DialFailed("the caller was not started")
        if not uri.startswith(("sip:", "sips:")):
            uri = f"sip:{uri}"
        if self._settings.transport != "udp" and ";transport=" not in uri:
            uri = f"{uri};transport={self._settings.transport}"
        try:
            call = await placed(self._runtime, self._agent.dial(uri, dict(headers or {})))
            await call.wait_established(timeout_s)
        except ValueError as error:
            raise DialFailed(f"cannot call {uri}: {error}") from error
        except CallFailed as error:
            why = f"{error.status} {error.reason}".strip() if error.status else str(error)
            raise DialFailed(f"{uri} did not answer: {why}") from error
        except BaresipError as error:
            raise DialFailed(f"cannot call {uri}: {error}") from error
        made = CallerCall(self._runtime, call, self._settings, self._clock, record)
        self._calls.append(made)
        return made

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hang up what is up and stop the library."""
        for call in self._calls:
            await call.hangup()
        runtime, self._runtime = self._runtime, None
        if runtime is not None:
            await runtime.close()
