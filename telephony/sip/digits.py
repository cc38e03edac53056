"""Keys that the caller presses, at a rate that a finger can reach."""

from __future__ import annotations

from collections import deque

KEYS = frozenset("0123456789*#ABCD")


class DigitGate:
    """Lets at most ``per_second`` digits of any second through. Pure; ``now`` is monotonic seconds."""

    def __init__(self, per_second: int) -> None:
        self._per_second = per_second
        self._passed: deque[float] = deque(maxlen=per_second)
        self.dropped = 0

    def admit(self, digit: str, now: float) -> bool:
        """Whether this press goes on to the session; unknown keys never do."""
        full = len(self._passed) == self._per_second and now - self._passed[0] < 1.0
        if digit not in KEYS or full:
            self.dropped += 1
            return False
        self._passed.append(now)
        return True
