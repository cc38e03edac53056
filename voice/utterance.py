"""Something the operator says: clauses that come, sound that is made of them, and how it ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from contracts.audio import FRAME_BYTES
from voice.ledger import ClauseAudio, PlayoutLedger
from voice.normalise import normalise


@dataclass(slots=True, frozen=True)
class Heard:
    """What the caller heard of everything that was being said; ``complete`` if nothing was lost."""

    text: str
    complete: bool


@dataclass(slots=True, frozen=True)
class Played:
    """How an utterance ended. ``first_frame_at`` and ``last_frame_at``: monotonic seconds, 0.0 if nothing was played.

    ``failed``: synthesis broke; what there was has been played.
    """

    heard_text: str
    interrupted: bool
    first_frame_at: float
    last_frame_at: float
    failed: bool = False


class Utterance:
    """Made by Mouth.say or Mouth.open. ``add`` clauses, then ``end``; both are harmless once it is over."""

    def __init__(
        self, ledger: PlayoutLedger, *, interruptible: bool, first: bool, deadline: float, changed: Callable[[], None]
    ) -> None:
        self.interruptible = interruptible
        self.first = first
        self.deadline = deadline
        self.ledger = ledger
        self.ended = False
        self.failed = False
        self.synthesised = 0
        """Clauses whose sound is complete."""
        self.played = 0
        """Bytes of the current clause given out."""
        self.clause = 0
        """The clause being given out."""
        self.first_frame_at = 0.0
        self.last_frame_at = 0.0
        self._changed = changed
        loop = asyncio.get_running_loop()
        self._result: asyncio.Future[Played] = loop.create_future()
        self._started: asyncio.Future[float] = loop.create_future()

    def add(self, clause: str) -> None:
        """Say this too, after what was added before."""
        if self.ended or self.over:
            return
        spoken = normalise(clause)
        if spoken.tokens:
            self.ledger.clauses.append(ClauseAudio(spoken))
            self._changed()

    def end(self) -> None:
        """No more clauses come."""
        if not self.ended:
            self.ended = True
            self._changed()

    async def finished(self) -> Played:
        """Wait until the last frame was handed out, or until it was interrupted or failed."""
        return await asyncio.shield(self._result)

    async def started(self) -> float:
        """Wait for the first frame: its time, or 0.0 if the utterance was over before any sound of it left."""
        return await asyncio.shield(self._started)

    @property
    def over(self) -> bool:
        """Finished, interrupted or failed."""
        return self._result.done()

    @property
    def text(self) -> str:
        """All words so far, as written."""
        return self.ledger.text

    @property
    def underway(self) -> bool:
        """Some of it was played and some is still to come."""
        return self.first_frame_at > 0.0 and not self._result.done()

    @property
    def waits_for_sound(self) -> bool:
        """There is no frame to give out, but there will be: nothing was played yet, or what is ready has been."""
        if not self.first_frame_at:
            return True
        clauses = self.ledger.clauses
        whole = self.clause < len(clauses) and clauses[self.clause].complete
        return not (self.exhausted or whole or self.ahead_bytes() >= FRAME_BYTES)

    @property
    def exhausted(self) -> bool:
        """Everything there will ever be has been handed out."""
        return self.ended and self.clause >= len(self.ledger.clauses)

    def ahead_bytes(self) -> int:
        """Sound that is ready but not handed out."""
        return sum(len(clause.pcm) for clause in self.ledger.clauses[self.clause :]) - self.played

    def take(self, size: int) -> bytes:
        """Up to ``size`` bytes of ready sound; fewer at its end, none when it is not there yet.

        A clause that is still being synthesised gives whole frames only.
        """
        if self.clause < len(self.ledger.clauses):  # nearly always the frame lies within one clause
            pcm, end = self.ledger.clauses[self.clause].pcm, self.played + size
            if end < len(pcm):
                taken = bytes(pcm[self.played : end])
                self.played = end
                return taken
        taken = b""
        while len(taken) < size and self.clause < len(self.ledger.clauses):
            clause = self.ledger.clauses[self.clause]
            wanted = size - len(taken)
            if not clause.complete and len(clause.pcm) - self.played < wanted:
                break
            taken += bytes(clause.pcm[self.played : self.played + wanted])
            self.played += wanted
            if not clause.complete or self.played < len(clause.pcm):
                break
            self.clause += 1
            self.played = 0
        return taken

    def seek(self, samples: int) -> None:
        """Give out again from ``samples`` of the whole utterance."""
        self.ledger.rewind(samples)
        rest = samples * 2
        for index, clause in enumerate(self.ledger.clauses):
            if rest < len(clause.pcm) or not clause.complete:
                self.clause, self.played = index, rest
                return
            rest -= len(clause.pcm)
        self.clause, self.played = len(self.ledger.clauses), 0

    def handed_out(self, samples: int, at: float) -> None:
        """A frame with this much of our sound left at ``at``."""
        self.ledger.hand(samples, at)
        self.last_frame_at = at
        if not self.first_frame_at:
            self.first_frame_at = at
            self._started.set_result(at)

    def give_up(self) -> None:
        """Synthesis failed: what is ready is played, the rest never comes."""
        self.failed = self.ended = True
        clauses = self.ledger.clauses
        current = next((clause for clause in clauses if not clause.complete), None)
        if current is not None:
            current.complete = True
            index = clauses.index(current)
            del clauses[index + (1 if current.pcm else 0) :]

    def settle(self, *, interrupted: bool, now: float) -> Heard:
        """It is over: everybody who waits is told. What it returns is what was heard."""
        ledger = self.ledger
        heard = ledger.heard_text(ledger.heard_samples(now) if interrupted else ledger.handed)
        self.ended = True
        if not self._started.done():
            self._started.set_result(self.first_frame_at)
        if not self._result.done():
            played = Played(heard, interrupted, self.first_frame_at, self.last_frame_at, self.failed)
            self._result.set_result(played)
        return Heard(heard, heard == ledger.text and not self.failed)
