"""Where a robot caller's lines come from: text spoken by hibari-tts, or WAV files of any rate."""

from __future__ import annotations

import wave
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from contracts.audio import RATE, SILENCE
from contracts.errors import CallwrightError
from telephony.resample import resample
from telephony.robot import VOICED_RMS, Line

PEAK = 0.5
"""Spoken lines are scaled to this share of full scale, about the level of a telephone voice."""
LEAD_FRAMES = 1


class LineError(CallwrightError):
    """A line cannot be spoken or read; the message says what to do."""

    exit_code = 2


class Speaker:
    """hibari-tts, loaded once. Deterministic: the same text gives the same samples."""

    def __init__(self) -> None:
        try:
            from hibari import Hibari
        except ImportError as error:
            raise LineError("the caller's voice needs the package hibari-tts: pip install hibari-tts") from error
        self._voice: Any = Hibari(threads=1)

    def say(self, text: str) -> bytes:
        """Internal PCM of ``text``, quiet edges trimmed so that its end is its true end."""
        audio = np.asarray(self._voice(text, seed=7), dtype=np.float32)
        if not len(audio):
            raise LineError(f"nothing to say in {text!r}")
        scaled = np.clip(audio / max(1e-6, float(np.abs(audio).max())) * PEAK, -1, 1)
        pcm = resample((scaled * 32767).astype("<i2").tobytes(), int(self._voice.sample_rate), RATE)
        return trim(pcm)


def trim(pcm: bytes, threshold: float = VOICED_RMS) -> bytes:
    """Internal PCM without its quiet beginning and end (20 ms steps, one frame of lead kept)."""
    samples = np.frombuffer(pcm[: len(pcm) // 640 * 640], dtype="<i2").reshape(-1, 320).astype(np.float64)
    voiced = np.flatnonzero(np.sqrt(np.mean(samples**2, axis=1)) > threshold) if len(samples) else np.empty(0)
    if not len(voiced):
        return b""
    first, last = max(0, int(voiced[0]) - LEAD_FRAMES), int(voiced[-1]) + 1
    return pcm[first * 640 : last * 640]


def read_wav(path: Path) -> bytes:
    """Internal PCM of a 16-bit WAV of any rate and channel count (the first channel). Raises LineError."""
    try:
        with wave.open(str(path), "rb") as file:
            if file.getsampwidth() != 2:
                raise LineError(f"{path}: {file.getsampwidth() * 8}-bit; convert it: sox {path.name} -b 16 out.wav")
            rate, channels = file.getframerate(), file.getnchannels()
            raw = file.readframes(file.getnframes())
    except (OSError, wave.Error, EOFError) as error:
        advice = f"convert it: sox {path.name} -b 16 out.wav"
        raise LineError(f"{path}: not a readable WAV file ({error}); {advice}") from error
    samples = np.frombuffer(raw[: len(raw) // (2 * channels) * 2 * channels], dtype="<i2")
    mono = samples.reshape(-1, channels)[:, 0]
    return resample(np.ascontiguousarray(mono).tobytes(), rate, RATE)


def spoken_lines(texts: Sequence[str], speaker: Speaker | None = None) -> list[Line]:
    """A line per text. ``[1.5] text`` interrupts the operator after it has spoken 1.5 s."""
    speaker = speaker or Speaker()
    lines = []
    for text in texts:
        after, words = _barge(text)
        lines.append(Line(words, speaker.say(words), after))
    return lines


def wav_lines(paths: Sequence[Path]) -> list[Line]:
    """A line per WAV file, in the order given."""
    lines = [Line(path.name, trim(read_wav(path))) for path in paths]
    empty = [line.label for line in lines if not line.pcm]
    if empty:
        raise LineError(f"{', '.join(empty)}: no sound in it")
    return lines


def silence(seconds: float) -> bytes:
    """Internal PCM of digital silence."""
    return SILENCE * round(seconds / 0.02)


def _barge(text: str) -> tuple[float | None, str]:
    if text.startswith("[") and "]" in text:
        number, _, words = text[1:].partition("]")
        try:
            return float(number), words.strip()
        except ValueError:
            return None, text
    return None, text
