"""How long this caller pauses in mid-sentence, learned within the call."""

from __future__ import annotations

from collections import deque

_REMEMBERED = 12
_SHORTEST_S = 0.15
"""Shorter gaps are the stops inside words."""


class PauseMemory:
    """Pauses after which the caller went on."""

    def __init__(self) -> None:
        self._pauses: deque[float] = deque(maxlen=_REMEMBERED)

    def went_on_after(self, pause_s: float) -> None:
        """Remember a pause that was not the end."""
        if pause_s >= _SHORTEST_S:
            self._pauses.append(pause_s)

    def mean_s(self, usual_s: float, weight: float) -> float:
        """Mean length of this caller's pauses beyond the shortest, drawn towards ``usual_s`` as if that had been seen
        ``weight`` times. (Exponential lengths have no memory: the mean of what exceeds a bound is their mean.)"""
        heard = sum(pause - _SHORTEST_S for pause in self._pauses)
        return (weight * usual_s + heard) / (weight + len(self._pauses))
