"""A document's text and metadata as people read and amend them: the same words, known differently."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from contracts.errors import DocumentRefused, DocumentUnknown
from knowledge.api import Added, DocumentText, Outcome
from knowledge.database import insert_missing, writing
from knowledge.documents import Document
from knowledge.draftrows import heads, info_of, insert_passages, of_release, outcome_of, point, record, version_row
from knowledge.finishing import document, finished
from knowledge.metadata import Metadata, read_metadata
from knowledge.passages import PassageText
from knowledge.settings import KnowledgeSettings
from knowledge.tables import draft, texts, version_passages, versions


def text_of(engine: sa.Engine, key: str, number: int | None) -> DocumentText:
    """A document (by source or id) of a release, or of the draft (None); what is held if the draft has no more.

    Raises DocumentUnknown.
    """
    with engine.connect() as connection:
        row = _row(connection, key, number)
    return DocumentText(info_of(row), str(row.body))


def amend(
    engine: sa.Engine,
    key: str,
    given: Mapping[str, Any],
    settings: KnowledgeSettings,
    *,
    by: str,
    now: datetime,
    body: str | None = None,
) -> Added:
    """Other metadata for a document of the draft, all of it; ``body``: another text (Markdown), else its text stays.

    What was held for a person keeps being held: it was never let into the draft, so it cannot be amended. A new text is
    looked through as that of a file is, and held back like it. Raises DocumentUnknown, DocumentRefused.
    """
    with engine.connect() as connection:
        row = _row(connection, key, None)
        if row.version_id != row.accepted:
            raise DocumentUnknown(f"{row.source} is held for a person; decide on it first")
        was = _document(connection, row)
    known = read_metadata(given, row.source)
    known = replace(known, title=known.title or row.title)
    amended = replace(was, metadata=known) if body is None else _rewritten(was, body, known, settings)
    fresh = version_row(amended, by, now)
    with writing(engine) as connection:
        insert_passages(connection, [(amended, fresh)])
        insert_missing(connection, versions, [fresh])
        present = heads(connection, [fresh])
        added = outcome_of(amended, fresh, present.get(fresh["document_id"]))
        if added.outcome is not Outcome.UNCHANGED:
            point(connection, [fresh], [added], present)
            record(connection, now, by, "amend", row.source)
    return added


def _row(connection: sa.Connection, key: str, number: int | None) -> Any:
    named = sa.or_(versions.c.document_id == key, versions.c.source == key)
    if number is None:
        chosen = sa.func.coalesce(draft.c.version_id, draft.c.held_version_id)
        statement = sa.select(versions, draft.c.version_id.label("accepted")).join(
            draft, chosen == versions.c.version_id
        )
    else:
        statement = sa.select(versions).where(versions.c.version_id.in_(of_release(number)))
    row = connection.execute(statement.where(named)).first()
    if row is None:
        raise DocumentUnknown(f"no document {key!r}; `callwright knowledge list` shows what there is")
    return row


def _document(connection: sa.Connection, row: Any) -> Document:
    statement = (
        sa.select(texts.c.heading, texts.c.text, version_passages.c.position)
        .join(version_passages, version_passages.c.passage_id == texts.c.passage_id)
        .where(version_passages.c.version_id == row.version_id)
        .order_by(version_passages.c.position)
    )
    return Document(
        source=row.source,
        container=row.container,
        format=row.format,
        body=row.body,
        metadata=Metadata(title=row.title),
        passages=tuple(PassageText(one.heading, one.text, one.position) for one in connection.execute(statement)),
        answers=row.answers,
        notices=tuple(row.notices),
    )


def _rewritten(was: Document, body: str, known: Metadata, settings: KnowledgeSettings) -> Document:
    text = body.replace("\r\n", "\n").replace("\r", "\n").strip() + "\n"
    if len(text) > settings.ingest.max_text_chars:
        raise DocumentRefused(
            f"{was.source}: {len(text)} letters are more than {settings.ingest.max_text_chars}; split it, or raise "
            "ingest.max_text_chars"
        )
    made = document(was.source, was.format, text, known, container=was.container, answers=was.answers)
    return finished(made, settings.passages)
