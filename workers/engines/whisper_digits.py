"""Whisper held to digits: what a caller read out in answer to a question for a number.

::

    "three, six, one for"  ──►  three six one four     as many steps as digits, one of ten names at each: no end,
                                three six one one      nothing else, so that all readings can be compared

The names of digits, not figures: those run together in the model's memory (" 1, 2, 3, 4" is what it likes to count).
A doubtful reading is heard again a fifth faster, which is as good as a second opinion: a reading's score is the mean
over both (docs/performance.md says what that gained).

::

    "five, nine, one, five"   5 9 1 5 ■ -0.3   5 9 1 ■ -3.3   six names and an end: not among the best

Such a reading makes six digits of four as surely as of six. So where the usual search wrote nothing but digits and
another number of them, the names are read once more with an end wherever one is probable. If that finds the same other
count clearly better, there is no reading: asking again is better than inventing digits.
A row of one digit is no loop here: people do have "zero zero zero zero", and how often it is said is counted that way.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import soxr
from tokenizers import Tokenizer

from contracts.audio import RATE
from workers.engines.whisper_options import WhisperOptions

Floats = npt.NDArray[np.float32]
_NAMES = "zero one two three four five six seven eight nine".split()
_SPOKEN = {*_NAMES, "oh", "o"}
_FASTER = 1.2
_MORE = 3
"""Digits beyond the expected ones that a count goes to."""
_MISSING = 2.0
"""Natural log by which a reading that a hearing did not find is worse than the worst that it found."""


class DigitReader:
    """Readings of encoded sound. ``prompt``: the tokens that any decoding starts with."""

    def __init__(self, model: Any, tokenizer: Tokenizer, prompt: Sequence[int], options: WhisperOptions):
        self._model, self._prompt = model, list(prompt)
        self._options = options
        names = [tokenizer.encode(f" {name}", add_special_tokens=False).ids for name in _NAMES]
        self._names = {ids[0]: str(digit) for digit, ids in enumerate(names) if len(ids) == 1}
        size = tokenizer.get_vocab_size()
        self._not_names = [token for token in range(size) if token not in self._names]
        end = tokenizer.token_to_id("<|endoftext|>")
        self._not_names_nor_end = [token for token in self._not_names if token != end]

    def counted(
        self, audio: Floats, encode: Callable[[Floats], Any], encoded: Any, count: int, written: str
    ) -> dict[str, float]:
        """Readings of ``count`` digits, best first, and their log probabilities; none where another count is likelier.

        ``written``: by the usual search. ``audio``: ±1 floats at 16 kHz; ``encoded``: what it was encoded to;
        ``encode`` is for the second hearing.
        """
        if len(self._names) < len(_NAMES):
            return {}
        options = self._options
        other = digits_alone(written)
        if other not in (0, count) and likelier(self.counts(encoded, count), other, count, options.digits_other_count):
            return {}
        found = self._hear(encoded, count)
        if max(found.values(), default=0.0) < options.digits_sure:
            faster = soxr.resample(audio, RATE, RATE / _FASTER).astype(np.float32)
            found = agreed(found, self._hear(encode(faster), count))
        return dict(sorted(found.items(), key=lambda item: -item[1])[: options.digit_beam])

    def counts(self, encoded: Any, count: int) -> dict[int, float]:
        """How many digits were said, up to a few more than ``count``: log probability of the best reading with its end.

        Counts without a reading among the best are left out.
        """
        best: dict[int, float] = {}
        for reading, score in self._generate(encoded, count + _MORE, 2 * self._options.digit_beam, ends=True):
            best[len(reading)] = max(best.get(len(reading), score), score)
        return best

    def _hear(self, encoded: Any, count: int) -> dict[str, float]:
        found = self._generate(encoded, count, self._options.digit_beam, ends=False)
        return {reading: score for reading, score in found if len(reading) == count}

    def _generate(self, encoded: Any, most: int, beam: int, *, ends: bool) -> list[tuple[str, float]]:
        """Readings of at most so many names and their log probabilities; ``ends``: they may end sooner."""
        result = self._model.generate(
            encoded,
            [self._prompt],
            beam_size=beam,
            num_hypotheses=beam,
            # CTranslate2 generates min(max_length / 2, max_length - prompt) tokens (measured).
            max_length=max(2 * most, len(self._prompt) + most),
            return_scores=True,
            suppress_tokens=self._not_names_nor_end if ends else self._not_names,
            suppress_blank=False,
            length_penalty=0.0,
        )[0]
        readings = ["".join(self._names.get(token, "") for token in ids) for ids in result.sequences_ids]
        return [(reading, float(score)) for reading, score in zip(readings, result.scores, strict=True)]


def digits_alone(text: str) -> int:
    """How many digits a text is, as figures or names; 0 if there is anything else in it."""
    words = re.findall(r"\d|[^\W\d_]+", text.lower())
    return len(words) if all(word.isdigit() or word in _SPOKEN for word in words) else 0


def likelier(counts: dict[int, float], other: int, count: int, margin: float) -> bool:
    """Is ``other`` the most probable count, and more so than ``count`` by ``margin`` (natural log)?"""
    best = max(counts, key=lambda number: counts[number], default=0)
    return best == other and counts.get(count, -math.inf) < counts[best] - margin


def agreed(one: dict[str, float], other: dict[str, float]) -> dict[str, float]:
    """Mean log probabilities of readings in two hearings; what one of them has not is a little worse than its worst."""
    missing = [min(hearing.values(), default=0.0) - _MISSING for hearing in (one, other)]
    return {
        reading: (one.get(reading, missing[0]) + other.get(reading, missing[1])) / 2 for reading in one.keys() | other
    }
