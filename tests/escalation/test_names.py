"""People's names in what was said: found by lists, cues and shape; places and firms are left."""

from __future__ import annotations

import pytest

from escalation.names import find_names
from escalation.redact import redact


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("My name is Xoltana", ["Xoltana"]),
        ("please change it to Dr. Marta Kovač.", ["Marta Kovač"]),
        ("Tell Giuseppe that I called", ["Giuseppe"]),
        ("I want to talk to Mrs. Baker about it", ["Baker"]),
        ("my name is katarzyna nowak", ["katarzyna nowak"]),
        ("Brovnik said: no. Then Brovnik left.", ["Brovnik", "Brovnik"]),
        ("Ludwig van Beukers lives here", ["Ludwig van Beukers"]),
        ("Will my card come on Saturday?", []),
        ("I hope that May is fine, Mark it as paid", []),
        ("the branch in Henderson Street", []),
        ("I work at Miller Group", []),
        ("What are your branch hours in Paris?", []),
        ("", []),
    ],
)
def test_names_and_only_names(text: str, names: list[str]) -> None:
    assert [text[start:end] for start, end in find_names(text)] == names


def test_names_go_by_setting_only() -> None:
    said = "My name is Marta Kovač, card 4111 1111 1111 1111"
    assert redact(said) == "My name is Marta Kovač, card [card]"
    assert redact(said, names=True) == "My name is [name], card [card]"
    assert redact(redact(said, names=True), names=True) == "My name is [name], card [card]"


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("please call me on 345 6789", "please call me on [phone]"),
        ("Mobile: 99 123456", "Mobile: [phone]"),
        ("Fax: 001-212-555-0137", "Fax: [phone]"),
        ("reach me at 212-555-0137x459 today", "reach me at [phone] today"),
        ("My account ends in 4321 9876", "My account ends in 4321 9876"),
        ("It was 2024-05-06 11:34:35 then", "It was 2024-05-06 11:34:35 then"),
        ("my credit card 503800000011", "my credit card [card]"),
        ("from 192.168.100.200", "from [number]"),
    ],
)
def test_numbers_are_named_by_what_is_said_around_them(text: str, cleaned: str) -> None:
    assert redact(text) == cleaned
