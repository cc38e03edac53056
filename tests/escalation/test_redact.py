"""What must not be kept is taken out; what is needed stays."""

from __future__ import annotations

import random

import pytest

from escalation.redact import redact, redact_value

WORDS = "zero one two three four five six seven eight nine".split()


@pytest.mark.parametrize(
    "text",
    [
        "4111111111111111",
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "4111, 1111, 1111, 1111",
        "3782 822463 10005",
        "four one one one one one one one one one one one one one one one",
        "Four, one, one, one. One one one one. One one one one. One one one one",
        "four triple one, double five double five, one two three four, nine eight seven six",
        "forty-one eleven, eleven eleven, eleven eleven, eleven eleven",
        "four one one one 1111 uh 1111 and then 1111",
        "five oh oh five oh one two three four five six seven eight nine oh one",
        "four for one one too two one one one one one one one one one one",
    ],
)
def test_card_numbers_go_however_they_are_written_or_spoken(text: str) -> None:
    assert redact(f"my card is {text}, thanks") == "my card is [card], thanks"


@pytest.mark.parametrize("seed", range(50))
def test_any_run_of_nine_to_nineteen_digits_goes(seed: int) -> None:
    rng = random.Random(seed)
    digits = [rng.randrange(10) for _ in range(rng.randint(9, 19))]
    spoken = " ".join(rng.choice([WORDS[digit], str(digit)]) for digit in digits)
    written = "".join(str(digit) + rng.choice(["", " ", "-"]) for digit in digits)
    for text in (spoken, written.strip(" -")):
        cleaned = redact(f"it is {text} okay")
        assert cleaned.startswith("it is [")
        assert not any(character.isdigit() for character in cleaned)
        assert not set(WORDS) & set(cleaned.split())


@pytest.mark.parametrize(
    "text",
    [
        "My account ends in 4321 9876",
        "Transfer one hundred and thirty five dollars",
        "The branch is open from 9 to 5 and on Saturday from 10 to 2",
        "I was born on 12/05/1985 at 10:30",
        "The limit is $1,250,000.00 a day",
        "one two three four five six seven eight",
        "Press one to go on",
        "No one answered me, and one of you told me to wait for one or two days",
        "They charged me 35.00 and 12.50",
        "I'll be at the branch at ten",
        "Meet me at home",
        "",
    ],
)
def test_short_numbers_amounts_and_words_stay(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("DE89 3704 0044 0532 0130 00", "[iban]"),
        ("GB29NWBK60161331926819", "[iban]"),
        ("john.smith+bank@example.co.uk", "[email]"),
        ("john dot smith at example dot com", "[email]"),
        ("078-05-1120", "[ssn]"),
        ("+1 (415) 555-0132", "[phone]"),
        ("(415) 555-0132", "[phone]"),
        ("415 555 0132", "[phone]"),
        ("four one five five five five oh one three two", "[phone]"),
        ("+44 20 7946 0958", "[phone]"),
    ],
)
def test_other_secrets_go_under_their_own_name(text: str, label: str) -> None:
    assert redact(f"it is {text}.") == f"it is {label}."


def test_a_spoken_social_security_number_is_named() -> None:
    spoken = "zero seven eight oh five one one two oh"
    assert redact(f"my social is {spoken}") == "my social is [ssn]"


def test_redacting_twice_changes_nothing() -> None:
    once = redact("card 4111 1111 1111 1111, mail a@b.com, phone +1 415 555 0132")
    assert redact(once) == once


def test_values_are_redacted_deeply_but_for_named_keys() -> None:
    value = {"text": ["4111111111111111"], "call_id": "4111111111111111", "n": 4111111111111111, "ok": True, "x": 1.5}
    assert redact_value(value, keep=frozenset({"call_id"})) == {
        "text": ["[card]"],
        "call_id": "4111111111111111",
        "n": "[card]",
        "ok": True,
        "x": 1.5,
    }


def test_moments_of_our_records_are_kept_though_their_seconds_are_a_valid_number() -> None:
    value = {"wanted_at": "2027-02-14T11:47:16.322838Z", "until": ["2027-02-14T11:47:16.322838+00:00"]}
    assert redact_value(value) == value
    assert redact_value("2027-02-14T11:47:16.322838Z 4111111111111111").endswith("[card]")
