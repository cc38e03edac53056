"""What callers' words give for a slot; and what they do not."""

from __future__ import annotations

from datetime import date

import pytest

from dialog.tools.values import birthday_in, choice_in, day_in, name_in, time_in

MONDAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("March 5th, 1984.", "1984-03-05"),
        ("It's March fifth nineteen eighty four.", "1984-03-05"),
        ("the fifth of March 1984", "1984-03-05"),
        ("twenty third of July nineteen fifty three", "1953-07-23"),
        ("3/5/84", "1984-03-05"),
        ("03 05 1984", "1984-03-05"),
        ("the 23rd of November, 51", "1951-11-23"),
        ("May the first, two thousand five", "2005-05-01"),
        ("March 5th", ""),
        ("February 30th 1984", ""),
        ("March 5th 2084", ""),
        ("Why do you ask?", ""),
    ],
)
def test_a_birthday_needs_day_month_and_year(said: str, value: str) -> None:
    assert birthday_in(said, MONDAY) == value


@pytest.mark.parametrize(
    ("said", "day", "time"),
    [
        ("Wednesday at ten thirty", "2026-11-25", "10:30"),
        ("Monday", "2026-11-30", ""),
        ("tomorrow at half past two", "2026-11-24", "14:30"),
        ("December 3rd", "2026-12-03", ""),
        ("on the third of January at 4 p.m.", "2027-01-03", "16:00"),
        ("at two in the afternoon", "", "14:00"),
        ("Tuesday or Wednesday", "", ""),
        ("quarter to four", "", "15:45"),
    ],
)
def test_days_to_come_and_times(said: str, day: str, time: str) -> None:
    assert (day_in(said, MONDAY), time_in(said)) == (day, time)


def test_names_and_choices() -> None:
    assert name_in("My name is Linda Brown.") == "Linda Brown"
    assert name_in("What is that for?") == name_in("Never mind.") == name_in("Linda") == ""
    cards = {"debit": ["debit", "bank card"], "credit": ["credit"]}
    assert choice_in("The bank card.", cards) == "debit"
    assert choice_in("Debit or credit?", cards) == ""
