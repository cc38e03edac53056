"""A fact of the passage, said of something else, is as wrong as an invented one."""

from __future__ import annotations

import pytest

from dialog.placing import days, misplaced

HOURS = [
    "All branches are open Monday to Thursday from 9 a.m. to 5 p.m.",
    "On Friday all branches are open from 9 a.m. to 6 p.m.",
    "On Saturday our branches are open from 9 a.m. to 1 p.m.",
    "All branches are closed on Sunday.",
]
WIRES = [
    "Sending a wire inside the United States costs 25 dollars.",
    "Sending a wire to another country costs 40 dollars.",
    "Receiving a wire costs 12 dollars.",
]
CARDS = [
    "A new card arrives by mail in 5 to 7 business days.",
    "Express delivery takes 2 business days and costs 20 dollars.",
]


@pytest.mark.parametrize(
    ("sentence", "source"),
    [
        ("Our branches are open on Saturday from 9 a.m. to 5 p.m.", HOURS),
        ("The branches are open Monday to Friday from 9 a.m. to 5 p.m.", HOURS),
        ("On Friday we are open from nine a.m. to five p.m.", HOURS),
        ("We are open on weekdays from 9 a.m. to 6 p.m.", HOURS),
        ("Sending a wire to another country costs 25 dollars.", WIRES),
        ("Receiving a wire costs $40.", WIRES),
        ("A new card takes 2 business days.", CARDS),
    ],
)
def test_the_fact_of_another_day_or_thing_is_found(sentence: str, source: list[str]) -> None:
    assert misplaced(sentence, source)


@pytest.mark.parametrize(
    ("sentence", "source"),
    [
        ("Our branches are open on Saturday from 9 a.m. to 1 p.m.", HOURS),
        ("We are open Tuesday from 9 a.m. to 5 p.m.", HOURS),
        ("They open at 9 a.m. on Saturday.", HOURS),
        ("We are open Monday to Thursday from 9 a.m. to 5 p.m., and on Friday until 6 p.m.", HOURS),
        ("We are closed on Sunday.", HOURS),
        ("A wire to another country costs 40 dollars.", WIRES),
        ("It costs 25 dollars to send a wire inside the United States.", WIRES),
        ("A wire costs 25 dollars, or 40 dollars to another country.", WIRES),
        ("A new card takes 5 to 7 business days, or 2 with express delivery.", CARDS),
        ("Express delivery of a new card takes 2 business days.", CARDS),
    ],
)
def test_what_the_passage_says_passes(sentence: str, source: list[str]) -> None:
    assert misplaced(sentence, source) == set()


def test_ranges_of_days_are_filled() -> None:
    assert days("Monday to Wednesday") == {"monday", "tuesday", "wednesday"}
    assert days("Saturday through Monday") == {"saturday", "sunday", "monday"}
    assert days("on weekdays") == {"monday", "tuesday", "wednesday", "thursday", "friday"}
    assert days("every month") == frozenset()
