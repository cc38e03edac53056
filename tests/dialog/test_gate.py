"""Nothing is spoken that the passage does not say."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.configfile import load_yaml
from contracts.engines import Passage
from dialog.gate import GroundingGate
from dialog.settings import CascadeFile
from knowledge.passages import sentences

HOURS = Passage(
    "p1", "d1", "Branch hours", "Weekdays",
    "All branches are open Monday to Thursday from 9 a.m. to 5 p.m. On Friday they are open until 6 p.m. "
    "All branches are closed on Sunday. Dana Whitlock manages the main branch.", 0.6,
)  # fmt: skip
OVERDRAFT = Passage(
    "p2", "d2", "Overdrafts", "Interest",
    "The overdraft fee is 27 dollars for each payment. The interest rate on the overdraft line of credit is "
    "17.9 percent a year. You can not use it for cash.", 0.4,
)  # fmt: skip


@pytest.fixture(scope="module")
def gate() -> GroundingGate:
    root = Path(__file__).resolve().parents[2]
    return GroundingGate(load_yaml(root / "configs" / "cascade.yaml", CascadeFile))


@pytest.mark.parametrize(
    "sentence",
    [
        "All branches are open Monday to Thursday from 9 a.m. to 5 p.m.",
        "On Friday the branches are open until six p.m.",
        "Branches are closed on Sunday.",
        "All branches are open on Tuesday from 9 a.m. to 5 p.m.",
        "The main branch is managed by Dana Whitlock.",
    ],
)
def test_what_the_passage_says_may_be_spoken(gate: GroundingGate, sentence: str) -> None:
    assert gate.judge(sentence, [HOURS], "when are your branches open").passed


@pytest.mark.parametrize(
    ("sentence", "wrong"),
    [
        ("All branches are open from 8 a.m.", "time:08:00"),
        ("All branches are open on Saturday.", "day:saturday"),
        ("On Friday they are open until 7 p.m.", "time:19:00"),
        ("The main branch is managed by Peter Smith.", "name:peter"),
        ("All branches are open on Sunday.", "negation"),
        ("Parking costs 3 dollars.", "money:3"),
        ("On Friday they are open from 9 a.m. to 5 p.m.", "time:17:00"),
        ("Our coffee lounge offers fresh pastries and newspapers.", "words that the passage does not use"),
    ],
)
def test_what_it_does_not_say_is_stopped_and_named(gate: GroundingGate, sentence: str, wrong: str) -> None:
    assert wrong in gate.judge(sentence, [HOURS], "when are your branches open").unsupported


def test_the_mortgage_rate_is_not_made_from_the_overdraft_rate(gate: GroundingGate) -> None:
    verdict = gate.judge("The mortgage rate is 17.9 percent a year.", [OVERDRAFT], "what is your mortgage rate")
    assert not verdict.passed


def test_a_not_in_a_condition_turns_nothing_around(gate: GroundingGate) -> None:
    text = "If your card does not work, you can order a new card in the app under Cards."
    card = Passage("p", "d", "Damaged card", "", text, 0.6)
    assert gate.judge("You can order a new card in the app under Cards.", [card], "my card does not work").passed
    assert not gate.judge("You cannot order a new card in the app under Cards.", [card], "my card is broken").passed


def test_a_true_sentence_about_something_else_is_no_answer(gate: GroundingGate) -> None:
    verdict = gate.judge("The interest rate is 17.9 percent a year.", [OVERDRAFT], "what is your mortgage rate")
    assert "passage is not about the question" in verdict.unsupported


def test_a_very_close_embedding_counts_as_being_about_it(gate: GroundingGate) -> None:
    near = Passage("p", "d", "Overdrafts", "", OVERDRAFT.text, 0.9)
    assert gate.about("what if I spend more than I have", near)


def test_times_do_not_end_sentences() -> None:
    assert sentences(HOURS.text)[:2] == [
        "All branches are open Monday to Thursday from 9 a.m. to 5 p.m.",
        "On Friday they are open until 6 p.m.",
    ]


def test_two_true_sentences_make_no_third(gate: GroundingGate) -> None:
    passage = Passage(
        "p",
        "d",
        "Branch hours",
        "",
        "On Friday branches are open until 6 p.m. Branches close at noon on December 24th.",
        0.6,
    )
    assert not gate.judge("Branches close on Friday at noon.", [passage], "when do you close on Friday").passed
