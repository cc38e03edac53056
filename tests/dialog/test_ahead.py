"""Thinking while listening: what was done before the turn was over is used if it fits, and leaves no trace if not."""

from __future__ import annotations

import asyncio
from typing import Any

from contracts.engines import Word
from contracts.errors import WorkerDied
from contracts.events import EventKind, WordsLate
from contracts.worker import Priority
from tests.dialog.kit import BALANCE, HOURS, Finds, Says

WHY = "Why is my available balance different from my current balance?"
PENDING = "The current balance is all the money, pending payments included."


def latency(call: Any) -> float:
    return float(call.record.bodies(EventKind.TURN_MEASURED)[0]["response_latency_s"])


def test_an_answer_begun_in_the_pause_is_heard_as_soon_as_the_turn_is_over(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        call.words(WHY, settled=True)
        await asyncio.sleep(1.5)
        assert "pending" in await call.ask(WHY)

    call = talk(scenario, small=Says("small", PENDING, token_s=0.1))
    assert latency(call) < 0.5
    assert call.record.bodies(EventKind.TURN_MEASURED)[0]["ahead"] == "answer"
    assert len(call.small.asked) == 1
    assert call.small.priorities == [Priority.SPECULATION]
    assert call.small.asked[0].urgency.priority is Priority.ANSWER, "raised when somebody waited"


def test_a_follow_up_is_answered_ahead_too(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        await call.ask("When are your branches open?")
        call.words("And on Sunday?", settled=True)
        await asyncio.sleep(0.5)
        assert "closed on Sunday" in await call.ask("And on Sunday?")

    measured = talk(scenario).record.bodies(EventKind.TURN_MEASURED)
    assert measured[1]["ahead"] == "answer"


def test_trouble_that_came_before_anybody_waited_is_tried_again(talk: Any) -> None:
    search = Finds([HOURS, BALANCE])
    search.errors = [WorkerDied("gone")] * 3

    async def scenario(call: Any) -> None:
        call.words("When are your branches open?", settled=True)
        await asyncio.sleep(0.5)
        assert "9 a.m." in await call.ask("When are your branches open?")

    talk(scenario, search=search)


def test_nothing_is_heard_before_the_turn_is_over(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        call.words("When are your branches open?", settled=True)
        await asyncio.sleep(2.0)
        assert not any(voiced for _, voiced in call.voiced[-90:])
        assert call.record.bodies(EventKind.CASCADE_DECIDED) == []
        await call.ask("When are your branches open?")

    talk(scenario)


def test_an_answer_to_other_words_leaves_no_trace(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        call.words(WHY, settled=True)
        await asyncio.sleep(1.5)
        heard = await call.ask("When are your branches open?")
        assert "9 a.m." in heard
        assert "pending" not in heard

    call = talk(scenario, small=Says("small", PENDING))
    assert len(call.record.bodies(EventKind.CASCADE_DECIDED)) == 1
    assert "pending" not in str([event.body for event in call.record.events])


def test_a_caller_who_goes_on_stops_the_model(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        call.words(WHY, settled=True)
        await asyncio.sleep(0.25)
        call.words(WHY)
        await asyncio.sleep(3.0)

    call = talk(scenario, small=Says("small", PENDING, token_s=0.1))
    assert call.small.finished == 0


def test_evidence_found_on_the_words_so_far_is_not_looked_up_again(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        call.words("When are your branches open?")
        await asyncio.sleep(0.5)
        await call.ask("When are your branches open?")

    call = talk(scenario, search=Finds([HOURS, BALANCE], delay_s=0.2))
    assert len(call.search.asked) == 1
    assert call.record.bodies(EventKind.TURN_MEASURED)[0]["ahead"] == "evidence"


def test_the_model_reads_the_evidence_while_the_caller_speaks(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        call.words("Why is my available balance different from my current")
        await asyncio.sleep(0.2)
        await call.ask(WHY)

    call = talk(scenario, small=Says("small", PENDING))
    assert len(call.small.read) == 1
    assert call.small.asked[0].prompt.startswith(call.small.read[0])
    assert "pending payments included" in call.small.read[0]


def test_a_wish_that_needs_no_document_is_not_looked_up(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        call.words("Thank you very much.", settled=True)
        await call.ask("Thank you very much.")

    assert talk(scenario).search.asked == []


def test_the_large_model_is_announced_at_once(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        assert "pending" in await call.ask(WHY, confidence=0.4)

    call = talk(scenario, large=Says("large", PENDING, token_s=0.2))
    measured = call.record.bodies(EventKind.TURN_MEASURED)[0]
    assert measured["rung"] == "large"
    assert measured["filler_latency_s"] < 0.6
    chosen = call.record.bodies(EventKind.BUDGET_CHOSE)[0]
    assert chosen["step"] == "filler"
    assert "expected" in chosen["why"]


def test_words_that_are_late_are_bridged_and_the_answer_follows(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        now = call.clock.now()
        call.front._queue.put(WordsLate(now - 0.8, now))
        await asyncio.sleep(0.3)
        heard = await call.ask("When are your branches open?")
        assert heard.startswith("One moment, I'll check that. All branches are open")

    assert talk(scenario).record.bodies(EventKind.TURN_OPERATOR)[2]["interrupted"] is False


def test_evidence_for_words_that_turn_out_to_be_doubted_is_looked_up_again(talk: Any) -> None:
    doubted = tuple(Word(word, 0.5) for word in ("branches", "open"))

    async def scenario(call: Any) -> None:
        call.words("When are your branches open?")
        await asyncio.sleep(0.5)
        call.search.asked.clear()
        await call.ask("When are your branches open?", words=doubted)
        assert call.search.asked

    talk(scenario)
