from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.query import clean, content_words, is_elliptic, prepare


@pytest.mark.parametrize(
    ("said", "cleaned"),
    [
        ("hi I'd like to uh order some checks please", "I'd like to order some checks"),
        ("Hello, my name is Mary Davis and I need to order checks.", "and I need to order checks."),
        ("um, what what time do you, uh, close?", "what time do you, close?"),
        ("[noise] okay well thanks so much", ""),
    ],
)
def test_greetings_names_and_hesitations_go(said: str, cleaned: str) -> None:
    assert clean(said) == cleaned


def test_the_question_for_the_embedder_loses_its_wrapping_but_never_its_content() -> None:
    assert prepare("hi I'd like to uh order some checks please").text == "order some checks"
    assert prepare("I was wondering what your local branch hours are").text == "what your local branch hours are"
    assert prepare("I need a new card").text.endswith("a new card")


def test_content_words_are_lower_case_without_stop_words_and_repeats() -> None:
    assert content_words("What's the Bank's fee — the FEE for a cashier’s check?") == (
        "bank",
        "fee",
        "cashier",
        "check",
    )


def test_nothing_but_noise_is_no_question() -> None:
    question = prepare("um hello uh yes thank you")
    assert (question.text, question.terms) == ("", ())


@pytest.mark.parametrize(
    "said", ["and on Saturday?", "how much is that?", "what about credit cards", "how long does it take?"]
)
def test_short_questions_that_point_back_are_elliptic(said: str) -> None:
    assert is_elliptic(said)


@pytest.mark.parametrize("said", ["when is my credit card payment due", "I want to send a wire to Germany today"])
def test_whole_questions_are_not_elliptic(said: str) -> None:
    assert not is_elliptic(said)


def test_context_helps_only_incomplete_questions() -> None:
    before = ["hi what time are you open on weekdays"]
    assert prepare("and on Saturday?", before).terms == ("saturday", "time", "open", "weekdays")
    assert prepare("what is the fee for a money order", before).terms == ("fee", "money", "order")
    assert prepare("and on Saturday?", before, turns=0).terms == ("saturday",)


def test_of_a_long_speech_the_end_counts() -> None:
    question = prepare("blah " * 5000 + "cashier check", max_chars=200)
    assert question.terms[-2:] == ("cashier", "check")


@given(st.text(max_size=300), st.lists(st.text(max_size=50), max_size=3))
def test_no_words_break_it(said: str, context: list[str]) -> None:
    question = prepare(said, context)
    assert bool(question.text) <= bool(question.terms)
    assert len(question.terms) <= 32
