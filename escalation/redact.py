"""Takes card numbers and their like out of text, digits and spoken digits alike, before any sink sees it.

::

    "my card is four one one one, double five 22 3333 uh 4444"  →  "my card is [card]"

Every run of 9 to 19 (and more) digits goes, whatever separates them in speech; runs of up to 8 stay: amounts, dates,
branch numbers. Also IBAN, e-mail (spoken too), phone numbers and US social security numbers. Idempotent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

SHORTEST = 9
"""Digits in the shortest run that is taken out."""
CARD = range(13, 20)
"""Lengths of card numbers (ISO/IEC 7812-1)."""

_UNITS = dict(zip("zero one two three four five six seven eight nine".split(), "0123456789", strict=True))
_UNITS |= {"oh": "0", "o": "0", "nought": "0", "naught": "0", "niner": "9", "fife": "5", "tree": "3"}
_TEENS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_TWO = {word: str(10 + value) for value, word in enumerate(_TEENS)}
_TWO |= {word: f"{value}0" for value, word in enumerate(_TENS, 2)} | {"fourty": "40"}
_PLURALS = {f"{word}s": digit for word, digit in _UNITS.items() if len(word) > 2} | {"zeroes": "0", "sixes": "6"}
_REPEATS = {"double": 2, "triple": 3, "treble": 3, "quadruple": 4}
_SOUNDS_LIKE = {"for": "4", "to": "2", "too": "2", "won": "1", "ate": "8", "owe": "0", "fore": "4"}
"""Digits as recognisers mishear them; they count only between two single digits."""
_BRIDGES = frozenset(
    "uh um er erm and then dash hyphen minus space comma dot point slash hundred thousand like".split()
)
"""What people say between digits of one number."""

_TOKEN = re.compile(r"\d+|[A-Za-z']+|[^\sA-Za-z\d]")
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@\w[\w-]{0,62}(?:\.[\w-]{1,63})+")
_SPOKEN_EMAIL = re.compile(
    r"\b[\w.+-]{1,64}(?:\s+(?:dot|underscore|dash|hyphen|minus|plus)\s+[\w+-]+)*\s+at\s+[\w-]+(?:(?:\s+dot\s+|\.)[\w-]+)+\b",
    re.IGNORECASE,
)
_DOMAIN = re.compile(
    r"(?:dot\s+|\.)(?:com|org|net|edu|gov|info|io|me|us|uk|de|fr|eu|ca|co|biz|au|ch|at)\b", re.IGNORECASE
)
_IBAN = re.compile(
    r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]{4}){2,7}(?:[ -]?[A-Za-z0-9]{1,4})?(?![A-Za-z0-9])"
)
_SSN = re.compile(r"(?<![\d-])\d{3}[- ]\d{2}[- ]\d{4}(?![\d-])")
_PHONE = re.compile(
    r"(?<![\w+])(?:\+\d{1,3}[ .-]?)?(?:\(\d{2,4}\)[ .-]?)\d{3,4}[ .-]?\d{3,5}(?!\d)|(?<![\w+])\+\d[\d .()-]{7,17}\d"
)
_AMOUNT = re.compile(r"[$€£]\s?\d{1,3}(?:,\d{3})+(?:\.\d{2})?(?!\d)")
_ASKED_SSN = re.compile(r"\b(?:social|ssn|s s n)\b", re.IGNORECASE)


@dataclass(slots=True, frozen=True)
class _Digits:
    """A stretch of text that stands for digits; ``single`` when it is one digit said or written alone."""

    start: int
    end: int
    digits: str
    single: bool


def redact(text: str) -> str:
    """The text with a label in place of each secret: [card], [iban], [email], [phone], [ssn] or [number]."""
    text = _EMAIL.sub("[email]", text)
    text = _SPOKEN_EMAIL.sub(lambda found: "[email]" if _DOMAIN.search(found[0]) else found[0], text)
    text = _IBAN.sub(_iban, text)
    text = _SSN.sub("[ssn]", text)
    text = _PHONE.sub(_phone, text)
    amounts = [found.span() for found in _AMOUNT.finditer(text)]
    parts: list[str] = []
    at = 0
    for run in _runs(text):
        start, end = run[0].start, run[-1].end
        if any(left <= start and end <= right for left, right in amounts):
            continue
        parts += [text[at:start], _label(text[:start], "".join(piece.digits for piece in run))]
        at = end
    return "".join([*parts, text[at:]])


def redact_value(value: Any, keep: frozenset[str] = frozenset()) -> Any:
    """A JSON value with every string in it redacted, but for those under the keys of ``keep``."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {key: inner if key in keep else redact_value(inner, keep) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [redact_value(inner, keep) for inner in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10 ** (SHORTEST - 1):
        return redact(str(abs(value)))
    return value


def _iban(found: re.Match[str]) -> str:
    plain = re.sub(r"[ -]", "", found[0])
    digits = sum(character.isdigit() for character in plain)
    return "[iban]" if 15 <= len(plain) <= 34 and digits >= 8 else found[0]


def _phone(found: re.Match[str]) -> str:
    digits = sum(character.isdigit() for character in found[0])
    return "[phone]" if SHORTEST <= digits <= 15 else "[card]" if digits in CARD else found[0]


def _label(before: str, digits: str) -> str:
    if len(digits) in CARD:
        return "[card]"
    if len(digits) == 9 and _ASKED_SSN.search(before[-60:]):
        return "[ssn]"
    return "[phone]" if len(digits) in (10, 11) else "[number]"


def _runs(text: str) -> Iterator[list[_Digits]]:
    """Runs of pieces that together stand for at least SHORTEST digits."""
    run: list[_Digits] = []
    for piece in _pieces(text):
        if isinstance(piece, _Digits):
            run.append(piece)
        elif not piece:
            if sum(len(each.digits) for each in run) >= SHORTEST:
                yield run
            run = []
    if sum(len(each.digits) for each in run) >= SHORTEST:
        yield run


def _pieces(text: str) -> Iterator[_Digits | bool]:
    """The text as digits, True for what may stand between digits of one number, False for what ends it."""
    tokens = list(_TOKEN.finditer(text))
    repeat, repeat_at = 0, 0
    previous: _Digits | None = None
    for index, token in enumerate(tokens):
        word = token[0].lower()
        if word in _REPEATS:
            repeat, repeat_at = _REPEATS[word], token.start()
            continue
        digits = _value(word) or _misheard(word, previous, tokens, index)
        if digits:
            if previous is not None and _joins_tens(previous, text, token.start(), digits):
                digits_piece = _Digits(token.start(), token.end(), "", True)
            else:
                start = repeat_at if repeat else token.start()
                digits_piece = _Digits(start, token.end(), digits * max(1, repeat), len(digits) == 1)
            previous, repeat = digits_piece, 0
            yield digits_piece
            continue
        repeat = 0
        bridge = word in _BRIDGES or word in {"-", ",", ".", "(", ")", "/", "…", "_"}
        if not bridge or word == "/":
            previous = None
        yield bridge and word != "/"


def _value(word: str) -> str:
    if word.isdigit():
        return word
    return _UNITS.get(word) or _TWO.get(word) or _PLURALS.get(word, "")


def _misheard(word: str, previous: _Digits | None, tokens: list[re.Match[str]], index: int) -> str:
    """ "for" is 4 and "to" is 2 only between two single digits."""
    if word not in _SOUNDS_LIKE or previous is None or not previous.single or index + 1 >= len(tokens):
        return ""
    after = tokens[index + 1][0].lower()
    return _SOUNDS_LIKE[word] if len(_value(after)) == 1 or after in _REPEATS or after in _SOUNDS_LIKE else ""


def _joins_tens(previous: _Digits, text: str, start: int, digits: str) -> bool:
    """ "forty" then "two" is 42: the second word replaces the zero and adds no digit."""
    said = text[previous.start : previous.end].lower()
    return said in _TENS and len(digits) == 1 and digits != "0" and not text[previous.end : start].strip(" -")
