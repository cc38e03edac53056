"""Where the turns of recorded calls truly end, and where callers only pause: read from word times, sharpened by sound.

::

    caller     my name is ···· ann lee ············ i lost my card ········ can you help ─────────────────────
    agent      ──────────────────────────────────────────────────────────────────────────── sure ─────────────
                       └pause     └ longer than turn_gap_s:     └pause        └ end of the turn:
                                    the end of a turn                           the agent speaks

A **turn** is the words of one side until the other side speaks in a gap between them, or until a gap of ``turn_gap_s``
(1.5 s: after so long a silence any listener may speak). The other side's words *over* ours end nothing. A **pause** is
a gap of at least ``pause_s`` (0.2 s) between two words of one turn. Words in brackets (``[noise]``) and utterances that
the person who listened wrote down as noise are no words.

Word times come from an aligner in steps of 30 ms. The **true end** of a word before a pause or at a turn's end is the
last 10 ms piece, from the word's beginning to 0.2 s after its end, that is within 25 dB of the speaker's own level.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evaluation.hearing import WIRE_RATE, Samples
from scripts.speech_sets import DataError, files, read_sound

SIDES = ("caller", "agent")
PIECE = WIRE_RATE // 100
SPEECH_RANGE_DB = 25.0
OVER_FLOOR_DB = 6.0
TAIL_S = 0.2
"""How far behind the aligner's word end sound may still be the word's."""


@dataclass(slots=True, frozen=True)
class Word:
    """A word with its place in its own channel's file, seconds."""

    start: float
    end: float
    text: str


@dataclass(slots=True, frozen=True)
class Span:
    """From ``start`` to ``end``, seconds of a channel's file."""

    start: float
    end: float

    @property
    def length(self) -> float:
        """Seconds."""
        return self.end - self.start


@dataclass(slots=True, frozen=True)
class Turn:
    """``end``: the true end of its last word; ``until``: where this side's next turn begins, or the file's end."""

    words: tuple[Word, ...]
    pauses: tuple[Span, ...]
    end: float
    until: float

    @property
    def start(self) -> float:
        """Beginning of its first word."""
        return self.words[0].start

    @property
    def text(self) -> str:
        """Its words."""
        return " ".join(word.text for word in self.words)


@dataclass(slots=True, frozen=True)
class Channel:
    """One side of a call. ``other``: when the other side speaks, in this file's seconds; ``noises``: sounds that are
    marked, but are no words."""

    call: str
    side: str
    samples: Samples
    words: tuple[Word, ...]
    noises: tuple[Span, ...]
    other: tuple[Span, ...]
    turns: tuple[Turn, ...] = field(default=())

    @property
    def name(self) -> str:
        """For tables."""
        return f"{self.side} {self.call}"


def read_calls(
    data: Path, sides: Sequence[str] = SIDES, *, turn_gap_s: float = 1.5, pause_s: float = 0.2
) -> list[Channel]:
    """Every channel of ``data``/calls, callers first. Raises DataError naming the file that cannot be used."""
    return [
        read_channel(data / "calls", path, side, turn_gap_s, pause_s)
        for side in sides
        for path in files(data / "calls" / side, "*.wav")
    ]


def read_channel(folder: Path, path: Path, side: str, turn_gap_s: float, pause_s: float) -> Channel:
    """One channel with its turns."""
    transcript = folder / "transcript" / f"{path.stem}.json"
    samples = read_sound(path)
    words: list[Word] = []
    noises: list[Span] = []
    elsewhere: list[tuple[float, float]] = []
    shift = 0.0
    try:
        for utterance in json.loads(transcript.read_text()):
            start = utterance["start_ms"] / 1000
            mine = utterance["speaker_role"] == side
            shift = (utterance["offset_ms"] - utterance["start_ms"]) / 1000 if mine else shift
            spoken = _spoken(utterance["human_transcript"])
            tokens = utterance["transcript"].split()
            times = zip(tokens, utterance["word_offsets_ms"], utterance["word_durations_ms"], strict=False)
            for token, offset, duration in times:
                begin = start + offset / 1000
                word = Word(begin, begin + duration / 1000, token)
                if mine and (not spoken or token.startswith(("[", "<"))):
                    noises.append(Span(word.start, word.end))
                elif mine:
                    words.append(word)
                elif spoken:
                    late = (utterance["offset_ms"] - utterance["start_ms"]) / 1000
                    elsewhere.append((word.start + late, word.end + late))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{transcript}: not a transcript with word times ({error!r})") from error
    words.sort(key=lambda word: word.start)
    other = tuple(Span(start - shift, end - shift) for start, end in sorted(elsewhere))
    ends = true_ends(samples, words)
    turns = turns_of(words, ends, other, len(samples) / WIRE_RATE, turn_gap_s, pause_s)
    return Channel(path.stem, side, samples, tuple(words), tuple(noises), other, tuple(turns))


def _spoken(text: str) -> bool:
    """Did the person who listened write a word down?"""
    return any(not token.startswith(("[", "<")) for token in text.split())


def levels_db(samples: Samples) -> NDArray[np.float64]:
    """Level of each 10 ms piece, dB of full scale."""
    pieces = samples[: len(samples) // PIECE * PIECE].astype(np.float64).reshape(-1, PIECE) / 32768
    return np.asarray(10 * np.log10((pieces**2).mean(axis=1) + 1e-12), dtype=np.float64)


def true_ends(samples: Samples, words: Sequence[Word]) -> list[float]:
    """Where each word's sound ends, seconds; the aligner's end where its sound is nowhere loud enough."""
    levels = levels_db(samples)
    if not words:
        return []
    inside = np.zeros(len(levels), dtype=bool)
    for word in words:
        inside[round(word.start * 100) : round(word.end * 100)] = True
    speech = float(np.percentile(levels[inside], 75)) if inside.any() else 0.0
    floor = float(np.percentile(levels[~inside], 50)) if not inside.all() else -120.0
    bar = max(speech - SPEECH_RANGE_DB, floor + OVER_FLOOR_DB)
    following = [word.start for word in words[1:]] + [len(samples) / WIRE_RATE]
    ends = []
    for word, after in zip(words, following, strict=True):
        first, last = round(word.start * 100), round(min(word.end + TAIL_S, max(word.end, after)) * 100)
        loud = np.flatnonzero(levels[first:last] >= bar)
        ends.append((first + int(loud[-1]) + 1) / 100 if len(loud) else word.end)
    return ends


def turns_of(
    words: Sequence[Word],
    ends: Sequence[float],
    other: Sequence[Span],
    file_end: float,
    turn_gap_s: float,
    pause_s: float,
) -> list[Turn]:
    """Words in order of time, their true ends and the other side's words → turns with their pauses."""
    turns: list[Turn] = []
    first = 0
    for index in range(len(words)):
        last = index + 1 == len(words)
        gap = Span(ends[index], file_end if last else words[index + 1].start)
        answered = any(span.start < gap.end and span.end > gap.start for span in other) and gap.length > pause_s
        if not (last or answered or gap.length >= turn_gap_s):
            continue
        inner = [Span(ends[at], words[at + 1].start) for at in range(first, index)]
        pauses = tuple(span for span in inner if span.length >= pause_s - 1e-9)
        turns.append(Turn(tuple(words[first : index + 1]), pauses, gap.start, gap.end))
        first = index + 1
    return turns


def speech_mask(channel: Channel, step_ms: int, bridge_s: float) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """For the middle of each ``step_ms``: is it speech, and does it count (not inside a marked noise)?

    Gaps between words up to ``bridge_s`` are speech: stops, and the aligner's own holes.
    """
    length = round(len(channel.samples) / WIRE_RATE * 1000)
    speech = np.zeros(length, dtype=bool)
    for word in channel.words:
        speech[round(word.start * 1000) : round(word.end * 1000)] = True
    for before, after in pairwise(channel.words):
        if 0 < after.start - before.end <= bridge_s + 1e-9:
            speech[round(before.end * 1000) : round(after.start * 1000)] = True
    unsure = np.zeros(length, dtype=bool)
    for span in channel.noises:
        unsure[round(span.start * 1000) : round(span.end * 1000)] = True
    at = np.arange(step_ms // 2, length, step_ms)
    return speech[at], (~unsure | speech)[at]
