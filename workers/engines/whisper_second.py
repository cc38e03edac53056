"""A second opinion on long turns: another, smaller Whisper hears them too, and both weigh what each of them wrote.

::

                      as "we both liked it better than is"   as "we both like it better than this"
    base, its own              -9.1   search                          -11.0   weighed
    tiny                      -12.4   weighed                          -6.8   search
    sum                       -21.5                                   -17.8   ◄ these words are taken

Models that were trained apart mishear different words, and a wrong word is rarely probable to both: that gained more
than hearing the sound again at another speed by the same model (docs/performance.md). Summed over the words and not
averaged, so that a text cannot win by being long. Where the first doubts what it heard, it is mostly noise that it
doubts: a smaller model suffers more from it and counts less there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_LEAST = 1e-9


@dataclass(slots=True, frozen=True)
class Opinion:
    """What a model wrote. ``logprob``: natural, of the whole text and its end; ``encoded``: the sound as it took it."""

    text: str
    logprob: float
    encoded: Any


def weigh(model: Any, prompt: Sequence[int], encoded: Any, tokens: Sequence[int]) -> float:
    """Log probability, natural, of just these words for that sound; their end is not weighed.

    ``prompt``: the tokens before the words but for <|notimestamps|>, which CTranslate2 adds here.
    """
    frames = 2 * encoded.shape[1]
    aligned = model.align(encoded, list(prompt), [list(tokens)], frames, median_filter_width=1)[0]
    return sum(math.log(max(float(one), _LEAST)) for one in aligned.text_token_probs)


def prefers(mine: Opinion, others: Opinion, mine_weighed: float, others_weighed: float, weight: float) -> bool:
    """Do both together find the other's words more probable? ``*_weighed``: by the one that did not write them.

    ``weight``: what the other's judgement counts beside one's own.
    """
    return weight * others.logprob + others_weighed > mine.logprob + weight * mine_weighed
