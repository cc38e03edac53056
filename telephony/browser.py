"""A caller in a browser: the call button. Sound is ours already (16 kHz, 20 ms), so nothing is converted.

::

    page ── console (relay) ── control socket ──► receive(pcm) ─► conceal ─► on the beat: port.on_frame
                                             ◄── outlet.sound ◄──────────── on the beat: port.next_frame
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from typing import Protocol

import structlog

from contracts.audio import SILENCE
from contracts.clock import Clock
from contracts.errors import LegClosed
from contracts.leg import HangupReason, LegCapabilities, LegInfo, LegPort, TransferResult
from telephony.conceal import Concealer, ConcealSettings
from telephony.ticker import MediaTicker

log = structlog.get_logger()
PLAYOUT_S = 0.06
"""From us to the loudspeaker: the page gathers 40 ms before it plays, and its way there is short."""


class Outlet(Protocol):
    """The way to the page."""

    def sound(self, pcm: bytes) -> None:
        """20 ms; nothing is awaited."""
        ...

    def over(self) -> None:
        """The call is over."""
        ...


class BrowserLeg:
    """contracts.leg.CallLeg. ``who``: the account that calls, or ``guest``."""

    def __init__(self, who: str, outlet: Outlet, ticker: MediaTicker, clock: Clock) -> None:
        call_id = secrets.token_hex(8)
        self._info = LegInfo(call_id, call_id, "browser", f"browser:{who}", "operator")
        self._outlet = outlet
        self._ticker = ticker
        self._clock = clock
        self._port: LegPort | None = None
        self._concealer = Concealer(ConcealSettings(), clock.now())
        self._over = asyncio.Event()
        self._ending: tuple[HangupReason, str] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def info(self) -> LegInfo:
        """Who calls."""
        return self._info

    @property
    def capabilities(self) -> LegCapabilities:
        """We pace; the page cannot be sent elsewhere."""
        return LegCapabilities(
            paced_by="us",
            can_flush=False,
            marks_reliable=False,
            can_transfer=False,
            wire_rate=16_000,
            codec="L16",
            playout_delay_s=PLAYOUT_S,
        )

    @property
    def closed(self) -> bool:
        """The call is over."""
        return self._over.is_set()

    async def answer(self, port: LegPort) -> None:
        """Start media. Raises LegClosed if the page is gone."""
        if self.closed:
            raise LegClosed("the page is gone")
        self._port = port
        self._concealer = Concealer(ConcealSettings(), self._clock.now())
        self._ticker.register(self._tick, self._tick_failed)

    async def reject(self, reason: HangupReason) -> None:
        """No room."""
        self.lost(reason, "")

    async def hangup(self, reason: HangupReason, detail: str = "") -> None:
        """End the call; harmless if it is over."""
        if not self.closed and self._port is not None:
            await asyncio.sleep(PLAYOUT_S)  # the last words are on their way
        self.lost(reason, detail)

    async def transfer(self, target: str, context: Mapping[str, str]) -> TransferResult:
        """Not possible: a person has to come into this call."""
        return TransferResult(False, "a browser cannot be transferred")

    def flush(self) -> None:
        """What is on its way cannot be called back."""

    def receive(self, pcm: bytes) -> None:
        """20 ms from the page."""
        if self._port is not None and not self.closed:
            self._concealer.push(pcm, self._clock.now())

    def press(self, key: str) -> None:
        """A key of the page's number pad."""
        if self._port is not None and not self.closed:
            self._port.on_dtmf(key[:1])

    def lost(self, reason: HangupReason, detail: str) -> None:
        """It is over, whoever ended it; harmless if it was known."""
        if self.closed:
            return
        self._over.set()
        self._ticker.unregister(self._tick)
        log.info("browser.closed", call_id=self._info.call_id, reason=str(reason), detail=detail)
        if self._port is not None:
            self._port.on_closed(reason, detail)
        self._outlet.over()

    def _tick(self, now: float) -> None:
        if self._port is None:
            return
        for frame in self._concealer.tick(now):
            self._port.on_frame(frame)
        self._outlet.sound(self._port.next_frame() or SILENCE)

    def _tick_failed(self, error: Exception) -> None:
        task = asyncio.get_running_loop().create_task(self.hangup(HangupReason.ERROR, repr(error)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
