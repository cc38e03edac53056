"""What was taken down is read back, corrected where the caller corrects it, and read back again before it is used."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from dialog.tools.machine import Machine
from dialog.tools.moves import Ask, Call, End, Phase
from dialog.tools.tasks import Identity, TaskBook, TaskFile
from scripts.demo_bank import Bank
from tests.dialog.bankkit import LINDA, MONDAY, counter

FILE = {
    "version": 1,
    "tasks": {
        "order": {
            "phrases": ["where is my order"],
            "identity": False,
            "slots": {
                "number": {
                    "kind": "digits", "digits": 4, "ask": "What is the number?", "keys": "Please press the number.",
                    "repeat": "That is {value:digits}. Is that right?",
                }
            },
            "look": "find",
            "done": "It is {state}.",
        }
    },
}  # fmt: skip


@pytest.fixture
def machine() -> Machine:
    book = TaskBook(TaskFile.model_validate(FILE))
    machine = Machine(book, lambda name: frozenset({"number"}), lambda: date(2026, 11, 23))
    machine.begin("Where is my order?")
    return machine


def test_a_number_is_read_back_digit_by_digit_and_used_after_a_yes(machine: Machine) -> None:
    asked = machine.heard("four four seven zero")
    assert isinstance(asked, Ask)
    assert asked.text == "That is 4, 4, 7, 0. Is that right?"
    call = machine.heard("Yes, that's right.")
    assert isinstance(call, Call)
    assert call.arguments == {"number": "4470"}


@pytest.mark.parametrize("text", ["No, 4 4 7 1.", "four four seven one", "No, it's four, four, seven, one."])
def test_a_correction_is_read_back_again(machine: Machine, text: str) -> None:
    machine.heard("four four seven zero")
    asked = machine.heard(text)
    assert isinstance(asked, Ask)
    assert asked.text.startswith("That is 4, 4, 7, 1.")
    assert isinstance(machine.heard("Correct."), Call)


def test_a_plain_no_asks_again_and_what_was_understood_poorly_is_no_yes(machine: Machine) -> None:
    machine.heard("four four seven zero")
    asked = machine.heard("Yes.", sure=False)
    assert isinstance(asked, Ask)
    assert machine.state.phase is Phase.CHECK
    asked = machine.heard("No.")
    assert isinstance(asked, Ask)
    assert asked.text == "What is the number?"
    assert machine.state.values == {}


def test_keys_are_believed_and_another_question_leaves(machine: Machine) -> None:
    machine.heard("four four seven zero")
    assert isinstance(machine.pressed("2"), Ask)
    call = machine.pressed("4471")
    assert isinstance(call, Call)
    machine.begin("Where is my order?")
    machine.heard("four four seven zero")
    assert machine.heard("When are your branches open on Sunday?") is None


def test_what_identifies_a_caller_is_never_read_back() -> None:
    slot = {"kind": "digits", "digits": 4, "ask": "?", "repeat": "That is {value}."}
    with pytest.raises(ValueError, match="not said aloud"):
        Identity.model_validate({"operation": "x", "factors": {"a": slot, "b": {"kind": "name", "ask": "?"}}})


@pytest.mark.parametrize(
    "answer", ["No, the credit card.", "Not the debit card, the credit card.", "Yes, but the credit card please."]
)
def test_the_card_is_corrected_in_the_read_back(talk: Any, answer: str) -> None:
    bank = Bank(lambda: MONDAY)

    async def scenario(call: Any) -> None:
        await call.ask("I want to block my debit card.")
        for words in LINDA:
            await call.ask(words)
        assert "your credit card now" in await call.ask(answer)
        assert bank.customers["c-100"].blocked == []
        await call.ask("Yes.")

    talk(scenario, counter=counter(bank))
    assert bank.customers["c-100"].blocked == ["credit"]


def test_day_and_time_are_corrected_and_the_service_is_asked_again(talk: Any) -> None:
    bank = Bank(lambda: MONDAY)

    async def scenario(call: Any) -> None:
        await call.ask("I'd like to make an appointment.")
        await call.ask("On Wednesday.")
        await call.ask("At ten.")
        for words in LINDA:
            heard = await call.ask(words)
        assert "Wednesday, November 25 at 10:00 a.m." in heard
        assert "Thursday, November 26 at 10:00 a.m." in await call.ask("No, on Thursday.")
        assert "Thursday, November 26 at 2:00 p.m." in await call.ask("Could you make it at two p.m.?")
        assert "booked" in await call.ask("Yes please.")

    talk(scenario, counter=counter(bank))
    assert set(bank.taken) == {("2026-11-26", "14:00")}


def test_a_plain_no_still_does_nothing() -> None:
    book = TaskBook(TaskFile.model_validate(FILE))
    machine = Machine(book, lambda name: frozenset({"number"}), lambda: date(2026, 11, 23))
    machine.begin("Where is my order?")
    assert isinstance(machine.heard("Never mind."), End)
