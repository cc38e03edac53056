"""The last seconds of a call's sound, addressed by time."""

from __future__ import annotations

from contracts.audio import FRAME_BYTES, RATE


class AudioRing:
    """Internal PCM whose end is the last frame's time; older sound than ``seconds`` falls out."""

    def __init__(self, seconds: float) -> None:
        self._limit = int(seconds * RATE) * 2
        self._pcm = bytearray()
        self._end = 0.0

    def append(self, pcm: bytes, at: float) -> None:
        """Add a frame that ended at ``at``."""
        self._pcm += pcm
        self._end = at
        if len(self._pcm) > self._limit + 50 * FRAME_BYTES:
            del self._pcm[: len(self._pcm) - self._limit]

    def trim(self, seconds: float) -> None:
        """Keep no more than so much for now: between turns nobody needs the whole."""
        limit = int(seconds * RATE) * 2
        if len(self._pcm) > limit + 50 * FRAME_BYTES:
            del self._pcm[: len(self._pcm) - limit]

    def between(self, start: float, until: float) -> bytes:
        """The PCM from ``start`` to ``until``, as far as it is still there."""
        size = len(self._pcm)
        first = size - round((self._end - start) * RATE) * 2
        last = size - round((self._end - until) * RATE) * 2
        return bytes(self._pcm[max(0, first) : max(0, min(size, last))])
