"""Which model is asked first, and who instead of one whose worker is lost. Pure; the clock is an argument.

::

    all there       small ──► large            (a hard question: large alone)
    small is lost   whoever's words are there first: small, once it is back, or large at once
    large is lost   … and then small is asked even what is large's to answer
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from contracts.events import Rung
from contracts.worker import Presence
from dialog.pace import Pace


@dataclass(slots=True, frozen=True)
class Candidate:
    """A model that could answer: its worker is back in ``away_s`` (0: it is there), its words ``pace_s`` later."""

    rung: Rung
    away_s: float
    pace_s: float

    @property
    def needs_s(self) -> float:
        """Seconds from now to its first words."""
        return self.away_s + self.pace_s

    @property
    def told(self) -> str:
        """For the record."""
        if not self.away_s:
            return f"{self.rung} needs {self.pace_s:.1f} s"
        if math.isinf(self.away_s):
            return f"{self.rung} is lost"
        return f"{self.rung} is lost, is expected back in {self.away_s:.1f} s and then needs {self.pace_s:.1f} s"


class Ladder:
    """The models by rung and engine name. Workers are named as their rungs are."""

    def __init__(self, names: Sequence[tuple[Rung, str]], pace: Pace, presence: Presence) -> None:
        self._names = dict(names)
        self._pace = pace
        self._presence = presence

    def candidate(self, rung: Rung, now: float) -> Candidate:
        """How it stands with a model now."""
        absence = self._presence.absence(str(rung))
        return Candidate(rung, absence.wait_s(now) if absence else 0.0, self._pace.expected(self._names[rung]))

    def climb(self, usual: Sequence[Rung], now: float) -> tuple[list[Rung], str]:
        """Who is asked, in that order, and why it is not the usual one (empty if it is).

        Nothing changes while the first of ``usual`` is there. Without it, the soonest goes first, be it no usual one.
        """
        first = self.candidate(usual[0], now)
        if not first.away_s:
            return list(usual), ""
        spare = [rung for rung in self._names if rung not in usual]
        known = {rung: self.candidate(rung, now) for rung in (*usual, *spare)}
        order = sorted(known, key=lambda rung: known[rung].needs_s)
        if order[0] is usual[0]:
            return list(usual), ""
        return order, f"{first.told}; {known[order[0]].told}"

    def rescue(self, failed: Rung, retryable: bool, now: float) -> Candidate | None:
        """Who takes over from a model that failed: the one whose words are there first, perhaps itself once more."""
        known = [self.candidate(rung, now) for rung in self._names if retryable or rung is not failed]
        return min(known, key=lambda one: one.needs_s, default=None)


def lost_since(presence: Presence, worker: str) -> float | None:
    """The time at which it was lost; None while it is there."""
    absence = presence.absence(worker)
    return absence.since if absence is not None else None
