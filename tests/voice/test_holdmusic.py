"""Hold music: level, no seam, fading under speech, and files of the owner's that can and cannot be used."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from contracts.audio import FRAME_BYTES, RATE
from contracts.errors import ConfigError
from voice.holdmusic import HoldMusic, load, made


def samples(pcm: bytes | None) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.frombuffer(pcm or bytes(FRAME_BYTES), dtype="<i2").astype(np.float64)


def db(pcm: bytes) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(samples(pcm) ** 2)) / 32768))


def write(
    path: Path, sound: np.ndarray[tuple[int], np.dtype[np.float64]], rate: int = 44_100, channels: int = 1
) -> Path:
    data = np.repeat(np.rint(sound * 32767).astype("<i2"), channels)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(data.tobytes())
    return path


def tone(seconds: float, rate: int = 44_100) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.asarray(0.5 * np.sin(2 * np.pi * 440 * np.arange(int(seconds * rate)) / rate))


def test_our_own_piece_is_quiet_never_silent_and_never_sharp() -> None:
    pcm = made(-30)
    sound = samples(pcm)
    assert db(pcm) == pytest.approx(-30, abs=0.1)
    assert np.max(np.abs(sound)) < 10 ** (-12 / 20) * 32768
    seconds = sound[: len(sound) // RATE * RATE].reshape(-1, RATE)
    assert np.min(np.sqrt(np.mean(seconds**2, axis=1))) > 10 ** (-42 / 20) * 32768


def test_the_loop_has_no_seam() -> None:
    sound = samples(made(-30))
    steps = np.abs(np.diff(np.concatenate((sound, sound[:1]))))
    assert steps[-1] <= np.max(steps[:-1])
    assert steps[-1] < 300


def test_it_fades_in_away_under_speech_and_comes_back() -> None:
    music = HoldMusic(made(-24))
    for _ in range(100):
        alone = music.under(None)
    assert alone is not None
    assert np.any(samples(alone) != 0)
    speech = np.full(FRAME_BYTES // 2, 5000, dtype="<i2").tobytes()
    for _ in range(20):
        mixed = music.under(speech)
    assert mixed == speech
    back = [music.under(None) for _ in range(80)]
    assert np.max(np.abs(samples(back[0]))) < np.max(np.abs(samples(back[-1])))
    music.stop()
    assert [music.under(None) for _ in range(30)][-1] is None


def test_a_frame_to_frame_fade_never_jumps() -> None:
    music = HoldMusic(made(-24))
    heard = [music.under(None) for _ in range(60)] + [music.under(bytes(FRAME_BYTES)) for _ in range(30)]
    whole = np.concatenate([samples(one) for one in heard])
    assert np.max(np.abs(np.diff(whole))) <= np.max(np.abs(np.diff(samples(made(-24))))) + 2


def test_a_file_is_brought_to_mono_16_khz_at_the_wanted_level_and_loops(tmp_path: Path) -> None:
    pcm = load(write(tmp_path / "own.wav", tone(6.0), channels=2), -28)
    assert len(pcm) / 2 / RATE == pytest.approx(5.5, abs=0.05)
    assert db(pcm) == pytest.approx(-28, abs=0.2)
    sound = samples(pcm)
    steps = np.abs(np.diff(np.concatenate((sound, sound[:1]))))
    assert steps[-1] <= 1.5 * np.max(steps[:-1])


def test_files_that_are_no_hold_music_are_refused_with_what_is_wrong(tmp_path: Path) -> None:
    text = tmp_path / "text.wav"
    text.write_text("no sound")
    cases = {
        tmp_path / "nothing.wav": "cannot be read",
        text: "cannot be read",
        tmp_path / "music.mp3": "a .wav or .flac file",
        write(tmp_path / "short.wav", tone(1.0)): "at least 5 s",
        write(tmp_path / "silent.wav", tone(6.0) * 0): "only silence",
        write(tmp_path / "long.wav", np.tile(tone(1.0, 8000), 610), rate=8000): "longer than 10 minutes",
    }
    for path, message in cases.items():
        with pytest.raises(ConfigError, match=message):
            load(path, -30)
