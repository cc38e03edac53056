"""Answers that a model gave and the gate let through, for whoever asks the same on the same evidence. Pure.

Many callers ask the same thing in the same words. The passages are part of the key with all their text: another
release, or an edited document, is another question.

`LookedUp` keeps what was found lately, for the second or two in which the knowledge base's worker is replaced.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from contracts.engines import Passage
from contracts.events import Rung
from dialog.outcome import Found, Question

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


class LookedUp:
    """Evidence by question, of one release: as soon as another is seen, everything older is dropped.

    ``most`` questions, none older than ``kept_s`` seconds: a passage may have been withdrawn since.
    """

    def __init__(self, most: int, kept_s: float) -> None:
        self._most, self._kept_s = most, kept_s
        self._release = ""
        self._found: OrderedDict[tuple[str, ...], tuple[float, Found]] = OrderedDict()

    def put(self, question: Question, found: Found, now: float) -> None:
        """It was just found, on the live release."""
        if found.evidence.release != self._release:
            self._release = found.evidence.release
            self._found.clear()
        key = _asked(question)
        self._found.pop(key, None)
        self._found[key] = now, found
        while len(self._found) > self._most:
            self._found.popitem(last=False)

    def get(self, question: Question, now: float) -> Found | None:
        """What was found for the same words lately enough."""
        at, found = self._found.get(_asked(question), (0.0, None))
        return found if found is not None and now - at <= self._kept_s else None


def _asked(question: Question) -> tuple[str, ...]:
    return *_words(question.before), "", *_words(question.text)


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip(".,!?;:") for word in text.lower().split())


def _key(question: str, passages: Sequence[Passage], history: Sequence[str]) -> Key:
    return _words(question), tuple(f"{one.passage_id}\0{one.title}\0{one.text}" for one in passages), tuple(history)
