"""A sentence with a fact of the wrong kind, or of another line of a list, answers nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.configfile import load_yaml
from contracts.engines import Passage
from dialog.extractive import extract
from dialog.gate import GroundingGate
from dialog.kinds import mismatch, silent, wanted_facts
from dialog.settings import CascadeFile
from dialog.words import Thesaurus

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def thresholds() -> CascadeFile:
    return load_yaml(ROOT / "configs" / "cascade.yaml", CascadeFile)


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        ("How much does a wire cost?", "A wire must be ordered by 4:30 p.m. Eastern time."),
        ("What's the fee for a stop payment?", "A stop payment lasts for 6 months."),
        ("By when do I have to order the wire?", "Sending a wire costs 25 dollars."),
        ("What is the interest rate on savings?", "You can open a savings account with $25."),
        ("How long does a new card take?", "A replacement debit card costs 10 dollars."),
        ("When are you open?", "The monthly fee is 8 dollars."),
        ("What is the bonus rate?", "Yes."),
        ("How much is the rebate?", "ATM rebates: Yes."),
        ("Can you tell me how much a wire costs?", "Wires go out until 4:30 p.m."),
        ("How much is freight?", "Freight is for items between 30 kg and 200 kg."),
        ("What is the month 2 window?", "Month 1 window: 15th to the 14th."),
        ("What is the first-year annual fee?", "After the first year, the annual fee is $450."),
    ],
)
def test_a_fact_of_another_kind_or_line_does_not_answer(question: str, sentence: str) -> None:
    assert mismatch(question, sentence)


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        ("How much does a wire cost?", "Sending a wire costs 25 dollars."),
        ("How much does closing an account cost?", "Closing an account is free."),
        ("What is the outgoing wire fee?", "Outgoing wire fee: 15."),
        ("What is the foreign transaction fee?", "The foreign transaction fee is 3 percent."),
        ("How long does a transfer take?", "A transfer is made at once and counts on the next business day."),
        ("Is there a fee for wires?", "Yes."),
        ("Do you close at five?", "Branches close at 5 p.m."),
        ("What happens if somebody closes their account early?", "The bonus is taken back within 90 days."),
        ("What is the minimum to open the account?", "Minimum to open: $100."),
        ("What is the annual fee after the first year?", "After the first year, the annual fee is $450."),
        ("How do I order checks?", "You can order checks in the app within 5 minutes."),
        ("How much does it cost?", "That depends on your account."),
        ("How much padding do I need?", "Use at least 5 cm of padding."),
    ],
)
def test_what_may_answer_is_let_pass(question: str, sentence: str) -> None:
    assert mismatch(question, sentence) == ""


def test_opening_an_account_asks_for_no_time() -> None:
    assert "time" in wanted_facts("what time do you open")
    assert "time" in wanted_facts("are you open on Sunday")
    assert wanted_facts("minimum balance to open the account") == ()


def test_a_model_may_not_give_a_time_where_an_amount_is_asked_for(thresholds: CascadeFile) -> None:
    text = "A domestic wire costs 25 dollars. A domestic wire must be ordered by 4:30 p.m. Eastern time."
    passage = Passage("p", "d", "Wire transfers", "", text, 0.7, 1.0)
    gate = GroundingGate(thresholds)
    question = "How much is a domestic wire?"
    assert gate.judge("A domestic wire costs 25 dollars.", [passage], question).passed
    verdict = gate.judge("A domestic wire must be ordered by 4:30 p.m. Eastern time.", [passage], question)
    assert verdict.unsupported == ("a time where a money/percent was asked for",)


@pytest.mark.parametrize(
    ("question", "text", "answer"),
    [
        (
            "What is the annual fee?",
            "Late payment fee: $32.50. Foreign transaction fee: 1.0%. Annual fee: $50.00 a year.",
            "Annual fee: $50.00 a year.",
        ),
        ("What is the different state charge?", "Different city, same state: $1.\nDifferent state: $2.", "$2"),
        (
            "How much does a replacement credit card cost?",
            "A replacement debit card costs 10 dollars each time. A replacement credit card is always free.",
            "credit card is always free",
        ),
    ],
    ids=["attribute", "whole key", "debit and credit are not each other"],
)
def test_the_line_that_was_asked_for_is_chosen(question: str, text: str, answer: str, thresholds: CascadeFile) -> None:
    thesaurus = Thesaurus(thresholds.synonyms, thresholds.generic_words)
    found = extract(question, [Passage("p", "d", "Card terms", "Fees", text, 0.7, 1.0)], thesaurus)
    assert found is not None
    assert answer in found.text


def test_a_figure_of_another_line_is_left_to_a_model(thresholds: CascadeFile) -> None:
    thesaurus = Thesaurus(thresholds.synonyms, thresholds.generic_words)
    text = "Late payment fee: $32.50. The annual fee depends on your 2 cards."
    found = extract("How much is the annual fee?", [Passage("p", "d", "Card terms", "", text, 0.7, 1.0)], thesaurus)
    assert found is None or "32.50" not in found.text


@pytest.mark.parametrize(
    ("question", "sentence", "expected"),
    [
        ("how much does express cost to Canada", "Express delivers the next working day within the country.", True),
        ("how much does an account cost", "An account is worth it from 20 parcels a month.", True),
        ("how long does a claim take", "Send photos of the box.", True),
        ("how many lockers are there", "A locker is open around the clock.", True),
        ("how many digits has it", "The tracking number has twelve digits.", False),
        ("how much does express cost", "Up to 2 kg: 6.90.", False),
        ("how much does closing cost", "Closing is free.", False),
        ("how much does it cost", "That depends on the weight.", False),
        ("when do I get it", "As soon as the driver has loaded it.", False),
        ("does express cost more", "Express is the faster one.", False),
        ("what happens if I do not pay the fee", "The parcel is sent back.", False),
    ],
)
def test_a_sentence_without_the_fact_is_silent(question: str, sentence: str, expected: bool) -> None:
    assert silent(question, sentence) is expected
