"""Which of several passages answers: names in titles, rare words, and the probability that they add up to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from contracts.configfile import load_yaml
from contracts.engines import Evidence, Passage
from dialog.gate import GroundingGate
from dialog.matching import FEATURES, Weights, candidates, names, naming, unnamed
from dialog.router import Route, Router
from dialog.settings import CascadeFile
from dialog.words import Thesaurus
from tests.dialog.kit import ROOT

CASCADE = load_yaml(ROOT / "configs" / "cascade.yaml", CascadeFile)
WORDS = Thesaurus(CASCADE.synonyms, CASCADE.generic_words)


def passage(title: str, text: str, heading: str = "", score: float = 0.7, lexical: float = 0.8) -> Passage:
    return Passage(f"{title}{heading}", title, title, heading, text, score, lexical)


LIGHT = passage("Light Blue Account: Fees", "The monthly fee is 4 dollars. Paper statements cost 2 dollars.")
TRUE = passage("True Blue Account: Fees", "The monthly fee is 9 dollars. Paper statements cost 3 dollars.", score=0.72)


@pytest.mark.parametrize(
    ("title", "text", "found"),
    [
        ("Light Blue Account: Fees", "The light in our branches is blue.", ["Light Blue Account"]),
        ("FAQ: Riverside Inn", "We are open all year.", ["Riverside Inn"]),
        ("Tilak", "They have high chairs.", ["Tilak"]),
        ("Order new checks", "You can order checks by phone.", []),
        ("Branch Hours", "Our branch hours are nine to five.", []),
        ("Overdraft", "An overdraft costs 27 dollars.", []),
    ],
)
def test_a_title_names_something_if_it_writes_large_what_the_text_never_writes_small(
    title: str, text: str, found: list[str]
) -> None:
    assert names(title, text) == found


def test_the_thing_that_is_asked_about_comes_before_its_neighbour_that_looks_more_alike() -> None:
    router = Router(CASCADE, GroundingGate(CASCADE))
    found = Evidence("", (TRUE, LIGHT), 0.02)
    best = router.ranked("what is the monthly fee for the light blue account", found).best
    assert best == LIGHT


@pytest.mark.parametrize(
    "opening", ["", "hi my name is Anna Baker and I was wondering ", "good morning I have a quick question "]
)
def test_words_around_a_question_change_nothing(opening: str) -> None:
    question = "what is the monthly fee for the light blue account"
    plain = candidates(question, (LIGHT, TRUE), WORDS)
    assert [one.features for one in candidates(opening + question, (LIGHT, TRUE), WORDS)] == [
        one.features for one in plain
    ]


def test_a_question_about_a_thing_that_no_document_is_about_is_not_answered_from_its_neighbour() -> None:
    router = Router(CASCADE, GroundingGate(CASCADE))
    decision = router.decide("what is the monthly fee for the navy blue account", Evidence("", (TRUE,), 0.1), 0.9)
    assert decision.route in (Route.UNKNOWN, Route.LARGE)
    there = router.decide("what is the monthly fee for the true blue account", Evidence("", (TRUE,), 0.1), 0.9)
    assert there.route in (Route.EXTRACTIVE, Route.SMALL)


def test_another_number_of_the_same_thing_counts_against_a_passage() -> None:
    first, second = (passage("Silver Plus Account", f"Tier {n} pays {n + 2} percent.", f"Tier {n}") for n in (1, 2))
    fits = candidates("what does tier 2 of the silver plus account pay", (first, second), WORDS)
    number = FEATURES.index("number")
    assert [one.features[number] for one in fits] == [0.0, 1.0]


def test_a_base_whose_titles_name_nothing_keeps_its_order() -> None:
    hours = passage("Branch hours", "Our branch hours are nine to five.")
    other = replace(hours, passage_id="other", score=0.9)
    found = Evidence("", (hours, other), 0.1)
    assert Router(CASCADE, GroundingGate(CASCADE)).ranked("when are you open", found) is found


def test_weights_that_lack_a_feature_are_refused() -> None:
    with pytest.raises(ValueError, match="cosine_gap"):
        Weights(bias=0.0, by_feature={name: 1.0 for name in FEATURES if name != "cosine_gap"})


SHORT = passage("Blue Account: Alerts", "Alerts cost nothing.", score=0.5, lexical=0.3)
GOLD = passage(
    "Gold Account: Card bonus", "Holders get a bonus.\nSilver Card: 3 percent.\nBlue Card: 5 percent.", score=0.8
)
SILVER = passage("Silver Account: Interest", "Cards give a bonus.\nSilver Card: 1 percent.\nGold Card: 2 percent.")


def about(question: str, *passages: Passage) -> list[bool]:
    fits = candidates(question, passages, WORDS)
    return [one for one, _ in naming(question, fits, WORDS)]


def test_a_name_within_a_longer_one_is_not_meant() -> None:
    assert about("what is the monthly fee for the light blue account", LIGHT, SHORT, TRUE) == [True, False, False]
    assert about("what is the monthly fee for the blue account", LIGHT, SHORT, TRUE) == [False, True, False]


def test_words_of_a_name_that_stand_apart_name_nothing() -> None:
    assert about("what does the gold card bring for the silver account", GOLD, SILVER) == [False, True]


def test_a_name_without_its_last_common_word_is_the_same_name() -> None:
    short = passage("Light Blue: Events", "Holders are invited twice a year.")
    assert about("which events are there for the light blue account", LIGHT, short, TRUE) == [True, True, False]


def test_where_nothing_is_named_nothing_is_about_something_else() -> None:
    assert about("what is the monthly fee", LIGHT, TRUE) == [True, True]


@pytest.mark.parametrize(
    ("question", "best"),
    [
        ("what is the silver card for the gold account", GOLD),
        ("what is the gold card for the silver account", SILVER),
        ("what is the silver card for the silver account", SILVER),
    ],
)
def test_the_document_about_what_is_named_leads_however_alike_another_is(question: str, best: Passage) -> None:
    router = Router(CASCADE, GroundingGate(CASCADE))
    assert router.ranked(question, Evidence("", (GOLD, SILVER), 0.02)).best == best
    assert router.ranked(question, Evidence("", (SILVER, GOLD), 0.02)).best == best


def test_the_name_of_a_document_is_taken_out_of_a_question_once_and_whole() -> None:
    text = "Cards give a bonus."
    assert unnamed("the silver card for the Silver Account", "Silver Account: Interest", text) == ["silver", "card"]
    assert unnamed("the silver account", "Silver Account: Interest", text) == ["silver", "account"]
    assert unnamed("the silver gift account", "Silver Account: Interest", text) == ["silver", "gift", "account"]
