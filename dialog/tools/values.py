"""What a caller's words give for a slot or a factor: digits, names, dates, times, one of some choices. Pure.

::

    "March fifth nineteen eighty four" → 1984-03-05     "on Tuesday" (a Monday's call) → tomorrow's date
    "half past ten"                    → 10:30          "sixty six one four"           → … not five digits: ""

Every reading is a string as the owner's OpenAPI file wants it (ISO dates, HH:MM), empty when there is none: a caller is
asked again rather than guessed at.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from enum import StrEnum

from num2words import num2words

from escalation.phrases import normalise
from voice.digits import heard_digits
from voice.numbers import MONTHS


class Kind(StrEnum):
    """What a value is, and so how it is heard, keyed in and asked for."""

    DIGITS = "digits"
    NAME = "name"
    BIRTHDAY = "birthday"
    DAY = "day"
    TIME = "time"
    CHOICE = "choice"


_MONTH = {name.lower(): number for number, name in enumerate(MONTHS, 1)}
_MONTH |= {name[:3].lower(): number for number, name in enumerate(MONTHS, 1)} | {"sept": 9}
_WEEKDAYS = "monday tuesday wednesday thursday friday saturday sunday".split()
_ORDINALS = {normalise(str(num2words(day, to="ordinal"))): day for day in range(1, 32)}
_SMALL = {normalise(str(num2words(number))): number for number in range(1, 100)}
MONTH_NAMES = frozenset(_MONTH)
NUMBER_NAMES = frozenset(part for name in (*_ORDINALS, *_SMALL) for part in name.split()) | {
    "hundred",
    "thousand",
    "oh",
}
"""Words that dates and years are made of."""
_WORDS = re.compile(r"\b(?:" + "|".join(sorted((*_ORDINALS, *_SMALL), key=len, reverse=True)) + r")\b")
_SLASHED = re.compile(r"\b(\d{1,2})[/.-](\d{1,2})[/.-](\d{4}|\d{2})\b")
_ISO = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b")
_CLOCK = re.compile(r"\b(\d{1,2})(?::(\d{2})| (\d{2}))?(?: ?o'?clock)? ?([ap])\.?m\b|\b(\d{1,2}):(\d{2})\b")
_BARE = re.compile(r"\b(?:at|around|about|for|to|by)?\s*(\d{1,2})(?: (\d{2}))?(?: ?o'?clock)?\b")
_HALVES = {"half past": 30, "quarter past": 15, "quarter to": -15}
_BEFORE_NAME = re.compile(
    r"^(?:(?:uh|um|er|oh|yes|yeah|sure|okay|well|hi|hello|so|it's|it is|that's|that is|this is|i'm|i am|my name is"
    r"|my name's|my full name is|the name is|the name's|the name on the account is|name is|first name|full name)\b ?)*"
)
_AFTER_NAME = re.compile(r"\s(?:please|thanks|thank you|speaking|here)$")
_NO_NAME = frozenset(
    "what why how when where who yes no not don't can could would you know my the a an is it number card account help "
    "want need please sorry nothing never mind wait agent person today".split()
)
OPENING_HOURS = range(7, 19)
"""Of an hour without a.m. or p.m., the reading that falls into these."""
KEYED = {Kind.BIRTHDAY: 8, Kind.CHOICE: 1}
"""Keys that give such a value; a day of birth as month, day and four digits of the year."""


def read(
    kind: Kind, text: str, *, digits: int = 0, today: date, choices: Mapping[str, Sequence[str]] | None = None
) -> str:
    """The value in ``text``, or "". ``digits``: how many make it whole; ``choices``: value → words for it."""
    match kind:
        case Kind.DIGITS:
            found = heard_digits(text)
            return found if len(found) == digits else ""
        case Kind.NAME:
            return name_in(text)
        case Kind.BIRTHDAY:
            return birthday_in(text, today)
        case Kind.DAY:
            return day_in(text, today)
        case Kind.TIME:
            return time_in(text)
        case Kind.CHOICE:
            return choice_in(text, choices or {})


def keyed(kind: Kind, keys: str, *, digits: int, today: date, choices: Sequence[str] = ()) -> str:
    """The value that was pressed, or ""."""
    match kind:
        case Kind.DIGITS:
            return keys if len(keys) == digits else ""
        case Kind.BIRTHDAY if len(keys) == KEYED[kind]:
            return _date(int(keys[4:]), int(keys[:2]), int(keys[2:4]), before=today)
        case Kind.CHOICE if keys and 0 < int(keys) <= len(choices):
            return choices[int(keys) - 1]
    return ""


def name_in(text: str) -> str:
    """Two to four words that can be a name."""
    said = _AFTER_NAME.sub("", _BEFORE_NAME.sub("", normalise(text)))
    words = said.split()
    fit = 2 <= len(words) <= 4 and all(word.isalpha() or "'" in word for word in words)
    return " ".join(word.capitalize() for word in words) if fit and not _NO_NAME & set(words) else ""


def choice_in(text: str, choices: Mapping[str, Sequence[str]]) -> str:
    """The one choice whose words were said; none if several were."""
    said = f" {normalise(text)} "
    found = [value for value, words in choices.items() if any(f" {normalise(word)} " in said for word in words)]
    return found[0] if len(found) == 1 else ""


def birthday_in(text: str, today: date) -> str:
    """A past date with its year; month before day where only figures are said."""
    if found := _ISO.search(text):
        return _date(int(found[1]), int(found[2]), int(found[3]), before=today)
    if found := _SLASHED.search(text):
        month, day, year = (int(part) for part in found.groups())
        return _date(_century(year, today), month, day, before=today)
    said = _figures(text)
    month, day, rest = _month_and_day(said)
    year = _year(rest)
    if month and day and year:
        return _date(_century(year, today), month, day, before=today)
    figures = heard_digits(text)
    return keyed(Kind.BIRTHDAY, figures, digits=8, today=today) if len(figures) == 8 and not month else ""


def day_in(text: str, today: date) -> str:
    """A day to come within a year: today, tomorrow, a weekday (the next one), or month and day."""
    said = _figures(text)
    month, day, _ = _month_and_day(said)
    if month and day:
        coming = _date(today.year, month, day)
        return coming if not coming or coming > today.isoformat() else _date(today.year + 1, month, day)
    for word, away in (("day after tomorrow", 2), ("tomorrow", 1), ("today", 0)):
        if word in said:
            return (today + timedelta(away)).isoformat()
    named = [number for number, name in enumerate(_WEEKDAYS) if re.search(rf"\b{name}\b", said)]
    if len(named) != 1:
        return ""
    away = (named[0] - today.weekday() - 1) % 7 + 1
    return (today + timedelta(away + 7 * (f"{_WEEKDAYS[named[0]]} week" in said))).isoformat()


def time_in(text: str) -> str:
    """A time of day; without a.m. or p.m. the one within usual opening hours."""
    said = _figures(text)
    if re.search(r"\b(?:noon|midday)\b", said):
        return "12:00"
    for words, minutes in _HALVES.items():
        if found := re.search(rf"{words} (\d{{1,2}})\b", said):
            return _clock(int(found[1]) - (minutes < 0), minutes % 60, _half(said))
    if found := _CLOCK.search(said):
        hour, minute = found[1] or found[5], found[2] or found[3] or found[6] or "0"
        return _clock(int(hour), int(minute), found[4] or _half(said))
    without_day = re.sub(r"\b\d{1,2}(?:st|nd|rd|th)\b|\b(?:" + "|".join(_MONTH) + r") \d{1,2}\b", " ", said)
    found = _BARE.search(without_day)
    return _clock(int(found[1]), int(found[2] or 0), _half(said)) if found else ""


def _figures(text: str) -> str:
    """Lower case, number words as figures: "fifth" → 5th, "thirty" → 30."""
    said = re.sub(r"[^a-z0-9:'/.-]+", " ", text.lower().replace("-", " ")).replace(". ", " ").rstrip(". ")
    return _WORDS.sub(lambda one: f"{_ORDINALS[one[0]]}th" if one[0] in _ORDINALS else str(_SMALL[one[0]]), said)


def _month_and_day(said: str) -> tuple[int, int, str]:
    """Both, and what was said after them; zeros without. "23th of july 19 53" is no 19th of July."""
    names = "|".join(_MONTH)
    if found := re.search(rf"\b(\d{{1,2}})(?:(?:st|nd|rd|th)(?: day)?(?: of)?| of)? ({names})\b", said):
        return _MONTH[found[2]], int(found[1]), said[found.end() :]
    if found := re.search(rf"\b({names})\b\.?(?: the)? (\d{{1,2}})(?:st|nd|rd|th)?\b", said):
        return _MONTH[found[1]], int(found[2]), said[found.end() :]
    return 0, 0, ""


def _year(said: str) -> int:
    """ "1984", "19 84", "2 thousand 5", "84"."""
    if found := re.search(r"\b(\d{4})\b", said):
        return int(found[1])
    if found := re.search(r"\b(19|20)(?: hundred)?(?: and)? (\d{1,2}|oh \d)\b", said):
        return int(found[1]) * 100 + int(found[2].removeprefix("oh "))
    if found := re.search(r"\b2 thousand(?: and)?(?: (\d{1,2}))?\b", said):
        return 2000 + int(found[1] or 0)
    found = re.search(r"\b(\d{2})\b", said)
    return int(found[1]) if found else 0


def _century(year: int, today: date) -> int:
    """A two-digit year is the last one that has passed."""
    return year if year >= 100 else year + (2000 if year <= today.year % 100 else 1900)


def _date(year: int, month: int, day: int, before: date | None = None) -> str:
    try:
        found = date(year, month, day)
    except ValueError:
        return ""
    return found.isoformat() if before is None or (found < before and year > before.year - 125) else ""


def _half(said: str) -> str:
    return "p" if re.search(r"\b(?:afternoon|evening|p\.?m)\b", said) else "a" if "morning" in said else ""


def _clock(hour: int, minute: int, half: str) -> str:
    if half and hour <= 12:
        hour = hour % 12 + 12 * (half == "p")
    elif hour <= 12 and hour not in OPENING_HOURS:
        hour = hour % 12 + 12
    return f"{hour:02}:{minute:02}" if hour < 24 and minute < 60 else ""
