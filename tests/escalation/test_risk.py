"""The classifier beside the rules, and how its word reaches them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from contracts.configfile import load_yaml
from escalation.amounts import largest_amount
from escalation.facts import TurnFacts
from escalation.risk import RiskFile, RiskModel, Vectors, pieces
from escalation.rules import RuleBook

CONFIGS = Path(__file__).parents[2] / "configs"
BOOK = RuleBook.load(CONFIGS / "rules.yaml")
FILE = RiskFile(
    version=1,
    labels={"loss": ["my father died", "we buried mother", "she passed away"]},
    none=["what is my balance", "order a card", "open on Saturday", "pay my bill"],
    neighbours=2,
)


def vectors(texts: list[str], loss: list[bool]) -> Vectors:
    """Two dimensions: loss and all else, a little apart from each other."""
    rows = np.array([[1.0, 0.05 * n] if lost else [0.05 * n, 1.0] for n, lost in enumerate(loss)], np.float32)
    assert len(rows) == len(texts)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def model() -> RiskModel:
    return RiskModel.fit(FILE, vectors(FILE.texts, [True] * 3 + [False] * 4))


def test_what_lies_near_the_examples_scores_high_and_the_rest_low() -> None:
    asked = ["her dad passed away", "the price of a card"]
    scores = model().scores(asked, vectors(asked, [True, False]))
    assert scores[0, 0] > 0.8
    assert scores[1, 0] < 0.2
    assert np.allclose(scores.sum(axis=1), 1)


def test_a_turn_has_the_score_of_its_worst_sentence() -> None:
    asked = ["what is my balance", "my father died"]
    assert model().score(asked, vectors(asked, [False, True]))["loss"] > 0.8
    assert model().score([], np.zeros((0, 2), np.float32)) == {}


def test_vectors_that_are_not_one_for_each_example_are_refused() -> None:
    with pytest.raises(ValueError, match="2 vectors for 7 examples"):
        RiskModel.fit(FILE, np.eye(2, dtype=np.float32))


def test_a_long_turn_is_read_whole_and_by_sentence_and_a_fragment_joins_its_neighbour() -> None:
    assert pieces("  ") == []
    assert pieces("Just one sentence here.") == ["Just one sentence here."]
    assert pieces("Hi. I am calling about my card. My wife died last week.") == [
        "Hi. I am calling about my card. My wife died last week.",
        "Hi. I am calling about my card.",
        "My wife died last week.",
    ]


def test_a_sentence_without_full_stops_is_read_in_overlapping_windows_too() -> None:
    words = [f"w{number}" for number in range(40)]
    found = pieces(" ".join(words))
    assert found[0] == " ".join(words)
    assert {word for window in found[1:] for word in window.split()} == set(words)
    assert all(len(window.split()) <= 18 for window in found[1:])
    assert pieces(" ".join(words[:20])) == [" ".join(words[:20])]


def test_labels_that_share_a_sentence_are_added_up_sentence_by_sentence() -> None:
    file = RiskFile(
        version=1,
        sums={"trouble": ["loss", "drink"]},
        labels={"loss": ["he died", "she died"], "drink": ["I drink", "too much wine"]},
        none=["my balance", "a card", "the rate"],
        neighbours=2,
    )
    rows = np.eye(3, dtype=np.float32)[[0, 0, 1, 1, 2, 2, 2]]
    between = np.array([[0.7, 0.7, 0.0], [0.0, 0.0, 1.0]], np.float32)
    risks = RiskModel.fit(file, rows).score(["he died and I drink", "my balance"], between)
    assert risks["trouble"] > 0.75 > max(risks["loss"], risks["drink"])


def test_a_sum_of_labels_that_are_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="no label 'drink'"):
        RiskFile(version=1, sums={"trouble": ["drink"]}, labels={"loss": ["he died"]})
    with pytest.raises(ValueError, match="'loss' is a label already"):
        RiskFile(version=1, sums={"loss": ["loss"]}, labels={"loss": ["he died"]})


def test_what_is_denied_of_one_crisis_is_no_sign_of_another() -> None:
    scores = {"self_harm": 0.9, "violence": 0.7, "need": 0.95, "peril": 0.95}
    assert BOOK.evaluate(TurnFacts(text="I'm not going to kill myself", risks=scores)) is None
    firing = BOOK.evaluate(TurnFacts(text="everything went away with him", risks={"need": 0.8}))
    assert firing is not None
    assert (firing.rule_id, firing.evidence) == ("in-need", "need=0.80")


def test_the_shipped_examples_are_many_and_stand_under_one_label_each() -> None:
    shipped = load_yaml(CONFIGS / "risk.yaml", RiskFile)
    plain = [text.casefold() for text in shipped.texts]
    assert len(plain) == len(set(plain)) > 900
    named = {label for rule in BOOK.rules for label in rule.when.risk}
    assert named <= {*shipped.labels, *shipped.sums}


def test_the_classifier_alone_makes_a_rule_fire_and_its_score_is_the_evidence() -> None:
    firing = BOOK.evaluate(TurnFacts(text="nothing in these words", risks={"self_harm": 0.9}))
    assert firing is not None
    assert (firing.rule_id, firing.evidence) == ("danger-to-self", "self_harm=0.90")
    assert BOOK.evaluate(TurnFacts(text="nothing in these words", risks={"self_harm": 0.4})) is None


@pytest.mark.parametrize(
    "text",
    [
        "I'm not going to kill myself",
        "What is suicide?",
        "I kill the zombie process in my video game",
    ],
)
def test_negation_definitions_and_games_weigh_more_than_a_score(text: str) -> None:
    firing = BOOK.evaluate(TurnFacts(text=text, risks={"self_harm": 0.9, "violence": 0.9}))
    assert firing is None or firing.rule_id not in ("danger-to-self", "emergency")


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("send $5,000 to my brother", 5000),
        ("twelve thousand five hundred dollars please", 12500),
        ("one hundred and thirty five euros and two dollars", 135),
        ("I want 2.5 million pounds", 2_500_000),
        ("call me at five on the 12th, room 900", 0),
        ("ten k", 0),
    ],
)
def test_the_largest_amount_of_money_is_read_in_digits_and_words(text: str, amount: float) -> None:
    assert largest_amount(text) == amount
