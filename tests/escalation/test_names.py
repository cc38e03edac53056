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
        ("Nozibusiso-Mlungisi Mabaso called, and Arvet O'Dvořák", ["Nozibusiso-Mlungisi Mabaso", "Arvet O'Dvořák"]),
        ("I was told by V. Bingham that it is free", ["V. Bingham"]),
        ("write to jane k. olsson and m. olsson", ["jane k. olsson", "m. olsson"]),
        ("her maiden name is nyberg", ["nyberg"]),
        ("In 2014 Lars Christensen moved to South Marianne", ["Lars Christensen"]),
        ("The complaint of Jaana van der Dekkers about it", ["Jaana van der Dekkers"]),
        ("We lost the Petersson file", ["Petersson"]),
        ("We lost the passport file", []),
        ("Hello, this is Grace White calling", ["Grace White"]),
        ("Send it to Paulette Durand, 55 Cullinane Street", ["Paulette Durand"]),
        ("We spoke to Marianna and Xandl about it", ["Marianna", "Xandl"]),
        ("Gustavo, Loup and Mukula are here", ["Gustavo", "Loup", "Mukula"]),
        ("Lopez, Reynolds and Coleman is an agency", []),
        ("My husband Zorbin will fetch it", ["Zorbin"]),
        ("The payment from arnaud never came", ["arnaud"]),
        ("I'm Zorbin, I lost my card", ["Zorbin"]),
        ("I'm Polish, I lost my card", []),
        ("Larsson Abdi AB sent me bills", []),
        ("a card from the U.S. Will it work?", []),
        ("Something is wrong, my top-up is gone", []),
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
        ("Call 06 50 28 41 73 after six", "Call [phone] after six"),
        ("WhatsApp: 0421/4016068", "WhatsApp: [phone]"),
        ("my landline is (480)282-4894 extension 36", "my landline is [phone]"),
        ("ring 00420 605 770 677 or 951 63 31 39", "ring [phone] or [phone]"),
        ("Is 931 9346 still your number?", "Is [phone] still your number?"),
        ("text me on 20006606 please", "text me on [phone] please"),
        ("call me about case 20006606", "call me about case 20006606"),
        ("paid on 04/05/2024 and 12/2024", "paid on 04/05/2024 and 12/2024"),
        ("with 6761 0916 8218 and 213162214499981", "with [card] and [card]"),
        ("write to joe%smith@corp.net", "write to [email]"),
        ("644.50.1906 is my social", "[ssn] is my social"),
        ("304253531 is my social", "[ssn] is my social"),
        ("It was 2024-05-06 11:34:35 then", "It was 2024-05-06 11:34:35 then"),
        ("my credit card 503800000011", "my credit card [card]"),
        ("from 192.168.100.200", "from [number]"),
    ],
)
def test_numbers_are_named_by_what_is_said_around_them(text: str, cleaned: str) -> None:
    assert redact(text) == cleaned
