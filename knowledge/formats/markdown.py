"""Markdown and plain text, with optional YAML front matter between ``---`` lines. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

import yaml

from contracts.errors import DocumentRefused
from knowledge.documents import Document
from knowledge.formats.encoding import decode
from knowledge.injection import suspicions
from knowledge.metadata import Metadata, read_metadata
from knowledge.settings import IngestSettings

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)^---[ \t]*(?:\n|\Z)", re.S | re.M)
_TITLE = re.compile(r"^#{1,6}[ \t]+(.+?)[ \t]*#*[ \t]*$", re.M)
_COMMENT = re.compile(r"<!--(.*?)-->", re.S)
_MAX_FRONT_MATTER = 16 * 1024


def read(data: bytes, source: str, settings: IngestSettings) -> list[Document]:
    """One document. Raises DocumentRefused: not text, empty, or front matter that cannot be read."""
    text, notices = decode(data, source)
    matter, body = _front_matter(text, source)
    return [document(source, "markdown", body, read_metadata(matter, source), notices=notices)]


def document(
    source: str,
    form: str,
    body: str,
    known: Metadata,
    *,
    container: str = "",
    notices: tuple[str, ...] = (),
    hidden: tuple[str, ...] = (),
    answers: bool = False,
) -> Document:
    """A document with a title, taken from its metadata, its first heading or its name. Raises DocumentRefused if empty.

    ``hidden``: text that a reader of the file does not see; it is not taken in, only looked at for instructions.
    """
    if not body.strip():
        raise DocumentRefused(f"{source}: is empty; write something in it or leave it out")
    hidden = (*hidden, *_COMMENT.findall(body))
    return Document(
        source=source,
        container=container or source,
        format=form,
        body=body,
        metadata=replace(known, title=known.title or title_of(body, source)),
        answers=answers,
        notices=notices,
        suspicions=suspicions("", hidden),
    )


def title_of(body: str, source: str) -> str:
    """The first heading, or the file's name as words."""
    heading = _TITLE.search(body)
    if heading:
        return " ".join(heading.group(1).split())[:200]
    stem = PurePosixPath(source).stem
    return " ".join(stem.replace("-", " ").replace("_", " ").split()).capitalize()[:200] or source[:200]


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
