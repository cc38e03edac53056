"""A claim keeps the terms on which a passage says something: units, bounds, conditions, exceptions, how often."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from contracts.configfile import load_yaml
from contracts.engines import Passage
from dialog.gate import GroundingGate
from dialog.settings import CascadeFile

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def gate() -> GroundingGate:
    return GroundingGate(load_yaml(ROOT / "configs" / "cascade.yaml", CascadeFile))


def passage(text: str, title: str = "Returns") -> Passage:
    return Passage("p", "d", title, title, text, 0.6)


@pytest.mark.parametrize(
    ("text", "claim", "question"),
    [
        (
            "You can return an item within 30 days. The fee is waived.",
            "You can return an item within 30 hours.",
            "how long can I return an item",
        ),
        ("You can return an item within 30 days.", "The return fee is 30 dollars.", "what is the return fee"),
        ("You can return an item within 30 days.", "You can return an item for $30.", "how much is a return"),
        ("A replacement costs 10 euros.", "A replacement costs 10 dollars.", "how much is a replacement"),
        ("A replacement costs €10.", "A replacement costs $10.", "how much is a replacement"),
        ("A replacement costs £10.", "A replacement costs 10 euros.", "how much is a replacement"),
        ("A replacement costs 90 dollars.", "A replacement costs a hundred dollars.", "how much is a replacement"),
        ("A box holds 10 checks.", "A box holds a dozen checks.", "how many checks in a box"),
        ("The visit takes an hour.", "The visit takes half an hour.", "how long is the visit"),
        ("Support answers from Monday to Friday.", "Support answers on Sat and Sun.", "when does support answer"),
        ("Pay by December 24.", "Pay by Dec 25.", "by when must I pay"),
        ("Pay by December 24.", "Pay by 12/25.", "by when must I pay"),
        ("The discount is 5 percent.", "The discount is half.", "what is the discount"),
        ("The shop opens at 6 p.m.", "The shop opens at half past six.", "when does the shop open"),
        ("Cash is not insured.", "Cash is insured.", "is cash insured"),
        ("You may cancel only if you paid the annual fee.", "You may cancel.", "can I cancel"),
        ("Refunds are paid unless the delay was caused by weather.", "Refunds are paid.", "do I get a refund"),
        ("The account is free if you keep 500 dollars in it.", "The account is free.", "is the account free"),
        ("Students under 27 get 15 percent off.", "Everybody gets 15 percent off.", "who gets 15 percent off"),
        ("Delivery is free for orders over 50 dollars.", "Delivery is free.", "is delivery free"),
        ("The fee is charged once a month.", "The fee is charged once a week.", "how often is the fee charged"),
        ("You can withdraw twice a day.", "You can withdraw once a day.", "how often can I withdraw"),
        ("The limit is 5,000 dollars.", "The limit is 5k dollars per week.", "what is the limit"),
        ("The limit is at most 5 parcels.", "The limit is at least 5 parcels.", "what is the limit of parcels"),
        ("A parcel must be under 20 kg.", "A parcel must be over 20 kg.", "how heavy may a parcel be"),
        ("A parcel must be under 20 kg.", "A parcel must be under 20 pounds.", "how heavy may a parcel be"),
        ("Hand in parcels before 17:30.", "Hand in parcels after 17:30.", "when hand in parcels"),
        ("Members may bring a guest.", "Members may never bring a guest.", "may I bring a guest"),
        ("Call 555-0123.", "Call 555-0132.", "what number do I call"),
        ("The plan includes 10 visits.", "The plan includes unlimited visits.", "how many visits"),
        ("The first year is free.", "Every year is free.", "is it free"),
        (
            "The insurance covers all damage except water damage.",
            "The insurance covers all damage.",
            "what does the insurance cover",
        ),
        ("Neither dogs nor cats are allowed.", "Dogs and cats are allowed.", "are dogs allowed"),
        ("The pool is unavailable in winter.", "The pool is available in winter.", "is the pool available in winter"),
        ("Only adults may enter.", "Children may enter.", "may children enter"),
        ("The rate is between 2% and 4%.", "The rate is 4%.", "what's the rate"),
        ("It costs at least $20.", "It costs $20.", "what does it cost"),
    ],
)
def test_a_claim_that_changes_the_terms_is_stopped(gate: GroundingGate, text: str, claim: str, question: str) -> None:
    assert not gate.judge(claim, [passage(text)], question).passed


@pytest.mark.parametrize(
    ("text", "claim", "question"),
    [
        ("A replacement costs €10.", "A replacement costs ten euros.", "how much is a replacement"),
        ("Open 8:00-20:00.", "We are open from 8 a.m. to 8 p.m.", "when are you open"),
        ("Open from 18:30.", "It is open from 6:30 p.m.", "when are you open"),
        ("It takes 3-5 working days.", "It takes three to five working days.", "how long does it take"),
        ("A box holds 12 checks.", "A box holds a dozen checks.", "how many checks in a box"),
        ("The fee is $100.", "The fee is a hundred dollars.", "what is the fee"),
        ("The visit takes 30 minutes.", "The visit takes half an hour.", "how long is the visit"),
        ("Pay by 24 December 2026.", "Pay by December 24, 2026.", "by when must I pay"),
        ("Open Mon-Fri.", "We are open from Monday to Friday.", "when are you open"),
        ("Cash is not insured.", "No, cash is not insured.", "is cash insured"),
        (
            "Refunds are paid unless the delay was caused by weather.",
            "Refunds are paid unless the delay was caused by weather.",
            "do I get a refund",
        ),
        (
            "Delivery is free for orders over 50 dollars.",
            "Delivery is free for orders over 50 dollars.",
            "is delivery free",
        ),
        ("The limit is $5,000.", "The limit is five thousand dollars.", "what is the limit"),
        ("A code works for 48 hours.", "The code works for 48 hours.", "how long does the code work"),
        ("Bring photo ID. Parcels wait ten days.", "Parcels wait 10 days.", "how long do parcels wait"),
        ("Price in dollars: 45", "It costs 45 dollars.", "what does it cost"),
        ("Do dogs have to stay out? Yes.", "Dogs have to stay out.", "are dogs allowed"),
        (
            "The driver does not give the parcel to children.",
            "No, children cannot receive the parcel.",
            "can my child receive the parcel",
        ),
        ("A search takes one week.", "A search takes a week.", "how long does a search take"),
    ],
)
def test_the_same_in_other_words_may_be_spoken(gate: GroundingGate, text: str, claim: str, question: str) -> None:
    assert gate.judge(claim, [passage(text)], question).unsupported == ()


def test_a_condition_that_the_question_states_need_not_be_said_again(gate: GroundingGate) -> None:
    told = passage("If your card does not work, order a new one in the app.", "Cards")
    assert gate.judge("Order a new one in the app.", [told], "my card does not work").passed
    assert not gate.judge("Order a new one in the app.", [told], "I want a second one").passed


ABROAD = passage("The receiver pays duties. We do not carry parcels to Russia.", "Send a parcel abroad")


def test_two_true_sentences_are_not_made_into_one_that_is_not(gate: GroundingGate) -> None:
    wrong = gate.judge(
        "The receiver pays duties for parcels to Russia.", [ABROAD], "do you deliver to Russia"
    ).unsupported
    assert wrong == ("russia in another sentence",)
    assert gate.judge("We do not carry parcels to Russia.", [ABROAD], "do you deliver to Russia").passed


def test_a_number_alone_bears_out_no_word_of_the_question(gate: GroundingGate) -> None:
    told = passage("The first scan of a parcel shows up to 24 hours after handing in.", "Where is my parcel")
    claim = "The warranty on a parcel scanner is 24 hours."
    assert not gate.judge(claim, [told], "how long is the warranty on a parcel scanner").passed


@pytest.mark.parametrize(("answer", "passed"), [("Yes.", False), ("No.", True), ("Yes, we do not.", False)])
def test_yes_and_no_are_held_against_the_passage(gate: GroundingGate, answer: str, passed: bool) -> None:
    assert gate.judge(answer, [ABROAD], "do you carry parcels to Russia?").passed is passed


PIECES = """
around the clock;24/7;1.2.3 - 4;01.02.2026 to 3.4.;between 2 and 4 percent;$5k;€1.234,50;12,50 €;up to;at least
or more;unless;only if;twice a day;per month;half past six;half a dozen;Mon-Fri;Dec. 24;(555) 012-3456;9 a.m.;noon
hundred;point;three;thousand;$;%;.;,;-;to;and;the fee;is;free;not;no;Gold;account;1e9;0,0;1,,2;9.9.9.9;²;٣;ten cents
"""
WRITTEN = st.lists(
    st.one_of(st.sampled_from(PIECES.strip().replace("\n", ";").split(";")), st.text(max_size=6)), max_size=9
).map(" ".join)


@settings(max_examples=300, deadline=None)
@given(text=WRITTEN, claim=WRITTEN, question=WRITTEN)
@example(text="We are there.", claim="We are there around the clock.", question="when are you there")
@example(text="Use version 1.2.3 - 4.", claim="Use version 4.", question="which version")
def test_whatever_is_written_the_gate_has_a_verdict(gate: GroundingGate, text: str, claim: str, question: str) -> None:
    verdict = gate.judge(claim, [passage(text)], question)
    assert verdict == gate.judge(claim, [passage(text)], question)
