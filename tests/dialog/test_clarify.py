"""Two readings of a question: when the caller is asked back, in which words, and what picks one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from contracts.configfile import load_yaml
from contracts.engines import Evidence, Passage
from contracts.events import EventKind
from dialog.clarify import Choice, Reading
from dialog.gate import GroundingGate
from dialog.router import Route, Router
from dialog.settings import CascadeFile
from tests.dialog.kit import HOURS, Finds

ROOT = Path(__file__).resolve().parents[2]
CARDS = Passage(
    "c1", "cards", "Replacing a card", "What a new card costs",
    "A replacement debit card is free once a year. After that a replacement debit card costs 10 dollars. A replacement "
    "credit card is always free.", 0.7, 1.0,
)  # fmt: skip
GREEN = Passage("g", "green", "Green Account: Fees", "", "The monthly fee of the account is 5 dollars.", 0.6, 0.9)
BLUE = Passage("b", "blue", "Blue Account: Fees", "", "The monthly fee of the account is 8 dollars.", 0.59, 0.9)
FEE = "What is the monthly fee for the account?"


@pytest.fixture(scope="module")
def thresholds() -> CascadeFile:
    return load_yaml(ROOT / "configs" / "cascade.yaml", CascadeFile)


def asked_back(thresholds: CascadeFile, question: str, *passages: Passage, settled: tuple[str, ...] = ()) -> str:
    router = Router(thresholds, GroundingGate(thresholds))
    evidence = router.ranked(question, Evidence(question, passages, 0.1))
    decision = router.decide(question, evidence, 0.9)
    found = router.choice(question, evidence, decision, frozenset(settled))
    return found.sentence if found is not None else ""


def test_two_kinds_of_the_thing_that_was_named_are_asked_back(thresholds: CascadeFile) -> None:
    assert asked_back(thresholds, "How much is a new card?", CARDS) == (
        "Do you mean the debit card or the credit card?"
    )


@pytest.mark.parametrize("question", ["How much is a new debit card?", "What does a replacement credit card cost?"])
def test_whoever_says_the_kind_is_not_asked(thresholds: CascadeFile, question: str) -> None:
    assert asked_back(thresholds, question, CARDS) == ""


def test_two_products_of_which_neither_was_named_are_asked_back(thresholds: CascadeFile) -> None:
    assert asked_back(thresholds, FEE, GREEN, BLUE) == "Do you mean the Green Account or the Blue Account?"


def test_a_third_product_is_not_kept_from_the_caller(thresholds: CascadeFile) -> None:
    red = replace(BLUE, passage_id="r", document_id="red", title="Red Account: Fees", text=BLUE.text.replace("8", "9"))
    assert asked_back(thresholds, FEE, GREEN, BLUE, red).endswith("or another one?")


@pytest.mark.parametrize(
    ("question", "other"),
    [
        ("What is the monthly fee for the green account?", BLUE),
        (FEE, replace(BLUE, text=GREEN.text)),
        (FEE, replace(BLUE, text="You can open the account at any branch.")),
        ("What is the monthly fee for the silver account?", BLUE),
        (FEE, replace(BLUE, title="Green Account Plus: Fees")),
    ],
    ids=["named", "same answer", "no answer", "a thing that neither is", "one name is a part of the other"],
)
def test_where_one_reading_is_left_nothing_is_asked(thresholds: CascadeFile, question: str, other: Passage) -> None:
    assert asked_back(thresholds, question, GREEN, other) == ""


def test_about_one_topic_it_is_asked_once(thresholds: CascadeFile) -> None:
    assert asked_back(thresholds, FEE, GREEN, BLUE, settled=("Green Account: Fees",)) == ""


def test_it_can_be_switched_off(thresholds: CascadeFile) -> None:
    off = thresholds.model_copy(update={"clarify": thresholds.clarify.model_copy(update={"enabled": False})})
    assert asked_back(off, FEE, GREEN, BLUE) == ""


def test_what_is_not_in_the_documents_is_not_asked_back(thresholds: CascadeFile) -> None:
    weak = [replace(one, score=0.1, lexical=0.1) for one in (GREEN, BLUE)]
    router = Router(thresholds, GroundingGate(thresholds))
    evidence = Evidence(FEE, tuple(weak), 0.1)
    decision = router.decide(FEE, evidence, 0.9)
    assert decision.route is Route.UNKNOWN
    assert router.choice(FEE, evidence, decision) is None


CHOICE = Choice(
    "How much is a new card?",
    (Reading("debit card", frozenset({"debit"}), ""), Reading("credit card", frozenset({"credit"}), "")),
    False,
    frozenset({"Replacing a card"}),
)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("The debit one.", "debit card"),
        ("Credit.", "credit card"),
        ("uh the credit card please", "credit card"),
        ("The first one.", "debit card"),
        ("the second", "credit card"),
        ("Both.", None),
        ("Debit or credit, I don't know.", None),
        ("When do you open?", None),
        ("How long does a new debit card take to arrive?", None),
        ("", None),
    ],
)
def test_the_next_words_pick_one_or_are_a_turn_of_their_own(text: str, name: str | None) -> None:
    picked = CHOICE.picked(text)
    assert (picked.name if picked is not None else None) == name


def test_the_picked_reading_is_answered_and_what_follows_leans_on_it(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        assert await call.ask("How much is a new card?") == "Do you mean the debit card or the credit card?"
        assert await call.ask("What did you say?") == "Do you mean the debit card or the credit card?"
        assert await call.ask("The second one.") == "A replacement credit card is always free."

    call = talk(scenario, search=Finds([CARDS]))
    decided = call.record.bodies(EventKind.CASCADE_DECIDED)
    assert decided[0]["rung"] == "clarify"
    assert decided[0]["readings"] == ["debit card", "credit card"]
    assert call.small.asked == call.large.asked == []


@pytest.mark.parametrize(
    ("before", "answer"),
    [
        ("My credit card was stolen.", "A replacement credit card is always free."),
        ("I lost my cards, debit and credit.", "Do you mean the debit card or the credit card?"),
        ("When are your branches open?", "Do you mean the debit card or the credit card?"),
    ],
)
def test_what_the_caller_has_named_a_turn_before_is_not_asked_back(talk: Any, before: str, answer: str) -> None:
    async def scenario(call: Any) -> None:
        await call.ask(before)
        assert await call.ask("How much is a new card?") == answer

    talk(scenario, search=Finds([CARDS, HOURS]))


def test_both_readings_are_answered_where_one_document_does(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        await call.ask("How much is a new card?")
        heard = await call.ask("Both, please.")
        assert "debit card is free once a year" in heard
        assert "credit card is always free" in heard

    talk(scenario, search=Finds([CARDS]))


def test_both_of_two_products_is_no_question() -> None:
    first, second = (replace(one, document_id="d") for one in CHOICE.readings)
    assert replace(CHOICE, readings=(first, second)).both("both") == ""
    assert CHOICE.both("both of them") == (
        "How much is a new card for the debit card, and how much is a new card for the credit card?"
    )
    assert CHOICE.both("Are both open on Sunday?") == ""


def test_another_question_than_the_answer_is_answered(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        await call.ask("How much is a new card?")
        assert "10 dollars" in await call.ask("What does a replacement debit card cost then?")
        assert "10 dollars" in await call.ask("How much is a new card?")  # asked back once, then answered

    talk(scenario, search=Finds([CARDS]))


def test_the_picked_product_leads_whatever_is_found_first(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        assert "Green Account or the Blue Account" in await call.ask(FEE)
        assert "8 dollars" in await call.ask("the blue one")

    talk(scenario, search=Finds([GREEN, BLUE]))
