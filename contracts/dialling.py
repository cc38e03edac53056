"""Calling somebody: a person who is to take over a caller. Nothing of SIP; telephony implements it, dialog uses it.

::

    Dialler.dial(target, who) ──► Dialled(ANSWERED, leg) ──► leg.attach(port): sound both ways ──► leg.hangup
                              └─► Dialled(BUSY | NO_ANSWER | …): nothing is left of the attempt
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable

from contracts.events import EarEvent
from contracts.handoff import HandoffRecord
from contracts.leg import HangupReason, LegCapabilities, LegInfo, LegPort, TransferResult


class DialEnd(StrEnum):
    """How an attempt to reach somebody ended."""

    ANSWERED = "answered"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    DECLINED = "declined"
    UNREACHABLE = "unreachable"
    """Nobody there who even rings: no such address, no answer from the machine, no route."""
    FAILED = "failed"
    """Any other refusal; ``status`` says which."""


_BY_STATUS: dict[str, DialEnd] = {
    "200": DialEnd.ANSWERED,
    "486": DialEnd.BUSY,
    "600": DialEnd.BUSY,
    "408": DialEnd.NO_ANSWER,
    "480": DialEnd.NO_ANSWER,
    "487": DialEnd.NO_ANSWER,
    "403": DialEnd.DECLINED,
    "603": DialEnd.DECLINED,
    "404": DialEnd.UNREACHABLE,
    "410": DialEnd.UNREACHABLE,
    "484": DialEnd.UNREACHABLE,
    "502": DialEnd.UNREACHABLE,
    "503": DialEnd.UNREACHABLE,
    "504": DialEnd.UNREACHABLE,
    "604": DialEnd.UNREACHABLE,
}
"""SIP final responses (RFC 3261, 21)."""


def end_of(status: str) -> DialEnd:
    """What a final status such as ``486 Busy Here`` means; what is not in the table is FAILED."""
    return _BY_STATUS.get(status[:3], DialEnd.FAILED)


@dataclass(slots=True, frozen=True)
class Introduction:
    """What the called phone is told of the caller, in short strings."""

    caller: str = ""
    """The caller's address or number, as they gave it: passed on only if it is one."""
    handoff: str = ""
    """Our call id: the key of ``GET /v1/handoffs/{call_id}``."""
    reason: str = ""


class OutgoingLeg(Protocol):
    """A call that we made and that was answered."""

    @property
    def info(self) -> LegInfo:
        """``called`` is whom we called."""
        ...

    @property
    def capabilities(self) -> LegCapabilities: ...

    async def attach(self, port: LegPort) -> None:
        """Start sound both ways. Raises LegClosed if they have hung up."""
        ...

    async def hangup(self, reason: HangupReason, detail: str = "") -> None:
        """End it; harmless if it is over."""
        ...


@dataclass(slots=True, frozen=True)
class Dialled:
    """``leg`` is there if and only if it was answered; ``status`` is the far end's word, such as ``486 Busy Here``."""

    end: DialEnd
    status: str = ""
    leg: OutgoingLeg | None = None


class Dialler(Protocol):
    """Calls somebody. Cancelling ``dial`` takes the attempt back."""

    async def dial(
        self, target: str, who: Introduction, *, ring_s: float, on_ringing: Callable[[], None] | None = None
    ) -> Dialled:
        """Call ``target`` (``sip:…``) and wait for the answer, ``ring_s`` at most. Never raises for what others do."""
        ...


@runtime_checkable
class Attended(Protocol):
    """A caller's leg whose far end can be put in place of our call to somebody (REFER with Replaces, RFC 3891)."""

    async def transfer_to(self, consult: OutgoingLeg) -> TransferResult:
        """Join the far end with ``consult``'s; both calls are over for us if it is ok, and up as before if not."""
        ...


class WaitEnd(StrEnum):
    """How a caller's wait in the queue ended."""

    READY = "ready"
    """Somebody is free: try to reach ``target``, or the plan's targets again."""
    CALLBACK = "callback"
    """The caller wants to be called back, and was told so."""
    NOBODY = "nobody"
    """There is no queue, it is closed or full, or the wait was too long."""


@dataclass(slots=True, frozen=True)
class WaitOutcome:
    """``ticket``: the callback's number; ``target``: who became free, as a SIP URI; empty: whoever answers.

    ``ring_s``: how long that telephone may ring; ``confirm``: they take the caller by a key, after the briefing.
    """

    end: WaitEnd
    target: str = ""
    ticket: str = ""
    ring_s: float = 20.0
    confirm: bool = False


class Waiting(Protocol):
    """The queue, as one call sees it: speaks to the caller meanwhile."""

    async def wait(self, record: HandoffRecord, announced: Awaitable[None] | None = None) -> WaitOutcome:
        """Until somebody is free or the wait is over. Cancelled when the caller hangs up.

        ``announced``: what the caller is being told; they hear nothing else before it is over, but wait already.
        """
        ...

    async def ticket(self, record: HandoffRecord, *, say: bool, opening: str = "", last: bool = False) -> str:
        """Nobody came: promise a call back, and ``say`` so. The ticket's number; empty if none could be kept.

        ``opening``: when people are there again, as it is spoken; empty: nobody knows. ``last``: the call ends then.
        """
        ...

    def opens_at(self, record: HandoffRecord) -> datetime | None:
        """When it opens for this caller, if it is closed now; None: it is open, or that is not known."""
        ...

    def take(self, event: EarEvent) -> None:
        """What the caller said or pressed meanwhile."""
        ...

    def given_to(self, name: str) -> bool:
        """May this person at the desk take the caller now?"""
        ...


class NoQueue:
    """Where no queue is set up."""

    async def wait(self, record: HandoffRecord, announced: Awaitable[None] | None = None) -> WaitOutcome:
        """At once: nobody."""
        return WaitOutcome(WaitEnd.NOBODY)

    async def ticket(self, record: HandoffRecord, *, say: bool, opening: str = "", last: bool = False) -> str:
        """None."""
        return ""

    def opens_at(self, record: HandoffRecord) -> datetime | None:
        """There is none."""
        return None

    def take(self, event: EarEvent) -> None:
        """Nobody listens."""

    def given_to(self, name: str) -> bool:
        """Nobody waits."""
        return False
