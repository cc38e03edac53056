"""The golden question set: what callers ask, and where the answer stands. Asked before and after a release.

A YAML list (docs/knowledge.md)::

    - {ask: "how much is a wire", document: fees.md, says: ["25 dollars"]}
    - {ask: "and on Saturday?", after: "when are you open", document: hours.md}
    - {ask: "what's your mortgage rate", document: null}      # no document answers it
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field, RootModel, ValidationError

from contracts.configfile import explain, read_yaml
from contracts.engines import Evidence, Passage
from contracts.errors import ConfigError
from contracts.settings import Settings

FIRST = 3
"""A question counts as answered when its document is among so many passages: what an answer is made from."""


class GoldenQuestion(Settings):
    """A question as a caller asks it."""

    ask: str = Field(min_length=1)
    document: str | None
    """Source of the document that answers, or of its file; null: none does."""
    after: str | tuple[str, ...] = ()
    """Earlier turns of the caller, oldest first."""
    says: tuple[str, ...] = ()
    """Each of these must stand in the passages that an answer is made from."""

    @property
    def context(self) -> tuple[str, ...]:
        """Earlier turns as a list."""
        return (self.after,) if isinstance(self.after, str) else self.after


class _GoldenFile(RootModel[tuple[GoldenQuestion, ...]]):
    """The whole file."""


@dataclass(slots=True, frozen=True)
class Asked:
    """How one question fared. ``rank`` 1 is best, 0 not found; ``answer`` is the best passage."""

    question: GoldenQuestion
    rank: int
    said: bool
    answer: Passage | None

    @property
    def answered(self) -> bool:
        """Do the document and what it must say come first?"""
        return 0 < self.rank <= FIRST and self.said


def load_golden(path: Path) -> tuple[GoldenQuestion, ...]:
    """Read a set. Raises ConfigError, naming file and line."""
    data, lines = read_yaml(path)
    try:
        return _GoldenFile.model_validate(data if data is not None else []).root
    except ValidationError as error:
        raise ConfigError(explain(error, GoldenQuestion, str(path), lines)) from error


def ask_all(questions: Sequence[GoldenQuestion], search: Callable[[str, Sequence[str]], Evidence]) -> list[Asked]:
    """Ask every question of one release."""
    return [_asked(one, search(one.ask, one.context)) for one in questions]


def _asked(question: GoldenQuestion, evidence: Evidence) -> Asked:
    rank = next((at + 1 for at, one in enumerate(evidence.passages) if question.document in _names(one)), 0)
    read = " ".join(one.text for one in evidence.passages[:FIRST]).casefold()
    said = all(" ".join(words.split()).casefold() in " ".join(read.split()) for words in question.says)
    return Asked(question, rank, said, evidence.best)


def _names(passage: Passage) -> tuple[str, ...]:
    return (passage.source, passage.source.partition("#")[0], passage.document_id)


def measures(asked: Sequence[Asked]) -> dict[str, Any]:
    """Shares over the questions that have a document: found first, among three, among five, and answered."""
    real = [one for one in asked if one.question.document is not None]

    def share(limit: int) -> float:
        return sum(0 < one.rank <= limit for one in real) / len(real) if real else 0.0

    return {
        "questions": len(asked),
        "answerable": len(real),
        "r1": share(1),
        "r3": share(3),
        "r5": share(5),
        "answered": sum(one.answered for one in real) / len(real) if real else 0.0,
    }


def compare(before: Sequence[Asked], after: Sequence[Asked]) -> Mapping[str, Any]:
    """Measures of both, questions lost and won, and every answer that would change, with both wordings."""
    pairs = list(zip(before, after, strict=True))
    return {
        "before": measures(before),
        "after": measures(after),
        "lost": [new.question.ask for old, new in pairs if old.answered and not new.answered],
        "won": [new.question.ask for old, new in pairs if new.answered and not old.answered],
        "changed": [
            {"ask": new.question.ask, "before": _shown(old.answer), "after": _shown(new.answer)}
            for old, new in pairs
            if _text(old.answer) != _text(new.answer)
        ],
    }


def _text(passage: Passage | None) -> str:
    return "" if passage is None else f"{passage.title}\n{passage.heading}\n{passage.text}"


def _shown(passage: Passage | None) -> dict[str, str] | None:
    return None if passage is None else {"source": passage.source, "heading": passage.heading, "text": passage.text}
