"""A question in writing: the real cascade and gate, behind all calls, leaving nothing behind."""

from __future__ import annotations

import asyncio

import pytest

from contracts.configfile import load_yaml
from contracts.engines import Passage
from contracts.errors import WorkerBusy
from contracts.virtual_time import LoopClock, run_virtual
from contracts.worker import Priority
from dialog.prompts import Prompts
from dialog.settings import CascadeFile, DialogSettings
from server.asking import PER_MINUTE, Asking, QuestionRefused, standing
from tests.dialog.kit import BALANCE, HOURS, ROOT, Finds, Says

WHY = "Why is my available balance different from my current balance?"
TRUE = "The current balance is all the money in the account, pending payments included."


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
