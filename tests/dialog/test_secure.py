"""The keypad's state machine: what ends an entry, what is wrong with one, what is given up, what is forgotten."""

from __future__ import annotations

import copy
import json
import pickle
from datetime import date

import pytest
from pydantic import ValidationError
from stdnum import luhn

from contracts.capture import MAX_KEYED, Keyed
from dialog.tools.secure import CaptureLimits, Check, Entering, Over, SecureSlot, Wanted, passes_luhn

CARD = "4539578763621486"
TODAY = date(2026, 11, 23)
SLOTS = {
    "card_number": SecureSlot(ask="Your card number.", least=13, most=19, check=Check.LUHN),
    "expiry": SecureSlot(ask="The date.", least=4, most=4, check=Check.EXPIRY),
}
LIMITS = CaptureLimits(first_key_s=10, key_s=5, total_s=60)


def entering(**more: float) -> Entering:
    machine = Entering(SLOTS, LIMITS.model_copy(update=more), TODAY, 0.0)
    machine.asked(0.0)
    return machine


def step(machine: Entering) -> object:
    """What it wants now; not narrowed by an assertion before."""
    return machine.step


def press(machine: Entering, keys: str, at: float = 1.0) -> object:
    for key in keys:
        machine.key(key, at)
    return machine.step


def digits(keyed: Keyed) -> str:
    body = bytearray(MAX_KEYED)
    return body[: keyed.put(body, 0)].decode()


def test_slots_follow_each_other_and_end_with_the_hash_key() -> None:
    machine = entering()
    assert press(machine, CARD) == Wanted("card_number")
    assert press(machine, "#") == Wanted("expiry")
    assert press(machine, "1228#") == Over("expiry")
    assert {name: digits(one) for name, one in machine.keyed.items()} == {"card_number": CARD, "expiry": "1228"}
    machine.wipe()
    assert [len(one) for one in machine.keyed.values()] == [0, 0]


def test_star_begins_an_entry_anew() -> None:
    machine = entering()
    assert press(machine, "99*" + CARD + "#") == Wanted("expiry")
    assert digits(machine.keyed["card_number"]) == CARD


@pytest.mark.parametrize(
    ("keys", "why"),
    [("#", "nothing"), ("4539#", "too short"), (CARD + "0000#", "too long"), (CARD[:-1] + "7#", "check digit")],
)
def test_what_is_wrong_is_asked_once_more_and_then_given_up(keys: str, why: str) -> None:
    machine = entering()
    assert press(machine, keys) == Wanted("card_number", why)
    machine.begun()
    assert press(machine, keys) == Over("card_number", why)
    assert digits(machine.keyed["card_number"]) == ""


@pytest.mark.parametrize(("keys", "whole"), [("1126", True), ("1026", False), ("1328", False), ("0047", False)])
def test_an_expiry_date_is_a_month_that_is_not_over(keys: str, whole: bool) -> None:
    machine = entering()
    press(machine, CARD + "#")
    assert (press(machine, keys + "#") == Over("expiry")) is whole


def test_a_pause_ends_an_entry_as_the_hash_key_would() -> None:
    machine = entering()
    press(machine, CARD, at=3.0)
    assert machine.due == 8.0
    machine.late(7.9)
    assert step(machine) == Wanted("card_number")
    machine.late(8.0)
    assert step(machine) == Wanted("expiry")


def test_no_key_at_all_twice_is_given_up() -> None:
    machine = entering()
    machine.late(10.0)
    assert step(machine) == Wanted("card_number", "nothing")
    machine.begun()
    machine.asked(12.0)
    assert machine.due == 22.0
    machine.late(22.0)
    assert step(machine) == Over("card_number", "nothing")


def test_all_together_may_not_last_for_ever() -> None:
    machine = entering(key_s=50)
    press(machine, "4", at=20.0)
    machine.late(60.0)
    assert step(machine) == Over("card_number", "too late")


def test_keys_that_follow_a_wrong_entry_count_from_the_next_question_on() -> None:
    machine = entering()
    press(machine, "4539#" + "1228#")  # whoever knows the way keys on: that was meant for the next slot
    assert step(machine) == Wanted("card_number", "too short")
    machine.begun()
    assert press(machine, CARD + "#") == Wanted("expiry")


def test_the_check_digit_is_that_of_the_standard() -> None:
    for number in (CARD, "79927398713", "371449635398431", "0", "18", "4539578763621487"):
        keyed = Keyed()
        for digit in number:
            keyed.add(digit)
        assert passes_luhn(keyed) == luhn.is_valid(number)


def test_what_was_keyed_shows_nowhere() -> None:
    keyed = Keyed()
    for digit in CARD:
        keyed.add(digit)
    shown = f"{keyed} {keyed!r} {[keyed]} {keyed:}"
    assert not any(run.isdigit() for run in shown)
    for leak in (pickle.dumps, copy.copy, copy.deepcopy, json.dumps):
        with pytest.raises(TypeError):
            leak(keyed)
    assert keyed.ends("1486")
    assert keyed.shares("ref-45 39 57 8", 7)
    assert not keyed.shares("4539571", 7)
    keyed.wipe()
    assert bytes(keyed._buffer) == bytes(MAX_KEYED)


def test_a_slot_that_nothing_fits_is_refused() -> None:
    for wrong in ({"least": 5, "most": 4}, {"least": 3, "most": 4, "check": "expiry"}, {"most": 40}):
        with pytest.raises(ValidationError):
            SecureSlot.model_validate({"ask": "?", **wrong})
