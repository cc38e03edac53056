"""Names that the recogniser wrote otherwise than the documents do."""

from __future__ import annotations

import pytest

from contracts.engines import Passage
from dialog.misheard import likeness, mended

LEAST = 0.75


def passage(title: str, text: str = "Yes, we take cards of every kind.") -> Passage:
    return Passage(passage_id=title, document_id=title, title=title, heading="", source="", text=text, score=0.5)


FOUND = [
    passage("Tacorea"),
    passage("Smokin' Warehouse", "Free wifi at every table. Ask at Rho-Bank for a Monthly or monthly menu."),
    passage("Golden Saver Plus", "The APY is 2 %."),
    passage("Laurel Inn"),
]


@pytest.mark.parametrize(
    ("heard", "meant"),
    [
        ("Do you offer cards at Takria?", "Do you offer cards at Tacorea?"),
        ("Is there a garden at the Smokin' ware house?", "Is there a garden at the Smokin' warehouse?"),
        ("Are dogs welcome at Laurelin?", "Are dogs welcome at Laurel Inn?"),
        ("What is the fee of golden savor plus?", "What is the fee of golden Saver plus?"),
        ("What a PY do I earn?", "What apy do I earn?"),
        ("Does robank help?", "Does Rho Bank help?"),
        ("Is there free Wi-Fi?", "Is there free wifi?"),
    ],
)
def test_a_misheard_name_is_written_as_the_documents_write_it(heard: str, meant: str) -> None:
    assert mended(heard, FOUND, LEAST) == meant


@pytest.mark.parametrize(
    "question",
    [
        "Do you take cards at Tacorea?",
        "What is the fee of Gold Plus?",
        "Do you have pools at the Marina Hotel?",
        "What do the cards cost?",
        "Is it open for a month?",
        "",
    ],
)
def test_what_was_understood_or_is_like_nothing_stays(question: str) -> None:
    assert mended(question, FOUND, LEAST) == question


def test_nothing_is_taken_for_another_word_without_passages_or_when_only_the_same_counts() -> None:
    assert mended("cards at Takria", [], LEAST) == "cards at Takria"
    assert mended("cards at Takria", FOUND, 1.0) == "cards at Takria"


def test_likeness_is_of_sound_and_spelling() -> None:
    assert likeness("takria", "takria") == 1.0
    assert likeness("robank", "rhobank") > likeness("robank", "redbank") > likeness("robank", "milton")
