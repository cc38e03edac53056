"""What goes into the cascade and what comes out: a question, the evidence found for it, a voice, an outcome."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from contracts.engines import Evidence, Passage, Word
from contracts.events import EventKind, Rung
from contracts.worker import Urgency
from dialog.clarify import Choice, Reading
from escalation.rules import Firing

Record = Callable[[EventKind, dict[str, Any]], None]
Speak = Callable[[str], None]
Mark = Callable[[str, float], None]


class Result(StrEnum):
    """How a question ended."""

    ANSWERED = "answered"
    CLARIFY = "clarify"
    """Two readings: the caller is asked which one is meant."""
    REPEAT = "repeat"
    UNKNOWN = "unknown"
    NOT_GROUNDED = "not_grounded"
    TROUBLE = "trouble"
    TOO_SLOW = "too_slow"


@dataclass(slots=True)
class Outcome:
    """What was answered, from where, and why so."""

    result: Result
    rung: Rung
    text: str = ""
    passages: tuple[Passage, ...] = ()
    why: str = ""
    rejected: int = 0
    models: list[dict[str, Any]] = field(default_factory=list)
    topic: str = ""
    """Title of the document that the question is about; known even when its answer could not be given."""
    asked: str = ""
    """The question that was answered: the turn, or the one before and the turn."""
    choice: Choice | None = None
    """The readings that the caller is asked to choose from."""
    stopped: Firing | None = None
    """Its topic is switched off: a person."""
    forsaken: bool = False
    """A worker was lost and nobody could answer in its place in time: the caller is owed a person."""


@dataclass(slots=True, frozen=True)
class Question:
    """A turn as the cascade sees it.

    ``before``: the question that this one may lean on, empty if it stands by itself; ``history``: lines for the prompt
    if it does lean on it. ``settled``: titles of documents about which a question was asked back before; ``meant``:
    which reading the caller picked. ``readings``: what the recogniser may have heard instead; ``talk``: what both sides
    said before, oldest first; both only widen the search.
    """

    text: str
    confidence: float
    before: str = ""
    history: tuple[str, ...] = ()
    settled: frozenset[str] = frozenset()
    meant: Reading | None = None
    readings: tuple[str, ...] = ()
    talk: tuple[str, ...] = ()
    words: tuple[Word, ...] = ()
    """How sure the recogniser is of each; empty if unknown."""
    subject: str = ""
    """The caller's question before this one, also where this one does not lean on it."""
    sound: str = ""
    """Of ``words``, to be read again (contracts.engines.Rereader); empty: none was kept."""


@dataclass(slots=True, frozen=True)
class Found:
    """Evidence, and the question that it is for: the turn alone, or with the one before it."""

    asked: str
    evidence: Evidence
    joined: bool = False


@dataclass(slots=True, frozen=True)
class Voice:
    """Where the cascade's words go: ``speak`` a sentence, ``mark`` a stage's end and its time, ``record`` an event."""

    speak: Speak
    mark: Mark
    record: Record
    urgency: Urgency | None = None
    """Of what is asked of models; raised when somebody waits. None: somebody does from the start."""
