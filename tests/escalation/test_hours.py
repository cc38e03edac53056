"""Opening hours: weekly tables, holidays, time zones and their changes, and what is said of the next opening."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from escalation.hours import Hours, opening, spoken_opening

BERLIN = ZoneInfo("Europe/Berlin")
DESK = Hours.model_validate({
    "zone": "Europe/Berlin",
    "week": {"mon-fri": "08:00-12:00, 13:00-18:00", "sat": "09:00-13:00"},
    "special": {"2026-12-24": "08:00-12:00"},
    "holidays": ["12-25", "12-26", "2026-12-28"],
})  # fmt: skip
NIGHT = Hours(zone="Europe/Berlin", week={"mon-sun": "22:00-06:00"})


def at(text: str) -> datetime:
    """A moment by a clock in Berlin."""
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        ("2026-11-23T08:00", "2026-11-23T08:00"),  # a Monday
        ("2026-11-23T07:59", "2026-11-23T08:00"),
        ("2026-11-23T12:00", "2026-11-23T13:00"),  # lunch
        ("2026-11-23T18:00", "2026-11-24T08:00"),
        ("2026-11-28T13:00", "2026-11-30T08:00"),  # from Saturday to Monday
        ("2026-12-24T11:59", "2026-12-24T11:59"),
        ("2026-12-24T12:00", "2026-12-29T08:00"),  # two holidays, Sunday, a holiday
    ],
)
def test_open_and_when_next(now: str, opens: str) -> None:
    assert DESK.opens_at(at(now)) == at(opens)


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        ("2026-11-23T23:00", "2026-11-23T23:00"),
        ("2026-11-24T05:59", "2026-11-24T05:59"),
        ("2026-11-24T06:00", "2026-11-24T22:00"),
    ],
)
def test_hours_over_midnight(now: str, opens: str) -> None:
    assert NIGHT.opens_at(at(now)) == at(opens)


def test_the_clock_on_the_wall_decides_when_daylight_saving_time_begins_and_ends() -> None:
    sunday = Hours(zone="Europe/Berlin", week={"sun": "08:00-12:00"})
    for day, offset_h in (("2027-03-28", 2), ("2026-10-25", 1)):
        opens = sunday.opens_at(at(f"{day}T00:30"))
        assert opens == at(f"{day}T08:00")
        assert opens is not None
        assert opens.utcoffset() is not None
        assert opens.utcoffset().total_seconds() == offset_h * 3600  # type: ignore[union-attr]


def test_the_zone_is_the_tables_not_the_callers() -> None:
    assert DESK.opens_at(datetime.fromisoformat("2026-11-23T07:30+00:00")) == at("2026-11-23T08:30")


def test_several_tables_are_open_when_all_are() -> None:
    wednesdays = Hours(zone="Europe/Berlin", week={"wed": "17:00-20:00"})
    assert opening([DESK, wednesdays], at("2026-11-23T09:00")) == at("2026-11-25T17:00")
    assert opening([DESK, Hours(week={})], at("2026-11-23T09:00")) is None
    assert opening([DESK, Hours(zone="Europe/Berlin", week={"mon-fri": "20:00-21:00"})], at("2026-11-23T09:00")) is None
    assert opening([], at("2026-11-23T03:00")) == at("2026-11-23T03:00")


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ("2026-11-23T07:00", "today at 8 a.m."),
        ("2026-11-23T12:30", "today at 1 p.m."),
        ("2026-11-23T22:00", "tomorrow at 8 a.m."),
        ("2026-11-28T13:00", "on Monday at 8 a.m."),
        ("2026-12-22T19:00", "tomorrow at 8 a.m."),
    ],
)
def test_what_is_said_of_the_next_opening(now: str, said: str) -> None:
    opens = DESK.opens_at(at(now))
    assert opens is not None
    assert spoken_opening(opens, at(now)) == said


def test_a_day_a_week_ahead_is_said_with_its_date_and_twelve_has_a_name() -> None:
    assert spoken_opening(at("2027-01-04T08:30"), at("2026-12-24T20:00")) == "on Monday, January 4, at 8:30 a.m."
    assert spoken_opening(at("2027-01-04T12:00"), at("2027-01-04T08:00")) == "today at noon"
    assert spoken_opening(at("2027-01-05T00:00"), at("2027-01-04T08:00")) == "tomorrow at midnight"


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"week": {"monday": "08:00-18:00"}}, "write mon, mon-fri"),
        ({"week": {"mon": "8-18"}}, "write 08:00-18:00"),
        ({"week": {"mon": "08:00-25:00"}}, "write 08:00-18:00"),
        ({"week": {"mon-wed": "08:00-18:00", "tue": "08:00-12:00"}}, "tue stands twice"),
        ({"week": {}, "zone": "Berlin"}, "Europe/Berlin"),
        ({"week": {}, "zone": "../etc/passwd"}, "Europe/Berlin"),
        ({"week": {}, "holidays": ["25.12."]}, "write 2026-12-28"),
        ({"week": {}, "holidays": ["13-01"]}, "write 2026-12-28"),
    ],
)
def test_a_table_that_cannot_be_read_says_what_to_write(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Hours.model_validate(wrong)


def test_a_leap_day_is_a_holiday_in_leap_years() -> None:
    table = Hours(zone="Europe/Berlin", week={"mon-sun": "00:00-24:00"}, holidays=("02-29",))
    assert table.opens_at(at("2028-02-29T10:00")) == at("2028-03-01T00:00")
    assert table.opens_at(at("2027-02-28T10:00")) == at("2027-02-28T10:00")
