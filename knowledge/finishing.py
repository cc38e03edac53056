"""What every document goes through, whatever file it came from: named, cut into passages, looked through for
instructions. Pure."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import PurePosixPath

from contracts.errors import DocumentRefused
from knowledge.documents import Document
from knowledge.injection import suspicions
from knowledge.metadata import Metadata
from knowledge.passages import split_passages
from knowledge.settings import PassageSettings

_TITLE = re.compile(r"^#{1,6}[ \t]+(.+?)[ \t]*#*[ \t]*$", re.M)
_COMMENT = re.compile(r"<!--(.*?)-->", re.S)


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


def finished(found: Document, settings: PassageSettings) -> Document:
    """The document with its passages and all that is suspicious about it. Pure."""
    cut = settings.model_copy(update={"min_words": 0}) if found.answers else settings
    return replace(
        found,
        passages=tuple(split_passages(found.body, found.title, cut)),
        # What a format found hidden (HTML, DOCX) is there already.
        suspicions=(*found.suspicions, *suspicions(found.body, title=_visible_metadata(found))),
    )


def _visible_metadata(found: Document) -> str:
    """Title, tags and names: they are indexed or shown as well."""
    known = found.metadata
    return "\n".join((known.title, known.owner, known.approver, *known.tags, *known.jurisdiction))
