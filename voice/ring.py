"""The last seconds of a call's sound, addressed by time."""

from __future__ import annotations

from collections import deque

from contracts.audio import RATE


class AudioRing:
    """Internal PCM whose end is the last frame's time; older sound than ``seconds`` falls out, frame by frame."""

    def __init__(self, seconds: float) -> None:
        self._limit = int(seconds * RATE) * 2
        self._frames: deque[bytes] = deque()
        self._size = 0
        self._end = 0.0

    def append(self, pcm: bytes, at: float) -> None:
        """Add a frame that ended at ``at``."""
        self._frames.append(pcm)
        self._size += len(pcm)
        self._end = at
        if self._size > self._limit:
            self._keep(self._limit)

    def trim(self, seconds: float) -> None:
        """Keep no more than so much for now: between turns nobody needs the whole."""
        limit = int(seconds * RATE) * 2
        if self._size > limit:
            self._keep(limit)

    def between(self, start: float, until: float) -> bytes:
        """The PCM from ``start`` to ``until``, as far as it is still there."""
        size = self._size
        first = max(0, size - round((self._end - start) * RATE) * 2)
        last = max(0, min(size, size - round((self._end - until) * RATE) * 2))
        return b"".join(self._frames)[first:last]

    def _keep(self, limit: int) -> None:
        """Whole frames go, and only if what stays is no less than the limit."""
        while self._size - len(self._frames[0]) >= limit:
            self._size -= len(self._frames.popleft())
