"""Numbers to call back."""

from __future__ import annotations

import pytest

from escalation.numbers import address_of, keyed_number, link_of, number_of, spoken_number


@pytest.mark.parametrize(
    ("caller", "number", "address"),
    [
        ("sip:+15551234567@example.org", "+15551234567", "sip:+15551234567@example.org"),
        ("+1 (555) 123-4567", "+15551234567", ""),
        ("tel:+49-30-1234567", "+49301234567", ""),
        ("sip:alice@example.org;transport=tcp", "", "sip:alice@example.org"),
        ("sip:1001@pbx", "", "sip:1001@pbx"),
        ("sip:anonymous@anonymous.invalid", "", ""),
        ("sip:Anonymous@pbx.example", "", ""),
        ("", "", ""),
        ("sip:a@b>\r\nX: y", "", ""),
    ],
)
def test_what_a_callers_address_gives(caller: str, number: str, address: str) -> None:
    assert number_of(caller) == number
    assert address_of(caller) == address


def test_a_number_or_an_address_can_be_opened_by_a_telephone_program() -> None:
    links = [link_of(one) for one in ("+1 (555) 123-4567", "sip:alice@example.org;x=y", "anonymous")]
    assert links == ["tel:+15551234567", "sip:alice@example.org", ""]


def test_keyed_numbers_have_a_sensible_length() -> None:
    assert [keyed_number(one) for one in ("12", "5551234567", "1" * 16, "555*123")] == ["", "5551234567", "", ""]


def test_a_payment_card_that_is_keyed_in_is_no_number_to_call() -> None:
    cards = ("4111111111111111", "371449635398431", "30569309025904", "6304000000000000004")
    assert [keyed_number(one) for one in cards] == [""] * 4
    assert keyed_number("371449635398432") == "371449635398432"  # not a card's check digit


def test_a_number_is_read_back_digit_by_digit_in_groups() -> None:
    assert spoken_number("+15551234567") == "plus 1, 5 5 5, 1 2 3, 4 5 6 7"
    assert spoken_number("5551234") == "5 5 5, 1 2 3 4"
    assert spoken_number("55512") == "5, 5 5 1 2"
    assert spoken_number("sip:alice@example.org") == ""
