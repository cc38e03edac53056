"""Bases from before there were releases: their documents become the draft and the first release, once."""

from __future__ import annotations

import sqlalchemy as sa

from contracts.databases import utc
from knowledge.documents import Document
from knowledge.metadata import Metadata
from knowledge.passages import split_passages
from knowledge.settings import PassageSettings
from knowledge.store import DocumentStore
from knowledge.tables import documents, versions

BY = "upgrade"
"""Who it is that does this, in the list of changes."""


def take_over(store: DocumentStore, settings: PassageSettings) -> int:
    """Copy old documents into an empty new base; returns how many. The old tables are left as they are."""
    with store.engine.connect() as connection:
        if connection.execute(sa.select(sa.func.count()).select_from(versions)).scalar_one():
            return 0
        rows = connection.execute(sa.select(documents).order_by(documents.c.source)).all()
    for row in rows:
        known = Metadata(title=row.title, tags=tuple(row.tags), valid_from=row.valid_from, valid_to=row.valid_to)
        passages = tuple(split_passages(row.body, row.title, settings))
        document = Document(row.source, row.source, "markdown", row.body, known, passages)
        store.put([document], by=BY, now=utc(row.added_at))
    return len(rows)
