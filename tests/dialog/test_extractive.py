"""The passage's own sentence answers: which one, and with what around it."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.configfile import load_yaml
from contracts.engines import Passage
from dialog.extractive import extract, spoken
from dialog.kinds import wanted_facts
from dialog.settings import CascadeFile
from dialog.words import Thesaurus

ROOT = Path(__file__).resolve().parents[2]


def passage(heading: str, text: str, title: str = "Title") -> Passage:
    return Passage("p", "d", title, heading, text, 0.6, 1.0)


CHECKS = [
    passage("What checks cost", "A box of 100 checks costs 18 dollars. Your first checkbook of 25 checks is free."),
    passage("How long checks take to arrive", "Checks arrive by mail in 7 to 10 business days."),
]
CARD = [
    passage(
        "What a new card costs",
        "Once a year we replace your debit card at our expense. After that a replacement debit card costs 10 dollars.",
    )
]
PASSWORD = [
    passage("Locked out of online banking", "Your sign-in is locked after 5 wrong tries. It unlocks in 30 minutes."),
    passage("Forgotten password", "If you forgot your online banking password, choose Forgot password on the page."),
]
VISIT = [
    passage("What to bring", "Please bring a photo ID, such as a passport."),
    passage("Appointments", "Appointments are offered Monday to Friday from 9:30 a.m. to 4:30 p.m."),
]
HOURS = [
    passage(
        "Opening hours",
        "The drive-through is open from 8 a.m. to 6 p.m. All branches are open Monday to Thursday from 9 a.m. to "
        "5 p.m. On Saturday our branches are open from 9 a.m. to 1 p.m.",
    )
]
FEES = [passage("Other charges", "Service: Cashier's check; Price: 9 dollars. Service: Money order; Price: 4 dollars.")]
PAYING = [
    passage(
        "Credit card bill",
        "Your credit card payment is due on the 20th of each month. A late payment costs 29 dollars.",
    )
]
CLOSING = [
    passage(
        "Closing an account",
        "Closing an account is free. If you close a new account within 90 days, the early closing fee is 25 dollars.",
    )
]
BALANCE = [
    passage(
        "Your balance",
        "The current balance is all the money in the account. You can check your balance at any hour of the day.",
    )
]


@pytest.fixture(scope="module")
def thesaurus() -> Thesaurus:
    cascade = load_yaml(ROOT / "configs" / "cascade.yaml", CascadeFile)
    return Thesaurus(cascade.synonyms, cascade.generic_words)


@pytest.mark.parametrize(
    ("question", "passages", "answer"),
    [
        ("how much is a box of checks", CHECKS, "A box of 100 checks costs 18 dollars."),
        ("I want to order a box of checks how long does that take?", CHECKS, "7 to 10 business days"),
        ("How much is a box of checks, and how long do they take to arrive?", CHECKS, "18 dollars"),
        ("How much is a box of checks, and how long do they take to arrive?", CHECKS, "7 to 10 business days"),
        ("it says my online banking is locked", PASSWORD, "locked after 5 wrong tries"),
        ("what should I bring when I come in to see a banker", VISIT, "bring a photo ID"),
        ("when can I get an appointment", VISIT, "Monday to Friday"),
        ("when are you open", HOURS, "All branches are open Monday to Thursday"),
        ("are you open on Saturday", HOURS, "On Saturday our branches"),
        ("how much is a cashier's check", FEES, "Cashier's check: 9 dollars."),
        ("what happens if I pay my credit card late", PAYING, "A late payment costs 29 dollars."),
        ("is there a fee for closing my account", CLOSING, "Closing an account is free."),
        ("what's my balance", BALANCE, "You can check your balance"),
    ],
)
def test_the_sentence_that_answers_is_chosen(
    question: str, passages: list[Passage], answer: str, thesaurus: Thesaurus
) -> None:
    found = extract(question, passages, thesaurus)
    assert found is not None
    assert answer in found.text


def test_a_sentence_that_leans_on_the_one_before_brings_it_along(thesaurus: Thesaurus) -> None:
    found = extract("how much does a replacement debit card cost", CARD, thesaurus)
    assert found is not None
    assert found.text == CARD[0].text


def test_the_rate_of_one_thing_is_not_given_without_saying_of_which(thesaurus: Thesaurus) -> None:
    text = "An overdraft line of credit lends you up to 1,000 dollars. The interest rate on it is 17.9 percent a year."
    found = extract("what's the credit card interest rate", [passage("Overdraft line of credit", text)], thesaurus)
    assert found is not None
    assert found.text == text


def test_a_row_of_a_table_answers_only_what_names_it(thesaurus: Thesaurus) -> None:
    found = extract("how much money do I have in my checking account", FEES, thesaurus)
    assert found is None


def test_no_fact_of_the_wanted_kind_and_few_words_is_no_answer(thesaurus: Thesaurus) -> None:
    text = passage("Parking", "There is a lot behind the house next to the river.")
    assert extract("how much does the parachute course cost", [text], thesaurus) is None


def test_answers_stay_short_enough_for_the_ear(thesaurus: Thesaurus) -> None:
    long = passage("Checks", "A box of checks costs 18 dollars " + "and so on " * 30 + ".")
    assert extract("how much is a box of checks", [long], thesaurus) is None


@pytest.mark.parametrize(
    ("question", "kinds"),
    [
        ("when do you close", {"time", "day", "date", "always"}),
        ("what should I bring when I visit", set()),
        ("how much is it", {"money", "percent"}),
        ("what are your rates", {"percent"}),
        ("how long does it take", {"duration"}),
        ("what's the cut-off for wires", {"time", "date"}),
        ("tell me about checks", set()),
    ],
)
def test_the_question_says_what_kind_of_fact_it_wants(question: str, kinds: set[str]) -> None:
    assert set(wanted_facts(question)) == kinds


def test_a_table_row_is_said_as_a_person_would() -> None:
    assert spoken("Service: Money order; Price: 4 dollars.") == "Money order: 4 dollars."
    assert spoken("Call us at once: it is urgent.") == "Call us at once: it is urgent."


INN = [
    passage("Is there a lift?", "The Old Mill Inn does have a lift.", "Old Mill Inn"),
    passage("Can I park my car in a garage?", "They have a garage.", "Old Mill Inn"),
    passage("What are the rooms like?", "Cosy and quiet is what most guests say.", "Old Mill Inn"),
]


def test_a_sentence_is_not_better_for_repeating_whose_document_it_is(thesaurus: Thesaurus) -> None:
    found = extract("do they have a garage at the Old Mill Inn", INN, thesaurus)
    assert found is not None
    assert found.text == "They have a garage."


def test_what_follows_a_heading_that_asks_the_same_answers_in_whatever_words(thesaurus: Thesaurus) -> None:
    found = extract("what are the rooms like at the old mill inn", INN, thesaurus)
    assert found is not None
    assert found.text.startswith("Cosy and quiet")
    assert found.share >= 0.5


def test_a_yes_or_no_is_answered_by_a_sentence_that_says_what_was_asked(thesaurus: Thesaurus) -> None:
    gold = passage(
        "", "The gold card is made of metal. You can use it abroad. The annual fee is 20 dollars.", "Gold Card"
    )
    found = extract("is the Gold card free", [gold], thesaurus)
    assert found is not None
    assert found.text == "The annual fee is 20 dollars."
    app = passage("", "The app needs Android 11. You can make labels with it.", "The carrier's app")
    assert extract("is the app free", [app], thesaurus) is None


def test_an_amount_in_the_sentence_that_carries_on_answers(thesaurus: Thesaurus) -> None:
    age = passage(
        "", "The driver checks the age of whoever opens. It costs 2.40 dollars and takes a minute.", "Age check"
    )
    found = extract("what does the age check cost", [age], thesaurus)
    assert found is not None
    assert "2.40" in found.text
