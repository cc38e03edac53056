"""The recordings that recognition is measured on: a folder of calls, read speech, spoken digits and noise.

::

    DATA/calls/{caller,agent}/ID.wav, transcript/ID.json    a person's text of each utterance, speaker_role, start_ms
    DATA/read_speech/ID.flac, text.tsv                      ID, tab, what was read
    DATA/digits/{digit}_{speaker}_{n}.wav                   one spoken digit a file
    DATA/noise/*.wav                                        nobody speaks to us

All sound is brought to 8 kHz mono. What is drawn by lot is drawn with a seed: the same folder gives the same mixture.
"""

from __future__ import annotations

import json
import random
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from faster_whisper.audio import decode_audio
from numpy.typing import NDArray

from contracts.errors import CallwrightError
from evaluation.hearing import WIRE_RATE, Samples

Floats = NDArray[np.float64]
DIGIT_FILE = re.compile(r"(\d)_(.+)_(\d+)\.wav")
_BABBLE = re.compile(r"babble|crowd|people|talk|chat|voices|cafe|café|restaurant|party|canteen|cafeteria|pub\b")
_AMBIENT_S = 8.0
BABBLE_SNR_DB = 10.0
VOICES = 6
"""Talkers in the babble: fewer are understood one by one, more are steady noise."""
STRING_LENGTH = 6
GAP_S = (0.12, 0.4)
"""Pauses between digits read out one by one."""
GROUP_GAP_S = (0.4, 0.7)
"""The pause in the middle: people read six digits in two groups of three."""
FADE_S = 0.008
"""At both ends of a digit: the files are cut out of longer recordings, and nobody's voice begins with a click."""
LINE_NOISE_DBFS = -62.0


class DataError(CallwrightError):
    """The folder is not laid out as expected, or a file in it cannot be read; the message names it."""

    exit_code = 2


@dataclass(slots=True, frozen=True)
class Recording:
    """Sound and what a person heard in it."""

    name: str
    samples: Samples
    said: str


def read_sound(path: Path) -> Samples:
    """8 kHz mono of a sound file of any common kind and rate. Raises DataError."""
    try:
        floats = decode_audio(str(path), sampling_rate=WIRE_RATE)
    except (OSError, av.error.FFmpegError, ValueError, IndexError) as error:
        raise DataError(f"{path}: not a readable sound file ({error})") from error
    return to_samples(np.asarray(floats, dtype=np.float64))


def to_samples(floats: Floats) -> Samples:
    """±1 floats as 16-bit samples, clipped."""
    return np.rint(np.clip(floats, -1.0, 32767 / 32768) * 32768).astype(np.int16)


def to_floats(samples: Samples) -> Floats:
    """16-bit samples as ±1 floats."""
    return samples.astype(np.float64) / 32768


def calls(data: Path, side: str) -> list[Recording]:
    """One recording per call of ``side`` (``caller`` or ``agent``): the whole channel, and all its utterances."""
    found = []
    for path in files(data / "calls" / side, "*.wav"):
        transcript = data / "calls" / "transcript" / f"{path.stem}.json"
        try:
            utterances = json.loads(transcript.read_text())
            mine = [one for one in utterances if one["speaker_role"] == side]
            said = " ".join(one["human_transcript"] for one in sorted(mine, key=lambda one: one["start_ms"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"{transcript}: not a transcript of the call ({error!r})") from error
        found.append(Recording(path.stem, read_sound(path), said))
    return found


def read_speech(data: Path) -> list[Recording]:
    """The utterances of ``text.tsv``."""
    folder = data / "read_speech"
    try:
        rows = [line.split("\t", 1) for line in (folder / "text.tsv").read_text().splitlines() if line.strip()]
        texts = {name: text for name, text in rows if name != "id"}
    except (OSError, ValueError) as error:
        raise DataError(f"{folder / 'text.tsv'}: lines of ID, tab, text are wanted ({error})") from error
    sounds = {path.stem: path for path in folder.iterdir() if path.suffix in (".flac", ".wav")}
    if missing := sorted(set(texts) - set(sounds)):
        raise DataError(f"{folder}: no sound for {', '.join(missing[:3])}")
    return [Recording(name, read_sound(sounds[name]), text) for name, text in texts.items()]


def noises(data: Path) -> list[Recording]:
    """Sound in which nobody speaks to us."""
    return [Recording(path.stem, read_sound(path), "") for path in files(data / "noise", "*.wav")]


def files(folder: Path, pattern: str) -> list[Path]:
    """Sorted; DataError when there are none."""
    found = sorted(folder.glob(pattern))
    if not found:
        raise DataError(f"{folder}: no {pattern} in it")
    return found


def babble(data: Path) -> list[Recording]:
    """The recordings of ``noise/`` that babble is taken from: those named like people or, where none is, a room's
    long ambient sound. A horn or a siren is no babble."""
    found = noises(data)
    named = [one for one in found if _BABBLE.search(one.name.lower())]
    return named or [one for one in found if len(one.samples) >= _AMBIENT_S * WIRE_RATE] or found


def talkers(speech: Sequence[Recording], besides: str, rng: random.Random, length: int) -> Samples:
    """Babble proper: ``VOICES`` other speakers of ``speech`` reading at once, equally loud, ``length`` samples."""
    speaker = besides.split("-")[0]
    others = [one for one in speech if one.name.split("-")[0] != speaker] or list(speech)
    mixed = np.zeros(length)
    for one in rng.sample(others, min(VOICES, len(others))):
        part = excerpt(one.samples, length, rng)
        mixed += part / (_rms(part) + 1e-9)
    return to_samples(mixed / (np.abs(mixed).max() + 1e-9) * 0.5)


def excerpt(samples: Samples, length: int, rng: random.Random) -> Floats:
    """``length`` samples from a random place, going round at the end."""
    return to_floats(np.roll(np.resize(samples, max(length, len(samples))), -rng.randrange(len(samples)))[:length])


def mixed(speech: Samples, noise: Floats, snr_db: float) -> Samples:
    """``speech`` with ``noise`` (as long) so much quieter; the level of speech is that of its louder half second
    pieces, as pauses are no speech. Scaled down only if it would clip."""
    level = active_rms(to_floats(speech))
    scale = level / (_rms(noise) + 1e-9) / 10 ** (snr_db / 20)
    both = to_floats(speech) + noise * scale
    return to_samples(both / max(1.0, float(np.abs(both).max())))


def active_rms(floats: Floats) -> float:
    """RMS of the 20 ms pieces within 30 dB of the loudest: speech without its pauses (in the spirit of ITU-T P.56)."""
    pieces = floats[: len(floats) // 160 * 160].reshape(-1, 160)
    power = (pieces**2).mean(axis=1)
    return float(np.sqrt(power[power >= power.max() / 1000].mean())) if len(power) else 0.0


def _rms(floats: Floats) -> float:
    return float(np.sqrt((floats**2).mean()))


def digit_strings(data: Path, count: int, seed: int) -> list[Recording]:
    """``count`` strings of six digits, each read by one speaker, speakers in turn; ``said`` is the digits."""
    rng = random.Random(seed)
    spoken: dict[str, dict[str, list[Path]]] = defaultdict(lambda: defaultdict(list))
    for path in files(data / "digits", "*.wav"):
        if parts := DIGIT_FILE.fullmatch(path.name):
            spoken[parts[2]][parts[1]].append(path)
    speakers = sorted(name for name, digits in spoken.items() if len(digits) == 10)
    if not speakers:
        raise DataError(f"{data / 'digits'}: no speaker with all ten digits ({{digit}}_{{speaker}}_{{n}}.wav)")
    found = []
    for number in range(count):
        digits = spoken[speakers[number % len(speakers)]]
        said = "".join(rng.choice("0123456789") for _ in range(STRING_LENGTH))
        sounds = [to_floats(read_sound(rng.choice(digits[digit]))) for digit in said]
        found.append(Recording(f"{speakers[number % len(speakers)]}-{said}", read_out(sounds, rng), said))
    return found


def read_out(sounds: Sequence[Floats], rng: random.Random) -> Samples:
    """Digits one after the other with a speaker's pauses, over faint line noise, and a moment of it around them."""
    pieces: list[Floats] = [np.zeros(WIRE_RATE // 2)]
    for index, sound in enumerate(sounds):
        gap = rng.uniform(*(GROUP_GAP_S if index + 1 == len(sounds) // 2 else GAP_S))
        pieces += [faded(sound), np.zeros(int(gap * WIRE_RATE))]
    whole = np.concatenate([*pieces, np.zeros(WIRE_RATE // 2)])
    noise = np.random.default_rng(rng.getrandbits(32)).standard_normal(len(whole)) * 10 ** (LINE_NOISE_DBFS / 20)
    return to_samples(whole + noise)


def faded(sound: Floats) -> Floats:
    """The same, its first and last 8 ms rising from and falling to nothing."""
    steps = min(int(FADE_S * WIRE_RATE), len(sound) // 2)
    gain = np.ones(len(sound))
    gain[:steps] = np.linspace(0.0, 1.0, steps)
    gain[len(sound) - steps :] = np.linspace(1.0, 0.0, steps)
    return sound * gain
