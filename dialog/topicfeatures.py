"""A question as numbers: its meaning (a sentence vector, and random waves over it) and its very words (hashed n-grams).

::

    "my card's lost" ─ embedder ─► unit vector v ─┬─ v
                                                  ├─ cos(v·W + p)   random Fourier features (Rahimi & Recht, 2007)
                                                  └─ words, pairs, 3 to 5 letters, hashed with sign, tf-idf

A linear model over all three sees what a kernel machine sees, without keeping its examples. Measured on BANKING77, five
folds, ridge regression, 1,500 waves and 4,096 buckets: vector alone 87 %, with waves 92 %, with words 92.6 %. Pure.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

WAVES = 1000
BUCKETS = 2048
"""Of the hashed n-grams. A fit takes time with the square of all features: with these, and 1,000 waves, 92.5 %."""
GAMMA = 1.0
"""Of the kernel exp(-gamma |a - b|²) that the waves stand for."""
WORDS_WEIGHT = 0.5
"""Length of the n-gram part; the vector's is 1."""
MAX_CHARS = 400
"""Of a question; the rest of a longer one is not looked at."""


def ngrams(text: str) -> Iterator[str]:
    """Words, pairs of words (also with one between), and runs of 3 to 5 letters across them."""
    plain = re.sub(r"[^a-z0-9']+", " ", text[:MAX_CHARS].lower()).strip()
    words = plain.split()
    yield from (f"w:{word}" for word in words)
    yield from (f"b:{a} {b}" for a, b in pairwise(words))
    yield from (f"s:{a} {b}" for a, b in zip(words, words[2:], strict=False))
    padded = f" {plain} "
    for size in (3, 4, 5):
        yield from (f"c:{padded[at : at + size]}" for at in range(len(padded) - size + 1))


def hashed(texts: Sequence[str]) -> Floats:
    """[n, BUCKETS]: signed square roots of n-gram counts. Signs make collisions cancel out (Weinberger, 2009)."""
    counts = np.zeros((len(texts), BUCKETS), np.float32)
    for row, text in zip(counts, texts, strict=True):
        for gram in set(ngrams(text)):
            code = zlib.crc32(gram.encode())
            row[code % BUCKETS] += 1 if code & (1 << 31) else -1
    return np.sign(counts) * np.sqrt(np.abs(counts))


@dataclass(slots=True, frozen=True)
class FeatureSpace:
    """What is learned or drawn once. ``waves`` [d, WAVES], ``phases`` [WAVES], ``idf`` [BUCKETS], ``middle`` [all]."""

    waves: Floats
    phases: Floats
    idf: Floats
    middle: Floats

    @staticmethod
    def made(texts: Sequence[str], vectors: Floats, seed: int = 1) -> tuple[FeatureSpace, Floats]:
        """The space of these examples, and their own features [n, all], centred."""
        draw = np.random.default_rng(seed)
        waves = draw.normal(scale=np.sqrt(2 * GAMMA), size=(vectors.shape[1], WAVES)).astype(np.float32)
        phases = draw.uniform(0, 2 * np.pi, WAVES).astype(np.float32)
        grams = hashed(texts)
        idf = np.log(len(texts) / (1 + np.count_nonzero(grams, axis=0)), dtype=np.float32).clip(min=0)
        raw = _joined(vectors, waves, phases, idf, grams)
        middle = raw.mean(axis=0)
        return FeatureSpace(waves, phases, idf, middle), raw - middle

    def of(self, texts: Sequence[str], vectors: Floats) -> Floats:
        """Features [n, all] of questions and their unit vectors [n, d]."""
        return _joined(vectors, self.waves, self.phases, self.idf, hashed(texts)) - self.middle


def _joined(vectors: Floats, waves: Floats, phases: Floats, idf: Floats, grams: Floats) -> Floats:
    waved = np.sqrt(np.float32(2 / WAVES)) * np.cos(vectors @ waves + phases)
    words = grams * idf
    lengths = np.maximum(np.linalg.norm(words, axis=1, keepdims=True), 1e-9)
    return np.concatenate((vectors, waved, words * (WORDS_WEIGHT / lengths)), axis=1, dtype=np.float32)
