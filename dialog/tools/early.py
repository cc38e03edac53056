"""What identifies a caller and was said before it was asked for. Pure.

::

    "I'm Linda Brown, account ending four two seven seven, born March fifth 1984, please block my card"
       └ [name]                     └ [last four]                └ [date of birth]

It is kept out of the record like an answer that was asked for, and need not be asked for again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from dialog.tools.tasks import Slot
from dialog.tools.values import MONTH_NAMES, NUMBER_NAMES, Kind, birthday_in, name_in
from dialog.words import stem, words
from voice.digits import heard_digits

REACH = 8
"""Words before a number in which it may be said what it is."""
_TOKEN = re.compile(r"\d+(?:[/.-]\d+)+|\w+(?:['’]\w+)?")
_JOINTS = frozenset("the of and day uh um oh dash double triple hundred thousand".split())
_EMPTY = frozenset(stem(word) for word in "what are your the and you for".split())
_CUES = frozenset(stem(word) for word in "born birth birthday birthdate".split())
_NAMED = re.compile(
    r"\b(?i:my (?:full )?name(?:'s| is)|the name is|this is|i'm|i am)"
    r" ((?:[A-Z][\w'’-]+ ){1,3}[A-Z][\w'’-]+)"
)


@dataclass(slots=True, frozen=True)
class Early:
    """A factor's ``value`` at text[start:end]; ``sure``: the caller said what it is."""

    factor: str
    value: str
    start: int
    end: int
    sure: bool


def early(text: str, factors: Mapping[str, Slot], today: date) -> list[Early]:
    """Factors in a turn, in their order; none overlaps another."""
    tokens = list(_TOKEN.finditer(text))
    found = [one for name, slot in factors.items() for one in _of(name, slot, text, tokens, today)]
    kept: list[Early] = []
    for one in sorted(found, key=lambda each: (each.start, -each.end)):
        if not kept or one.start >= kept[-1].end:
            kept.append(one)
    return kept


def hidden(text: str, found: Sequence[Early]) -> str:
    """The text with them replaced by their names in brackets."""
    parts, done = [], 0
    for one in found:
        parts += [text[done : one.start], f"[{one.factor.replace('_', ' ')}]"]
        done = one.end
    return "".join((*parts, text[done:]))


def _of(name: str, slot: Slot, text: str, tokens: Sequence[re.Match[str]], today: date) -> Iterator[Early]:
    match slot.kind:
        case Kind.DIGITS:
            cues = {stem(word) for word in words(re.split(r"[.!?] ", slot.ask)[-1]) if len(word) > 2} - _EMPTY
            for first, last in _runs(tokens, _is_digits):
                value = heard_digits(text[tokens[first].start() : tokens[last].end()])
                if len(value) == slot.digits:
                    yield Early(name, value, tokens[first].start(), tokens[last].end(), _cued(tokens, first, cues))
        case Kind.BIRTHDAY:
            for first, last in _runs(tokens, _is_date):
                start, end = tokens[first].start(), tokens[last].end()
                if value := birthday_in(text[start:end], today):
                    yield Early(name, value, start, end, _cued(tokens, first, _CUES))
        case Kind.NAME:
            for one in _NAMED.finditer(text):
                if value := name_in(one[1]):
                    yield Early(name, value, one.start(1), one.end(1), True)


def _cued(tokens: Sequence[re.Match[str]], first: int, cues: frozenset[str] | set[str]) -> bool:
    """Do the words before say what it is?"""
    return any(stem(one.group()) in cues for one in tokens[max(0, first - REACH) : first])


def _is_digits(word: str) -> bool:
    return bool(heard_digits(word))


def _is_date(word: str) -> bool:
    return word in MONTH_NAMES or word in NUMBER_NAMES or word[0].isdigit()


def _runs(tokens: Sequence[re.Match[str]], fits: Callable[[str], bool]) -> Iterator[tuple[int, int]]:
    """(first, last) of the longest runs of words that fit, with joints between them."""
    at = 0
    while at < len(tokens):
        if not fits(tokens[at].group().lower()) and tokens[at].group().lower() not in ("double", "triple"):
            at += 1
            continue
        last, ahead = at, at + 1
        while ahead < len(tokens) and (fits(word := tokens[ahead].group().lower()) or word in _JOINTS):
            last = ahead if fits(word) else last
            ahead += 1
        yield at, last
        at = ahead
