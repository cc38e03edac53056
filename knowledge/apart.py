"""A proposed release in another process than the one that owns the base: searched by its own file, read from SQL.

No lock is taken and Chroma is not opened: a release's file never changes, and neither do the versions it is made of.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from datetime import date

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from contracts.engines import Evidence, Resemblance
from knowledge.draftrows import of_release
from knowledge.indexer import Embeds
from knowledge.searching import Searcher
from knowledge.settings import KnowledgeSettings
from knowledge.snapshot import Snapshot
from knowledge.tables import versions
from knowledge.vectors import Vector


@dataclass(slots=True, frozen=True)
class WholeDocument:
    """A document of a release. ``answers``: each of its sections answers a question of its own."""

    document_id: str
    source: str
    title: str
    body: str
    answers: bool


def documents_of(engine: sa.Engine, number: int) -> list[WholeDocument]:
    """The documents of a release, by source."""
    columns = (versions.c.document_id, versions.c.source, versions.c.title, versions.c.body, versions.c.answers)
    statement = sa.select(*columns).where(versions.c.version_id.in_(of_release(number))).order_by(versions.c.source)
    with engine.connect() as connection:
        return [WholeDocument(*row) for row in connection.execute(statement)]


class ReleaseSearch:
    """Searches one release as calls do. ``without``: ids of documents that are left out, as if they were not in it."""

    def __init__(
        self,
        snapshot: Snapshot,
        embedder: Embeds,
        settings: KnowledgeSettings,
        without: Set[str] = frozenset(),
        today: Callable[[], date] = date.today,
    ) -> None:
        snapshot.hide(without)
        snapshot.warm()
        self._snapshot = snapshot
        self._searcher = Searcher(_OwnVectors(embedder), settings, today)

    def search(
        self,
        query_text: str,
        *,
        limit: int = 5,
        context: Sequence[str] = (),
        release: str = "",
        talk: Sequence[str] = (),
        readings: Sequence[str] = (),
    ) -> Evidence:
        """As KnowledgeBase.search; whatever ``release`` says, it is this one. Raises SnapshotUnusable."""
        return self._searcher.evidence(
            self._snapshot, query_text, limit=limit, context=context, talk=talk, readings=readings
        )

    def resembling(self, text: str, release: str = "") -> list[Resemblance]:
        """As KnowledgeBase.resembling, of this release."""
        return self._searcher.resembling(self._snapshot, text)


class _OwnVectors:
    """finder.Index without an index: the release is scanned."""

    def __init__(self, embedder: Embeds) -> None:
        self._embedder = embedder

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.concatenate([self._embedder.embed([text]) for text in texts])

    def nearest(
        self, vector: Vector, snapshot: Snapshot, barred: frozenset[int], count: int
    ) -> dict[int, float] | None:
        return None
