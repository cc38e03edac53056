"""Answers that a model gave and the gate let through, for whoever asks the same on the same evidence. Pure.

Many callers ask the same thing in the same words. The passages are part of the key with all their text: another
release, or an edited document, is another question.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from contracts.engines import Passage
from contracts.events import Rung

Key = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]


@dataclass(slots=True, frozen=True)
class Answer:
    """Sentences as they were spoken, and the rung that found them."""

    sentences: tuple[str, ...]
    rung: Rung


class Remembered:
    """The most recently used answers; ``most`` of them, 0 for none."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._answers: OrderedDict[Key, Answer] = OrderedDict()

    def get(self, question: str, passages: Sequence[Passage], history: Sequence[str]) -> Answer | None:
        """What was answered to these words on these passages after these lines, if anything was."""
        key = _key(question, passages, history)
        answer = self._answers.get(key)
        if answer is not None:
            self._answers.move_to_end(key)
        return answer

    def put(self, question: str, passages: Sequence[Passage], history: Sequence[str], answer: Answer) -> None:
        """Keep it; the one not asked for longest goes when there are too many."""
        self._answers[_key(question, passages, history)] = answer
        while len(self._answers) > self._most:
            self._answers.popitem(last=False)


def _key(question: str, passages: Sequence[Passage], history: Sequence[str]) -> Key:
    words = tuple(word.strip(".,!?;:") for word in question.lower().split())
    return words, tuple(f"{one.passage_id}\0{one.title}\0{one.text}" for one in passages), tuple(history)
