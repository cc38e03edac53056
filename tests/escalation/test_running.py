"""A number read out over several turns is one number; national ids in their many forms."""

from __future__ import annotations

import pytest

from escalation.redact import redact
from escalation.running import Running


def said(*turns: str) -> list[str]:
    running = Running()
    return [running.redact(turn) for turn in turns]


def test_what_a_pause_cuts_in_pieces_goes_from_the_ninth_digit_on() -> None:
    kept = said("my card is four one one one", "one one one one", "2222.", "3, 3, 3, 3", "thanks")
    assert kept[:2] == ["my card is four one one one", "one one one one"]
    assert all(one.rstrip(".") in ("[card]", "[number]") for one in kept[2:4])
    assert kept[4] == "thanks"


def test_words_between_end_a_number() -> None:
    kept = said("my zip is 94110", "What does it cost?", "1234 please")
    assert kept == ["my zip is 94110", "What does it cost?", "1234 please"]


def test_a_number_is_not_continued_by_a_count_in_a_sentence() -> None:
    assert said("It is 4111 1111", "two questions about it") == ["It is 4111 1111", "two questions about it"]


def test_a_turn_that_goes_on_stands_in_place_of_the_one_before() -> None:
    running = Running()
    assert running.redact("it's 4111 1111") == "it's 4111 1111"
    assert running.redact("it's 4111 1111 2222 3333", continues=True) == "it's [card]"
    assert running.redact("it's 4111 1111", continues=True) == "it's 4111 1111"


def test_after_a_whole_number_another_one_begins() -> None:
    kept = said("4111 1111 1111 1111", "12 27", "yes", "12 27")
    assert kept[0] == "[card]"
    assert kept[2:] == ["yes", "12 27"]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Sure, it's 3499, 8632 for the free, 86283.", "Sure, it's [number]."),
        ("card 4111 1111 time 1111 I'm 111", "card [number]"),
        ("it's four one time one one I'm one one two five six", "it's [number]"),
        ("Monday 9:00 to 17:00, Saturday 10:00 to 14:00", "Monday 9:00 to 17:00, Saturday 10:00 to 14:00"),
        ("I paid $1,200 on 12/05/2024 and $300 on 1/6/2024", "I paid $1,200 on 12/05/2024 and $300 on 1/6/2024"),
        ("in March 2021 I paid 1500 and in June 2022 900", "in March 2021 I paid 1500 and in June 2022 900"),
        ("I made 3 payments, 2 of 500 and 1 of 200 dollars", "I made 3 payments, 2 of 500 and 1 of 200 dollars"),
    ],
)
def test_a_number_of_which_words_were_heard_goes_and_a_sentence_of_figures_stays(text: str, kept: str) -> None:
    assert said(text) == [kept]


@pytest.mark.parametrize(
    "text",
    [
        "54362315-K", "X-2482300W", "RCCMNL83S18D969H", "6433435F", "ACUPA7085R", "131052-308T", "A B 1 2 3 4 5 6 C",
        "S1234567D", "BOXW310820HNERXN09",
    ],
)  # fmt: skip
def test_national_ids_with_letters_go(text: str) -> None:
    assert redact(f"my number is {text}, okay") in ("my number is [id], okay", "my number is [number], okay")


@pytest.mark.parametrize(
    "text",
    [
        "flight BA 2490 at 10",
        "order AB123456 today",
        "I hold 12345678 A shares",
        "room 12 B, from 4 to 5 pm",
    ],
)
def test_what_only_looks_like_one_stays(text: str) -> None:
    assert redact(text) == text
