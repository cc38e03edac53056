"""Digits out of recognised words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.engines import Transcript
from voice.digits import as_digits, heard_digits
from voice.numbers import digits, grouped


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4, 2, 7, 7, 0, 1.", "427701"),
        ("four two double seven oh one", "427701"),
        ("It's 4-2-7-7-0-1, thanks.", "427701"),
        ("427 701", "427701"),
        ("triple nine, zero", "9990"),
        ("five for 2 ate", "5428"),
        ("twenty-five oh one", "2501"),
        ("twenty 5", "205"),
        ("nineteen eighty four", "1984"),
        ("two to seven", "227"),
        ("Six, won, owe, three", "6103"),
        ("double 4 1", "441"),
        ("", ""),
        ("I don't have it", ""),
        ("I want to ask for help", ""),
    ],
)
def test_digits_are_read_from_figures_words_and_what_sounds_like_them(text: str, expected: str) -> None:
    assert heard_digits(text) == expected


@given(st.text(alphabet="0123456789", max_size=16))
def test_what_our_own_voice_reads_out_is_parsed_back(figures: str) -> None:
    assert heard_digits(digits(figures)) == figures
    assert heard_digits(grouped(f"{figures[:3]} {figures[3:]}")) == figures
    assert heard_digits(", ".join(figures)) == figures


@pytest.mark.parametrize(
    ("text", "reading", "count", "understood"),
    [
        ("Take three, nine, eight", "6 3 9 8", 4, "6 3 9 8"),
        ("1, 2, 7, 4", "1 5 7 4", 4, "1 5 7 4"),
        ("", "6 3 9 8", 4, "6 3 9 8"),
        ("It's 1 2 7 4, thanks.", "1 5 7 4", 4, "It's 1 2 7 4, thanks."),
        ("1, 2, 7, 4. 1, 2, 7, 9.", "1 2 7 4", 4, "1 2 7 4"),
        ("1 2 7 4 4 4. 1 2 7 4 4 4.", "1 2 7 4", 4, "1 2 7 4"),
        ("1 2 7 4 5", "1 2 7 4", 4, "1 2 7 4 5"),
        ("1 2 7 4 5 5 8 1 3 0 6 2", "1 2 7 4", 4, "1 2 7 4 5 5 8 1 3 0 6 2"),
        ("I don't have it, I am sorry.", "1 2 7 4", 4, "I don't have it, I am sorry."),
        ("One moment please.", "1 2 7 4", 4, "One moment please."),
        ("1, 2, 7", "1 2 7 4", 0, "1, 2, 7"),
        ("Double two, 7, 4", "2 2 7 4", 4, "Double two, 7, 4"),
    ],
)
def test_a_reading_of_digits_alone_counts_where_a_number_was_said(
    text: str, reading: str, count: int, understood: str
) -> None:
    heard = as_digits(Transcript(text, rejected="" if text else "silence", alternatives=(reading,)), count)
    assert heard.text == understood
    assert not heard.rejected
