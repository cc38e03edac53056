"""Answers of the grounding suite that were read one by one beside the document they were cited from, with verdicts.

``handchecked.csv``, a row an answer: world and case as the suite names them; ``verdict``: is everything that was spoken
said by the cited document, of the subject that was asked about; ``answers``: does it answer the question; ``note``: the
kind of fault, a colon, and a few words; ``rule``: what evaluation.judging made of the same answer; ``spoken_sha256``:
the beginning of the digest of what was spoken, by which a later run knows whether the verdict still fits its answer.
"""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path

from pydantic import Field, ValidationError

from contracts.errors import ConfigError
from contracts.settings import Settings

FILE = Path(__file__).with_suffix(".csv")
DIGITS = 12
"""Hexadecimal digits of a digest that are kept: enough to tell two answers to one question apart."""


class Support(StrEnum):
    """Does the cited document say it?"""

    SUPPORTED = "supported"
    UNSUPPORTED = "unsupported"


class Answers(StrEnum):
    """Does it answer the question?"""

    YES = "yes"
    PARTLY = "partly"
    NO = "no"


class Verdict(Settings):
    """A row of the file."""

    world: str = Field(min_length=1)
    case: str = Field(min_length=1)
    verdict: Support
    answers: Answers
    note: str = Field(max_length=160)
    rule: Support
    spoken_sha256: str = Field(pattern=f"^[0-9a-f]{{{DIGITS}}}$")

    @property
    def kind(self) -> str:
        """Of fault, "" for an answer without one."""
        return self.note.partition(":")[0]


def load(path: Path = FILE) -> list[Verdict]:
    """All verdicts. Raises ConfigError naming the line."""
    found = []
    try:
        with path.open(encoding="utf-8", newline="") as source:
            rows = csv.DictReader(source)
            for row in rows:
                try:
                    found.append(Verdict.model_validate(row))
                except ValidationError as error:
                    raise ConfigError(f"{path}, line {rows.line_num}: {error}") from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{path}: cannot be read as CSV ({error})") from error
    return found


def digest(spoken: Sequence[str]) -> str:
    """Of the sentences of an answer, as in the file."""
    return hashlib.sha256("\n".join(spoken).encode()).hexdigest()[:DIGITS]


def unsupported(verdicts: Iterable[Verdict]) -> int:
    """Answers that say something which the cited document does not say of that subject."""
    return sum(one.verdict is Support.UNSUPPORTED for one in verdicts)


def answering(verdicts: Iterable[Verdict]) -> Counter[Answers]:
    """How many answer the question, answer it in part, or do not."""
    return Counter(one.answers for one in verdicts)


def agreeing(verdicts: Iterable[Verdict]) -> int:
    """Answers on which the reading and the rule agree."""
    return sum(one.verdict is one.rule for one in verdicts)


def faults(verdicts: Iterable[Verdict]) -> Counter[tuple[Support, str]]:
    """How often which kind of fault, among supported and among unsupported answers."""
    return Counter((one.verdict, one.kind) for one in verdicts if one.note)
