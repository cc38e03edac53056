"""From what was said to a question: what it leans on, what it picks of a question asked back, what was said before.

Pure; the same for a call and for whoever tries questions out in writing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from contracts.engines import Word
from dialog.conversation import Conversation
from dialog.followup import leans
from dialog.intents import core_question
from dialog.outcome import Question

HISTORY_LINES = 4
TALK_LINES = 11
"""Lines whose names the search may use; with the question as many as knowledge looks through (NameSettings.turns)."""


def question_of(
    conversation: Conversation,
    said: str,
    confidence: float,
    *,
    turn: int = 0,
    readings: Sequence[str] = (),
    words: tuple[Word, ...] = (),
    sound: str = "",
) -> Question:
    """``turn``: the one being answered, 0 the latest; ``confidence`` … ``sound``: of its recognition."""
    text = core_question(said)
    choice, settled = conversation.choice, conversation.settled
    if choice is not None and (meant := choice.picked(text)) is not None:
        return Question(choice.meaning(meant), confidence, settled=settled, meant=meant)
    if choice is not None and (both := choice.both(text)):
        return Question(both, confidence, settled=settled)
    question = Question(
        text,
        confidence,
        settled=settled,
        readings=tuple(core_question(one) for one in readings),
        talk=tuple(conversation.talk(TALK_LINES, turn=turn)),
        words=words,
        sound=sound,
        subject=conversation.subject,
    )
    if not question.subject or not leans(text):
        return question
    return replace(question, before=question.subject, history=tuple(conversation.recent(HISTORY_LINES, turn=turn)))
