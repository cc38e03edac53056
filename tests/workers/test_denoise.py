"""Steady noise goes down by the floor, speech-like sound stays."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from contracts.audio import RATE
from workers.engines.denoise import suppress

Floats = npt.NDArray[np.float32]


def level_db(sound: Floats) -> float:
    return float(10 * np.log10((sound.astype(np.float64) ** 2).mean() + 1e-20))


def noisy_tone() -> Floats:
    """3 s of noise at −40 dBFS; in the middle second a tone at −13."""
    noise = np.random.default_rng(0).standard_normal(3 * RATE) * 0.01
    noise[RATE : 2 * RATE] += 0.3 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
    return noise.astype(np.float32)


def test_noise_is_lowered_by_the_floor_and_no_further() -> None:
    before = noisy_tone()
    after = suppress(before, 6.0)
    assert after.dtype == np.float32
    assert len(after) == len(before)
    assert 4.0 < level_db(before[2000:14000]) - level_db(after[2000:14000]) < 6.1
    tone = slice(RATE + 2000, 2 * RATE - 2000)
    assert level_db(after[tone]) == pytest.approx(level_db(before[tone]), abs=0.1)
    assert np.corrcoef(before[tone], after[tone])[0, 1] > 0.999


@pytest.mark.parametrize("length", [0, 100, 2048, 2049, 5000, RATE])
def test_any_length_comes_back_as_long_and_in_place(length: int) -> None:
    sound = noisy_tone()[RATE : RATE + length]
    assert len(suppress(sound, 6.0)) == length
    assert np.allclose(suppress(sound, 1e-6), sound, atol=1e-5)
    assert suppress(sound, 0.0) is sound


def test_digital_silence_stays_silent() -> None:
    assert not suppress(np.zeros(RATE, np.float32), 6.0).any()
