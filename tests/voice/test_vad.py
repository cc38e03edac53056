"""The gate and the judge on real and made sound."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest

from contracts.audio import FRAME_BYTES, RATE
from contracts.errors import ModelFileError
from voice.settings import VadSettings
from voice.vad import SileroModel, VoiceActivity

pytestmark = pytest.mark.models


def share(activity: VoiceActivity, pcm: bytes) -> float:
    """Which part of the frames was voiced."""
    frames = [pcm[start : start + FRAME_BYTES] for start in range(0, len(pcm) - FRAME_BYTES + 1, FRAME_BYTES)]
    return sum(activity.feed(frame).voiced for frame in frames) / len(frames)


def noise(seconds: float, level: float) -> bytes:
    samples = np.random.default_rng(3).standard_normal(int(seconds * RATE)) * level
    pcm: bytes = samples.astype("<i2").tobytes()
    return pcm


async def test_speech_of_two_synthesisers_is_voiced(
    silero: SileroModel, spoken: Callable[[str], Awaitable[bytes]], espeak: Callable[[str], bytes]
) -> None:
    text = "I would like to replace my lost credit card."
    assert share(VoiceActivity(VadSettings(), silero), await spoken(text)) > 0.8
    assert share(VoiceActivity(VadSettings(), silero), espeak(text)) > 0.7


def test_noise_and_a_steady_tone_are_not(silero: SileroModel) -> None:
    hum = (6000 * np.sin(2 * np.pi * 440 * np.arange(3 * RATE) / RATE)).astype("<i2").tobytes()
    for sound in (noise(3.0, 30.0), noise(3.0, 1500.0), hum):
        assert share(VoiceActivity(VadSettings(), silero), sound) < 0.03


def test_dead_silence_costs_no_inference(silero: SileroModel) -> None:
    activity = VoiceActivity(VadSettings(), silero)
    assert share(activity, bytes(FRAME_BYTES * 100)) == 0.0
    assert activity.windows_run == 0


async def test_speech_ends_within_100_ms_of_its_last_sound(
    silero: SileroModel, spoken: Callable[[str], Awaitable[bytes]]
) -> None:
    activity = VoiceActivity(VadSettings(), silero)
    share(activity, await spoken("Please block my card."))
    tail = noise(1.0, 16.0)
    voiced = [activity.feed(tail[at : at + FRAME_BYTES]).voiced for at in range(0, len(tail), FRAME_BYTES)]
    assert sum(voiced) <= 5


def test_a_frame_of_another_size_is_refused(silero: SileroModel) -> None:
    with pytest.raises(ValueError, match="640"):
        VoiceActivity(VadSettings(), silero).feed(b"\0" * 641)


def test_a_missing_or_broken_model_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="no such file"):
        SileroModel(tmp_path / "none.onnx")
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"not a model")
    with pytest.raises(ModelFileError, match=r"broken\.onnx"):
        SileroModel(broken)
