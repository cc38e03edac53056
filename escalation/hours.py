"""When people are there: a weekly table with holidays and a time zone, and when it opens next. Pure; time is given.

::

    week      mon-fri 08:00-12:00, 13:00-18:00     sat 09:00-13:00     (a day that is not named is closed)
    special   2026-12-24 08:00-12:00               that day alone, instead of the week's
    holidays  2026-12-28, 12-25                    closed; without a year: every year

Times are those of a clock on the wall in ``zone``, over changes to and from daylight saving time too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Annotated, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BeforeValidator, Field, field_validator, model_validator

from contracts.settings import Settings

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LOOK_DAYS = 370
"""A table that does not open within a year does not open."""
_SPAN = re.compile(r"^(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})$")
_YEARLY = re.compile(r"^(\d{2})-(\d{2})$")
_DAY_MINUTES = 24 * 60
_SOON = 6
"""From so many days on a weekday alone could be misunderstood."""


class Hours(Settings):
    """One table. Raises ValueError saying what to write."""

    zone: str = Field(default="UTC", description="Time zone, such as Europe/Berlin.")
    week: dict[str, str] = Field(
        description="Days (mon-fri, or sat, or mon,wed) → 08:00-18:00, or several with commas."
    )
    special: dict[date, str] = Field(default={}, description="One day (2026-12-24) → its own hours, or closed.")
    holidays: tuple[Annotated[str, BeforeValidator(str)], ...] = Field(
        default=(), description="Closed days: 2026-12-28, or each year: 12-25."
    )

    @field_validator("zone")
    @classmethod
    def _zone(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"no time zone {zone!r}; write one such as Europe/Berlin") from error
        return zone

    @field_validator("holidays")
    @classmethod
    def _holidays(cls, days: tuple[str, ...]) -> tuple[str, ...]:
        for day in days:
            _holiday(day, 2024)  # a leap year: 02-29 is a day
        return days

    @model_validator(mode="after")
    def _readable(self) -> Self:
        named = [day for days in self.week for day in _days(days)]
        twice = sorted({day for day in named if named.count(day) > 1})
        if twice:
            raise ValueError(f"{twice[0]} stands twice in the week; write its hours once, with commas between them")
        for spans in (*self.week.values(), *self.special.values()):
            _spans(spans)
        return self

    def opens_at(self, moment: datetime) -> datetime | None:
        """``moment`` itself if it is open then, else when it opens next, in ``zone``; None: not within a year."""
        zone = ZoneInfo(self.zone)
        today = moment.astimezone(zone).date()
        for ahead in range(-1, LOOK_DAYS):  # hours of yesterday may go on after midnight
            day = today + timedelta(days=ahead)
            for start, end in sorted(self._on(day)):
                if moment < _wall(day, end, zone):
                    return max(moment, _wall(day, start, zone)).astimezone(zone)
        return None

    def _on(self, day: date) -> list[tuple[int, int]]:
        """Minutes of that day at which it opens and closes; closing may be after midnight."""
        if day in self.special:
            return _spans(self.special[day])
        if any(_holiday(one, day.year) == day for one in self.holidays):
            return []
        return next((_spans(spans) for days, spans in self.week.items() if DAYS[day.weekday()] in _days(days)), [])


def opening(tables: Iterable[Hours], moment: datetime) -> datetime | None:
    """When all of them are open, as `Hours.opens_at`; without tables: now."""
    listed = list(tables)
    at = moment
    for _ in range(LOOK_DAYS):
        times = [table.opens_at(at) for table in listed]
        latest = at
        for one in times:
            if one is None:
                return None
            latest = max(latest, one)
        if latest == at:
            return at
        at = latest
    return None


def unknown(names: Iterable[str], tables: Mapping[str, Hours]) -> str:
    """What is wrong with the names of tables; empty if each is there."""
    missing = sorted({name for name in names if name and name not in tables})
    if not missing:
        return ""
    known = ", ".join(sorted(tables)) or "no table at all"
    return f"hours {missing[0]!r} are not in escalation.hours ({known})"


def spoken_opening(opens: datetime, now: datetime) -> str:
    """``today at 2 p.m.``, ``tomorrow at 8:30 a.m.``, ``on Monday at 8 a.m.``, ``on Monday, January 4, at 8 a.m.``"""
    ahead = (opens.date() - now.astimezone(opens.tzinfo).date()).days
    at = _clock(opens.time())
    if ahead <= 1:
        return f"{'tomorrow' if ahead == 1 else 'today'} at {at}"
    day = opens.strftime("%A")
    return f"on {day} at {at}" if ahead <= _SOON else f"on {day}, {opens.strftime('%B')} {opens.day}, at {at}"


def _clock(at: time) -> str:
    if at.minute == 0 and at.hour in (0, 12):
        return "noon" if at.hour else "midnight"
    minutes = f":{at.minute:02}" if at.minute else ""
    return f"{at.hour % 12 or 12}{minutes} {'p.m.' if at.hour >= 12 else 'a.m.'}"


def _wall(day: date, minutes: int, zone: ZoneInfo) -> datetime:
    """What a clock on the wall shows so many minutes into that day, as a moment."""
    shown = datetime.combine(day + timedelta(days=minutes // _DAY_MINUTES), time())
    return (shown + timedelta(minutes=minutes % _DAY_MINUTES)).replace(tzinfo=zone).astimezone(UTC)


@lru_cache(maxsize=256)
def _days(text: str) -> frozenset[str]:
    found: set[str] = set()
    for part in text.lower().replace(" ", "").split(","):
        first, dash, last = part.partition("-")
        last = last if dash else first
        if first not in DAYS or last not in DAYS:
            raise ValueError(f"{text!r} names no days; write mon, mon-fri or mon,wed,fri")
        low, high = DAYS.index(first), DAYS.index(last)
        found.update(DAYS[low : high + 1] if low <= high else (*DAYS[low:], *DAYS[: high + 1]))
    return frozenset(found)


@lru_cache(maxsize=256)
def _spans(text: str) -> list[tuple[int, int]]:
    if text.strip().lower() in ("", "closed"):
        return []
    spans = []
    for part in text.split(","):
        match = _SPAN.match(part.strip())
        hours = [int(figure) for figure in match.groups()] if match else []
        if not hours or hours[1] > 59 or hours[3] > 59 or hours[0] > 23 or hours[2] * 60 + hours[3] > _DAY_MINUTES:
            raise ValueError(f"{part.strip()!r} are no hours; write 08:00-18:00, 00:00-24:00 or closed")
        start, end = hours[0] * 60 + hours[1], hours[2] * 60 + hours[3]
        spans.append((start, end if end > start else end + _DAY_MINUTES))
    return spans


def _holiday(text: str, year: int) -> date | None:
    """That day, of ``year`` if the text names none; None: there is no such day in that year (02-29)."""
    yearly = _YEARLY.match(text)
    try:
        return date.fromisoformat(f"{year}-{text}" if yearly else text)
    except ValueError as error:
        if yearly and text == "02-29":
            return None
        raise ValueError(f"{text!r} is no day; write 2026-12-28, or 12-25 for every year") from error
