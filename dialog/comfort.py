"""What a caller hears while a person is called for them: a quiet ring tone, so that the line is not dead."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType

import numpy as np

from contracts.audio import FRAME_BYTES, RATE
from contracts.errors import LegError
from contracts.seats import Bay, Role, Seat

_TONE_HZ = 425.0
"""Ringing tone of most of the world (ITU-T E.180)."""
_ON_S, _PERIOD_S = 1.0, 5.0
_FIRST_S = 1.0
"""Silence before the first ring."""
_LEVEL = 900.0
"""−31 dBFS: speech lies above it."""
_EDGE_S = 0.02


def ring_tone() -> bytes:
    """One period, internal PCM: silence and one ring without clicks."""
    t = np.arange(int(_ON_S * RATE)) / RATE
    edge = np.clip(np.minimum(t, _ON_S - t) / _EDGE_S, 0.0, 1.0)
    ring = (_LEVEL * edge * np.sin(2 * np.pi * _TONE_HZ * t)).astype("<i2").tobytes()
    before = bytes(int(_FIRST_S * RATE) * 2)
    return before + ring + bytes(int(_PERIOD_S * RATE) * 2 - len(before) - len(ring))


RING = ring_tone()


class Comfort:
    """A seat that rings on the call's own beat, from enter to leave."""

    def __init__(self, bay: Bay, talking: Callable[[], bool]) -> None:
        """``talking``: the operator speaks; then it does not ring."""
        self._bay = bay
        self._talking = talking
        self._seat: Seat | None = None
        self._at = 0

    def __enter__(self) -> Comfort:
        """Begin; a call without a free seat stays silent."""
        try:
            self._seat = self._bay.join("ringing", Role.BARGE, on_heard=self._beat)
        except LegError:
            self._seat = None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """No more ringing; harmless twice."""
        seat, self._seat = self._seat, None
        if seat is not None:
            seat.leave()

    def _beat(self, heard: bytes) -> None:
        if self._talking():
            self._at = 0
        elif self._seat is not None:
            self._seat.say(RING[self._at : self._at + FRAME_BYTES])
            self._at = (self._at + FRAME_BYTES) % len(RING)
