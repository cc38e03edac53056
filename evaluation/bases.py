"""The knowledge bases of a data folder, taken in as an owner would: a file in, a release out."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contracts.errors import ConfigError
from knowledge.base import KnowledgeBase
from knowledge.passages import plain
from knowledge.settings import KnowledgeSettings
from workers.engines.embedder import Embedder

BANKING = "knowledge/banking/documents.json"
SPOKEN_FAQ = "knowledge/spoken_faq/knowledge.json"
INDEX_S = 1200.0
"""Patience with the embedder: 12,000 passages take a minute on two free cores."""
BY = "evaluation"


@dataclass(slots=True, frozen=True)
class Article:
    """A document of a data folder. ``key`` names it there; ``title``: a product, a place; ``body``: Markdown."""

    key: str
    title: str
    body: str


def read_json(path: Path) -> Any:
    """Raises ConfigError naming the file."""
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: cannot be read as JSON ({error})") from error


def banking(data: Path) -> list[Article]:
    """Documents of the bank."""
    path = data / BANKING
    try:
        return [Article(one["id"], one["title"], one["content"]) for one in read_json(path)]
    except (KeyError, TypeError) as error:
        raise ConfigError(f"{path}: a list of objects with id, title and content is expected ({error!r})") from error


def spoken_faq(data: Path) -> list[Article]:
    """One document for each place; each of its questions is a section. A domain without places is one itself."""
    path = data / SPOKEN_FAQ
    found = []
    try:
        for domain, places in read_json(path).items():
            for key, place in places.items():
                name = place["name"] or domain.capitalize()
                parts = [f"## {one['title']}\n\n{one['body']}" for one in place["docs"].values()]
                found.append(Article(f"{domain}/{key}", name, "\n\n".join(parts)))
    except (KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"{path}: domain → place → name and docs is expected ({error!r})") from error
    return found


def sections(article: Article) -> list[tuple[str, str]]:
    """(heading, text) of an article's sections, without Markdown; text before the first heading has the title's."""
    heading, found = article.title, list[tuple[str, str]]()
    lines: list[str] = []
    for line in [*article.body.splitlines(), "#"]:
        if line.startswith("#"):
            text = "\n".join(one for one in (plain(row.strip().lstrip("-*• ")) for row in lines) if one)
            if text:
                found.append((heading, text))
            heading, lines = plain(line.lstrip("# ")), []
        else:
            lines.append(line)
    return found


@contextmanager
def open_base(
    home: Path, models: Path, file: Path, without: Collection[str] = (), extra: Collection[tuple[str, bytes]] = ()
) -> Iterator[KnowledgeBase]:
    """A base with the documents of ``file`` published, but for those whose key is in ``without``; ``extra``: further
    files (name, content). Indexed when it is handed out."""
    settings = KnowledgeSettings()
    base = KnowledgeBase(home, settings, Embedder(models / settings.model))
    base.open()
    try:
        base.add(file.read_bytes(), file.name, by=BY)
        for name, content in extra:
            base.add(content, name, by=BY)
        for key in without:
            base.remove(f"{file.name}#{key}", by=BY)
        if base.draft():
            base.publish(base.propose(by=BY, now=True).release, by=BY, despite="an evaluation")
        if not base.wait_indexed(INDEX_S):
            raise ConfigError(f"{file}: the embedder needed more than {INDEX_S:.0f} s")
        yield base
    finally:
        base.close()
