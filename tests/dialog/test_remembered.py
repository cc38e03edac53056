"""The same question on the same evidence is answered as before, without a model; anything else is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from contracts.engines import Evidence
from contracts.events import EventKind, Rung
from dialog.outcome import Found, Question
from dialog.remembered import Answer, LookedUp, Remembered
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


def looked_up(question: Question, release: str = "r1") -> Found:
    return Found(question.text, Evidence(question.text, (HOURS,), release=release))


def test_what_was_looked_up_is_kept_for_the_same_words_in_the_same_place_for_a_while() -> None:
    memory = LookedUp(10, 60.0)
    question = Question("When are you open?", 0.9)
    found = looked_up(question)
    memory.put(question, found, 100.0)
    assert memory.get(Question("when are you open", 0.5), 159.0) is found
    assert memory.get(Question("when are you open", 0.5), 161.0) is None
    assert memory.get(Question("When are you open?", 0.9, before="I lost my card."), 101.0) is None


def test_what_was_looked_up_in_another_release_is_dropped() -> None:
    memory = LookedUp(10, 60.0)
    old, new = Question("When are you open?", 0.9), Question("Is there a fee?", 0.9)
    memory.put(old, looked_up(old), 100.0)
    memory.put(new, looked_up(new, "r2"), 101.0)
    assert memory.get(old, 102.0) is None
    assert memory.get(new, 102.0) is not None


def test_no_more_is_kept_of_what_was_looked_up_than_is_allowed() -> None:
    memory = LookedUp(1, 60.0)
    for text in ("When are you open?", "Is there a fee?"):
        memory.put(Question(text, 0.9), looked_up(Question(text, 0.9)), 100.0)
    assert memory.get(Question("When are you open?", 0.9), 101.0) is None
