"""What was spoken, judged by rule: supported or not, the answer or not."""

from __future__ import annotations

import pytest

from contracts.engines import Passage
from contracts.events import Rung
from dialog.outcome import Outcome, Result
from evaluation.asking import Reply
from evaluation.bases import Article
from evaluation.judging import about, claims, right, unsupported
from evaluation.questions import Asked

ARTICLE = Article(
    "larch", "Larch Saver", "## Fees\nThe monthly fee is 4 dollars.\nPaper statements are not free.\n\n## Hours\n9 a.m."
)
ASKED = Asked("q1", "What is the monthly fee for Larch Saver?", "larch", "The monthly fee is 4 dollars.")


def reply(*spoken: str) -> Reply:
    cited = Passage("p", "d", "Larch Saver", "Fees", "The monthly fee is 4 dollars.", 0.8, source="base.json#larch")
    result = Result.ANSWERED if spoken else Result.UNKNOWN
    return Reply(Outcome(result, Rung.SMALL, " ".join(spoken), (cited,) if spoken else ()), spoken, 0.0, ())


@pytest.mark.parametrize(
    ("sentence", "wrong"),
    [
        ("It costs 4 dollars a month.", ""),
        ("It costs 5 dollars a month.", "not in the document: money:5"),
        ("Paper statements are free.", "the opposite of: Paper statements are not free."),
    ],
)
def test_a_claim_needs_its_facts_and_its_not_in_the_document(sentence: str, wrong: str) -> None:
    assert unsupported(sentence, ASKED, ARTICLE) == wrong


def test_a_true_sentence_about_another_thing_is_not_supported() -> None:
    other = Article("pine", "Pine Saver", "The monthly fee is 4 dollars.")
    assert unsupported("The monthly fee is 4 dollars.", ASKED, other) == "the document is about something else"


@pytest.mark.parametrize(
    ("spoken", "answers"),
    [(("The fee is 4 dollars.",), True), (("Paper statements are not free.",), False), ((), False)],
)
def test_the_answer_has_the_facts_that_were_asked_for(spoken: tuple[str, ...], answers: bool) -> None:
    said = reply(*spoken)
    assert right(ASKED, said, claims(ASKED, said, {"larch": ARTICLE})) is answers


def test_a_yes_is_not_a_no() -> None:
    asked = Asked("q2", "Are paper statements free for Larch Saver?", "larch", "No, they are not.")
    told = [(words, right(asked, reply(words), [])) for words in ("They are not free.", "They are free.")]
    assert told == [("They are not free.", True), ("They are free.", False)]


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Blue Account: Fees", True),
        ("Wire transfers for Blue Account", True),
        ("Light Blue Account: Fees", False),
        ("Green Account: Card bonus", False),
        ("Fees", True),
    ],
)
def test_a_document_is_about_what_its_title_names_and_nothing_with_a_longer_name(title: str, expected: bool) -> None:
    body = "The monthly fee is 4 dollars. It can be paid from a Blue Account."
    asked = Asked("q1", "What are the fees for Blue Account?", "blue", "4 dollars")
    assert about(asked, Article("other", title, body)) is expected


def test_a_common_word_of_a_name_may_be_missing() -> None:
    asked = Asked("q1", "Which events are there for Diamond Elite Account?", "elite", "Two a year.")
    assert about(asked, Article("other", "Private banking for Diamond Elite members", "Two a year."))


def test_the_document_that_the_question_was_made_from_is_about_it() -> None:
    asked = Asked("q1", "Which events are there for Diamond Elite Account?", "elite", "Two a year.")
    assert about(asked, Article("elite", "Events", "Two a year."))
