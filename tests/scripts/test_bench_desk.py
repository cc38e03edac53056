"""The desk's benchmark finds a known delay and a known onset, and takes noise for neither."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("selenium", reason="selenium missing: pip install -e .[dev]")

from contracts.audio import RATE
from scripts.bench_desk import GAP_S, behind, delays, onset, was_quiet

NOISE = np.random.default_rng(3).standard_normal(4 * RATE) * 2000


def test_a_known_delay_is_found_whatever_the_two_clocks_began_with() -> None:
    heard = np.concatenate((np.zeros(round(0.3 * RATE)), NOISE, np.zeros(RATE)))  # begins 0.2 s before the caller
    found = delays(NOISE, 100.0, heard, 99.8)
    assert len(found) > 5
    assert found == pytest.approx([0.1] * len(found), abs=0.001)


def test_what_was_never_said_has_no_delay() -> None:
    assert delays(NOISE, 100.0, NOISE[::-1].copy(), 99.8) == []


def test_an_onset_counts_from_the_click_and_only_out_of_quiet() -> None:
    track = np.concatenate((np.zeros(RATE), NOISE))
    assert onset(track, 50.0, 50.8) == pytest.approx(0.2, abs=0.02)
    assert onset(track, 50.0, 51.5) is None
    assert [was_quiet(track, 50.0, at) for at in (50.8, 51.5)] == [True, False]


def test_how_loud_it_is_behind_what_was_said_is_found_at_each_of_its_places() -> None:
    first, second = NOISE[:RATE], NOISE[2 * RATE : 3 * RATE]
    gap, silent = np.zeros(GAP_S * RATE), np.zeros(RATE)
    track = np.concatenate([*(part for after in (second, silent) for part in (first, gap, after, gap)), first])
    found = behind(track, *(one.astype("<i2").tobytes() for one in (first, second)))
    assert sorted(round(one / 100) for one in found) == [0, 20]
