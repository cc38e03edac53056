"""One SIP call as a CallLeg: a caller's, or one that we made to a person (contracts.dialling.OutgoingLeg).

::

    INVITE ─► SipLeg ─ handler ─► answer(port) ─► 200, ACK ─► on the beat, each 20 ms:
              │                                    library ─ pull ─ resample ─ conceal ─► port.on_frame
              └ reject ─► 486                      library ◄ send ─ resample ◄─────────── port.next_frame
                                                                     └ of all calls of the beat at once
    dialled, established ─► SipLeg ─► attach(port) ─► the same
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping

import structlog
from baresip import BaresipError, Call, CallState, CallStats, Event, StackEvent, StaleHandleError, TransferFailed

from contracts.audio import FRAME_S
from contracts.clock import Clock
from contracts.dialling import OutgoingLeg
from contracts.errors import LegClosed
from contracts.leg import HangupReason, LegCapabilities, LegInfo, LegPort, TransferResult
from telephony.conceal import Concealer
from telephony.sip.digits import DigitGate
from telephony.sip.media import WireAudio
from telephony.sip.pcm import CallPcm
from telephony.sip.refer import address_of, close_reason, host_of, refer_uri
from telephony.sip.settings import SipSettings
from telephony.ticker import MediaTicker

log = structlog.get_logger()

_CLOSE_WAIT_S = 2.0
"""How long the stack may take to say that a call that we hung up is over."""
_HOLD_ATTEMPTS = 10


class SipLeg:
    """A call by SIP. Implements contracts.leg.CallLeg and contracts.dialling's legs; made by SipServer only.

    ``called``: whom we called, of an outgoing call that is established.
    """

    def __init__(
        self, call: Call, settings: SipSettings, ticker: MediaTicker, clock: Clock, *, called: str = ""
    ) -> None:
        self._call = call
        self._settings = settings
        self._ticker = ticker
        self._clock = clock
        self._info = LegInfo(
            call_id=secrets.token_hex(8),
            external_id=call.call_id or "",
            kind="sip",
            caller="" if called else call.peer or "",
            called=called or address_of(call.headers.get("To", "")),
            headers={name: value for name, value in call.headers.items() if name != "To"},
        )
        self._wire = WireAudio(CallPcm(call.audio))
        self._port: LegPort | None = None
        self._concealer: Concealer | None = None
        self._digits = DigitGate(settings.dtmf_per_second, settings.dtmf_burst)
        self._early_digits: list[str] = []
        self._held = False
        self._ending: tuple[HangupReason, str] | None = None
        self._established = asyncio.Event()
        self._over = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._log = log.bind(call_id=self._info.call_id)
        call.on(self._on_event)
        if call.state is CallState.CLOSED:
            self._finish(HangupReason.CALLER, "gone before it was seen")

    @property
    def info(self) -> LegInfo:
        """Who calls whom."""
        return self._info

    @property
    def capabilities(self) -> LegCapabilities:
        """We pace; the send buffer (≤ 2 frames) can be emptied; there are no playout marks."""
        return LegCapabilities(
            paced_by="us",
            can_flush=True,
            marks_reliable=False,
            can_transfer=True,
            wire_rate=self._wire.wire_rate,
            codec=self._wire.codec,
            playout_delay_s=self._settings.send_ahead_frames * FRAME_S + self._wire.delay_s,
            dtmf=self._settings.carries_keys,
        )

    @property
    def closed(self) -> bool:
        """The call is over."""
        return self._over.is_set()

    @property
    def answered(self) -> bool:
        """A port was attached."""
        return self._port is not None

    @property
    def concealed_frames(self) -> int:
        """Frames made up for lost sound, since the answer."""
        return self._concealer.concealed if self._concealer is not None else 0

    @property
    def stats(self) -> CallStats | None:
        """Packets, loss, jitter and the rest, by the library; None until the call is over."""
        stats: CallStats | None = self._call.final_stats
        return stats

    async def wait_closed(self) -> None:
        """Until the call is over, whoever ended it."""
        await self._over.wait()

    async def answer(self, port: LegPort) -> None:
        """200 OK, wait for the ACK, start media. Raises LegClosed if the caller is gone or never acknowledges."""
        if self.closed or self._ending is not None or self._port is not None:
            raise LegClosed(f"call {self._info.call_id} cannot be answered: it is over or was answered")
        try:
            await self._call.answer()
        except BaresipError as error:
            self._finish(HangupReason.CALLER, str(error))
            raise LegClosed(f"the caller is gone: {error}") from error
        if not await self._wait_established():
            await self.hangup(HangupReason.ERROR, "our answer was never acknowledged")
            raise LegClosed("the caller is gone: no ACK")
        if self._ending is not None:
            raise LegClosed(f"the call was ended: {self._ending[0]}")
        self._begin(port)

    async def attach(self, port: LegPort) -> None:
        """Start media on a call that we made. Raises LegClosed if they have hung up."""
        if self.closed or self._ending is not None or self._port is not None:
            raise LegClosed(f"{self._info.called} has hung up")
        self._established.set()
        self._begin(port)

    def _begin(self, port: LegPort) -> None:
        self._wire.read()  # what came while the ACK was under way is stale; and the rates are known from here on
        self._port = port
        self._concealer = Concealer(self._settings.conceal, self._clock.now())
        self._ticker.register(self._tick, self._tick_failed, before=self._pull, after=self._send)
        for digit in self._early_digits:
            port.on_dtmf(digit)
        if self._held:
            port.on_hold(True)

    async def _wait_established(self) -> bool:
        waiting = [asyncio.ensure_future(self._established.wait()), asyncio.ensure_future(self._over.wait())]
        await asyncio.wait(waiting, timeout=self._settings.answer_timeout_s, return_when=asyncio.FIRST_COMPLETED)
        for waiter in waiting:
            waiter.cancel()
        if self.closed:
            raise LegClosed("the caller is gone")
        return self._established.is_set()

    async def reject(self, reason: HangupReason) -> None:
        """486 Busy Here, the only refusal that the library has."""
        await self._end(reason, "", refuse=True)

    async def hangup(self, reason: HangupReason, detail: str = "") -> None:
        """BYE, or 486 before the answer. What is still in the send buffer (≤ 40 ms) leaves first."""
        if self._port is not None and not self.closed and self._wire.buffered_s > 0.0:
            await asyncio.sleep(min(self._wire.buffered_s, 0.1))
        await self._end(reason, detail, refuse=self._port is None and not self._established.is_set())

    async def _end(self, reason: HangupReason, detail: str, *, refuse: bool) -> None:
        if self.closed:
            return
        if self._ending is None:
            self._ending = (reason, detail)
        try:
            await (self._call.reject() if refuse else self._call.hangup())
            async with asyncio.timeout(_CLOSE_WAIT_S):
                await self._over.wait()
        except StaleHandleError:
            self._finish(reason, detail)
        except (BaresipError, TimeoutError) as error:
            self._log.warning("sip.hangup_failed", error=str(error))
            self._finish(reason, detail)

    async def transfer(self, target: str, context: Mapping[str, str]) -> TransferResult:
        """REFER, then wait for the final NOTIFY; on success the library sends BYE and the call closes as transferred.

        Never raises for what the far end does: a refusal, silence or a bad target come back as not ``ok``.
        """
        if self.closed or self._port is None:
            return TransferResult(False, "call is not up")
        domain = self._settings.transfer_domain or host_of(self._info.caller)
        try:
            uri = refer_uri(target, domain, context, uui=self._settings.transfer_context)
            await self._call.transfer(uri, timeout=self._settings.transfer_timeout_s)
        except ValueError as error:
            return TransferResult(False, str(error))
        except TransferFailed as error:
            return await self._transfer_failed(error)
        except BaresipError as error:
            return TransferResult(False, str(error))
        self._finish(HangupReason.TRANSFERRED, target)  # harmless if the event came first
        return TransferResult(True, "200")

    async def _transfer_failed(self, error: TransferFailed) -> TransferResult:
        status = f"{error.status} {error.reason}".strip() if error.status else str(error)
        self._log.info("sip.transfer_failed", status=status, closed=self.closed)
        return TransferResult(False, status)

    async def transfer_to(self, consult: OutgoingLeg) -> TransferResult:
        """REFER with Replaces: the far end takes our place in ``consult``'s call. Never raises for what it does.

        Not ok: both calls go on as before; the library has put them on hold, and they are taken off it again.
        """
        if not isinstance(consult, SipLeg) or self.closed or self._port is None:
            return TransferResult(False, "call is not up")
        try:
            await _patiently(consult._call.hold)
            await _patiently(self._call.hold)
            await self._call.attended_transfer(consult._call, timeout=self._settings.transfer_timeout_s)
        except TransferFailed as error:
            result = await self._transfer_failed(error)
        except BaresipError as error:
            result = TransferResult(False, str(error))
        else:
            self._finish(HangupReason.TRANSFERRED, consult.info.called)
            return TransferResult(True, "200")
        for call in (self._call, consult._call):
            await self._resume(call)
        return result

    async def _resume(self, call: Call) -> None:
        try:
            await _patiently(call.resume)
        except BaresipError as error:
            self._log.info("sip.not_resumed", error=str(error), closed=self.closed)

    def flush(self) -> None:
        """Empty the send buffer; at most one packet still leaves."""
        self._wire.flush()

    # ------------------------------------------------------------------ the beat

    def _pull(self, now: float) -> None:
        self._wire.pull(self._ticker.batch)

    def _tick(self, now: float) -> None:
        port, concealer, batch = self._port, self._concealer, self._ticker.batch
        if port is None or concealer is None:
            return
        heard = self._wire.heard(batch)
        if not self._held:
            concealer.push(heard, now)
        frames = concealer.tick(now)
        if self._held:
            return  # music on hold is nobody's speech
        for frame in frames:
            port.on_frame(frame)
        if self._wire.can_write and (pcm := self._to_say(port)):
            self._wire.push(batch, pcm)

    def _to_say(self, port: LegPort) -> bytes:
        """What fills the send buffer while there is something to say; the library sends silence when it is dry."""
        room = round(self._settings.send_ahead_frames - self._wire.buffered_s / FRAME_S)
        if room == 1:  # nearly always
            return port.next_frame() or b""
        said: list[bytes] = []
        while len(said) < room and (pcm := port.next_frame()) is not None:
            said.append(pcm)
        return b"".join(said)

    def _send(self, now: float) -> None:
        self._wire.send(self._ticker.batch)

    def _tick_failed(self, error: Exception) -> None:
        task = asyncio.get_running_loop().create_task(self.hangup(HangupReason.ERROR, repr(error)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # ------------------------------------------------------------------ the stack

    def _on_event(self, event: StackEvent) -> None:
        if event.event is Event.CALL_ESTABLISHED:
            self._established.set()
        elif event.event is Event.CALL_CLOSED:
            reason, detail = close_reason(event.text)
            if self._ending is not None and reason is not HangupReason.TRANSFERRED:
                reason, detail = self._ending
            self._finish(reason, detail)
        elif event.event in (Event.CALL_HOLD, Event.CALL_RESUME):
            self._on_hold(event.event is Event.CALL_HOLD)
        elif event.event is Event.CALL_DTMF_START:
            self._on_digit(event.text or "")

    def _on_hold(self, held: bool) -> None:
        if held == self._held:
            return
        self._held = held
        self._log.info("sip.hold", held=held)
        if self._port is not None and not self.closed:
            self._port.on_hold(held)

    def _on_digit(self, digit: str) -> None:
        if self._digits.admit(digit, self._clock.now()):
            if self._port is None:
                self._early_digits.append(digit)  # between the ACK and the port; bounded by the gate and the wait
            elif not self.closed:
                self._port.on_dtmf(digit)
        elif self._digits.dropped == 1:
            self._log.warning("sip.dtmf_dropped", per_second=self._settings.dtmf_per_second)

    def stack_died(self) -> None:
        """The library's thread is gone: the call cannot go on."""
        self._finish(HangupReason.ERROR, "the SIP stack stopped")

    def _finish(self, reason: HangupReason, detail: str) -> None:
        if self._over.is_set():
            return
        self._over.set()
        self._ticker.unregister(self._tick)
        self._call.off(self._on_event)
        stats = self._call.final_stats
        self._log.info(
            "sip.closed",
            packets_in=stats.rx_packets if stats is not None else 0,
            packets_out=stats.tx_packets if stats is not None else 0,
            reason=str(reason),
            detail=detail,
            concealed=self.concealed_frames,
            dtmf_dropped=self._digits.dropped,
        )
        if self._port is not None:
            self._port.on_closed(reason, detail)


async def _patiently(change: Callable[[], Awaitable[None]]) -> None:
    """Hold or resume; tried again while the last re-INVITE's transaction is not over. Raises BaresipError."""
    for attempt in range(_HOLD_ATTEMPTS):
        try:
            await change()
            return
        except StaleHandleError:
            raise
        except BaresipError:
            if attempt == _HOLD_ATTEMPTS - 1:
                raise
        await asyncio.sleep(0.1)
