"""Which words leave something open, which end a caller's part, and which lead on. All sentences are made for this."""

from __future__ import annotations

import pytest

from voice.completeness import Completeness, Expectation, completeness
from voice.grammar import trails_off

OPEN_ENDED = (
    "I would like to transfer the",
    "we have a problem with",
    "I'm calling because",
    "my wife and I",
    "the new card isn't",
    "could you please send",
    "do you",
    "I was hoping",
    "what does my",
    "the letter that",
    "these studies demonstrate",
    "the report describes several",
    "the committee authorizes",
    "new rules for remarkable",
    "my mortgage has increased significantly since",
    "I'd",
    "he said they're",
    "let me see um",
)
WHOLE = (
    "what is this charge for",
    "who am I speaking with",
    "which branch should I go to",
    "I can't log in",
    "please cancel the order that I made",
    "how much money do I have",
    "I wonder what your fees are",
    "yes I do",
    "as soon as you can",
    "the payment went through",
    "no that was going to be it",
    "I need a new one",
    "it was declined and I don't know why",
    "my card has been stolen",
    "open until five am",
    "that sounds wonderful",
    "is the form easy to use",
    "the card is free",
)


@pytest.mark.parametrize("text", OPEN_ENDED)
def test_words_that_leave_something_open_are_incomplete(text: str) -> None:
    assert completeness(text) is Completeness.INCOMPLETE
    assert completeness(text.replace("'", "")) is Completeness.INCOMPLETE


@pytest.mark.parametrize("text", WHOLE)
def test_sentences_that_may_end_are_not(text: str) -> None:
    assert not trails_off(text.lower().split())
    assert completeness(text) is not Completeness.INCOMPLETE


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("Hello?", Completeness.LEADING),
        ("Good morning, my name is Ann Lee.", Completeness.LEADING),
        ("Good morning, my name is Ann Lee. I'd like to close my account.", Completeness.COMPLETE),
        ("Yes.", Completeness.LEADING),
        ("I've lost my wallet.", Completeness.LEADING),
        ("I've lost my wallet. Could you block my cards?", Completeness.COMPLETE),
        ("There is a charge I did not make, it's wrong.", Completeness.LEADING),
        ("555", Completeness.LEADING),
        ("$555", Completeness.UNKNOWN),
        ("17 Hill Road", Completeness.LEADING),
        ("Tuesday", Completeness.UNKNOWN),
        ("Mm-hmm.", Completeness.UNKNOWN),
        ("One moment please.", Completeness.INCOMPLETE),
        ("No, that'll be all, thank you.", Completeness.COMPLETE),
        ("Goodbye.", Completeness.COMPLETE),
    ],
)
def test_what_words_are_for_tells_whether_more_will_come(text: str, verdict: Completeness) -> None:
    assert completeness(text) is verdict


def test_a_name_that_was_asked_for_leads_nowhere() -> None:
    assert completeness("My name is Ann Lee.", Expectation.NAME) is Completeness.UNKNOWN
