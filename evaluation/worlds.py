"""A knowledge base with some of its documents taken out, and what can be asked of it: answerable, and not."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from contracts.errors import ConfigError
from evaluation.asking import Searches
from evaluation.bases import BANKING, SPOKEN_FAQ, Article, banking, open_base, read_json, spoken_faq
from evaluation.questions import Asked, of_places, of_statements, without_answer

CLINC = "intents/clinc150.json"
FILES = {"banking": BANKING, "spoken_faq": SPOKEN_FAQ}
REMOVED = 12
"""One document in so many is taken out."""


@dataclass(slots=True, frozen=True)
class World:
    """``answerable`` questions; ``removed``: of documents that were taken out; ``foreign``: of another world."""

    name: str
    answerable: Sequence[Asked]
    removed: Sequence[Asked]
    foreign: Sequence[Asked]
    base: Searches

    @property
    def unanswerable(self) -> list[Asked]:
        """Everything that no document answers."""
        return [*self.removed, *self.foreign]


def articles_of(data: Path, name: str) -> list[Article]:
    """Documents of one of FILES."""
    return banking(data) if name == "banking" else spoken_faq(data)


def asked_of(articles: Sequence[Article], name: str) -> list[Asked]:
    """All questions that can be made from them."""
    return of_statements(articles) if name == "banking" else of_places(articles)


def out_of_scope(data: Path) -> list[Asked]:
    """CLINC150's out-of-scope questions, as questions that no document answers."""
    path = data / CLINC
    if not path.is_file():
        return []
    try:
        parts = [rows for part, rows in read_json(path).items() if part.startswith("oos")]
        return [Asked(f"oos/{n}", text) for n, (text, _) in enumerate(row for rows in parts for row in rows)]
    except (AttributeError, TypeError, ValueError) as error:
        raise ConfigError(f"{path}: parts with rows of text and intent are expected ({error!r})") from error


@contextmanager
def world(data: Path, name: str, models: Path, work: Path, seed: int, count: int) -> Iterator[World]:
    """``count`` questions of each kind, or as many as there are, in an order of chance. Raises ConfigError."""
    chooser = random.Random(seed)
    articles = articles_of(data, name)
    keys = sorted(one.key for one in articles)
    chooser.shuffle(keys)
    gone = set(keys[: len(keys) // REMOVED])
    rest = [one for one in articles if one.key not in gone]
    asked = asked_of(articles, name)
    chooser.shuffle(asked)
    removed = [one for one in asked if one.article in gone]
    if name == "banking":
        removed = without_answer(removed, rest)
    other = next(one for one in FILES if one != name)
    strangers = asked_of(articles_of(data, other), other) if (data / FILES[other]).is_file() else []
    chooser.shuffle(strangers)
    outside = out_of_scope(data)
    chooser.shuffle(outside)
    half = count // 2
    foreign = [Asked(f"foreign/{one.case}", one.text) for one in strangers[:half]] + outside[:half]
    home = work / name
    home.mkdir(parents=True, exist_ok=True)
    with open_base(home, models, data / FILES[name], gone) as base:
        yield World(
            name,
            [one for one in asked if one.article not in gone][:count],
            [Asked(f"removed/{one.case}", one.text, "", one.answer) for one in removed[:count]],
            foreign,
            base,
        )
