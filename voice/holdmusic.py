"""What is heard while somebody waits: a quiet piece made by arithmetic, or the owner's file, and the playing of either.

::

    chord   C     Am    F     G     C     Em    F     G      8 chords of 8 plucked notes, 0.6 s each: 38.4 s
    note    ╲_    ╲_    ╲_ …        a tail that reaches over the end is added to the beginning: the loop has no seam
"""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray

from contracts.audio import FRAME_BYTES, FRAME_S, RATE
from contracts.errors import ConfigError

NOTE_S = 0.6
RING_S = 3.0
"""A plucked note is 60 dB down after so long."""
_CHORDS = (
    (60, 64, 67, 72),
    (57, 60, 64, 72),
    (53, 60, 65, 69),
    (55, 62, 67, 71),
    (60, 64, 67, 76),
    (52, 59, 64, 71),
    (53, 60, 69, 72),
    (55, 62, 65, 71),
)
"""MIDI notes between 165 and 660 Hz: their overtones pass a telephone line."""
_PATTERN = (0, 1, 2, 3, 2, 1, 3, 2)
_OVERTONES = (1.0, 0.35, 0.12, 0.05)
_ATTACK_S = 0.012
SHORTEST_S, LONGEST_S = 5.0, 600.0
MAX_BYTES = 200 << 20
_SUFFIXES = (".wav", ".flac")
_SEAM_S = 0.5
"""The end of a file is blended into its beginning over so long."""


def made(level_db: float) -> bytes:
    """The project's own piece: int16 mono at 16 kHz, RMS ``level_db`` dBFS."""
    step = round(NOTE_S * RATE)
    total = step * len(_CHORDS) * len(_PATTERN)
    loop = np.zeros(total)
    for bar, chord in enumerate(_CHORDS):
        for beat, which in enumerate(_PATTERN):
            start = (bar * len(_PATTERN) + beat) * step
            note = _note(chord[which]) * (1.0 if beat == 0 else 0.7)
            at = (start + np.arange(len(note))) % total
            loop[at] += note
    return _levelled(loop, level_db)


def load(path: Path, level_db: float) -> bytes:
    """An owner's WAV or FLAC as a loop at that loudness. Raises ConfigError that says what is wrong with it."""
    if path.suffix.lower() not in _SUFFIXES:
        raise ConfigError(f"{path}: hold music is a .wav or .flac file")
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ConfigError(f"{path}: {path.stat().st_size >> 20} MiB; hold music may have {MAX_BYTES >> 20}")
        sound = _decoded(path)
    except (OSError, FFmpegError, ValueError) as error:
        raise ConfigError(f"{path}: hold music cannot be read: {error}") from error
    seconds = len(sound) / RATE
    if seconds < SHORTEST_S:
        raise ConfigError(f"{path}: {seconds:.1f} s of sound; hold music has at least {SHORTEST_S:g} s")
    if not np.any(np.abs(sound) > 1e-4):
        raise ConfigError(f"{path}: there is only silence in it")
    return _levelled(_seamless(sound), level_db)


class HoldMusic:
    """One call's place in the loop. Under speech it fades away, and comes back after it. Pure."""

    DOWN_S, UP_S = 0.3, 1.2

    def __init__(self, loop: bytes) -> None:
        """``loop``: int16 mono at 16 kHz, at least a frame long."""
        self._loop = np.frombuffer(loop, dtype="<i2")
        self._at = 0
        self._gain = 0.0
        self._stopped = False

    def stop(self) -> None:
        """Fade out for good."""
        self._stopped = True

    def under(self, speech: bytes | None) -> bytes | None:
        """The next 20 ms: the music, faded down under ``speech`` if there is some. None: silence."""
        wanted = 0.0 if self._stopped or speech is not None else 1.0
        if self._gain == wanted == 0.0:
            return speech
        reach = FRAME_S / (self.DOWN_S if wanted < self._gain else self.UP_S)
        after = max(wanted, self._gain - reach) if wanted < self._gain else min(wanted, self._gain + reach)
        frame = self._next() * np.linspace(self._gain, after, FRAME_BYTES // 2, dtype=np.float32)
        self._gain = after
        if speech is not None:
            frame = frame + np.frombuffer(speech.ljust(FRAME_BYTES, b"\0"), dtype="<i2")
        return np.clip(np.rint(frame), -32768, 32767).astype("<i2").tobytes()

    def _next(self) -> NDArray[np.float32]:
        size = FRAME_BYTES // 2
        at = (self._at + np.arange(size)) % len(self._loop)
        self._at = (self._at + size) % len(self._loop)
        return self._loop[at].astype(np.float32)


def _note(midi: int) -> NDArray[np.float64]:
    """A plucked note: overtones that die away the faster the higher they are."""
    time = np.arange(round(RING_S * RATE)) / RATE
    pitch = 440.0 * 2 ** ((midi - 69) / 12)
    decay = np.log(1000.0) / RING_S
    tone = sum(
        weight * np.sin(2 * np.pi * pitch * (n + 1) * time) * np.exp(-decay * (1 + 0.6 * n) * time)
        for n, weight in enumerate(_OVERTONES)
    )
    edges = np.minimum(1.0, time / _ATTACK_S) * np.minimum(1.0, (RING_S - time) / 0.05)
    return np.asarray(tone * edges)


def _decoded(path: Path) -> NDArray[np.float64]:
    """Mono at 16 kHz, -1 … 1; never more than LONGEST_S of it. Raises FFmpegError, ValueError."""
    pieces: list[NDArray[np.int16]] = []
    count = 0
    with av.open(str(path), mode="r") as file:
        if not file.streams.audio:
            raise ValueError("it holds no sound")
        resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
        for frame in file.decode(audio=0):
            for out in resampler.resample(frame):
                pieces.append(out.to_ndarray().reshape(-1).astype(np.int16))
                count += len(pieces[-1])
            if count > LONGEST_S * RATE:
                raise ValueError(f"it is longer than {LONGEST_S / 60:g} minutes")
        for out in resampler.resample(None):
            pieces.append(out.to_ndarray().reshape(-1).astype(np.int16))
    return np.concatenate(pieces) / 32768.0 if pieces else np.zeros(0)


def _seamless(sound: NDArray[np.float64]) -> NDArray[np.float64]:
    """The last half second blended into the first (equal power), so that the repetition does not click."""
    seam = round(_SEAM_S * RATE)
    turn = np.linspace(0.0, np.pi / 2, seam)
    head = sound[:seam] * np.sin(turn) + sound[-seam:] * np.cos(turn)
    return np.concatenate((head, sound[seam:-seam]))


def _levelled(sound: NDArray[np.float64], level_db: float) -> bytes:
    """At that RMS; peaks that would clip are bent, not cut."""
    rms = float(np.sqrt(np.mean(sound**2)))
    scaled = sound * (10 ** (level_db / 20) / rms)
    loud = float(np.max(np.abs(scaled)))
    if loud > 0.9:
        scaled = 0.9 * np.tanh(scaled / 0.9)
    return np.rint(scaled * 32767).astype("<i2").tobytes()
