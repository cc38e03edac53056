"""The shipped rules: words that phrases name, what else callers say about each topic, and what only looks like it."""

from __future__ import annotations

from pathlib import Path

import pytest

from escalation.rules import RuleBook, TurnFacts

BOOK = RuleBook.load(Path(__file__).parents[2] / "configs" / "rules.yaml")


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("someone is breaking into my house", "emergency"),
        ("my abuser has this address", "unsafe-at-home"),
        ("I'm standing on the ledge", "danger-to-self"),
        ("my sister is an alcoholic", "vulnerable"),
        ("we are starting a class action", "legal-threat"),
        ("somebody is stealing my money", "fraud-in-progress"),
    ],
)
def test_a_word_that_a_phrase_names_is_not_taken_for_a_misheard_other(text: str, rule: str) -> None:
    firing = BOOK.evaluate(TurnFacts(text=text))
    assert firing is not None
    assert firing.rule_id == rule


def test_trouble_breaking_a_note_is_no_trouble_breathing() -> None:
    assert BOOK.evaluate(TurnFacts(text="I have trouble breaking a fifty")) is None


MIRRORED = """rule | what is said
danger-to-self | my brother said he wants to kill him self
danger-to-self | she took a handful of tablets
danger-to-self | he texted me goodbye and his phone is off
danger-to-others | there's a bomb in your lobby
danger-to-others | I feel like stabbing my boss
emergency | my dad has collapsed
emergency | I can smell gas in the kitchen
vulnerable | I fell off the wagon at Christmas
vulnerable | I cannot afford food
vulnerable | I'm registered blind
fraud-in-progress | they opened an account in my name
fraud-in-progress | he told me to move my money to a safe account
legal-threat | expect to hear from my solicitors
complaint | I have already complained twice
bereavement | it's about my late aunt's savings
bereavement | my nan passed last week
bereavement | my father has past away
bereavement | I'm the executor
cancellation | could you close my account please
cancellation | I no longer want to bank with you
minor | I'm thirteen
minor | my mum doesn't know I'm calling
media | I write for a newspaper
media | I'm putting this all over social media
abusive-caller | you worthless piece of junk
asks-for-a-person | put me through to your card department
- | suicide door hinges for my car, is that covered as film prop
- | I won't sue you
- | could you close my account if I never use it
- | my wife is late for her appointment
- | when I was twelve I opened this account
- | my son is thirteen
- | can I make a person to person payment
- | he passed the exam
- | my phone died on Tuesday
- | I can't complain
- | I don't want to leave the bank
- | my daughter studies journalism
- | I paid a lot for a piece of junk""".splitlines()[1:]


@pytest.mark.parametrize("line", MIRRORED)
def test_what_else_callers_say_and_what_only_looks_like_it(line: str) -> None:
    rule, text = (part.strip() for part in line.split("|"))
    firing = BOOK.evaluate(TurnFacts(text=text))
    assert (firing.rule_id if firing else "-") == rule
