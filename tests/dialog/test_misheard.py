"""Names and terms that the recogniser wrote otherwise than the documents do."""

from __future__ import annotations

import pytest

from contracts.engines import Passage, Word
from dialog.misheard import doubted, mended

LEAST = 0.68


def passage(title: str, text: str = "Yes, we take cards of every kind.") -> Passage:
    return Passage(passage_id=title, document_id=title, title=title, heading="", source="", text=text, score=0.5)


FOUND = [
    passage("Tacorea"),
    passage("Smokin' Warehouse", "Free wifi at every table. Ask at Rho-Bank for a Monthly or monthly menu."),
    passage("Golden Saver Plus", "The APY is 2 %. The returned deposit fee is $5. Loving care for every saver."),
    passage("Laurel Inn"),
    passage("Perilla - Lower Haight"),
    passage("Loving Hut"),
]


@pytest.mark.parametrize(
    ("heard", "meant"),
    [
        ("Do you offer cards at Takria?", "Do you offer cards at Tacorea?"),
        ("Is there a garden at the Smokin' ware house?", "Is there a garden at the Smokin Warehouse?"),
        ("Are dogs welcome at Laurelin?", "Are dogs welcome at Laurel Inn?"),
        ("What is the fee of golden savver plus?", "What is the fee of Golden Saver plus?"),
        ("What a PY do I earn?", "What APY do I earn?"),
        ("Does robank help?", "Does Rho Bank help?"),
        ("Is there free Wi-Fi?", "Is there Free wifi?"),
        ("Is it far to perila lower hait?", "Is it far to Perilla Lower Haight?"),
        ("What is the return to Posit fee?", "What is the returned deposit fee?"),
    ],
)
def test_what_was_misheard_is_written_as_the_documents_write_it(heard: str, meant: str) -> None:
    assert mended(heard, FOUND, LEAST) == meant


@pytest.mark.parametrize(
    "question",
    [
        "Do you take cards at Tacorea?",
        "What is the fee of Gold Plus?",
        "Do you have pools at the Marina Hotel?",
        "What do the cards cost?",
        "Is it open for a month?",
        "Is the hat loved?",
        "Are there pools?",
        "What is 39 Tacorea?",
        "Do you tacorea 000?",
        "",
    ],
)
def test_what_was_understood_or_is_like_nothing_stays(question: str) -> None:
    assert mended(question, FOUND, LEAST) == question


def test_a_word_of_the_documents_is_another_only_if_the_recogniser_doubts_it() -> None:
    found = [passage("Luz Inn", "Free of charge, more or less."), *FOUND]
    asked = "do you have cards at less inn"
    words = [Word(word, 0.99) for word in asked.split()]
    assert mended(asked, found, LEAST, words) == asked
    words[-2] = Word("less", 0.4)
    assert mended(asked, found, 0.6, words) == "do you have cards at Luz Inn"


def test_a_word_that_the_recogniser_is_sure_of_must_be_more_alike() -> None:
    asked = "cards at Ticolo"
    sure = [Word(word, 0.99) for word in asked.split()]
    assert mended(asked, FOUND, LEAST) == "cards at Tacorea"
    assert mended(asked, FOUND, LEAST, sure) == asked


def test_nothing_is_taken_for_another_word_without_passages_or_when_only_the_same_counts() -> None:
    assert mended("cards at Takria", [], LEAST) == "cards at Takria"
    assert mended("cards at Takria", FOUND, 1.1) == "cards at Takria"


def test_doubted_are_words_that_mean_something() -> None:
    assert doubted([Word("The", 0.3), Word("Luz,", 0.4), Word("fee?", 0.9)]) == {"luz"}
