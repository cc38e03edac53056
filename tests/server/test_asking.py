"""A question in writing: the real cascade and gate, behind all calls, leaving nothing behind."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from contracts.configfile import load_yaml
from contracts.engines import Passage
from contracts.errors import WorkerBusy
from contracts.virtual_time import LoopClock, run_virtual
from contracts.worker import Priority
from dialog.prompts import Prompts
from dialog.settings import CascadeFile, DialogSettings
from server.asking import IDLE_S, MOST_TURNS, PER_MINUTE, Asking, QuestionRefused, standing
from tests.dialog.kit import BALANCE, HOURS, ROOT, Finds, Says

WHY = "Why is my available balance different from my current balance?"
TRUE = "The current balance is all the money in the account, pending payments included."

REPLACING = Passage(
    "c1", "cards", "Replacing a card", "What a new card costs",
    "A replacement debit card is free once a year. After that a replacement debit card costs 10 dollars. A replacement "
    "credit card is always free.", 0.7, 1.0,
)  # fmt: skip


def asking(small: Says, clock: LoopClock) -> Asking:
    settings = DialogSettings()
    thresholds = load_yaml(ROOT / "configs" / "cascade.yaml", CascadeFile)
    prompts = Prompts(ROOT / "configs" / "prompts", "Test Bank", settings)
    return Asking(settings, thresholds, prompts, Finds([HOURS, BALANCE]), small, None, clock)


def test_a_model_is_asked_behind_all_calls_each_time_anew() -> None:
    async def scene() -> None:
        clock = LoopClock(asyncio.get_running_loop())
        small = Says("small", TRUE)
        desk = asking(small, clock)
        for _ in range(2):
            answer = (await desk.ask({"text": WHY}))["result"]
        assert small.priorities == [Priority.BACKGROUND, Priority.BACKGROUND]
        assert (answer["rung"], answer["answer"]) == ("small", TRUE)
        assert answer["verdicts"] == [{"sentence": TRUE, "passed": True, "own": False, "unsupported": []}]
        cited = [one for one in answer["passages"] if one["cited"]]
        assert cited[0]["stands"] == [TRUE]

    run_virtual(scene())


def test_what_the_gate_holds_back_is_shown_with_its_reason() -> None:
    async def scene() -> None:
        clock = LoopClock(asyncio.get_running_loop())
        answer = (await asking(Says("small", "The fee for that is 35 dollars."), clock).ask({"text": WHY}))["result"]
        assert answer["result"] != "answered"
        assert answer["answer"] == "" or "35" not in answer["answer"]
        assert any(not one["passed"] and one["unsupported"] for one in answer["verdicts"])

    run_virtual(scene())


def test_questions_are_limited_in_length_and_rate() -> None:
    async def scene() -> None:
        clock = LoopClock(asyncio.get_running_loop())
        desk = asking(Says("small", TRUE), clock)
        for text in ("", "x" * 601):
            with pytest.raises(QuestionRefused, match="at most 600"):
                await desk.ask({"text": text})
        for _ in range(PER_MINUTE):
            await desk.ask({"text": "when are the branches open"})
        with pytest.raises(WorkerBusy, match="a minute"):
            await desk.ask({"text": "when are the branches open"})

    run_virtual(scene())


def test_the_sentence_that_an_answer_stands_on_is_the_nearest_one() -> None:
    passage = Passage("p", "d", "Cards", "", "A card arrives in five days.\nIt costs 4 dollars. It is blue.", 0.5)
    assert standing(["The card costs 4 dollars."], passage) == ["It costs 4 dollars."]
    assert standing(["Nothing of this."], passage) == []


def test_a_conversation_is_remembered_for_each_person_alone() -> None:
    async def scene() -> None:
        clock = LoopClock(asyncio.get_running_loop())
        desk = asking(Says("small", TRUE), clock)

        async def ask(text: str, who: str, **more: object) -> dict[str, Any]:
            answer: dict[str, Any] = (await desk.ask({"text": text, "who": who, **more}))["result"]
            return answer

        first = await ask("When are the branches open?", "maria")
        assert first["before"] == []
        leaning = await ask("And on Saturday?", "maria")
        assert [one["said"] for one in leaning["before"]] == ["When are the branches open?"]
        assert leaning["before"][0]["answer"] == first["answer"]
        assert (await ask("And on Saturday?", "bob"))["before"] == []
        assert (await ask("And on Saturday?", "maria", fresh=True))["before"] == []
        await asyncio.sleep(IDLE_S + 1)
        assert (await ask("And on Sunday?", "maria"))["before"] == []

    run_virtual(scene())


def test_what_was_asked_back_can_be_answered() -> None:
    async def scene() -> None:
        clock = LoopClock(asyncio.get_running_loop())
        settings = DialogSettings()
        thresholds = load_yaml(ROOT / "configs" / "cascade.yaml", CascadeFile)
        prompts = Prompts(ROOT / "configs" / "prompts", "Test Bank", settings)
        desk = Asking(settings, thresholds, prompts, Finds([REPLACING]), Says("small", TRUE), None, clock)
        back = (await desk.ask({"text": "How much is a new card?", "who": "maria"}))["result"]
        assert back["result"] == "clarify"
        assert back["answer"] == "Do you mean the debit card or the credit card?"
        picked = (await desk.ask({"text": "The credit card.", "who": "maria"}))["result"]
        assert picked["result"] == "answered"
        assert "always free" in picked["answer"]

    run_virtual(scene())


def test_a_conversation_has_an_end() -> None:
    async def scene() -> None:
        clock = LoopClock(asyncio.get_running_loop())
        desk = asking(Says("small", TRUE), clock)
        for _ in range(MOST_TURNS):
            await desk.ask({"text": "when are the branches open", "who": "maria"})
            await asyncio.sleep(5.0)
        with pytest.raises(QuestionRefused, match="begin anew"):
            await desk.ask({"text": "when are the branches open", "who": "maria"})
        await desk.ask({"text": "when are the branches open", "who": "maria", "fresh": True})

    run_virtual(scene())
