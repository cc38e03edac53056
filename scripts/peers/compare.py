"""Is what was heard what was said?"""

from __future__ import annotations

import wave
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contracts.audio import RATE
from telephony.resample import resample

_PIECE = RATE // 10
_LOUD = 300.0


def match(heard: bytes, said: bytes) -> float:
    """Median over the loud 100 ms pieces of ``said`` of the best normalised correlation with ``heard``; 0..1.

    Internal PCM. The median, because on a machine that runs other things beside this a packet may leave 20 ms late.
    """
    y, x = (np.frombuffer(pcm, "<i2").astype(float) for pcm in (heard, said))
    if len(y) < 2 * _PIECE:
        return 0.0
    energy = np.concatenate(([0.0], np.cumsum(y**2)))
    norms = np.sqrt(energy[_PIECE:] - energy[:-_PIECE])
    scores = []
    for at in range(_PIECE, len(x) - 2 * _PIECE, _PIECE):
        piece = x[at : at + _PIECE]
        loudness = float(np.linalg.norm(piece))
        if loudness < _LOUD * np.sqrt(_PIECE):
            continue
        cross: NDArray[Any] = np.correlate(y, piece, "valid")
        scores.append((cross / np.maximum(norms * loudness, 1.0)).max())
    return float(np.median(scores)) if scores else 0.0


def read(path: Path) -> bytes:
    """Internal PCM of a 16-bit WAV of any rate, first channel; broken headers (a killed recorder's) are forgiven."""
    with wave.open(str(path)) as wav:
        samples = np.frombuffer(wav.readframes(1 << 30), "<i2").reshape(-1, wav.getnchannels())[:, 0]
        return resample(samples.astype("<i2").tobytes(), wav.getframerate(), RATE)
