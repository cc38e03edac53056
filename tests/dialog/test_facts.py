"""The same fact is the same string, however it is written."""

from __future__ import annotations

import pytest

from dialog.facts import facts, measured


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("We open at 9 a.m. on Monday.", {"time:09:00", "day:monday"}),
        ("we open at nine a.m.", {"time:09:00"}),
        ("at 9:00 AM", {"time:09:00"}),
        ("until 4:30 p.m.", {"time:16:30"}),
        ("until four thirty p.m.", {"time:16:30"}),
        ("closed at noon", {"time:12:00"}),
        ("12 a.m. and 12 p.m.", {"time:00:00", "time:12:00"}),
        ("it costs $5", {"money:5"}),
        ("it costs five dollars", {"money:5"}),
        ("it costs 5.00 dollars", {"money:5"}),
        ("five dollars and fifty cents", {"money:5.5"}),
        ("$1,250.50", {"money:1250.5"}),
        ("one hundred and twenty five dollars", {"money:125"}),
        ("two thousand dollars", {"money:2000"}),
        ("99 cents", {"money:0.99"}),
        ("4.5 percent", {"percent:4.5"}),
        ("4.5%", {"percent:4.5"}),
        ("four point five percent", {"percent:4.5"}),
        ("on December 24th", {"date:12-24"}),
        ("on the 24th of December", {"date:12-24"}),
        ("the 20th of each month", {"number:20"}),
        ("the twentieth of each month", {"number:20"}),
        ("7 to 10 business days", {"number:7", "number:10"}),
        ("seven to ten business days", {"number:7", "number:10"}),
        ("24/7", {"always"}),
        ("the branch manager, Dana Whitlock", {"name:dana", "name:whitlock"}),
        ("it costs €12.50", {"money:12.5 euro"}),
        ("12,50 €", {"money:12.5 euro"}),
        ("€1.200,50", {"money:1200.5 euro"}),
        ("twelve euros", {"money:12 euro"}),
        ("GBP 20", {"money:20 pound"}),
        ("$5k", {"money:5000"}),
        ("$1,234,567", {"money:1234567"}),
        ("a hundred dollars", {"money:100"}),
        ("99¢", {"money:0.99"}),
        ("half an hour", {"number:30"}),
        ("a dozen", {"number:12"}),
        ("pay half price", {"percent:50"}),
        ("by Dec. 24th", {"date:12-24"}),
        ("by 24 Dec", {"date:12-24"}),
        ("on 12/24/2026", {"date:12-24", "number:2026"}),
        ("on 2026-12-24", {"date:12-24", "number:2026"}),
        ("on 03/04/2026", {"number:3", "number:4", "number:2026"}),
        ("open Mon-Fri", {"day:monday", "day:friday"}),
        ("our Sun Terrace", {"name:sun", "name:terrace"}),
        ("call 555-0123", {"number:5550123"}),
        ("at midday", {"time:12:00"}),
        ("Please call us.", set()),
        ("You need this one.", set()),
    ],
)
def test_facts_are_found_and_comparable(text: str, expected: set[str]) -> None:
    assert facts(text) == expected


def test_times_are_not_numbers() -> None:
    assert not any(fact.startswith("number") for fact in facts("from 9 a.m. to 5 p.m."))


def test_numbers_are_known_by_what_they_count() -> None:
    assert measured("three to five working days") == {("3", "day"), ("5", "day")}
    assert measured("up to 2 kg for €4, or 30 lbs") == {("2", "kilogram"), ("4", "money"), ("30", "pound")}
    assert measured("room 12") == {("12", "")}
