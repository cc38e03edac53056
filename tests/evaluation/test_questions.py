"""Questions made from documents by rule, and which of them nothing else answers."""

from __future__ import annotations

import pytest

from evaluation.bases import Article, sections
from evaluation.questions import bound, of_places, of_statements, subject, without_answer

LARCH = Article(
    "larch/1",
    "Larch Saver Account: limits",
    "## Moving money\n- The maximum daily transfer amount is $5,000.\n- Returned item fee: $15.00\n"
    "- This document is [value not available].\n\n### How do I waive the monthly fee?\nKeep 300 dollars in it.",
)
TWIN = Article("larch/2", "Larch Saver Account: questions", "Returned item fee: $15.00")
INN = Article("hotel/7", "Riverside Inn", "## Do you have a pool there?\n\nNo.\n\n## Is Riverside Inn quiet?\n\nYes.")


def test_sentences_that_state_one_fact_and_headings_that_ask_become_questions() -> None:
    assert {(one.text, one.answer) for one in of_statements([LARCH])} == {
        (
            "What is the maximum daily transfer amount for Larch Saver Account?",
            "The maximum daily transfer amount is $5,000.",
        ),
        ("What is the returned item fee for Larch Saver Account?", "Returned item fee: $15.00"),
        ("How do I waive the monthly fee for Larch Saver Account?", "Keep 300 dollars in it."),
    }


def test_a_question_that_two_sentences_answer_differently_is_not_asked() -> None:
    other = Article("larch/3", "Larch Saver Account: fees", "Returned item fee: $20.00")
    texts = [one.text for one in of_statements([LARCH, other])]
    assert not any("returned item" in text for text in texts)
    assert len(texts) == 2


def test_questions_of_a_place_name_it() -> None:
    assert [one.text for one in of_places([INN])] == ["Do you have a pool at Riverside Inn?", "Is Riverside Inn quiet?"]


def test_what_a_twin_says_is_no_question_without_an_answer() -> None:
    asked = of_statements([LARCH])
    assert "returned" not in " ".join(one.text for one in without_answer(asked, [TWIN]))
    assert len(without_answer(asked, [INN])) == 3


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("FAQ: Larch Saver at a glance", "Larch Saver"),
        ("Foreign ATM fees for Green Account (checking)", "Foreign ATM"),
        ("Order new checks", ""),
    ],
)
def test_the_subject_of_a_title(title: str, name: str) -> None:
    assert subject(title) == name


def test_sections_have_no_markdown_and_facts_no_names() -> None:
    assert sections(INN) == [("Do you have a pool there?", "No."), ("Is Riverside Inn quiet?", "Yes.")]
    assert bound("Dana pays 5 dollars on Monday at 9 a.m.") == {"money:5", "time:09:00"}
