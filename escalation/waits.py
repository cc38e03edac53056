"""How long will it take? Moving averages of what was seen, and an estimate that is None while too little was. Pure."""

from __future__ import annotations

import math


class Average:
    """Exponentially weighted: the newest counts ``weight``. The plain mean until 1/weight values were seen."""

    def __init__(self, weight: float) -> None:
        self._weight = weight
        self.count = 0
        self.value = 0.0

    def add(self, seconds: float) -> None:
        """One more."""
        self.count += 1
        self.value += max(self._weight, 1 / self.count) * (seconds - self.value)


def estimate(
    position: int, people: int, handling: Average, waits: Average, waited_s: float, known_after: int,
    pause_s: float = 0.0,
) -> float | None:  # fmt: skip
    """Seconds still to wait at ``position`` (1 is next) with ``people`` who may take the call; None: not known.

    From how long conversations take (position · average / people: each departure brings everyone one further), with
    ``pause_s`` after each, else from how long others waited, less what was waited. Either only after ``known_after``
    were seen.
    """
    if not people:
        return None
    if handling.count >= known_after:
        return position * (handling.value + pause_s) / people
    if waits.count >= known_after and waits.value > waited_s:
        return waits.value - waited_s
    return None


def minutes_said(seconds: float) -> int:
    """Whole minutes as they are spoken, rounded up; 0: less than one."""
    return 0 if seconds < 45 else math.ceil((seconds - 15) / 60)
