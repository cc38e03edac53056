"""Small talk is recognised; a question inside it is not lost."""

from __future__ import annotations

import pytest

from dialog.intents import Intent, classify, core_question, without_introduction


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("Hi.", Intent.GREETING),
        ("Hello, good morning!", Intent.GREETING),
        ("Thank you so much.", Intent.THANKS),
        ("Thanks, that was very helpful.", Intent.THANKS),
        ("No, that's going to be it. Bye.", Intent.GOODBYE),
        ("Great. Thank you so much. That's it. You too, take care.", Intent.GOODBYE),
        ("No, thank you", Intent.NO_MORE),
        ("That'll be all, thank you.", Intent.NO_MORE),
        ("No, that's actually all I need for today. Thank you so much.", Intent.NO_MORE),
        ("Yes please.", Intent.YES),
        ("Can you say that again, please?", Intent.REPEAT),
        ("Slower, please.", Intent.SLOWER),
        ("Could you speak a little more slowly?", Intent.SLOWER),
        ("Sorry, can you please slow down?", Intent.SLOWER),
        ("You're talking too fast for me.", Intent.SLOWER),
        ("I didn't understand that, can you say it more slowly?", Intent.SLOWER),
        ("Why is my transfer so slow?", None),
        ("Is a wire slower?", None),
        ("How fast is a transfer?", None),
        ("Sorry, what was that?", Intent.REPEAT),
        ("Are you a robot?", Intent.ROBOT),
        ("Am I talking to a real person?", Intent.ROBOT),
        ("How are you today?", Intent.HOW_ARE_YOU),
        ("Can you hear me?", Intent.STILL_THERE),
        ("Yes, one moment please.", Intent.WAIT),
        ("Sorry, wait.", Intent.WAIT),
        ("Hi, my name is Linda Brown.", Intent.INTRODUCTION),
    ],
)
def test_small_talk_is_known(text: str, intent: Intent) -> None:
    assert classify(text) is intent


@pytest.mark.parametrize(
    "text",
    [
        "Thanks, and when do you open?",
        "Hi, I lost my card.",
        "No, I mean my savings account.",
        "Yes, I'd like to order checks.",
        "Can you repeat my payment every month?",
        "",
    ],
)
def test_a_turn_with_a_wish_in_it_is_not_small_talk(text: str) -> None:
    assert classify(text) is None


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("Hi, my name is Patricia Brown. I lost my debit card.", "I lost my debit card."),
        ("Hi Mary, my name is David Jones. I wanted to know the hours.", "I wanted to know the hours."),
        ("My name is Mary Johnson and I'd like to pay a bill.", "I'd like to pay a bill."),
        ("I lost my debit card.", "I lost my debit card."),
        ("Hi, my name is Linda.", "Hi, my name is Linda."),
    ],
)
def test_an_introduction_is_taken_off_the_question(text: str, rest: str) -> None:
    assert without_introduction(text) == rest


@pytest.mark.parametrize(
    ("text", "core"),
    [
        ("Hi, my name is Ann Lee. I lost my card. Great, thank you. Bye.", "I lost my card."),
        ("I need my balance. My savings account. No, thank you.", "I need my balance. My savings account."),
        ("Okay. When do you open?", "When do you open?"),
        ("Thank you. Bye.", "Thank you. Bye."),
    ],
)
def test_only_what_wants_something_is_searched_for(text: str, core: str) -> None:
    assert core_question(text) == core
