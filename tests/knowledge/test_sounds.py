"""How much alike words sound."""

from __future__ import annotations

import pytest

from knowledge.sounds import alike, sounds


def likeness(one: str, other: str) -> float:
    return alike(sounds(one), sounds(other))


@pytest.mark.parametrize(
    ("heard", "meant"),
    [("Fiala", "Fayala"), ("dragon eats the hate", "DragonEats - The Haight"), ("row bank", "Rho-Bank"),
     ("daisy", "Desi"), ("return to Posit", "returned deposit"), ("Tuva", "Tuba"), ("Café Óscar", "cafe oscar")],
)  # fmt: skip
def test_what_is_often_misheard_sounds_alike(heard: str, meant: str) -> None:
    assert likeness(heard, meant) > 0.8


@pytest.mark.parametrize(
    ("one", "other"),
    [("Hilton", "Marriott"), ("gold", "golden"), ("light blue", "light green"), ("silver", "saver"), ("bed", "dot")],
)
def test_other_words_do_not(one: str, other: str) -> None:
    assert likeness(one, other) < 0.7


def test_a_confused_vowel_costs_less_than_a_confused_consonant_and_kin_less_than_strangers() -> None:
    assert likeness("bat", "bet") > likeness("bat", "pat") > likeness("bat", "lat")
    assert likeness("bat", "pat") == likeness("pat", "bat")


def test_without_letters_there_is_no_sound() -> None:
    assert sounds("12 – ?!") == ""
    assert alike("", "") == 1.0
    assert alike("", "ba") == 0.0
