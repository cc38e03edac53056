"""One Twilio stream as a CallLeg.

::

    start ─► TwilioLeg ─ handler ─► answer(port) ─► on the beat, each 20 ms:
             │                        media ─ µ-law ─ 8→16 kHz ─ conceal ─► port.on_frame
             │                        media ◄ µ-law ◄ 16→8 kHz ◄─────────── port.next_frame
             └ reject ─► close 1013
    hang-up: close 1000 ``operator`` …; transfer: close 1000 ``transfer:<target>``, TwiML goes on (see README.md)
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping

import structlog
from websockets.asyncio.server import broadcast
from websockets.frames import CloseCode

from contracts.clock import Clock
from contracts.errors import LegClosed
from contracts.leg import HangupReason, LegCapabilities, LegInfo, LegPort, TransferResult
from telephony.conceal import Concealer
from telephony.limits import TokenBucket
from telephony.resample import StreamResampler
from telephony.ticker import MediaTicker
from telephony.websocket.auth import TOKEN_PARAMETER
from telephony.websocket.connection import GuardedConnection
from telephony.websocket.events import Dtmf, Marked, Media, Started, Stopped, Violation
from telephony.websocket.g711 import ULAW_SILENCE, linear_to_ulaw, ulaw_to_linear
from telephony.websocket.playout import Playout
from telephony.websocket.settings import WebSocketSettings
from telephony.websocket.twilio import RATE, State, TwilioProtocol, printable

log = structlog.get_logger()

_SILENCE = bytes([ULAW_SILENCE]) * (RATE // 50)
_REASON_BYTES = 123
"""What a WebSocket close frame has room for (RFC 6455, 5.5)."""
_LAST_MARK = "end"
_CLOSE_CODES = {
    HangupReason.DRAINED: CloseCode.GOING_AWAY,
    HangupReason.ERROR: CloseCode.INTERNAL_ERROR,
    HangupReason.REFUSED: CloseCode.TRY_AGAIN_LATER,
}


def leg_info(started: Started, address: str) -> LegInfo:
    """Who calls whom, from the stream's parameters (``from``, ``to``: set them in TwiML) or else the peer's address."""
    said = {name: value for name, value in started.parameters.items() if name.lower() != TOKEN_PARAMETER}
    lower = {name.lower(): value for name, value in said.items()}
    return LegInfo(
        call_id=secrets.token_hex(8),
        external_id=started.call_sid,
        kind="twilio",
        caller=lower.get("from") or lower.get("caller") or address,
        called=lower.get("to") or lower.get("called") or "",
        headers=said,
    )


class TwilioLeg:
    """A caller by a provider's stream. Implements contracts.leg.CallLeg; made by WebSocketServer only."""

    def __init__(
        self,
        connection: GuardedConnection,
        protocol: TwilioProtocol,
        started: Started,
        settings: WebSocketSettings,
        ticker: MediaTicker,
        clock: Clock,
    ) -> None:
        self._connection = connection
        self._protocol = protocol
        self._settings = settings
        self._ticker = ticker
        self._clock = clock
        self._info = leg_info(started, connection.address)
        self._port: LegPort | None = None
        now = clock.now()
        self._concealer = Concealer(settings.conceal, now)
        self._up = StreamResampler(RATE, 16_000)
        self._down = StreamResampler(16_000, RATE)
        self._playout = Playout(settings.lead_ms / 1000, settings.mark_interval_s)
        self._digits = TokenBucket(settings.limits.dtmf_per_s, settings.limits.dtmf_burst, now)
        self._silence = protocol.media(_SILENCE)
        self._last_media = now
        self._blocked_since: float | None = None
        self._cut_short = False
        self._ending = False
        self._over = asyncio.Event()
        self._last_words = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._log = log.bind(call_id=self._info.call_id)

    @property
    def info(self) -> LegInfo:
        """Who calls whom."""
        return self._info

    @property
    def capabilities(self) -> LegCapabilities:
        """We pace, with a short lead in the provider's buffer, which ``flush`` empties."""
        return LegCapabilities(
            paced_by="us",
            can_flush=True,
            marks_reliable=False,
            can_transfer=True,
            wire_rate=RATE,
            codec="PCMU",
            playout_delay_s=self._settings.lead_ms / 1000,
            dtmf=self._settings.carries_keys,
        )

    @property
    def closed(self) -> bool:
        """Whether the call is over."""
        return self._over.is_set()

    @property
    def answered(self) -> bool:
        """Whether a port was given."""
        return self._port is not None

    @property
    def playout_lag_s(self) -> float:
        """From sending a sound to its being played, as the last mark measured it; 0.0 if unknown."""
        return self._playout.lag_s

    # ------------------------------------------------------------------ CallLeg

    async def answer(self, port: LegPort) -> None:
        """Start media. Raises LegClosed if the caller is gone."""
        if self.closed or self._ending:
            raise LegClosed("the caller is gone")
        if self._port is not None:
            raise ValueError("answered already")
        now = self._clock.now()
        self._port = port
        self._last_media = now
        self._concealer = Concealer(self._settings.conceal, now)
        self._ticker.register(self._tick, self._tick_failed)

    async def reject(self, reason: HangupReason) -> None:
        """Close 1013 (try again later)."""
        await self._close(reason, "", CloseCode.TRY_AGAIN_LATER, reason.value)

    async def hangup(self, reason: HangupReason, detail: str = "") -> None:
        """Close the stream once the last words are played; TwiML goes on after ``<Connect>``."""
        await self._close(reason, detail, _CLOSE_CODES.get(reason, CloseCode.NORMAL_CLOSURE), reason.value)

    async def transfer(self, target: str, context: Mapping[str, str]) -> TransferResult:
        """End the stream with close code 1000 and reason ``transfer:<target>``; the provider's own flow dials.

        ``context`` has no place in this protocol: the hand-over record is looked up by callSid.
        Never raises for what the far end does; ``ok`` means that the peer took the close.
        """
        reason = f"transfer:{target}"
        if not target or not target.isprintable() or len(reason.encode("utf-8", "replace")) > _REASON_BYTES:
            return TransferResult(False, "unusable target")
        if self.closed or self._ending or self._port is None:
            return TransferResult(False, "call is not up")
        await self._close(HangupReason.TRANSFERRED, target, CloseCode.NORMAL_CLOSURE, reason)
        ok = self._transferred
        return TransferResult(ok, "closed" if ok else "the peer was gone")

    def flush(self) -> None:
        """Empty the provider's buffer; pending marks come back flagged as cleared."""
        if self._port is not None and not self.closed and self._protocol.state is State.STREAMING:
            self._send(self._protocol.clear())
            self._playout.flushed()
            self._cut_short = True

    # ------------------------------------------------------------------ from the stream

    def receive(self, message: str | bytes) -> None:
        """One message of the peer, as it came."""
        now = self._clock.now()
        match self._protocol.receive(message):
            case Media() as media:
                self._last_media = now
                if self._port is not None:
                    self._concealer.push(self._up.process(ulaw_to_linear(media.ulaw)), now)
            case Marked() as mark:
                self._playout.marked(mark.name, mark.cleared, now)
                if mark.name == _LAST_MARK:
                    self._last_words.set()
            case Dtmf() as dtmf:
                if self._port is not None and self._digits.take(now):
                    self._port.on_dtmf(dtmf.digit)
            case Stopped():
                self.lost(HangupReason.CALLER, "stop")
            case Violation() as violation:
                self._violated(violation)

    def _violated(self, violation: Violation) -> None:
        count = self._protocol.violations
        if count == 1 or violation.fatal:
            self._log.warning("twilio.violation", reason=violation.reason, fatal=violation.fatal, count=count)
        if violation.fatal:
            self.lost(HangupReason.ERROR, violation.reason)
            self._connection.fail(CloseCode.POLICY_VIOLATION, violation.reason)

    def lost(self, reason: HangupReason, detail: str) -> None:
        """The stream is over, whoever ended it; harmless if it was known."""
        if self.closed:
            return
        self._over.set()
        self._last_words.set()
        self._ticker.unregister(self._tick)
        self._log.info("twilio.closed", reason=reason.value, detail=detail, violations=self._protocol.violations)
        if self._port is not None:
            self._port.on_closed(reason, detail)

    # ------------------------------------------------------------------ the beat

    def _tick(self, now: float) -> None:
        port = self._port
        if port is None or self.closed:
            return
        for frame in self._concealer.tick(now):
            port.on_frame(frame)
        if now - self._last_media > self._settings.media_timeout_s:
            self._end(HangupReason.MEDIA_TIMEOUT, "no media")
            return
        if self._protocol.state is not State.STREAMING:
            return
        lead = self._playout.prime(now)
        if self._cut_short:  # the fade of what was cut must join on to it: silence comes after
            self._send_due(port, now)
            self._cut_short = False
        for _ in range(lead):
            self._send(self._silence)
        self._send_due(port, now)
        if name := self._playout.mark_due(now):
            self._send_mark(name)

    def _send_due(self, port: LegPort, now: float) -> None:
        while self._playout.due(now):
            pcm = port.next_frame()
            if pcm is not None:
                self._send(self._protocol.media(linear_to_ulaw(self._down.process(pcm))))
            elif not self._playout.surplus:
                self._send(self._silence)

    def _send_mark(self, name: str) -> None:
        message = self._protocol.mark(name)
        if message is None:  # a peer that answers no marks
            self._playout.withdrawn(name)
        else:
            self._send(message)

    def _send(self, message: bytes) -> None:
        """Hand a message to the socket; one that takes nothing loses sound, then the call."""
        if self._connection.unsent > self._settings.limits.unread_bytes:
            now = self._clock.now()
            if self._blocked_since is None:
                self._blocked_since = now
            elif now - self._blocked_since > self._settings.limits.unread_s:
                self.lost(HangupReason.ERROR, "the peer reads nothing")
                self._connection.transport.abort()
            return
        self._blocked_since = None
        broadcast((self._connection,), message, text=True)

    def _tick_failed(self, error: Exception) -> None:
        self._end(HangupReason.ERROR, printable(str(error), 64))

    # ------------------------------------------------------------------ the end

    _transferred = False

    def _end(self, reason: HangupReason, detail: str) -> None:
        """Hang up from a plain function."""
        task = asyncio.get_running_loop().create_task(self.hangup(reason, detail))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _close(self, reason: HangupReason, detail: str, code: CloseCode, text: str) -> None:
        if self._ending or self.closed:
            await self._over.wait()
            return
        self._ending = True
        if reason in (HangupReason.OPERATOR, HangupReason.NO_INPUT, HangupReason.TRANSFERRED):
            await self._played_out()
        if self.closed:
            return
        self._transferred = reason is HangupReason.TRANSFERRED
        self.lost(reason, detail)
        await self._connection.close(code, text)

    async def _played_out(self) -> None:
        """Wait until the last words were played, as far as marks tell."""
        if self._port is None or not self._playout.marks_work or self._protocol.state is not State.STREAMING:
            return
        message = self._protocol.mark(_LAST_MARK)
        if message is None:
            return
        self._send(message)
        try:
            async with asyncio.timeout(self._settings.playout_wait_s):
                await self._last_words.wait()
        except TimeoutError:
            self._log.info("twilio.last_words_unconfirmed")
