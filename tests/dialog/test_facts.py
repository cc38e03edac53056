"""The same fact is the same string, however it is written."""

from __future__ import annotations

import pytest

from dialog.facts import facts


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
        ("Please call us.", set()),
        ("You need this one.", set()),
    ],
)
def test_facts_are_found_and_comparable(text: str, expected: set[str]) -> None:
    assert facts(text) == expected


def test_times_are_not_numbers() -> None:
    assert not any(fact.startswith("number") for fact in facts("from 9 a.m. to 5 p.m."))
