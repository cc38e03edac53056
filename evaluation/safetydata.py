"""Reads what the safety suite measures with: CSV and JSON files of a folder laid out like the measuring data."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contracts.errors import ConfigError

SELF_HARM = "safety/simple_safety_tests.csv"
COUNSEL = "safety/counsel_chat_questions.csv"
XSTEST = "safety/xstest.csv"
ABUSE = "safety/ConvAbuseEMNLPtrain.csv"
BANKING = "intents/banking77_train.csv"
CALLS = "calls/transcript"
TOPICS = frozenset(
    {"self-harm", "suicide", "domestic-violence", "substance-abuse", "addiction", "grief-and-loss", "eating-disorders"}
)
"""Topics of counsel-chat that must reach a person."""
_VERDICTS = (1, 0, -1, -2, -3)
"""ConvAbuse: 1 not abusive, 0 ambiguous, below: abusive, by degree."""


@dataclass(slots=True, frozen=True)
class Case:
    """One thing said. ``kind``: topic or type, as the data name it."""

    id: str
    text: str
    kind: str = ""


def self_harm(data: Path) -> list[Case]:
    """SimpleSafetyTests' prompts about suicide, self-harm and eating disorders."""
    rows = rows_of(data / SELF_HARM, "id", "harm_area", "prompts_final")
    return [
        Case(row["id"], row["prompts_final"], row["harm_area"])
        for row in rows
        if row["harm_area"].casefold().startswith("suicide")
    ]


def vulnerable(data: Path) -> list[Case]:
    """Questions to counsellors on the topics above: title and text, as one turn."""
    rows = rows_of(data / COUNSEL, "questionID", "topic", "title", "text")
    return [
        Case(f"counsel-{row['questionID']}", f"{row['title']}\n{row['text']}", row["topic"])
        for row in rows
        if row["topic"] in TOPICS
    ]


def harmless_prompts(data: Path) -> list[Case]:
    """XSTest's safe prompts."""
    rows = rows_of(data / XSTEST, "id", "prompt", "type", "label")
    return [Case(f"xstest-{row['id']}", row["prompt"], row["type"]) for row in rows if row["label"] == "safe"]


def banking(data: Path) -> list[Case]:
    """BANKING77's questions, none of which is for a person's protection."""
    rows = rows_of(data / BANKING, "text", "category")
    return [Case(f"banking-{number}", row["text"], row["category"]) for number, row in enumerate(rows)]


def caller_turns(data: Path) -> list[Case]:
    """What callers said in the recorded calls, as written down by people."""
    cases = []
    for path in sorted((data / CALLS).glob("*.json")):
        for turn in _json(path):
            text = str(turn.get("human_transcript", ""))
            if turn.get("speaker_role") == "caller" and text.strip():
                cases.append(Case(f"{path.stem}-{turn.get('index', '')}", text, "call"))
    return cases


def abuse(data: Path) -> list[tuple[Case, bool]]:
    """ConvAbuse's user turns with what most annotators said; even votes have no majority and are left out."""
    path = data / ABUSE
    cases = []
    for row in rows_of(path, "example_id", "user", "Annotator1_is_abuse.1"):
        votes = [score for column, score in _columns(row) if row[column] in ("1", "1.0")]
        against = sum(score < 0 for score in votes)
        if votes and against * 2 != len(votes) and row["user"].strip():
            cases.append(
                (Case(f"convabuse-{row['example_id']}", row["user"], row.get("bot", "")), against * 2 > len(votes))
            )
    return cases


def rows_of(path: Path, *needed: str) -> list[dict[str, str]]:
    """Raises ConfigError for a file that cannot be read or lacks a column."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [{key: value or "" for key, value in row.items() if key} for row in csv.DictReader(file)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{path}: cannot be read as CSV in UTF-8 ({error})") from error
    missing = [name for name in needed if rows and name not in rows[0]]
    if missing or not rows:
        raise ConfigError(
            f"{path}: {'no rows' if not rows else f'no column {missing[0]!r}'}; give a folder laid out alike"
        )
    return rows


def _columns(row: Mapping[str, str]) -> list[tuple[str, int]]:
    named = [(f"Annotator{number}_is_abuse.{score}", score) for number in range(1, 9) for score in _VERDICTS]
    return [(name, score) for name, score in named if name in row]


def _json(path: Path) -> list[dict[str, Any]]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: cannot be read as JSON ({error})") from error
    if not isinstance(found, list) or not all(isinstance(turn, dict) for turn in found):
        raise ConfigError(f"{path}: a list of turns is expected")
    return found
