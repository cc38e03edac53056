"""The checkable facts in a sentence: numbers, amounts, percentages, times, dates, names. Same fact, same string.

::

    "nine a.m."  "9:00 am"  "9 AM"          → time:09:00
    "$5"  "five dollars"  "5.00 dollars"    → money:5
    "€45"  "45 euros"  "£12"                → money:45 euro, money:12 pound
    "4.5 %"  "four point five percent"      → percent:4.5
    "December 24th"  "24 December"          → date:12-24
    "Dana Whitlock"                         → name:dana, name:whitlock
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from dialog.writing import CURRENCIES, canonical

_UNITS = {
    word: value
    for value, word in enumerate(
        """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
        seventeen         eighteen nineteen""".split()
    )
}
_TENS = {w: 10 * (i + 2) for i, w in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split())}
_ORDINALS = {
    word: value + 1
    for value, word in enumerate(
        """first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth
        fifteenth sixteenth seventeenth eighteenth nineteenth twentieth""".split()
    )
}
_SCALES = {"hundred": 100, "thousand": 1000, "million": 1_000_000, "billion": 1_000_000_000}
NUMBER_WORDS = frozenset({*_UNITS, *_TENS, *_ORDINALS, *_SCALES, "point"})
_MONTHS = {
    word: value + 1
    for value, word in enumerate(
        """january february march april may june july august september october november december""".split()
    )
}
DAYS = frozenset("monday tuesday wednesday thursday friday saturday sunday weekday weekdays weekend weekends".split())
_MEASURES = {
    word: line.split()[0]
    for line in """second seconds sec secs
        minute minutes min mins
        hour hours hr hrs
        day days
        night nights
        week weeks
        month months
        year years yr yrs
        kilogram kilograms kg kilo kilos
        gram grams
        pound pounds lb lbs
        ounce ounces oz
        metre metres meter meters
        centimetre centimetres centimeter centimeters cm
        millimetre millimetres millimeter millimeters mm
        kilometre kilometres kilometer kilometers km
        mile miles
        inch inches
        foot feet ft
        litre litres liter liters
        percent %
        money dollar dollars bucks euro euros cents yen franc francs rupee rupees""".splitlines()
    for word in line.split()
}
MEASURES = frozenset(_MEASURES) - {"%"}
"""Words for what a number counts."""
_BETWEEN = frozenset("business working work calendar full consecutive more further additional extra whole".split())
_TOKEN = re.compile(r"\$|%|\d[\d,]*(?:\.\d+)?(?:st|nd|rd|th)?|[a-zA-Z][a-zA-Z']*|[:.?!]")
_CLOCK = re.compile(r"\b(\d{1,2})(?::(\d{2}))?\s*([ap])\.?\s?m\b\.?", re.IGNORECASE)
_PLAIN_CLOCK = re.compile(r"\b(\d{1,2}):(\d{2})\b")
_SPOKEN_CLOCK = re.compile(
    r"\b(" + "|".join([*_UNITS][1:13]) + r")(?:[ -](thirty|fifteen|forty-five|forty five))?\s+([ap])\.?\s?m\b\.?",
    re.IGNORECASE,
)
_DATE = re.compile(
    r"\b(?:("
    + "|".join(_MONTHS)
    + r")\s+(\d{1,2})(?:st|nd|rd|th)?|(\d{1,2})(?:st|nd|rd|th)?\s+(?:of\s+)?("
    + "|".join(_MONTHS)
    + r"))\b",
    re.IGNORECASE,
)
_ALWAYS = re.compile(r"\b(?:24/7|twenty[- ]four seven|24 hours a day|around the clock|at any time)\b", re.IGNORECASE)
_NOT_NAMES = frozenset(
    """i the a an you your we our it its this that these those if when at on in for and or but to from by with as is are
    no yes please there here what how ok okay sorry sure monday tuesday wednesday thursday friday saturday sunday am pm
    january february march april may june july august september october november december atm pin id ssn us usa llc faq
    sms app wi-fi tv""".split()
)


def facts(text: str) -> set[str]:
    """All checkable facts in ``text``, as comparable strings."""
    return set(_facts(text))


@lru_cache(maxsize=8192)
def _facts(text: str) -> frozenset[str]:
    text = canonical(text)
    found, rest = _timed(text)
    found |= set(_numbers(rest))
    found |= {f"day:{word.rstrip('s')}" for word in re.findall(r"[a-z]+", text.lower()) if word in DAYS}
    return frozenset(found | names(text))


def measured(text: str) -> set[tuple[str, str]]:
    """Numbers with what they count, in one word: "three to five working days" → (3, day), (5, day); "" if nothing that
    is known, "percent" and "money" for those. ``text`` as in ``facts``."""
    _, rest = _timed(canonical(text))
    tokens = [token.lower() for token in _TOKEN.findall(rest.replace("-", " "))]
    found: list[tuple[str, str]] = []
    waiting = 0
    """So many numbers before wait for the unit of this one ("three to five days")."""
    index = 0
    while index < len(tokens):
        start = index + (tokens[index] == "$")
        value, after = _number(tokens, start)
        if value is None:
            index += 1
            continue
        unit = "money" if start > index else _unit(tokens, after)
        found.append((f"{value:.12g}", unit))
        if unit and waiting:
            found[-1 - waiting :] = [(number, unit) for number, _ in found[-1 - waiting :]]
        follows = after < len(tokens) and _number(tokens, after + (tokens[after] in ("to", "or", "and")))[0] is not None
        waiting = waiting + 1 if follows and not unit else 0
        index = max(after, index + 1)
    return set(found)


def _unit(tokens: list[str], after: int) -> str:
    """What the number before ``after`` counts; up to two words that say more of it may stand between."""
    for at in range(after, min(after + 3, len(tokens))):
        if tokens[at] in _MEASURES:
            return _MEASURES[tokens[at]]
        if tokens[at] not in _BETWEEN:
            break
    return ""


def names(text: str) -> set[str]:
    """Capitalised words that do not begin a sentence: ``name:dana``."""
    found = set()
    start = True
    for token in _TOKEN.findall(text):
        if token in ".?!:":
            start = True
            continue
        if token[0].isupper() and not start:
            word = token.lower().removesuffix("'s")
            if word not in _NOT_NAMES and len(word) > 1:
                found.add(f"name:{word}")
        start = False
    return found


def _timed(text: str) -> tuple[set[str], str]:
    """Times and dates, and the text without them."""
    found: set[str] = set()

    def always(match: re.Match[str]) -> str:
        found.add("always")
        return " "

    def clock(match: re.Match[str]) -> str:
        found.add(_clock(int(match[1]), int(match[2] or 0), match[3]))
        return " "

    def spoken(match: re.Match[str]) -> str:
        minute = {"thirty": 30, "fifteen": 15}.get((match[2] or "").lower(), 45 if match[2] else 0)
        found.add(_clock(_UNITS[match[1].lower()], minute, match[3]))
        return " "

    def plain(match: re.Match[str]) -> str:
        found.add(f"time:{int(match[1]):02d}:{match[2]}")
        return " "

    def date(match: re.Match[str]) -> str:
        month, day = (match[1], match[2]) if match[1] else (match[4], match[3])
        found.add(f"date:{_MONTHS[month.lower()]:02d}-{int(day):02d}")
        return " "

    rest = re.sub(r"(?i)\bnoon\b", "12 p.m.", re.sub(r"(?i)\bmidnight\b", "12 a.m.", text))
    for pattern, handler in (
        (_ALWAYS, always),
        (_CLOCK, clock),
        (_SPOKEN_CLOCK, spoken),
        (_PLAIN_CLOCK, plain),
        (_DATE, date),
    ):
        rest = pattern.sub(handler, rest)
    return found, rest


def _clock(hour: int, minute: int, half: str) -> str:
    return f"time:{hour % 12 + (12 if half.lower() == 'p' else 0):02d}:{minute:02d}"


def _numbers(text: str) -> Iterator[str]:
    tokens = [token.lower() for token in _TOKEN.findall(text.replace("-", " "))]
    index = 0
    while index < len(tokens):
        dollar = tokens[index] == "$"
        start = index + dollar
        value, after = _number(tokens, start)
        if value is None:
            index += 1
            continue
        unit = tokens[after] if after < len(tokens) else ""
        if dollar or unit in ("dollar", "dollars", "bucks"):
            value, after = _cents(tokens, value, after + (not dollar))
            yield f"money:{value:.12g}"
        elif unit in CURRENCIES:
            yield f"money:{value:.12g} {CURRENCIES[unit]}"
        elif unit == "pounds" and tokens[after + 1 : after + 2] == ["sterling"]:
            yield f"money:{value:.12g} pound"
        elif unit in ("%", "percent"):
            yield f"percent:{value:.12g}"
        elif unit == "cents":
            yield f"money:{value / 100:.12g}"
        elif not (value == 1 and tokens[start] == "one"):  # "one" is more often a pronoun than a number
            yield f"number:{value:.12g}"
        index = max(after, index + 1)


def _cents(tokens: list[str], dollars: float, after: int) -> tuple[float, int]:
    """ "five dollars and fifty cents"."""
    start = after + 1 if after < len(tokens) and tokens[after] == "and" else after
    cents, end = _number(tokens, start)
    if cents is not None and end < len(tokens) and tokens[end] in ("cent", "cents"):
        return dollars + cents / 100, end + 1
    return dollars, after


def _number(tokens: list[str], index: int) -> tuple[float | None, int]:
    """The number that begins at ``index``, in digits or words, and the index after it."""
    if index >= len(tokens):
        return None, index
    if tokens[index][0].isdigit():
        value = float(re.sub(r"[,a-z]", "", tokens[index]))
        index += 1
        while index < len(tokens) and tokens[index] in _SCALES:
            value *= _SCALES[tokens[index]]
            index += 1
        return value, index
    return _spoken_number(tokens, index)


def _spoken_number(tokens: list[str], index: int) -> tuple[float | None, int]:
    total, group, seen = 0.0, 0.0, False
    while index < len(tokens):
        word = tokens[index]
        if word in _UNITS and (not seen or group % 10 == 0):
            group += _UNITS[word]
        elif word in _TENS and group % 100 == 0:
            group += _TENS[word]
        elif word in _ORDINALS and (not seen or group % 10 == 0) and word != "second":
            return total + group + _ORDINALS[word], index + 1
        elif word == "hundred" and seen:
            group = max(1.0, group) * 100
        elif word in _SCALES and seen:
            total, group = total + max(1.0, group) * _SCALES[word], 0.0
        elif word == "point" and seen and index + 1 < len(tokens) and tokens[index + 1] in _UNITS:
            return _decimals(tokens, total + group, index + 1)
        elif not (
            word == "and"
            and seen
            and index + 1 < len(tokens)
            and group >= 100
            and tokens[index + 1] in {*_UNITS, *_TENS}
        ):
            break
        seen = True
        index += 1
    return (total + group, index) if seen else (None, index)


def _decimals(tokens: list[str], value: float, index: int) -> tuple[float, int]:
    scale = 0.1
    while index < len(tokens) and tokens[index] in _UNITS and _UNITS[tokens[index]] < 10:
        value += _UNITS[tokens[index]] * scale
        scale /= 10
        index += 1
    return round(value, 6), index
