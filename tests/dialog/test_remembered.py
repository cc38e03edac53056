"""The same question on the same evidence is answered as before, without a model; anything else is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from contracts.events import EventKind, Rung
from dialog.remembered import Answer, Remembered
from tests.dialog.kit import BALANCE, HOURS, Finds, Says

WHY = "Why is my available balance different from my current balance?"
PENDING = "The current balance is all the money, pending payments included."
ANSWER = Answer((PENDING,), Rung.SMALL)


def test_words_passages_and_lines_before_must_be_the_same() -> None:
    memory = Remembered(10)
    memory.put(WHY, [BALANCE], (), ANSWER)
    assert memory.get(WHY.lower().rstrip("?"), [BALANCE], ()) == ANSWER
    assert memory.get("Why is my balance different?", [BALANCE], ()) is None
    assert memory.get(WHY, [BALANCE, HOURS], ()) is None
    assert memory.get(WHY, [replace(BALANCE, text=BALANCE.text + " Or not.")], ()) is None
    assert memory.get(WHY, [BALANCE], ("Caller: hello",)) is None


def test_the_one_not_asked_for_longest_goes_first() -> None:
    memory = Remembered(2)
    for number in range(2):
        memory.put(f"question {number}", [BALANCE], (), ANSWER)
    memory.get("question 0", [BALANCE], ())
    memory.put("question 2", [BALANCE], (), ANSWER)
    assert [memory.get(f"question {n}", [BALANCE], ()) is not None for n in range(3)] == [True, False, True]


def test_nothing_is_remembered_when_switched_off() -> None:
    memory = Remembered(0)
    memory.put(WHY, [BALANCE], (), ANSWER)
    assert memory.get(WHY, [BALANCE], ()) is None


def test_the_second_caller_is_answered_without_a_model(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        first = await call.ask(WHY)
        assert await call.ask(WHY) == first
        assert "pending" in first

    call = talk(scenario, small=Says("small", PENDING, token_s=0.05))
    assert len(call.small.asked) == 1
    measured = call.record.bodies(EventKind.TURN_MEASURED)
    assert measured[1]["models"] == []
    assert measured[1]["response_latency_s"] < measured[0]["response_latency_s"]


def test_what_the_gate_held_back_is_not_remembered(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        await call.ask(WHY)
        await call.ask(WHY)

    small = Says("small", f"{PENDING} It costs fifty dollars.")
    assert len(talk(scenario, small=small, search=Finds([BALANCE])).small.asked) == 2
