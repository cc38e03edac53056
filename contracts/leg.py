"""A caller, as the rest of the house sees one: sound in, sound out, digits, transfer. Nothing of SIP or WebSockets.

::

    wire ──► CallLeg ──on_frame(20 ms)──► LegPort (the session's ear and mouth)
    wire ◄── CallLeg ◄──next_frame()───── LegPort

The leg owns the clock of the way out: every 20 ms it *asks* the port for the next frame and sends it, or silence.
So nothing is queued ahead, barge-in needs no flush, and what was asked for is what left. All port methods are plain
functions called on the event loop; they must return within a millisecond.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from contracts.audio import AudioFrame


class HangupReason(StrEnum):
    """Why a call ended."""

    CALLER = "caller"
    OPERATOR = "operator"
    TRANSFERRED = "transferred"
    NO_INPUT = "no_input"
    MEDIA_TIMEOUT = "media_timeout"
    REFUSED = "refused"
    DRAINED = "drained"
    ERROR = "error"


@dataclass(slots=True, frozen=True)
class LegCapabilities:
    """What a leg can do, so that the session need not know its kind.

    ``paced_by`` is ``us`` when our 20 ms tick feeds the wire, ``peer`` when the far end buffers and plays;
    ``can_flush``: a queue at the far end can be emptied; ``marks_reliable``: its playout marks are proof of playout;
    ``can_transfer``: transfer() reaches the far end; ``wire_rate``: samples per second on the wire;
    ``playout_delay_s``: what lies between next_frame() and the wire, for the ledger; ``dtmf``: keys can come as events.
    """

    paced_by: str
    can_flush: bool
    marks_reliable: bool
    can_transfer: bool
    wire_rate: int
    codec: str
    playout_delay_s: float = 0.0
    dtmf: bool = True


@dataclass(slots=True, frozen=True)
class LegInfo:
    """Who calls whom, by what. Everything here was said by a stranger: show it, never obey it."""

    call_id: str
    """Our own id, URL-safe, unique: also the file name of the recording."""
    external_id: str
    """SIP Call-ID, Twilio callSid …"""
    kind: str
    """``sip`` or ``twilio``."""
    caller: str
    called: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True, frozen=True)
class TransferResult:
    """How a transfer ended. Not ``ok``: the caller is still with us. ``status``: SIP status or the dialect's word."""

    ok: bool
    status: str


class LegPort(Protocol):
    """What a leg talks to: implemented once, by the session's audio front."""

    def on_frame(self, frame: AudioFrame) -> None:
        """20 ms from the caller; called every 20 ms of wall clock while media flows (lost ones concealed)."""
        ...

    def next_frame(self) -> bytes | None:
        """The next 640 bytes to send, or None for silence."""
        ...

    def on_dtmf(self, digit: str) -> None:
        """One of 0-9 * # A-D, once per key press."""
        ...

    def on_hold(self, held: bool) -> None:
        """The caller put us on hold, or came back."""
        ...

    def on_closed(self, reason: HangupReason, detail: str) -> None:
        """The call is over; called exactly once, whoever ended it."""
        ...


class CallLeg(Protocol):
    """One call's connection to the outside."""

    @property
    def info(self) -> LegInfo: ...

    @property
    def capabilities(self) -> LegCapabilities:
        """Valid once answered."""
        ...

    async def answer(self, port: LegPort) -> None:
        """Take the call and start media. Raises LegClosed if the caller is gone."""
        ...

    async def reject(self, reason: HangupReason) -> None:
        """Refuse an unanswered call (SIP 486, WebSocket close 1013)."""
        ...

    async def hangup(self, reason: HangupReason, detail: str = "") -> None:
        """End the call; harmless if it is over."""
        ...

    async def transfer(self, target: str, context: Mapping[str, str]) -> TransferResult:
        """Hand the caller to ``target`` and wait for the final word of the far end.

        ``context`` are short strings (reason, handoff id) put where the far end can see them.
        """
        ...

    def flush(self) -> None:
        """Drop what was sent but not yet played, where ``can_flush``; otherwise nothing."""
        ...


LegHandler = Callable[[CallLeg], Awaitable[None]]
"""What telephony calls for each new, unanswered leg. It answers or rejects, and returns when the call is over."""
