"""Takes card numbers and their like out of text, digits and spoken digits alike, before any sink sees it.

::

    "my card is four one one one, double five 22 3333 uh 4444"  →  "my card is [card]"

Every run of 9 to 19 (and more) digits goes, whatever separates them in speech; runs of up to 8 stay: amounts, dates,
branch numbers. Also IBAN, e-mail (spoken too), phone numbers, US social security numbers, and national identity numbers
with letters in them (those of digits alone are long enough to go as runs). Idempotent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stdnum import luhn

from escalation.addresses import is_own
from escalation.names import find_names
from escalation.nationalids import national_ids

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
_EMAIL = re.compile(r"(?<![\w.+%-])[\w.+%-]{1,64}@\w[\w-]{0,62}(?:\.[\w-]{1,63})+")
_SIP = re.compile(r"\bsips?:$", re.IGNORECASE)
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
_SSN = re.compile(r"(?<![\d-])\d{3}([-. ])\d{2}\1\d{4}(?![\d-])")
_PHONE = re.compile(
    r"(?<![\w+])(?:(?:\+\d{1,3}[ .-]?)?(?:\(\d{2,4}\)[ .-]?)\d{3,4}[ .-]?\d{3,5}(?!\d)"
    r"|\+\d[\d .()-]{7,17}\d)(?:x\d{1,6})?"
)
_DATE_TIME = re.compile(r"(?<!\d)(?:19|20)\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])[ T]\d\d:\d\d(?::\d\d)?(?!\d)")
_SLASHED_PHONE = re.compile(
    r"(?<![\w/.-])(?:\+\d{1,3} ?)?\(?0\d{1,4}\)?(?:-?\d{1,3})? ?/ ?\d{2,4}[\d -]{3,9}\d(?![\w/])"
)
"""As in Austria, Germany and Hungary: an area code, a slash, and the rest."""
_GROUPED_PHONE = re.compile(r"\d{3}(?:([ .-])\d{3}\1\d{3}|([ .-])\d{2}\2\d{2}\2\d{2})")
"""Nine digits written as many countries write telephone numbers."""
_LISTED = re.compile(r"\d, (?:and )?\d")
"""Several numbers, no telephone number."""
_IP = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_EXTENSION = re.compile(r",? ?(?:x|ext(?:ension|n)?\.? ?)\d{1,6}\b", re.IGNORECASE)
_SHORT_PHONE = re.compile(
    r"(?<![\w$€£.,/-])(?<!\d )(?:\d{2,4}(?:[ .-]\d{2,6}){1,3}|(?<!\+)\d{7,8}(?!\w))(?![\d%])(?![.,/ -]\d)"
)
"""Seven and eight digits in groups, which are a phone number only where one is spoken of …"""
_LOCAL_PHONE = re.compile(r"\d{3}-\d{4}")
"""… but for the form of North America, which is nothing else."""
_ASKED_PHONE = re.compile(
    r"\b(?:phone|mobile|cell|telephone|tel|fax|desk|landline|call(?:ing|ed)?(?: me| us| back| him| her)?"
    r"|reach(?:ed)?(?: me| us)?"
    r"|text(?:ed)?(?: me)?|ring|dial(?:led|ed)?|answering|whatsapp|sms|contact(?: me)?|registered|my number|hotline)\b"
    r"(?:(?!\b(?:account|case|ticket|reference|order|invoice|customer|card|policy)\b)[^\d]){0,24}$",
    re.IGNORECASE,
)
_ASKED_CARD = re.compile(r"\b(?:card|visa|mastercard|maestro|credit|debit)\b", re.IGNORECASE)
_ANY_DIGIT = re.compile(r"\d")
_TAKEN = "\x00"
"""Stands in place of what was found, so that positions stay and nothing is found twice."""
_AMOUNT = re.compile(r"[$€£]\s?\d{1,3}(?:,\d{3})+(?:\.\d{2})?(?!\d)")
_BROKEN = ((SHORTEST, 1), (11, 3))
"""So many digits with so many words between two of them at most are a number misheard; the more words, the more."""
_FIGURE = re.compile(rf"(\d+)|\b(?:{'|'.join([*_UNITS, *_PLURALS, *_TWO, *_REPEATS])})\b", re.IGNORECASE)
"""A number in figures, or a word for one or two digits: a quick look whether it is worth reading closely."""
_NO_NUMBER = re.compile(
    r"[$€£]\s?\d{1,3}(?:,\d{3})*(?:\.\d\d)?(?![\d,])|\b\d[\d.,]*\s?(?:dollars?|euros?|pounds?|cents?|percent|%|[ap]\.?m\b)"
    r"|\b\d{1,2}:\d\d\b|\b\d{1,4}[/.-]\d{1,2}[/.-]\d{2,4}\b"
    r"|\b(?:january|february|march|april|may|june|july|august|september|october|november|december|since|until|year)"
    r"(?:\s+(?:the\s+)?\d{1,2}(?:st|nd|rd|th)?)?,?\s+(?:of\s+)?(?:19|20)\d\d\b",
    re.IGNORECASE,
)
"""Amounts, times, dates and years: figures of which a sentence may hold several."""
_BETWEEN = re.compile(r"\s*(?:,|,? ?\b(?:and|then)\b)\s*", re.IGNORECASE)
_SEVERAL_TAKEN = re.compile(f"{_TAKEN}+")
_PHONE_AFTER = re.compile(
    r" (?:is |was )?(?:still |now )?(?:my|your|his|her|our) (?:\w+ )?(?:phone|mobile|cell|landline|number)\b",
    re.IGNORECASE,
)
_SSN_AFTER = re.compile(r" (?:is|was) (?:my|the|his|her) (?:social|ssn)\b", re.IGNORECASE)
_ASKED_SSN = re.compile(r"\b(?:social|ssn|s s n)\b", re.IGNORECASE)


@dataclass(slots=True, frozen=True)
class _Digits:
    """A stretch of text that stands for digits; ``single`` when it is one digit said or written alone."""

    start: int
    end: int
    digits: str
    single: bool


@dataclass(slots=True, frozen=True)
class Secret:
    """A stretch of a text that must not be kept. ``kind``: card, iban, email, phone, ssn, id, name or number."""

    start: int
    end: int
    kind: str


def redact(text: str, names: bool = False) -> str:
    """The text with a label for each secret: [card], [iban], [email], [phone], [ssn], [id], [name] or [number]."""
    return covered(text, secrets_in(text, names))


def covered(text: str, secrets: Iterable[Secret]) -> str:
    """The text with a label in place of each of its secrets, which are in order."""
    parts: list[str] = []
    at = 0
    for secret in secrets:
        parts += [text[at : secret.start], f"[{secret.kind}]"]
        at = secret.end
    return "".join([*parts, text[at:]])


def secrets_in(text: str, names: bool = False) -> list[Secret]:
    """Every secret, in order, none overlapping another; people's names only if ``names``."""
    found: list[Secret] = []
    left = text

    def take(start: int, end: int, kind: str) -> None:
        nonlocal left
        found.append(Secret(start, end, kind))
        left = f"{left[:start]}{_TAKEN * (end - start)}{left[end:]}"

    if "@" in left:
        for match in _EMAIL.finditer(left):
            if _SIP.search(text[: match.start()]) and is_own(match[0]):
                start, end = match.span()
                left = f"{left[:start]}{_TAKEN * (end - start)}{left[end:]}"
            else:
                take(*match.span(), "email")
    for match in _SPOKEN_EMAIL.finditer(left):
        if _DOMAIN.search(match[0]):
            take(*match.span(), "email")
    if _ANY_DIGIT.search(left):
        for match in _IBAN.finditer(left):
            if kind := _iban(match[0]):
                take(*match.span(), kind)
        for start, end in national_ids(left):
            take(start, end, "id")
        for match in _SSN.finditer(left):
            take(*match.span(), "ssn")
        for match in _PHONE.finditer(left):
            if kind := _phone(match[0]):
                tail = _EXTENSION.match(left, match.end())
                take(match.start(), tail.end() if tail else match.end(), kind)
        for match in _SLASHED_PHONE.finditer(left):
            if SHORTEST - 1 <= sum(letter.isdigit() for letter in match[0]) <= 15:
                take(*match.span(), "phone")
        for match in _SHORT_PHONE.finditer(left):
            if not 7 <= sum(letter.isdigit() for letter in match[0]) < SHORTEST:
                continue
            before = _SEVERAL_TAKEN.sub(_TAKEN, left[max(0, match.start() - 80) : match.start()])
            asked = _ASKED_PHONE.search(before) or _PHONE_AFTER.match(left[match.end() : match.end() + 40])
            if asked or _LOCAL_PHONE.fullmatch(match[0]):
                take(*match.span(), "phone")
    for low, high in [match.span() for match in _DATE_TIME.finditer(left)]:
        left = f"{left[:low]}{_TAKEN * (high - low)}{left[high:]}"
    amounts = [match.span() for match in _AMOUNT.finditer(left)]
    for run in [part for whole in _runs(left) for part in _parted(left, whole)]:
        start, end = run[0].start, run[-1].end
        if not any(low <= start and end <= high for low, high in amounts):
            end += len(tail[0]) if (tail := _EXTENSION.match(left, end)) else 0
            said = left[start:end]
            before = _SEVERAL_TAKEN.sub(_TAKEN, left[max(0, start - 120) : start])
            kind = _label(before, "".join(piece.digits for piece in run), said, left[end : end + 40])
            several = _IP.fullmatch(said) or (kind == "phone" and _LISTED.search(said))
            take(start, end, "number" if several else kind)
    if names:
        for start, end in find_names(left):
            take(start, end, "name")
    return sorted(found, key=lambda secret: secret.start)


@dataclass(slots=True, frozen=True)
class Edges:
    """Digits that a text begins and ends with. ``head_at``: where the first ones begin; ``tail_at``: the last run.

    ``pure``: it is nothing but digits, and what people say between them.
    """

    head: int
    tail: int
    head_at: int
    tail_at: int
    pure: bool


def digit_edges(text: str) -> Edges:
    """How a text could continue a number, and be continued."""
    head = tail = 0
    head_at = tail_at = 0
    pure = True
    for piece in _pieces(text):
        if isinstance(piece, _Digits):
            tail_at = piece.start if not tail else tail_at
            tail += len(piece.digits)
            if pure:
                head_at = piece.start if not head else head_at
                head += len(piece.digits)
        elif not piece:
            tail, pure = 0, False
    return Edges(head, tail, head_at, tail_at, pure and head > 0)


def digit_spread(text: str) -> tuple[int, int, int]:
    """How many digits stand or are spoken in a text, whatever lies between; where the first begins, the last ends."""
    found = [piece for piece in _pieces(text) if isinstance(piece, _Digits)]
    return (sum(len(one.digits) for one in found), found[0].start, found[-1].end) if found else (0, 0, 0)


def digit_share(text: str) -> tuple[int, float]:
    """How many pieces of a text are digits ("1", "one", "4111"), and which part of its words they are."""
    digits = sum(isinstance(piece, _Digits) for piece in _pieces(text))
    words = sum(token[0][0].isalnum() for token in _TOKEN.finditer(text))
    return digits, digits / max(1, words)


def broken_numbers(text: str) -> Iterator[tuple[int, int]]:
    """Where a number may have been read out of which the recogniser made words here and there.

    ``"3499, 8632 for the free, 86283"`` (a card: 43 was heard as words): digits enough, and few words between two of
    them; neither times, dates nor amounts. For what a caller said; prose of ours may list figures.
    """
    if sum(len(figure) or 2 for figure in _FIGURE.findall(text)) < SHORTEST:
        return
    left = _NO_NUMBER.sub(lambda match: _TAKEN * len(match[0]), text)
    for least, words in _BROKEN:
        for run in _runs(left, least, words):
            yield run[0].start, run[-1].end


def digit_runs(text: str, least: int) -> list[tuple[int, int]]:
    """Where at least so many digits stand or are spoken in a row."""
    return [(run[0].start, run[-1].end) for run in _runs(text, least)]


_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{6})?(Z|[+-]\d{2}:\d{2})")
"""As our records write them (ISO 8601). Some seconds with their fractions are a valid national number."""


def redact_value(value: Any, keep: frozenset[str] = frozenset(), names: bool = False) -> Any:
    """A JSON value with every string in it redacted, but for moments and those under the keys of ``keep``."""
    if isinstance(value, str):
        return value if _MOMENT.fullmatch(value) else redact(value, names)
    if isinstance(value, Mapping):
        return {key: inner if key in keep else redact_value(inner, keep, names) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [redact_value(inner, keep, names) for inner in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10 ** (SHORTEST - 1):
        return redact(str(abs(value)))
    return value


def _iban(said: str) -> str:
    plain = re.sub(r"[ -]", "", said)
    digits = sum(character.isdigit() for character in plain)
    return "iban" if 15 <= len(plain) <= 34 and digits >= 8 else ""


def _phone(said: str) -> str:
    digits = sum(character.isdigit() for character in re.split("x", said, maxsplit=1)[0])
    return "phone" if SHORTEST - 1 <= digits <= 15 else "card" if digits in CARD else ""


def _parted(text: str, run: list[_Digits]) -> Iterator[list[_Digits]]:
    """Two cards or phones that "and" or a comma stands between: more digits than one has, and enough on each side."""
    if sum(len(piece.digits) for piece in run) >= CARD.stop:
        for at in range(1, len(run)):
            if _BETWEEN.fullmatch(text[run[at - 1].end : run[at].start]) and all(
                sum(len(piece.digits) for piece in side) >= SHORTEST for side in (run[:at], run[at:])
            ):
                yield run[:at]
                yield from _parted(text, run[at:])
                return
    yield run


def _label(before: str, digits: str, said: str, after: str) -> str:
    if len(digits) == 9 and _SSN_AFTER.match(after):
        return "ssn"
    if digits.startswith("00") and len(digits) <= 16:
        return "phone"  # the international prefix; no card begins so (ISO/IEC 7812)
    if len(digits) == 9 and _PHONE_AFTER.match(after):
        return "phone"
    if len(digits) == 9 and _GROUPED_PHONE.fullmatch(said) and not _ASKED_SSN.search(before[-60:]):
        return "phone"
    if len(digits) in CARD:
        return "phone" if _ASKED_PHONE.search(before[-40:]) and not luhn.is_valid(digits) else "card"
    if len(digits) == 9 and _ASKED_SSN.search(before[-60:]):
        return "ssn"
    return _longer_label(before, digits)


def _longer_label(before: str, digits: str) -> str:
    """9 to 12 digits: a phone number if so called, or of the usual lengths; 12 are a card (Maestro) if so called."""
    said = before[-60:]
    if len(digits) == 12 and _ASKED_CARD.search(said):
        return "card"
    if len(digits) in (10, 11) or _ASKED_PHONE.search(said[-40:]):
        return "phone"
    return "card" if len(digits) == 12 else "number"


def _runs(text: str, least: int = SHORTEST, words: int = 0) -> Iterator[list[_Digits]]:
    """Runs of pieces that together stand for at least so many digits; ``words``: so many others may lie between two."""
    run: list[_Digits] = []
    gap = 0
    for piece in _pieces(text):
        if isinstance(piece, _Digits):
            run.append(piece)
            gap = 0
        elif not piece:
            gap += 1
            if gap > words:
                if sum(len(each.digits) for each in run) >= least:
                    yield run
                run = []
    if sum(len(each.digits) for each in run) >= least:
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
