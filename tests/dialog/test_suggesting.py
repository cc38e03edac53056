"""Passages for a person who talks with the caller, and a passage that a supervisor gives the operator."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from contracts.errors import LegError, WorkerDied
from contracts.events import EventKind
from contracts.seats import Role
from tests.dialog.kit import BALANCE, HOURS, Finds, Says

HILL = replace(
    HOURS, passage_id="p9", document_id="d9", title="Hill Street", score=0.2, lexical=0.1,
    text="The branch in Hill Street is closed for repairs until May. Please use Market Square instead.",
)  # fmt: skip


def suggested(call: Any) -> list[tuple[str, list[str]]]:
    bodies = call.record.bodies(EventKind.DESK_SUGGESTED)
    return [(body["asked"], [one["title"] for one in body["passages"]]) for body in bodies]


def heard(call: Any) -> list[str]:
    return [body["heard"] for body in call.record.bodies(EventKind.TURN_OPERATOR)]


def test_what_a_caller_asks_a_person_is_looked_up_and_shown_and_nothing_is_said(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        call.session.byhand.join("sofia", Role.PERSON, None, None)
        assert not call.front.ear.hurried(), "nobody waits for words before a turn is over"
        said = len(heard(call))
        for text in ("When are your branches open?", "okay", "When are your branches open?", "My cat is orange."):
            assert await call.ask(text) == ""
        assert len(heard(call)) == said

    small = Says("small")
    call = talk(scenario, small=small)
    assert suggested(call) == [("When are your branches open?", ["Branch hours"])]
    assert small.asked == [], "no model is asked"
    (one,) = call.record.bodies(EventKind.DESK_SUGGESTED)[0]["passages"]
    assert one["quote"].startswith("All branches are open from 9 a.m. to 5 p.m.")
    assert 0.36 <= one["strength"] <= 1.0


@pytest.mark.parametrize("off", [{"assist": {"suggest": False}}, {"transcribe_by_hand": False}])
def test_by_setting_nothing_is_suggested(talk: Any, off: dict[str, Any]) -> None:
    async def scenario(call: Any) -> None:
        call.session.byhand.join("sofia", Role.PERSON, None, None)
        await call.ask("When are your branches open?")

    assert suggested(talk(scenario, dialog=off)) == []


def test_an_answer_of_the_operator_suggests_nothing(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        await call.ask("When are your branches open?")

    assert suggested(talk(scenario)) == []


def test_a_knowledge_base_that_is_lost_costs_the_suggestion_alone(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        call.session.byhand.join("sofia", Role.PERSON, None, None)
        await call.ask("When are your branches open?")
        await call.ask("What is the available balance?")

    call = talk(scenario, search=Finds([HOURS, BALANCE], errors=[WorkerDied("gone")]))
    assert suggested(call) == [("What is the available balance?", ["Your balance"])]


def test_a_supervisor_finds_every_passage_of_a_document_and_whoever_is_helped_the_best_one(talk: Any) -> None:
    other = replace(HOURS, passage_id="p7", text="Our branches are open on Saturday from 10 a.m. to 1 p.m.")

    async def scenario(call: Any) -> None:
        found = await call.session.suggesting.find("when are your branches open")
        assert {one.passage.passage_id for one in found} == {"p1", "p7"}
        call.session.byhand.join("sofia", Role.PERSON, None, None)
        await call.ask("When are your branches open?")

    (shown,) = suggested(talk(scenario, search=Finds([HOURS, other])))
    assert shown[1] == ["Branch hours"]


async def give(call: Any, query: str, title: str) -> None:
    found = await call.session.suggesting.find(query)
    call.session.byhand.give("sofia", next(one.passage for one in found if one.passage.title == title))


def test_the_next_question_is_answered_from_the_passage_that_a_supervisor_gave_and_the_one_after_as_ever(
    talk: Any,
) -> None:
    async def scenario(call: Any) -> None:
        await give(call, "hill street is closed", "Hill Street")
        assert "9 a.m." not in await call.ask("Thank you"), "small talk leaves it for the question"
        answer = await call.ask("When are your branches open?")
        assert "Hill Street is closed for repairs" in answer
        assert "9 a.m." not in answer
        assert "9 a.m." in await call.ask("And when are your branches open on other days?")

    call = talk(scenario, search=Finds([HOURS, HILL]), small=Says("small"))
    acts = [(body["act"], body["text"]) for body in call.record.bodies(EventKind.DESK_ACTED)]
    assert acts == [("gives the operator a passage", "Hill Street")]
    decided = call.record.bodies(EventKind.CASCADE_DECIDED)[0]
    assert (decided["why"], decided["passage_ids"]) == ("passage chosen by sofia", ["p9"])


def test_what_no_sentence_of_it_answers_is_answered_with_its_beginning(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        await give(call, "hill street is closed", "Hill Street")
        assert "Hill Street is closed" in await call.ask("Can I bring my giraffe?")

    talk(scenario, search=Finds([HOURS, HILL]), small=Says("small"), large=Says("large"))


def test_danger_comes_before_a_passage_and_the_last_order_counts(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        await give(call, "hill street is closed", "Hill Street")
        call.session.byhand.tell("sofia", "One moment, please.")
        assert await call.ask("When are your branches open?") == "One moment, please."
        assert "9 a.m." in await call.ask("So when are your branches open?")
        await give(call, "hill street is closed", "Hill Street")
        call.say("I want to kill myself.")
        await asyncio.sleep(0.2)
        await call.quiet()
        assert "Hill Street" not in heard(call)[-1]

    talk(scenario, search=Finds([HOURS, HILL]))


def test_a_call_in_a_persons_hands_takes_no_passage(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        call.session.byhand.join("sofia", Role.PERSON, None, None)
        with pytest.raises(LegError, match="does not have this caller"):
            await give(call, "hill street is closed", "Hill Street")

    talk(scenario, search=Finds([HOURS, HILL]))
