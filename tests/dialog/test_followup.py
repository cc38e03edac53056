"""What leans on the question before it, and what only seems to."""

from __future__ import annotations

import pytest

from dialog.followup import leans


@pytest.mark.parametrize(
    "text",
    [
        "and on Saturday?",
        "what about Sunday",
        "how about to another country",
        "how long does that take?",
        "and how much is it?",
        "Can I cancel it?",
        "is there a limit",
        "is there a fee for that",
        "why?",
        "the debit card",
    ],
)
def test_fragments_and_words_that_point_back_lean(text: str) -> None:
    assert leans(text)


@pytest.mark.parametrize(
    "text",
    [
        "what's my balance",
        "when are you open",
        "do you do mortgages",
        "what's the weather",
        "there's a charge on my account that I didn't make",
        "I'd like to order some checks and have them sent to my house in Denver",
        "How long is the code good for?",
    ],
)
def test_a_whole_question_stands_by_itself(text: str) -> None:
    assert not leans(text)
