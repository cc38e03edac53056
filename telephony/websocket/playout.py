"""How far ahead of the clock the provider's buffer is, and what is due on a beat.

::

    now ─────────────┬──── lead 40 ms ────┬─ one frame ─┐
    beat             │  in their buffer   │  goes now   │        at most lead + 20 ms ≤ 60 ms are ever ahead
    horizon ─────────┴────────────────────┘ ──────────► ┘        fell behind the clock: their buffer ran dry

Marks tell how long our sound needs until it is played; a growing delay (their clock is slower than ours, the network
stalled) is taken out where nobody hears it: silent frames are left out.
"""

from __future__ import annotations

from contracts.audio import FRAME_S

_EPSILON_S = 1e-6
SURPLUS_S = 0.06
"""Delay beyond the least ever seen, from which on silent frames are left out."""


class Playout:
    """The schedule of the way out. Pure: ``now`` is monotonic seconds.

    ``lag_s`` is the latest measured time from sending to played (network included), 0.0 if unknown.
    """

    def __init__(self, lead_s: float, mark_interval_s: float) -> None:
        self._lead_s = lead_s
        self._interval_s = mark_interval_s
        self._horizon: float | None = None
        self._marked = float("-inf")
        self._sent: dict[str, float] = {}
        self._count = 0
        self._least_s = float("inf")
        self.lag_s = 0.0

    def prime(self, now: float) -> int:
        """Silent frames to send ahead, at the start and after a flush; 0 otherwise."""
        if self._horizon is not None:
            return 0
        frames = round(self._lead_s / FRAME_S)
        self._horizon = now + frames * FRAME_S
        return frames

    def due(self, now: float) -> bool:
        """Whether one more frame is to go now; counts it as sent."""
        horizon = self._horizon if self._horizon is not None else now
        horizon = max(horizon, now)
        if horizon > now + self._lead_s + _EPSILON_S:
            return False
        self._horizon = horizon + FRAME_S
        return True

    def flushed(self) -> None:
        """Their buffer is empty."""
        self._horizon = None

    @property
    def surplus(self) -> bool:
        """Whether the next silent frame should be left out; forgets one frame of the surplus if so."""
        if self.lag_s - self._least_s < SURPLUS_S:
            return False
        self.lag_s -= FRAME_S
        return True

    def mark_due(self, now: float) -> str:
        """The name of the mark to send now; empty if none is due."""
        if now - self._marked < self._interval_s:
            return ""
        self._marked = now
        self._count += 1
        name = f"t{self._count}"
        self._sent[name] = now
        return name

    def withdrawn(self, name: str) -> None:
        """The mark was not sent after all."""
        self._sent.pop(name, None)

    def marked(self, name: str, cleared: bool, now: float) -> None:
        """A mark came back; a cleared one says nothing about playout."""
        sent = self._sent.pop(name, None)
        if sent is not None and not cleared:
            self.lag_s = now - sent
            self._least_s = min(self._least_s, self.lag_s)

    @property
    def marks_work(self) -> bool:
        """Whether any mark was ever answered."""
        return self._least_s != float("inf")
