"""Figures that benchmarks print are right."""

from __future__ import annotations

import math

import pytest

from scripts.stats import interval, percentile, summary, wilson


def test_percentiles_are_linear_between_neighbours() -> None:
    assert percentile([1.0, 2.0, 3.0, 4.0], 50) == 2.5
    assert math.isnan(percentile([], 50))


def test_the_interval_contains_the_figure_and_is_repeatable() -> None:
    values = [i / 10 for i in range(100)]
    low, high = interval(values, 50)
    assert low < percentile(values, 50) < high
    assert (low, high) == interval(values, 50)


def test_wilson_matches_the_published_example() -> None:
    low, high = wilson(81, 263)
    assert low == pytest.approx(0.2553, abs=2e-3)
    assert high == pytest.approx(0.3662, abs=2e-3)
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(24, 24)[1] == pytest.approx(1.0)


def test_a_summary_of_nothing_says_so() -> None:
    assert summary([]) == {"n": 0}
    assert summary([0.5])["p95"] == 0.5
