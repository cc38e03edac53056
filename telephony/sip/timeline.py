"""Both sides of a call on one time line, as a stereo WAV: left what we said, right what we heard."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np

from contracts.audio import RATE

_SLIP_S = 0.06
"""Sound that comes within this of where the last piece ended is joined to it; more is a real gap."""


class StereoTimeline:
    """Pieces of internal PCM put where they belong; held in memory (64 kB/s) until written."""

    SAID, HEARD = 0, 1

    def __init__(self, start: float) -> None:
        self.start = start
        self._sides = (bytearray(), bytearray())

    def put(self, side: int, pcm: bytes, at: float) -> None:
        """``pcm`` whose first sample sounded at monotonic ``at``; what precedes the start is cut off."""
        track = self._sides[side]
        offset = round((at - self.start) * RATE) * 2
        if offset < 0:
            pcm, offset = pcm[-offset:], 0
        slip = offset - len(track)
        if slip > _SLIP_S * RATE * 2:
            track += bytes(slip)
        elif slip < -_SLIP_S * RATE * 2:
            del track[offset:]
        track += pcm

    def write(self, path: Path) -> None:
        """The WAV: 16 kHz, s16le, two channels of the same length. Raises OSError."""
        length = max(len(side) for side in self._sides)
        left, right = (np.frombuffer(bytes(side).ljust(length, b"\0"), dtype="<i2") for side in self._sides)
        path.parent.mkdir(parents=True, exist_ok=True)
        with wave.open(str(path), "wb") as out:
            out.setnchannels(2)
            out.setsampwidth(2)
            out.setframerate(RATE)
            out.writeframes(np.column_stack((left, right)).tobytes())
