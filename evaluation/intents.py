"""Files of questions with their topics: BANKING77's CSV and CLINC150's JSON. For the suite and `cascade fit`."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from contracts.errors import ConfigError
from dialog.topicfeatures import Floats

MAX_BYTES = 1 << 26
AT_ONCE = 256
"""Questions embedded between two steps of a progress bar."""
OUTSIDE = "oos"
"""Topic of questions about none of the topics, and how CLINC150 begins the names of their parts."""


@dataclass(slots=True, frozen=True)
class Labelled:
    """A question. ``case`` names it: file or part, and row."""

    case: str
    text: str
    topic: str


def read_questions(path: Path) -> list[Labelled]:
    """A CSV with columns text and category, or a JSON of parts, each a list of [text, topic]. Raises ConfigError."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ConfigError(f"{path}: larger than {MAX_BYTES >> 20} MB; this is no file of questions")
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as UTF-8 text: {error}") from error
    return _from_json(path, text) if path.suffix.lower() == ".json" else _from_csv(path, text)


def read_all(paths: Iterable[Path]) -> list[Labelled]:
    """Several files, one after the other."""
    return [one for path in paths for one in read_questions(path)]


def unseen(cases: Sequence[Labelled], fitted: Sequence[Labelled]) -> list[Labelled]:
    """Those whose words, but for case and spaces, are not among the fitted ones: a question learned is no test."""
    known = {_key(one.text) for one in fitted}
    return [one for one in cases if _key(one.text) not in known]


def batches(count: int) -> int:
    """How many steps ``embedded`` takes."""
    return -(-count // AT_ONCE)


def embedded(cases: Sequence[Labelled], embed: Callable[[Sequence[str]], Floats], step: Callable[[], None]) -> Floats:
    """The questions' unit vectors [n, d]; ``step`` is called after each batch."""
    found = []
    for start in range(0, len(cases), AT_ONCE):
        found.append(embed([one.text for one in cases[start : start + AT_ONCE]]))
        step()
    return np.concatenate(found) if found else np.zeros((0, 0), np.float32)


def _key(text: str) -> str:
    return " ".join(text.lower().split())


def _from_csv(path: Path, text: str) -> list[Labelled]:
    rows = csv.DictReader(text.splitlines(keepends=True))
    if not {"text", "category"} <= set(rows.fieldnames or ()):
        raise ConfigError(f"{path}:1: the first line must name the columns text and category")
    try:
        return [
            Labelled(f"{path.stem}:{rows.line_num}", row["text"], row["category"])
            for row in rows
            if row["text"] and row["category"]
        ]
    except csv.Error as error:
        raise ConfigError(f"{path}:{rows.line_num}: not a CSV file: {error}") from error


def _from_json(path: Path, text: str) -> list[Labelled]:
    try:
        parts = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(f"{path}:{error.lineno}: not valid JSON: {error.msg}") from error
    wrong = ConfigError(f'{path}: not a mapping of parts to lists of ["text", "topic"], as CLINC150 is')
    if not isinstance(parts, dict) or not all(isinstance(rows, list) for rows in parts.values()):
        raise wrong
    found = []
    for part, rows in parts.items():
        for number, row in enumerate(rows):
            if not (isinstance(row, list) and len(row) == 2 and all(isinstance(one, str) for one in row)):
                raise wrong
            found.append(Labelled(f"{part}:{number}", row[0], OUTSIDE if part.startswith(OUTSIDE) else row[1]))
    return found
