"""Rates that a stranger may not exceed."""

from __future__ import annotations


class TokenBucket:
    """``rate`` units a second on average, ``burst`` at once. Pure: ``now`` is monotonic seconds."""

    __slots__ = ("_at", "_burst", "_left", "_rate")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate, self._burst = rate, burst
        self._left, self._at = burst, now

    def take(self, now: float, amount: float = 1.0) -> bool:
        """Take ``amount`` if it is there; nothing is taken if not."""
        self._left = min(self._burst, self._left + max(0.0, now - self._at) * self._rate)
        self._at = max(self._at, now)
        if amount > self._left:
            return False
        self._left -= amount
        return True
