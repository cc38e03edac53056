"""A person on a call that we made: told what it is about, then joined with the caller.

::

    dialled ─► answered ─► briefing ── key, end ─► seat at the caller's bay: both hear each other
                              └ hangs up ─► gone
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from contracts.audio import AudioFrame
from contracts.leg import HangupReason
from contracts.seats import Bay, Role, Seat
from voice.mouth import Mouth


@dataclass(slots=True, frozen=True)
class Briefed:
    """How the briefing ended. ``skipped``: by the person's key."""

    seconds: float
    skipped: bool


class PersonLine:
    """contracts.leg.LegPort of a person's call. ``gone`` is set when they have hung up."""

    def __init__(self, mouth: Mouth, skip_key: str) -> None:
        self._mouth = mouth
        self._skip_key = skip_key
        self._skipped = asyncio.Event()
        self._seat: Seat | None = None
        self._held = False
        self.gone = asyncio.Event()
        self.why = ""

    # ── the briefing ────────────────────────────────────────────────────────────────────────────────────────────

    async def brief(self, text: str, limit_s: float) -> Briefed:
        """Say it, ``limit_s`` of it at most, until the person presses the key or hangs up."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        utterance = self._mouth.say(text, first=True)
        said, skipped, gone = (
            asyncio.ensure_future(one) for one in (utterance.finished(), self._skipped.wait(), self.gone.wait())
        )
        try:
            await asyncio.wait({said, skipped, gone}, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.sleep(0)
        finally:
            for waiter in (said, skipped, gone):
                waiter.cancel()
            self._mouth.interrupt()
        return Briefed(round(loop.time() - began, 3), self._skipped.is_set())

    # ── the caller ──────────────────────────────────────────────────────────────────────────────────────────────

    def join(self, bay: Bay, name: str, *, transcribe: bool) -> None:
        """Sit down beside the caller, in the operator's place. Raises CallTaken, LegClosed, LegError."""
        self._seat = bay.join(name, Role.PERSON)
        bay.operator(False, listening=transcribe)

    def part(self, bay: Bay) -> None:
        """Give the caller back to the operator; harmless if nobody was joined."""
        seat, self._seat = self._seat, None
        if seat is not None:
            bay.operator(True)
            seat.leave()

    # ── contracts.leg.LegPort ───────────────────────────────────────────────────────────────────────────────────

    def on_frame(self, frame: AudioFrame) -> None:
        """20 ms from the person."""
        if self._seat is not None:
            self._seat.say(frame.pcm)

    def next_frame(self) -> bytes | None:
        """20 ms for the person: the briefing, then the caller."""
        if self._seat is not None:
            return self._seat.heard()
        return self._mouth.next_frame()

    def on_dtmf(self, digit: str) -> None:
        """The key that ends the briefing."""
        if digit == self._skip_key:
            self._skipped.set()

    def on_hold(self, held: bool) -> None:
        """A person's hold music is for the caller: it is their telephone's way to say so."""

    def on_closed(self, reason: HangupReason, detail: str) -> None:
        """The person's call is over."""
        self.why = detail or str(reason)
        self._mouth.close()
        self.gone.set()
