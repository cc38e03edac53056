"""What reached the caller's socket, as levels every 10 ms on the machine's clock, and what can be read off them. Pure.

::

    caller      ▁▁▁▁▁▁▁▁▁▁▁▁█████████████▁▁▁▁▁▁▁▁▁▁▁▁
                            onset        end
    operator    ▇▇▇▇▇▇▇▇▇▇▇▇▇▃▂▁▁▁▁▁▁▁▁▁▁▁▁▁▁▇▇▇▇▇▇▇▇
                              silent        resumed           stop_s = silent - onset
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from contracts.audio import FRAME_S, RATE

SILENT_DBFS = -50.0
"""What lies below is silence to a caller."""
HOP = 160
HOP_S = HOP / RATE
JOINED_S = 0.45
"""A pause of the operator's that is shorter belongs to what it says."""


@dataclass(slots=True)
class Hearing:
    """Received internal PCM with the time at which each 10 ms of it began to play."""

    times: list[float] = field(default_factory=list)
    levels: list[float] = field(default_factory=list)
    """dBFS, one per hop."""
    pcm: bytearray = field(default_factory=bytearray)
    """The hops, back to back: hop i is pcm[320 * i : 320 * (i + 1)]."""
    run_began: float = 0.0
    """When the speech heard last began: pauses up to ``JOINED_S`` are inside it."""
    last_sound: float = 0.0
    _rest: bytes = b""

    def arrived(self, pcm: bytes, at: float) -> None:
        """Sound of any length that was there at ``at``: its last packet begins to play then, those before it before."""
        self.played(pcm, at + FRAME_S - len(pcm) / 2 / RATE)

    def played(self, pcm: bytes, at: float) -> None:
        """Sound whose first sample plays at ``at``."""
        at -= len(self._rest) / 2 / RATE
        pcm = self._rest + pcm
        whole = len(pcm) // (2 * HOP)
        self._rest = pcm[whole * 2 * HOP :]
        self.pcm += pcm[: whole * 2 * HOP]
        for index in range(whole):
            level = dbfs(pcm[index * 2 * HOP : (index + 1) * 2 * HOP])
            now = at + index * HOP_S
            self.times.append(now)
            self.levels.append(level)
            if level > SILENT_DBFS:
                if now - self.last_sound > JOINED_S:
                    self.run_began = now
                self.last_sound = now + HOP_S

    def between(self, start: float, until: float) -> bytes:
        """Internal PCM of the hops that began to play in that time."""
        return b"".join(
            bytes(self.pcm[2 * HOP * index : 2 * HOP * (index + 1)])
            for index, at in enumerate(self.times)
            if start <= at < until
        )

    def sounding(self, start: float, until: float) -> list[tuple[float, float]]:
        """The stretches above the threshold in that time, (from, to)."""
        found: list[tuple[float, float]] = []
        for at, level in zip(self.times, self.levels, strict=True):
            if not (start <= at < until) or level <= SILENT_DBFS:
                continue
            if found and at - found[-1][1] <= 2 * HOP_S:
                found[-1] = (found[-1][0], at + HOP_S)
            else:
                found.append((at, at + HOP_S))
        return found


def dbfs(pcm: bytes) -> float:
    """Level of int16 samples."""
    samples = np.frombuffer(pcm, dtype="<i2").astype(np.float64)
    return float(10.0 * np.log10(np.mean(np.square(samples / 32768.0)) + 1e-12))


def first_sound(pcm: bytes) -> int:
    """The first sample of the first 10 ms above the threshold; 0 if there are none."""
    return _voiced(pcm)[0] * HOP


def last_sound(pcm: bytes) -> int:
    """The sample after the last 10 ms above the threshold."""
    return (_voiced(pcm)[-1] + 1) * HOP


def _voiced(pcm: bytes) -> list[int]:
    hops = [index for index in range(len(pcm) // 2 // HOP) if dbfs(pcm[320 * index : 320 * index + 320]) > SILENT_DBFS]
    return hops or [0]


def silent_after(hearing: Hearing, onset: float, until: float) -> float | None:
    """When the operator's last sound before ``until`` was over; None if it spoke on to the end, or was quiet before.

    Quiet before: no sound in the 100 ms around the onset, so that nothing was there to be stopped.
    """
    around = hearing.sounding(onset - 0.1, onset + 0.1)
    if not around:
        return None
    stretches = hearing.sounding(onset, until)
    last = stretches[-1][1] if stretches else onset
    return None if last > until - 0.1 else last


def overlap(before: bytes, after: bytes, longest_s: float = 1.5, match: float = 0.8) -> int:
    """How many samples at the end of ``before`` are said again at the beginning of ``after``; 0 if none match.

    Both are what was heard, around a hold: the same recording goes on from the beginning of the word that was cut, so
    a stretch of the one is the same sound as a stretch of the other. ``before`` ends ducked and faded: correlation is
    normalised, and its last 30 ms are left out.
    """
    tail = _floats(before)
    head = _floats(after)
    probe = round(0.08 * RATE)
    if len(head) < probe or len(tail) < probe:
        return 0
    start = max(0, len(tail) - round(longest_s * RATE) - probe)
    window = tail[start:]
    best, where = 0.0, -1
    needle = head[:probe] - head[:probe].mean()
    scores = np.correlate(window, needle, mode="valid")
    energy = np.convolve(window * window, np.ones(probe), mode="valid")
    scores = scores / np.sqrt(np.maximum(energy, 1e-9) * float(needle @ needle) + 1e-12)
    if len(scores):
        where = int(np.argmax(scores))
        best = float(scores[where])
    return len(tail) - (start + where) if best >= match else 0


def _floats(pcm: bytes) -> NDArray[np.float64]:
    return np.frombuffer(pcm, dtype="<i2").astype(np.float64) / 32768.0
