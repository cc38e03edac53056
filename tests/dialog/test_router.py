"""Evidence, question and confidence → rung; and whether a turn is a part of the question before it."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.configfile import load_yaml
from contracts.engines import Evidence, Passage
from dialog.gate import GroundingGate
from dialog.router import Route, Router
from dialog.settings import CascadeFile

ROOT = Path(__file__).resolve().parents[2]
OVERDRAFT = "The overdraft fee is 27 dollars. The interest rate on the overdraft line of credit is 17.9 percent a year."
BALANCE = "The available balance is what you can spend. The current balance is all the money in the account."
LOST = "If your debit card is lost, block it at once. You can block it in the app under Cards."


def evidence(text: str, score: float, lexical: float = 0.5, title: str = "About it") -> Evidence:
    return Evidence("", (Passage("p", title, title, "", text, score, lexical),), 0.2)


@pytest.fixture(scope="module")
def router() -> Router:
    cascade = load_yaml(ROOT / "configs" / "cascade.yaml", CascadeFile)
    return Router(cascade, GroundingGate(cascade))


@pytest.mark.parametrize(
    ("question", "found", "confidence", "route"),
    [
        ("what does an overdraft cost", evidence(OVERDRAFT, 0.7), 0.9, Route.EXTRACTIVE),
        ("what does an overdraft cost", evidence(OVERDRAFT, 0.7), 0.1, Route.REPEAT),
        ("what does an overdraft cost", Evidence(""), 0.9, Route.UNKNOWN),
        ("what's your mortgage rate", evidence(OVERDRAFT, 0.31, 0.4), 0.9, Route.UNKNOWN),
        ("what's your mortgage rate", evidence(OVERDRAFT, 0.32, 0.7), 0.9, Route.UNKNOWN),
        ("what's the interest rate on an auto loan", evidence(OVERDRAFT, 0.41, 0.6), 0.9, Route.UNKNOWN),
        ("who won the game last night", evidence(OVERDRAFT, 0.07, 0.2), 0.9, Route.UNKNOWN),
        ("why is my available balance different from my current balance", evidence(BALANCE, 0.53), 0.9, Route.SMALL),
        ("why is my available balance different from my current balance", evidence(BALANCE, 0.53), 0.4, Route.LARGE),
        ("why is my available balance different from the current one", evidence(BALANCE, 0.42, 0.4), 0.9, Route.LARGE),
    ],
)
def test_the_cheapest_rung_that_can_stand_behind_its_words(
    question: str, found: Evidence, confidence: float, route: Route, router: Router
) -> None:
    assert router.decide(question, found, confidence).route is route


def test_every_decision_says_why(router: Router) -> None:
    decision = router.decide("who won the game last night", evidence(OVERDRAFT, 0.07, 0.2), 0.9)
    assert "strength 0.11" in decision.why
    assert decision.score == pytest.approx(0.07)


def test_more_words_of_the_question_before_do_not_make_a_new_subject_answerable(router: Router) -> None:
    lost = evidence(LOST, 0.6, 0.8)
    assert not router.joins("what about mortgages", evidence(OVERDRAFT, 0.2, 0.0), lost)


def test_a_turn_that_finds_enough_by_itself_is_not_mixed_with_the_one_before(router: Router) -> None:
    alone = evidence("Choose Forgot password on the sign-in page.", 0.7, 1.0)
    assert not router.joins("what about my password", alone, evidence("Forgot your password or card?", 0.9, 1.0))


def test_a_turn_without_a_subject_belongs_to_the_one_before(router: Router) -> None:
    assert router.joins("and how much is it?", Evidence(""), evidence(LOST, 0.6, 0.8))
    assert not router.joins("and how much is it?", Evidence(""), Evidence(""))


def test_a_fragment_whose_words_stand_in_the_better_evidence_is_joined(router: Router) -> None:
    hours = "On Saturday our branches are open from 9 a.m. to 1 p.m."
    assert router.joins("and on Saturday?", evidence(hours, 0.25, 1.0), evidence(hours, 0.6, 1.0))
