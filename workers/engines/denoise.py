"""A gentle noise suppressor for the recogniser's ear: steady noise goes down a few decibels, speech stays as it is.

::

    |X|², 32 ms frames ──► noise: what a bin does not fall below in 20 % of the time, × bias
                      └──► SNR, smoothed over time ─► Wiener gain SNR/(1+SNR), never under −``floor_db`` ──► overlap-add

Whisper is robust to noise but not to the holes and chirps of a strong suppressor, so the gain has a high floor (Ephraim
and Malah's musical noise, avoided as Cappé 1994 explains: smoothed SNR, and the floor). A prototype
took four points off the word error rate in babble at 6 dB; what this one is worth alone was not measured (0 switches it
off). Runs on a whole utterance, about 1 ms a second of sound.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

FRAME = 512
HOP = 128
_QUANTILE = 0.2
_BIAS = 1.3
"""From that quantile of the smoothed power to its mean, for noise."""
_SMOOTH_FRAMES = 8
_SHORTEST = 4 * FRAME


def suppress(audio: Floats, floor_db: float) -> Floats:
    """±1 floats at 16 kHz, as many as came in, noise lowered by at most ``floor_db``; under 0.13 s: unchanged."""
    if floor_db <= 0 or len(audio) < _SHORTEST:
        return audio
    window = np.hanning(FRAME + 1)[:-1].astype(np.float32)
    padded = np.pad(audio, (FRAME, FRAME + HOP))
    frames = np.lib.stride_tricks.sliding_window_view(padded, FRAME)[::HOP] * window
    spectrum = np.fft.rfft(frames, axis=1)
    power = spectrum.real**2 + spectrum.imag**2
    # Frames that lie wholly in the padding are digital silence and would pull the noise to nothing.
    real = power[FRAME // HOP : len(power) - FRAME // HOP - 1]
    noise = np.quantile(_smoothed(real), _QUANTILE, axis=0) * _BIAS + 1e-12
    ratio = _smoothed(np.maximum(power / noise - 1.0, 0.0), 3)
    gain = np.maximum(ratio / (1.0 + ratio), 10 ** (-floor_db / 20))
    pieces = np.fft.irfft(spectrum * gain, n=FRAME, axis=1) * window
    return _overlapped(pieces, window)[FRAME : FRAME + len(audio)].astype(np.float32)


def _smoothed(values: NDArray[np.floating], frames: int = _SMOOTH_FRAMES) -> NDArray[np.floating]:
    """The mean over so many frames around each."""
    before = frames // 2
    edged = np.pad(values, ((before + 1, frames - 1 - before), (0, 0)), mode="edge")
    summed = np.cumsum(edged, axis=0, dtype=np.float64)
    return (summed[frames:] - summed[:-frames]) / frames


def _overlapped(pieces: NDArray[np.floating], window: Floats) -> NDArray[np.floating]:
    """Overlap-add; the squared Hann window at a quarter's hop sums to a constant."""
    count, steps = len(pieces), FRAME // HOP
    sound = np.zeros((count + steps - 1) * HOP)
    for step in range(steps):
        part = pieces[:, step * HOP : (step + 1) * HOP].reshape(-1)
        sound[step * HOP : step * HOP + len(part)] += part
    return sound / float((window**2).sum() / HOP)
