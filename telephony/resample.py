"""Between the wire's sample rate and the house's 16 kHz, with 1-2 ms of delay.

soxr's streaming mode gathers blocks: fed 20 ms at a time it answers 8 → 16 kHz in bursts of 104 ms after up to 115 ms
(LQ: 61 ms; its variable-rate mode: a steady 30 ms). A phone call cannot spend that, so live audio goes through a short
polyphase FIR of our own, which gives 20 ms for every 20 ms; soxr HQ stays for whole recordings (``resample``).

::

    in   |--------- 20 ms ---------|          y[n] = Σ_j h[(n·M mod L) + j·L] · x[⌊n·M/L⌋ - j]
    kept |= T-1 =|                            L/M = to_rate/from_rate, T taps per phase
    out    |--------- 20 ms ---------|        delayed by half the filter: 16 samples of the slower rate

The filter is a Kaiser-windowed sinc over 32 samples of the slower rate: flat to 0.44 of that rate (3.5 kHz at 8 kHz,
beyond G.711's 3.4 kHz), 60 dB down from 0.56.
"""

from __future__ import annotations

from functools import lru_cache
from math import gcd

import numpy as np
import soxr
from numpy.typing import NDArray

TAPS = 32
"""Filter length in samples of the slower rate."""
KAISER_BETA = 5.65
"""60 dB of stop-band attenuation (Kaiser, 1974)."""


@lru_cache(maxsize=32)
def _phases(up: int, down: int) -> NDArray[np.float32]:
    """The filter cut into ``up`` phases, each reversed for a sliding window: shape (up, taps per phase)."""
    slow = max(up, down)
    half = TAPS * slow // 2
    n = np.arange(-half, half + 1)
    h = np.sinc(n / slow) * np.kaiser(2 * half + 1, KAISER_BETA) * (up / slow)
    taps = -(-len(h) // up)
    grid = np.pad(h, (0, taps * up - len(h))).reshape(taps, up).T
    grid /= grid.sum(axis=1, keepdims=True)  # each phase passes DC unchanged, so no tone at multiples of the rate
    return np.ascontiguousarray(grid[:, ::-1], dtype=np.float32)


class StreamResampler:
    """Converts a stream of s16le PCM piece by piece; for every 20 ms in, 20 ms out.

    ``channels`` counts the interleaved channels of the input; the output is always mono (their mean). Pieces may have
    any length: an odd byte or half a sample frame is kept for the next piece. Raises ValueError for rates ≤ 0.
    """

    def __init__(self, from_rate: int, to_rate: int, channels: int = 1) -> None:
        if from_rate <= 0 or to_rate <= 0 or channels <= 0:
            raise ValueError(f"cannot resample {channels} channels from {from_rate} to {to_rate} Hz")
        self.from_rate, self.to_rate, self.channels = from_rate, to_rate, channels
        common = gcd(from_rate, to_rate)
        self._up, self._down = to_rate // common, from_rate // common
        even = from_rate % 50 == 0 and from_rate // 50 * self._up % self._down == 0 and self._up != self._down
        self.frame_bytes = from_rate // 50 * 2 * channels if even else 0
        """20 ms of input; 0 if that gives no whole number of samples, or if nothing is to be converted."""
        self.reset()

    @property
    def delay_s(self) -> float:
        """How much later a sound comes out than it went in, seconds."""
        return 0.0 if self._up == self._down else TAPS / 2 / min(self.from_rate, self.to_rate)

    def reset(self) -> None:
        """Forget what was heard so far, for a stream that starts anew."""
        self._left = b""
        self._phase = 0
        kept = _phases(self._up, self._down).shape[1] - 1 if self._up != self._down else 0
        self._kept = bytes(2 * self.channels * kept)

    def process(self, pcm: bytes) -> bytes:
        """The next piece: s16le at ``from_rate`` in, s16le mono at ``to_rate`` out (may be empty)."""
        if self._left:
            pcm = self._left + pcm
        odd = len(pcm) % (2 * self.channels)
        self._left = pcm[len(pcm) - odd :] if odd else b""
        if odd:
            pcm = pcm[: len(pcm) - odd]
        if self.channels == 1 and self._up == self._down:
            return pcm
        whole = self._kept + pcm
        self._kept = whole[len(pcm) :]
        samples = np.frombuffer(whole, dtype="<i2").astype(np.float32)
        if self.channels > 1:
            samples = samples.reshape(-1, self.channels).mean(axis=1)
        if self._up != self._down:
            samples = self._filter(samples)
        return to_bytes(samples)

    def rows(self, pcm: bytes) -> list[bytes] | None:
        """``pcm`` as rows for ``matrix()``: each 20 ms with what came before it. None: it is a case for process().

        What comes out of the matrix product is what process() would give; the stream goes on after ``pcm``.
        """
        size, kept = self.frame_bytes, len(self._kept)
        if not size or self._left or self._phase or not pcm or len(pcm) % size:
            return None
        whole = self._kept + pcm
        self._kept = whole[len(pcm) :]
        if len(pcm) == size:
            return [whole]
        return [whole[at : at + kept + size] for at in range(0, len(pcm), size)]

    @property
    def rates(self) -> tuple[int, int, int]:
        """From, to, channels: streams of the same rates share a matrix."""
        return self.from_rate, self.to_rate, self.channels

    def matrix(self) -> NDArray[np.float32]:
        """20 ms and what came before it (columns of samples, mono) times this is 20 ms at the other rate."""
        return _banded(self._up, self._down, self.from_rate // 50)

    def _filter(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        filters = _phases(self._up, self._down)
        taps = filters.shape[1]
        fresh = len(x) - (taps - 1)
        room = fresh * self._up - self._phase
        count = max(0, -(-room // self._down))
        if not count:
            self._phase -= fresh * self._up
            return np.empty(0, dtype=np.float32)
        first = self._phase
        self._phase = first + count * self._down - fresh * self._up
        if self._down == 1:
            out = np.empty(count, dtype=np.float32)
            for phase in range(self._up):
                out[phase :: self._up] = np.correlate(x, filters[phase], "valid")
            return out
        if self._up == 1:
            return _decimate(x[first:], filters[0], self._down, count)
        at = first + np.arange(count) * self._down
        windows = np.lib.stride_tricks.sliding_window_view(x, taps)
        mixed: NDArray[np.float32] = np.einsum("ij,ij->i", windows[at // self._up], filters[at % self._up])
        return mixed


@lru_cache(maxsize=16)
def _banded(up: int, down: int, samples: int) -> NDArray[np.float32]:
    """The whole filter for ``samples`` of input as one matrix: shape (taps - 1 + samples, samples * up / down)."""
    filters = _phases(up, down)
    taps = filters.shape[1]
    matrix = np.zeros((taps - 1 + samples, samples * up // down), dtype=np.float32)
    for column in range(matrix.shape[1]):
        first, phase = divmod(column * down, up)
        matrix[first : first + taps, column] = filters[phase]
    return matrix


def _decimate(x: NDArray[np.float32], taps: NDArray[np.float32], step: int, count: int) -> NDArray[np.float32]:
    """Every ``step``-th output of a filter, as a sum of short filters over every ``step``-th input."""
    out = np.zeros(count, dtype=np.float32)
    for offset in range(step):
        out += np.correlate(x[offset::step], taps[offset::step], "valid")[:count]
    return out


def to_bytes(samples: NDArray[np.float32]) -> bytes:
    """Floats in the range of int16 → s16le, rounded and clipped."""
    return np.clip(np.rint(samples), -32768, 32767).astype("<i2").tobytes()


def resample(pcm: bytes, from_rate: int, to_rate: int) -> bytes:
    """A whole piece of mono s16le PCM at another rate, by soxr HQ: no delay, no seam, not for live audio."""
    if from_rate == to_rate:
        return pcm
    samples = np.frombuffer(pcm[: len(pcm) // 2 * 2], dtype="<i2").astype(np.float32)
    return to_bytes(soxr.resample(samples, from_rate, to_rate, "HQ"))


def to_stereo(pcm: bytes) -> bytes:
    """Mono s16le, each sample twice: what a two-channel codec (Opus) takes."""
    return np.repeat(np.frombuffer(pcm, dtype="<i2"), 2).tobytes()
