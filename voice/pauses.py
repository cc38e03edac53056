"""How long this caller pauses in mid-sentence, learned within the call."""

from __future__ import annotations

from collections import deque

_REMEMBERED = 12
_SHORTEST_S = 0.15
"""Shorter gaps are the stops inside words."""


class PauseMemory:
    """Pauses after which the caller went on. Two of them are a habit."""

    def __init__(self) -> None:
        self._pauses: deque[float] = deque(maxlen=_REMEMBERED)

    def went_on_after(self, pause_s: float) -> None:
        """Remember a pause that was not the end."""
        if pause_s >= _SHORTEST_S:
            self._pauses.append(pause_s)

    def habit_s(self) -> float:
        """The pause that three quarters of this caller's pauses do not exceed; 0.0 until two were heard."""
        if len(self._pauses) < 2:
            return 0.0
        ordered = sorted(self._pauses)
        return ordered[int(0.75 * (len(ordered) - 1) + 0.5)]
