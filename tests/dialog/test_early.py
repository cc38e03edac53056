"""What identifies a caller and was said unasked is not remembered, and not asked for again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dialog.tools.early import early, hidden
from dialog.tools.tasks import TaskBook
from scripts.demo_bank import Bank
from tests.dialog.bankkit import DEMO, MONDAY, counter

IDENTITY = TaskBook.load(DEMO / "bank" / "tasks.yaml").file.identity


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("My account ends in four two seven seven.", "My account ends in [last four]."),
        ("the last four digits are 4 2 7 7 okay", "the last four digits are [last four] okay"),
        ("I was born on March fifth nineteen eighty four.", "I was born on [date of birth]."),
        ("born 03/05/1984, zip code 6 6 6 1 4", "born [date of birth], zip code [postcode]"),
        ("It's the fifth of March, 1984.", "It's the [date of birth]."),
        ("This is Linda Brown, how are you?", "This is [name], how are you?"),
        ("Are you open on March 5th?", "Are you open on March 5th?"),
        ("Can I move two hundred dollars?", "Can I move two hundred dollars?"),
        ("I need 3 boxes of 100 checks.", "I need 3 boxes of 100 checks."),
    ],
)
def test_factors_are_found_wherever_they_stand(text: str, left: str) -> None:
    assert IDENTITY is not None
    assert hidden(text, early(text, IDENTITY.factors, MONDAY)) == left


def test_a_number_that_nobody_called_anything_is_not_sure() -> None:
    assert IDENTITY is not None
    (found,) = early("It was in 1 9 8 4", IDENTITY.factors, MONDAY)
    assert not found.sure


def test_factors_said_with_the_wish_are_taken_and_stand_nowhere(talk: Any) -> None:
    bank = Bank(lambda: MONDAY)

    async def scenario(call: Any) -> None:
        heard = await call.ask(
            "Please block my debit card, my account ends in four two seven seven and I was born on March fifth, 1984."
        )
        assert "your debit card now" in heard
        await call.ask("Yes please.")

    call = talk(scenario, counter=counter(bank))
    assert bank.customers["c-100"].blocked == ["debit"]
    kept = json.dumps([event.body for event in call.record.events])
    assert "four two seven" not in kept
    assert "1984" not in kept
    assert "[last four]" in kept


def test_factors_beside_a_question_are_not_remembered_either(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        assert await call.ask("My account ends in four two seven seven. When are your branches open?")
        await call.ask("I want to talk to a person.")

    call = talk(scenario, counter=counter(Bank(lambda: MONDAY)))
    said = [one.text for handoff in call.record.handoffs for one in handoff.transcript]
    kept = json.dumps([event.body for event in call.record.events]) + json.dumps(said)
    assert "four two seven" not in kept


def test_a_price_or_a_day_in_a_question_stays(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        await call.ask("When are your branches open on March 5th 2027?")

    call = talk(scenario, counter=counter(Bank(lambda: MONDAY)))
    assert "March 5th" in json.dumps([event.body for event in call.record.events])
