"""The digits that a caller read out, from the words that were recognised.

::

    "four two, double 7 oh"  →  "42770"        "it's five for 2 ate"  →  "5428"
    "twenty-five oh one"     →  "2501"         "1-800 555"            →  "1800555"

For text that answers a question for digits: words that sound like a digit ("for", "to", "ate") count beside digits.
"""

from __future__ import annotations

import re
from dataclasses import replace

from contracts.engines import Transcript
from voice.numbers import DIGITS

_UNITS = {word: str(value) for value, word in enumerate(DIGITS)}
_UNITS |= {f"{word}s": digit for word, digit in _UNITS.items()}
_UNITS |= {"oh": "0", "o": "0", "nought": "0", "naught": "0", "zeroes": "0", "sixes": "6", "niner": "9"}
_TEENS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
_TENS = {
    word: str(value) for value, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)
}
_TWO = {word: str(10 + value) for value, word in enumerate(_TEENS)} | {word: f"{ten}0" for word, ten in _TENS.items()}
_REPEATS = {"double": 2, "triple": 3, "treble": 3, "quadruple": 4}
_SOUNDS_LIKE = {
    "for": "4", "fore": "4", "to": "2", "too": "2", "won": "1", "ate": "8", "owe": "0", "tree": "3", "free": "3",
    "fife": "5", "sex": "6", "sixth": "6", "nein": "9", "nigh": "9", "hero": "0", "sero": "0", "xero": "0",
}  # fmt: skip
"""Digits as recognisers mishear them; they count only where the word beside them is a digit."""
_FEW = 3
"""A number of which less than a third was recognised is none."""
_TOKEN = re.compile(r"\d+|[a-z]+")


def heard_digits(text: str) -> str:
    """The digits in ``text`` in their order, as ``0``-``9`` characters; empty when none was said."""
    words = _TOKEN.findall(text.lower())
    certain = [_value(word) for word in words]
    values = [
        value or (_SOUNDS_LIKE.get(word, "") if _beside_a_digit(certain, index) else "")
        for index, (word, value) in enumerate(zip(words, certain, strict=True))
    ]
    found: list[str] = []
    repeat = 1
    for index, (word, value) in enumerate(zip(words, values, strict=True)):
        if word in _REPEATS:
            repeat = _REPEATS[word]
            continue
        if index and words[index - 1] in _TENS and len(value) == 1 and value != "0" and not word.isdigit():
            found[-1] = found[-1][0] + value  # "twenty five" is 25, not 205
        elif value:
            found.append(value * repeat)
        repeat = 1
    return "".join(found)


def as_digits(transcript: Transcript, count: int) -> Transcript:
    """An answer that should be ``count`` digits (0: unknown): the recogniser's reading that has so many.

    For turns that are over: in a pause, such a reading would make six digits of three. Words that hold more digits (but
    for the number said twice, as callers and recognisers do), or hardly any ("I don't have it"), stay as they are; so
    do those in which the right number of digits stands among other words. Where the words were rejected, a reading
    given all the same is a clear one.
    """
    said = heard_digits(transcript.text)
    fitting = [text for text in transcript.alternatives if len(heard_digits(text)) == count]
    if not count or not fitting or heard_digits(fitting[0]) == said:
        return transcript
    if len(said) > count and not (_again(said, count) and said.startswith(heard_digits(fitting[0]))):
        return transcript
    among_others = len(said) == count and not _only_digits(transcript.text)
    if transcript.text and (among_others or len(said) * _FEW < count):
        return transcript
    return replace(transcript, text=fitting[0], words=(), readings=(), rejected="")


def _again(said: str, count: int) -> bool:
    """Is that a number said twice, its end perhaps heard differently, or a longer row of digits word for word twice?

    A row of one digit ("000000000" for six) is such a repeat, too: people have numbers like that, recognisers make rows
    too long, and the recogniser has no reading of six where it counts nine.
    """
    lengths = range(count, len(said) // 2 + 1)
    return len(said) == 2 * count or any(said[length:] == said[:-length] for length in lengths)


def _only_digits(text: str) -> bool:
    """Is every word a digit, or does it say how often one comes?"""
    return all(_value(word) or word in _REPEATS for word in _TOKEN.findall(text.lower()))


def _value(word: str) -> str:
    return word if word.isdigit() else _UNITS.get(word) or _TWO.get(word, "")


def _beside_a_digit(certain: list[str], index: int) -> bool:
    return any(certain[max(0, index - 1) : index]) or any(certain[index + 1 : index + 2])
