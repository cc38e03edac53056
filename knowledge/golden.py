"""The golden question set: what callers ask, and where the answer stands. Asked before and after a release.

A YAML list (docs/knowledge.md)::

    - {ask: "how much is a wire", document: fees.md, says: ["25 dollars"]}
    - {ask: "and on Saturday?", after: "when are you open", document: hours.md}
    - {ask: "what's your mortgage rate", document: null}      # no document answers it
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

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


Search = Callable[[str, Sequence[str]], Evidence]
"""A question and the caller's earlier turns → what a release has on it."""


class Spoken(StrEnum):
    """What an answer is made of."""

    NOTHING = "nothing"
    """The operator does not know, and says so."""
    SENTENCE = "sentence"
    """A document's own sentence; no model is asked."""
    MODEL = "model"
    """A language model is asked, with the passage."""
    UNTRIED = "untried"
    """Nobody was there to tell; the best passage stands for the answer."""


@dataclass(slots=True, frozen=True)
class Reply:
    """What the operator would say. ``passage``: what it stands on. ``ungrounded``: what of a sentence the gate finds
    no ground for."""

    spoken: Spoken
    text: str
    passage: Passage | None
    evidence: Evidence
    ungrounded: tuple[str, ...] = ()


class Answers(Protocol):
    """Tells what the operator would say; ``dialog.rehearsal`` is one. This room cannot know."""

    def reply(self, ask: str, context: Sequence[str], search: Search) -> Reply:
        """``search`` asks the release that is tried."""
        ...


@dataclass(slots=True, frozen=True)
class Asked:
    """How one question fared. ``rank`` 1 is best, 0 not found; ``said``: do the passages hold what they must say?"""

    question: GoldenQuestion
    rank: int
    said: bool
    reply: Reply

    @property
    def answer(self) -> Passage | None:
        """The passage that the answer stands on."""
        return self.reply.passage

    @property
    def wrong(self) -> str:
        """Why this is a failure; empty if all is as it should be."""
        spoken, passage = self.reply.spoken, self.reply.passage
        if self.question.document is None:
            if spoken is Spoken.SENTENCE:
                return "answered, though no document answers it"
            return "a model would be asked, though no document answers it" if spoken is Spoken.MODEL else ""
        if not 0 < self.rank <= FIRST:
            return "its document is not found"
        if not self.said:
            return "what it must say is not found"
        if spoken is Spoken.NOTHING:
            return "not answered"
        if spoken is Spoken.SENTENCE and (passage is None or self.question.document not in _names(passage)):
            return "answered from another document"
        return f"not grounded: {', '.join(self.reply.ungrounded)}" if self.reply.ungrounded else ""

    @property
    def answered(self) -> bool:
        """As it should be: the document and what it must say come first and are said; or, for a question that no
        document answers, nothing is."""
        return not self.wrong


def load_golden(path: Path) -> tuple[GoldenQuestion, ...]:
    """Read a set. Raises ConfigError, naming file and line."""
    data, lines = read_yaml(path)
    try:
        return _GoldenFile.model_validate(data if data is not None else []).root
    except ValidationError as error:
        raise ConfigError(explain(error, GoldenQuestion, str(path), lines)) from error


def ask_all(questions: Sequence[GoldenQuestion], search: Search, answers: Answers | None = None) -> list[Asked]:
    """Ask every question of one release. Without ``answers`` only what is found can be told, and nothing is spoken."""
    return [_asked(one, search, answers) for one in questions]


def _asked(question: GoldenQuestion, search: Search, answers: Answers | None) -> Asked:
    evidence = search(question.ask, question.context)
    if answers is None:
        reply = Reply(Spoken.UNTRIED, "", evidence.best, evidence)
    else:
        reply = answers.reply(question.ask, question.context, search)
        evidence = reply.evidence
    rank = next((at + 1 for at, one in enumerate(evidence.passages) if question.document in _names(one)), 0)
    read = " ".join([reply.text, *(one.text for one in evidence.passages[:FIRST])]).casefold()
    said = all(" ".join(words.split()).casefold() in " ".join(read.split()) for words in question.says)
    return Asked(question, rank, said, reply)


def _names(passage: Passage) -> tuple[str, ...]:
    return (passage.source, passage.source.partition("#")[0], passage.document_id)


def measures(asked: Sequence[Asked]) -> dict[str, Any]:
    """Shares over the questions that have a document: found first, among three, among five, answered well, and answered
    by a document's own sentence; ``abstained`` over those that have none. None: nobody could tell."""
    real = [one for one in asked if one.question.document is not None]
    none = [one for one in asked if one.question.document is None]
    tried = [one for one in asked if one.reply.spoken is not Spoken.UNTRIED]

    def share(good: int, of: int) -> float:
        return good / of if of else 0.0

    return {
        "questions": len(asked),
        "answerable": len(real),
        "r1": share(sum(one.rank == 1 for one in real), len(real)),
        "r3": share(sum(0 < one.rank <= 3 for one in real), len(real)),
        "r5": share(sum(0 < one.rank <= 5 for one in real), len(real)),
        "answered": share(sum(one.answered for one in real), len(real)),
        "without_model": share(sum(one.reply.spoken is Spoken.SENTENCE for one in real), len(real)) if tried else None,
        "abstained": share(sum(one.answered for one in none), len(none)) if tried and none else None,
        "ungrounded": share(sum(bool(one.reply.ungrounded) for one in tried), len(tried)) if tried else None,
    }


def compare(before: Sequence[Asked], after: Sequence[Asked], *, first: bool = False) -> Mapping[str, Any]:
    """Measures of both, questions lost and won, all that fail now, and every answer that would change: from another
    document, or in other words. The same sentence from a passage that was cut otherwise is the same answer.

    ``first``: nothing was live before, so nothing can be lost: silence was no achievement. What fails is shown, and
    the marks judge it.
    """
    pairs = list(zip(before, after, strict=True))
    return {
        "before": measures(before),
        "after": measures(after),
        "lost": [new.question.ask for old, new in pairs if old.answered and not new.answered and not first],
        "won": [new.question.ask for old, new in pairs if new.answered and not old.answered],
        "failed": [
            {"ask": one.question.ask, "document": one.question.document, "why": one.wrong, "got": _shown(one)}
            for one in after
            if one.wrong
        ],
        "changed": [
            {"ask": new.question.ask, "what": what, "before": _shown(old), "after": _shown(new)}
            for old, new in pairs
            if (what := _difference(old, new))
        ],
    }


def _difference(old: Asked, new: Asked) -> str:
    """``document``, ``words``, ``how`` (a sentence instead of a model, or the reverse), or nothing."""
    was, now = old.answer, new.answer
    if (was.source if was else "") != (now.source if now else ""):
        return "document"
    if old.reply.spoken != new.reply.spoken:
        return "how"
    if old.reply.text or new.reply.text:
        return "words" if _words(old.reply.text) != _words(new.reply.text) else ""
    return "words" if was and now and _words(was.text) != _words(now.text) else ""


def _words(text: str) -> str:
    return " ".join(text.split())


def _shown(one: Asked) -> dict[str, str] | None:
    """The words that would be spoken, or those that a model would be given."""
    passage = one.answer
    if passage is None:
        return None
    text = one.reply.text or passage.text
    return {"source": passage.source, "heading": passage.heading, "text": text, "by": str(one.reply.spoken)}
