"""Scanning many vectors by their bytes."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from knowledge.scan import ByteScan


def vectors(count: int, dimension: int, seed: int = 1) -> NDArray[np.float32]:
    """Around 200 topics, as texts lie; length 1."""
    random = np.random.default_rng(seed)
    topics = np.random.default_rng(0).standard_normal((200, dimension), dtype=np.float32)
    rows = topics[random.integers(0, 200, count)] + 0.8 * random.standard_normal((count, dimension), dtype=np.float32)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    made: NDArray[np.float32] = (rows / lengths).astype(np.float32)
    return made


@pytest.mark.parametrize("dimension", [384, 100])
def test_nearly_all_of_the_nearest_are_among_those_looked_at(dimension: int) -> None:
    matrix = vectors(20_000, dimension)
    scan = ByteScan(matrix)
    asked = vectors(30, dimension, seed=2)
    kept = 0
    for one in asked:
        looked = scan.nearest(one, 24)
        assert 200 <= len(looked) <= 400
        kept += len(set(np.argsort(-(matrix @ one))[:24]) & set(looked))
    assert kept / (24 * len(asked)) > 0.999


def test_what_is_barred_is_never_looked_at_even_if_nothing_else_is_there() -> None:
    matrix = vectors(50, 64)
    barred = np.arange(50) < 40
    assert set(ByteScan(matrix).nearest(matrix[0], 20, barred)) == set(range(40, 50))


def test_vectors_that_were_never_made_and_none_at_all_do_no_harm() -> None:
    asked = vectors(1, 64)[0]
    assert len(ByteScan(np.zeros((0, 64), np.float32)).nearest(asked, 5)) == 0
    matrix = np.concatenate([np.zeros((10, 64), np.float32), asked[np.newaxis]])
    assert 10 in ByteScan(matrix).nearest(asked, 5)
