"""Time as an argument: the pure parts never ask the machine what time it is."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Monotonic seconds. The zero point is arbitrary; differences are not."""

    def now(self) -> float:
        """Seconds, never going backwards."""
        ...


class MonotonicClock:
    """CLOCK_MONOTONIC: one time base for every process of this machine, so deadlines can cross pipes."""

    def now(self) -> float:
        """Seconds since an arbitrary point, the same in all processes of this boot."""
        return time.monotonic()


def utc_now() -> datetime:
    """The time of day, aware."""
    return datetime.now(UTC)


class ManualClock:
    """A clock that moves only when told to; tests of timing rules use it."""

    def __init__(self, start: float = 1000.0) -> None:
        self._now = start

    def now(self) -> float:
        """Where the clock was last put."""
        return self._now

    def advance(self, seconds: float) -> float:
        """Move forward and return the new time."""
        if seconds < 0:
            raise ValueError("time does not go backwards")
        self._now += seconds
        return self._now
