"""The playout ledger: what left the socket, and which words the caller therefore heard. Pure; one per utterance.

::

    clauses   │ Your balance is │ twelve dollars. │          words where the synthesiser timed them; else spread over
    audio     │▁▂█▅▃▆█▂▁        │▂▆█▃▅▂▁▁▁        │          the *sounding* audio by their share of its phonemes
    handed    ├──────────────────────────┤                 by next_frame()
    heard     ├────────────────────┤ delay                 minus what is still between us and the caller's ear

A word counts as heard once its middle has been played.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from contracts.audio import RATE
from voice.normalise import SpokenText, SpokenToken
from voice.wordtimes import PhoneticWord, word_spans

_HOP = 160
"""Samples (10 ms) whose loudness decides whether anything is said in them."""
_QUIET = 0.02
"""Share of the clause's loudest hop below which a hop is a pause (−34 dB)."""
_PAUSE_HOPS = 7
"""A pause that punctuation makes lasts at least this many hops."""
_PHONEMES_PER_S = 13.0
"""Piper's usual rate, for clauses whose audio is not complete yet."""
_SILENT = re.compile(r"(?<=[^aeiou\W])e\b|(?<=[a-z])gh|(?<=[ckpst])h|([bcdfglmnprstz])(?=\1)|(?<=[aeo])[aeiouwy]")
_LETTER_NAME = 2.2
_EACH = 1.2
"""What every word takes beyond its letters: "the" and "to" are short, but not that short (fitted to Piper)."""


def weight(spoken: str) -> float:
    """Roughly how many phonemes a piece of spoken text has."""
    total = 0.0
    for word in spoken.split():
        letters = re.sub(r"[^a-z]", "", word.lower())
        count = _LETTER_NAME if len(letters) == 1 and word[:1].isupper() else len(_SILENT.sub("", letters))
        total += _EACH + max(1.0, count) if letters else 0.0
    return total


@dataclass(slots=True)
class ClauseAudio:
    """A clause's words and sound. ``pcm`` is internal PCM, gap after the clause included."""

    spoken: SpokenText
    pcm: bytearray = field(default_factory=bytearray)
    chunks: list[tuple[int, int]] = field(default_factory=list)
    """(samples, phonemes) of each piece of synthesis."""
    phonetic: list[PhoneticWord] = field(default_factory=list)
    """Where the synthesiser says its words lie; empty, or of all chunks."""
    complete: bool = False
    _spans: NDArray[np.float64] | None = None

    @property
    def samples(self) -> int:
        """Samples there are so far."""
        return len(self.pcm) // 2

    def add(self, pcm: bytes, phonemes: int, words: Sequence[PhoneticWord] = ()) -> None:
        """Append synthesised speech; ``words`` as in SpeechChunk."""
        start = self.samples
        self.phonetic += [(start + first, start + last, count) for first, last, count in words]
        self.pcm += pcm
        self.chunks.append((len(pcm) // 2, phonemes))
        self._spans = None

    def spans(self) -> NDArray[np.float64]:
        """The samples at which each token begins and ends, (tokens, 2), rising. A pause lies between two tokens."""
        if not self.complete:
            edges = self._edges()
            return np.column_stack((edges[:-1], edges[1:]))
        if self._spans is None:
            self._spans = self._timed()
        return self._spans

    def _timed(self) -> NDArray[np.float64]:
        tokens = self.spoken.tokens
        spoken = [re.findall(r"[^\s-]*\w[^\s-]*", token.spoken) for token in tokens]
        weights = [max(1.0, weight(word)) for words in spoken for word in words]
        timed = word_spans(weights, self.phonetic) if self.phonetic else []
        if not timed:
            edges = self._edges()
            return np.column_stack((edges[:-1], edges[1:]))
        spans = np.zeros((len(tokens), 2))
        at = 0
        for index, words in enumerate(spoken):
            first = timed[at][0] if at < len(timed) else timed[-1][1]
            at += len(words)
            spans[index] = (first, timed[at - 1][1]) if words else (first, first)
        return spans

    def _edges(self) -> NDArray[np.float64]:
        """For each token, and the end: the sample at which it begins (``len(tokens) + 1`` values, rising)."""
        weights = np.array([weight(token.spoken) for token in self.spoken.tokens], dtype=np.float64)
        said = np.concatenate([[0.0], np.cumsum(weights)])
        if not self.samples or said[-1] <= 0.0:
            return np.zeros(len(weights) + 1)
        progress = self._progress()
        at = np.arange(len(progress)) * float(_HOP)
        if not self.complete:
            total = max(float(said[-1]) / _PHONEMES_PER_S * RATE / _HOP, float(progress[-1]))
            beyond = float(at[-1]) + (total - float(progress[-1])) * _HOP
            progress, at = np.append(progress, total + 1e-6), np.append(at, beyond + 1e-6)
            share = said / said[-1] * progress[-1]
        else:
            share = np.interp(said, *self._anchors(said, progress))
        # Equal values of ``progress`` are pauses; a word begins at a pause's end, the clause ends before its last one.
        rising = progress + np.arange(len(progress)) * 1e-9
        edges: NDArray[np.float64] = np.interp(share, rising, at)
        return edges

    def _anchors(self, said: NDArray[np.float64], progress: NDArray[np.float64]) -> tuple[list[float], list[float]]:
        """Where words and sound surely meet: begin, end, and the longest pauses at the punctuation marks between.

        Without it a long word before a comma shifts all that follows. With fewer pauses than marks none are used.
        """
        marks = [
            float(said[index + 1])
            for index, token in enumerate(self.spoken.tokens[:-1])
            if token.spoken.rstrip("\"')").endswith((",", ";", ":", ".", "!", "?"))
        ]
        still = np.flatnonzero(np.diff(progress) == 0.0)
        runs = np.split(still, np.flatnonzero(np.diff(still) > 1) + 1) if len(still) else []
        inner = [run for run in runs if len(run) >= _PAUSE_HOPS and run[0] > 0 and progress[run[-1]] < progress[-1]]
        longest = sorted(sorted(inner, key=len, reverse=True)[: len(marks)], key=lambda run: int(run[0]))
        pauses = [float(progress[run[0]]) for run in longest if progress[run[0]] > 0.0]
        if len(pauses) != len(marks):
            marks = pauses = []
        return [0.0, *marks, float(said[-1])], [0.0, *pauses, float(progress[-1])]

    def _progress(self) -> NDArray[np.float64]:
        """Speech done at each hop's start: sounding hops, weighted so that each chunk counts by its phonemes."""
        sound = np.frombuffer(bytes(self.pcm), dtype="<i2").astype(np.float64)
        hops = len(sound) // _HOP
        if not hops:
            return np.array([0.0, 1.0])
        rms = np.sqrt(np.mean(np.square(sound[: hops * _HOP].reshape(hops, _HOP)), axis=1))
        sounding = (rms > max(30.0, _QUIET * float(rms.max()))).astype(np.float64)
        if len(self.chunks) > 1 and all(phonemes for _, phonemes in self.chunks):
            start = 0
            for samples, phonemes in self.chunks:
                piece = slice(start // _HOP, (start + samples) // _HOP)
                amount = float(sounding[piece].sum())
                sounding[piece] *= phonemes / amount if amount else 0.0
                start += samples
        return np.concatenate([[0.0], np.cumsum(sounding)])


class PlayoutLedger:
    """One utterance's account. ``delay_s``: from next_frame() to the caller's ear, as far as it is known."""

    def __init__(self, delay_s: float) -> None:
        self._delay_s = delay_s
        self.clauses: list[ClauseAudio] = []
        self.handed = 0
        """Samples given to the leg."""
        self._recent: deque[tuple[float, int]] = deque()

    def hand(self, samples: int, at: float) -> None:
        """``samples`` more left at ``at``."""
        self.handed += samples
        self._recent.append((at, samples))
        while self._recent and self._recent[0][0] < at - self._delay_s - 1.0:
            self._recent.popleft()

    def rewind(self, samples: int) -> None:
        """Playout goes back to this position; what was handed out beyond it will be said again."""
        self.handed = samples
        self._recent.clear()

    def heard_samples(self, now: float) -> int:
        """Samples that have reached the caller by ``now``."""
        unheard = 0.0
        for at, samples in self._recent:
            unheard += min(float(samples), max(0.0, (at + self._delay_s - now) * RATE + samples))
        return max(0, self.handed - round(unheard))

    def heard_text(self, samples: int) -> str:
        """The written words whose middle lies within the first ``samples`` of the utterance."""
        heard: list[str] = []
        start = 0
        for clause in self.clauses:
            if clause.complete and samples >= start + clause.samples:
                heard += [token.written for token in clause.spoken.tokens]
            elif samples > start:
                heard += [token.written for token in _within(clause, samples - start)]
            start += clause.samples
        return " ".join(heard)

    def word_start(self, samples: int) -> int:
        """Where the word that is being said at ``samples`` begins; a pause between words keeps its place."""
        start = 0
        for clause in self.clauses:
            if samples < start + clause.samples:
                spans = clause.spans()
                within = samples - start
                index = int(np.searchsorted(spans[:, 0], within, side="right")) - 1
                if index < 0 or within >= spans[index, 1]:
                    return samples
                return start + min(int(spans[index, 0]), within)
            start += clause.samples
        return samples

    @property
    def text(self) -> str:
        """All written words, heard or not."""
        return " ".join(clause.spoken.written for clause in self.clauses)


def _within(clause: ClauseAudio, samples: int) -> list[SpokenToken]:
    middles = clause.spans().mean(axis=1)
    count = int(np.searchsorted(middles, samples, side="right"))
    return list(clause.spoken.tokens[:count])
