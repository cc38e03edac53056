"""Scores recognised words against a person's: word error rate, with intervals.

Both texts go through Whisper's own English normaliser (contractions, spelling, fillers, numbers) and are then compared
digit by digit, because the normaliser writes "five two six" as 526, "5 2 1" as 5 2 one, "nine thirty" as 930 and
"9:30" as 9 30.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import jiwer
import numpy as np
from whisper_normalizer.english import EnglishTextNormalizer

_A_HUNDRED = re.compile(r"\ba (?=hundred\b|thousand\b|million\b)")
_BETWEEN_DIGITS = re.compile(r"(?<=\d)[.,](?=\d)")
_DIGIT = re.compile(r"([\d$€£%])")
_SAME = ((r"\b([ap]) m\b", r"\1m"), (r"\bone\b", "1"), (r"\bok\b", "okay"), (r"\ball right\b", "alright"))
"""Two spellings of the same spoken words that the normaliser leaves apart."""


@lru_cache(maxsize=1)
def _normaliser() -> EnglishTextNormalizer:
    return EnglishTextNormalizer()


def comparable(text: str) -> str:
    """``text`` as it is compared: normalised, one token for each word and each digit; "" when nothing is left.

    Marks in brackets (``[noise]``, ``<unk>``) and fillers (uh, um) are no words.
    """
    text = _normaliser()(_A_HUNDRED.sub("one ", text.lower()))
    text = _DIGIT.sub(r" \1 ", _BETWEEN_DIGITS.sub("", text))
    for pattern, same in _SAME:
        text = re.sub(pattern, same, text)
    return " ".join(text.split())


@dataclass(slots=True, frozen=True)
class Errors:
    """Word errors of one recording (or a sum of them). ``words``: how many the person wrote."""

    substituted: int = 0
    deleted: int = 0
    inserted: int = 0
    words: int = 0

    @property
    def wrong(self) -> int:
        """All errors."""
        return self.substituted + self.deleted + self.inserted

    @property
    def rate(self) -> float:
        """Word error rate; 0.0 when nothing was said and nothing was written, 1.0 for words out of nothing."""
        return self.wrong / self.words if self.words else float(self.wrong > 0)

    def __add__(self, other: Errors) -> Errors:
        return Errors(
            self.substituted + other.substituted,
            self.deleted + other.deleted,
            self.inserted + other.inserted,
            self.words + other.words,
        )


def count_errors(said: str, recognised: str) -> Errors:
    """Errors of ``recognised`` against ``said``; both as people write them. No words at all are all deleted."""
    reference, found = comparable(said), comparable(recognised)
    if not reference:
        return Errors(inserted=len(found.split()))
    output = jiwer.process_words(reference, found)
    return Errors(output.substitutions, output.deletions, output.insertions, len(reference.split()))


def rate_interval(errors: Sequence[Errors], draws: int = 2000, seed: int = 1) -> tuple[float, float]:
    """95 % bootstrap interval of the word error rate: recordings, not words, are drawn, for a speaker's errors go
    together. (0, 1) for no recordings."""
    if not errors:
        return 0.0, 1.0
    wrong = np.array([one.wrong for one in errors], dtype=np.float64)
    words = np.array([one.words for one in errors], dtype=np.float64)
    drawn = np.random.default_rng(seed).integers(0, len(errors), size=(draws, len(errors)))
    rates = wrong[drawn].sum(axis=1) / np.maximum(1.0, words[drawn].sum(axis=1))
    return float(np.percentile(rates, 2.5)), float(np.percentile(rates, 97.5))
