"""A person on a call that we made: told what it is about, then joined with the caller.

::

    dialled ─► answered ─► briefing ── key, end ─► seat at the caller's bay: both hear each other
                              └ hangs up ─► gone
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from contracts.audio import FRAME_BYTES, AudioFrame
from contracts.leg import HangupReason
from contracts.seats import Bay, Role, Seat
from dialog.comfort import RING
from voice.mouth import Mouth


@dataclass(slots=True, frozen=True)
class Briefed:
    """How the briefing ended. ``skipped``: by the person's key. ``taken``: they have the caller, as far as it is them
    who decide."""

    seconds: float
    skipped: bool
    taken: bool = True


class PersonLine:
    """contracts.leg.LegPort of a person's call. ``gone`` is set when they have hung up."""

    def __init__(self, mouth: Mouth, skip_key: str, decline_key: str) -> None:
        self._mouth = mouth
        self._keys = (skip_key, decline_key)
        self._listening = frozenset({skip_key})
        self._key = ""
        self._pressed = asyncio.Event()
        self._seat: Seat | None = None
        self._rings = False
        self._at = 0
        self.gone = asyncio.Event()
        self.why = ""

    # ── the briefing ────────────────────────────────────────────────────────────────────────────────────────────

    async def brief(self, text: str, limit_s: float) -> Briefed:
        """Say it, ``limit_s`` of it at most, until the person presses the key or hangs up."""
        began = asyncio.get_running_loop().time()
        await self._tell(text, limit_s)
        return self._briefed(began)

    async def confirm(self, text: str, limit_s: float, again: str, answer_s: float) -> Briefed:
        """The same, and then wait ``answer_s`` for the key that takes the caller or the one that does not; ``again``
        is said half-way. Not ``taken`` without the first key: a mailbox presses none."""
        began = asyncio.get_running_loop().time()
        self._listening = frozenset(self._keys)
        await self._tell(text, limit_s)
        for say in (again, ""):
            await self._answer_within(answer_s / 2)
            if say and not self._decided:
                await self._tell(say, limit_s)
        return self._briefed(began, taken=self._key == self._keys[0])

    @property
    def _decided(self) -> bool:
        return self._pressed.is_set() or self.gone.is_set()

    def _briefed(self, began: float, *, taken: bool = True) -> Briefed:
        seconds = round(asyncio.get_running_loop().time() - began, 3)
        return Briefed(seconds, self._pressed.is_set(), taken and not self.gone.is_set())

    async def _tell(self, text: str, limit_s: float) -> None:
        utterance = self._mouth.say(text, first=True)
        said, pressed, gone = (
            asyncio.ensure_future(one) for one in (utterance.finished(), self._pressed.wait(), self.gone.wait())
        )
        try:
            await asyncio.wait({said, pressed, gone}, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.sleep(0)
        finally:
            for waiter in (said, pressed, gone):
                waiter.cancel()
            self._mouth.interrupt()

    async def _answer_within(self, seconds: float) -> None:
        waiters = {asyncio.ensure_future(self._pressed.wait()), asyncio.ensure_future(self.gone.wait())}
        try:
            await asyncio.wait(waiters, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for waiter in waiters:
                waiter.cancel()

    def ring(self, on: bool) -> None:
        """Somebody is being called for them: they hear it ring."""
        self._rings, self._at = on, 0

    # ── the caller ──────────────────────────────────────────────────────────────────────────────────────────────

    def join(self, bay: Bay, name: str, *, listening: bool) -> None:
        """Sit down beside the caller, in the operator's place. Raises CallTaken, LegClosed, LegError."""
        self._seat = bay.join(name, Role.PERSON)
        bay.operator(False, listening=listening)

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
        if not self._rings or self._mouth.speaking:
            return self._mouth.next_frame()
        self._at = (self._at + FRAME_BYTES) % len(RING)
        return RING[self._at : self._at + FRAME_BYTES]

    def on_dtmf(self, digit: str) -> None:
        """The key that ends the briefing; the first one counts."""
        if digit in self._listening and not self._key:
            self._key = digit
            self._pressed.set()

    def on_hold(self, held: bool) -> None:
        """A person's hold music is for the caller: it is their telephone's way to say so."""

    def on_closed(self, reason: HangupReason, detail: str) -> None:
        """The person's call is over."""
        self.why = detail or str(reason)
        self._mouth.close()
        self.gone.set()
