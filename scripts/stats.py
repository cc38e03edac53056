"""Small statistics for benchmarks: percentiles with bootstrap intervals, and Wilson intervals for rates."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from evaluation.intervals import wilson as wilson


def percentile(values: Sequence[float], share: float) -> float:
    """The ``share`` percentile (0..100), linear between neighbours; NaN for no values."""
    return float(np.percentile(values, share)) if len(values) else math.nan


def interval(values: Sequence[float], share: float, draws: int = 2000, seed: int = 1) -> tuple[float, float]:
    """95 % bootstrap interval of a percentile; (NaN, NaN) for no values."""
    if not len(values):
        return math.nan, math.nan
    chooser = np.random.default_rng(seed)
    sample = chooser.choice(np.asarray(values), size=(draws, len(values)))
    found = np.percentile(sample, share, axis=1)
    return float(np.percentile(found, 2.5)), float(np.percentile(found, 97.5))


def summary(values: Sequence[float]) -> dict[str, float | int | list[float]]:
    """n, p50, p95, p99, max and 95 % intervals of the percentiles, as JSON-ready numbers rounded to a millisecond."""
    if not len(values):
        return {"n": 0}
    return {
        "n": len(values),
        "p50": round(percentile(values, 50), 3),
        "p50_interval": [round(x, 3) for x in interval(values, 50)],
        "p95": round(percentile(values, 95), 3),
        "p95_interval": [round(x, 3) for x in interval(values, 95)],
        "p99": round(percentile(values, 99), 3),
        "p99_interval": [round(x, 3) for x in interval(values, 99)],
        "max": round(max(values), 3),
    }
