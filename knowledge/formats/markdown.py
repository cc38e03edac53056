"""Markdown and plain text, with optional YAML front matter between ``---`` lines. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from contracts.errors import DocumentRefused
from knowledge.documents import Document
from knowledge.finishing import document
from knowledge.formats.encoding import decode
from knowledge.metadata import read_metadata
from knowledge.settings import IngestSettings

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)^---[ \t]*(?:\n|\Z)", re.S | re.M)
_TABLES = (".csv", ".tsv")
NAMED_COLUMNS = "for a document each, name the columns question and answer in its first row"
_MAX_FRONT_MATTER = 16 * 1024


def read(data: bytes, source: str, settings: IngestSettings) -> list[Document]:
    """One document. Raises DocumentRefused: not text, empty, or front matter that cannot be read."""
    text, notices = decode(data, source)
    if source.casefold().endswith(_TABLES):
        notices = (*notices, f"was read as text, not as a table: {NAMED_COLUMNS}")
    matter, body = _front_matter(text, source)
    return [document(source, "markdown", body, read_metadata(matter, source), notices=notices)]


def _front_matter(text: str, source: str) -> tuple[Mapping[str, Any], str]:
    match = _FRONT_MATTER.match(text)
    if match is None:
        return {}, text
    raw = match.group(1)
    if len(raw) > _MAX_FRONT_MATTER:
        raise DocumentRefused(f"{source}: front matter is longer than 16 KiB; shorten what is between the --- lines")
    try:
        matter = yaml.safe_load(raw)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 2}" if mark is not None else "the block between the --- lines"
        raise DocumentRefused(f"{source}: front matter is not YAML ({where}); correct or remove it") from error
    if matter is None:
        return {}, text[match.end() :]
    if not isinstance(matter, dict):
        if re.search(r"^\s*[\w-]+\s*:", raw, re.M) is None:
            return {}, text  # a document that merely opens with a rule
        raise DocumentRefused(f"{source}: front matter must be `key: value` lines; correct or remove it")
    return matter, text[match.end() :]
