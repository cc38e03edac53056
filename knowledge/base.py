"""The knowledge base in one process: SQL, lexical index, vectors and embedder together."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import sqlalchemy as sa

from contracts.engines import DocumentInfo, Evidence
from knowledge import fusion, query
from knowledge.api import Added, Stats
from knowledge.documents import read_document
from knowledge.indexer import Embeds, Indexer
from knowledge.lock import OwnerLock
from knowledge.passages import split_passages
from knowledge.settings import KnowledgeSettings
from knowledge.store import DocumentStore, StoredPassage, open_engine
from knowledge.vectors import Vector

_TEXT_FORMAT = 1
"""Raise when PassageText.embedding_text changes: vectors made from other texts are then made again."""
_REMEMBERED = 256
"""Vectors kept of passages that a search had to embed."""
_WORD_HITS = 3
"""At least so many of the passages found by words are considered, however few are asked for."""


class KnowledgeBase:
    """Implements api.KnowledgeAccess. Opening it takes the owner lock; searches may run in several threads."""

    def __init__(
        self,
        home: Path,
        settings: KnowledgeSettings,
        embedder: Embeds,
        *,
        engine: sa.Engine | None = None,
        today: Callable[[], date] = date.today,
    ) -> None:
        self._settings = settings
        self._lock = OwnerLock(home / settings.lock_file)
        self._store = DocumentStore(engine or open_engine(settings.database, home))
        fingerprint = f"{settings.model}/{_TEXT_FORMAT}"
        self._indexer = Indexer(self._store, embedder, home / settings.vectors_dir, fingerprint, settings.index)
        self._today = today
        self._spare: dict[str, Vector] = {}

    def open(self, *, wait_s: float = 0.0) -> None:
        """Take the lock, open everything, and begin to repair what differs. Raises KnowledgeError if another process
        holds the lock for longer than ``wait_s``, or the database cannot be used."""
        self._lock.acquire(wait_s)
        try:
            self._store.open()
            self._indexer.start()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of everything; what was acknowledged is on disk already."""
        self._indexer.close()
        self._store.close()
        self._lock.release()

    def search(self, query_text: str, *, limit: int = 5, context: Sequence[str] = ()) -> Evidence:
        """The best passages for what was said; ``context`` are earlier turns of the caller, oldest first."""
        begun = time.perf_counter()
        limit = max(1, min(limit, self._settings.limits.max_results))
        question = query.prepare(
            query_text,
            context,
            turns=self._settings.search.context_turns,
            max_chars=self._settings.limits.max_query_chars,
        )
        with self._indexer.searching():
            ranked = self._ranked(question, limit) if question.text else []
        return fusion.evidence(
            query_text,
            ranked,
            limit=limit,
            degraded=self._indexer.degraded,
            compute_s=time.perf_counter() - begun,
        )

    def _ranked(self, question: query.Question, limit: int) -> list[fusion.Scored]:
        search = self._settings.search
        by_words = self._store.by_words(question.terms, search)
        vector = self._indexer.embed([question.text])[0]
        cosines = self._indexer.nearest(vector, max(search.candidates, limit))
        today = self._today()
        by_words_only = list(by_words)[: max(limit, _WORD_HITS)]  # each may have to be embedded now
        found = [one for one in self._store.fetch(ids=cosines, numbers=by_words_only) if one.valid_on(today)]
        cosines |= self._cosines(vector, [one for one in found if one.passage.passage_id not in cosines])
        return fusion.fuse(
            (
                replace(one.passage, score=cosines[one.passage.passage_id], lexical=by_words.get(one.number, 0.0))
                for one in found
            ),
            search,
        )

    def _cosines(self, vector: Vector, found: Sequence[StoredPassage]) -> dict[str, float]:
        """Cosines of passages that only words have found: from the index, or embedded now where it has none."""
        known = self._indexer.vectors_of([one.passage.passage_id for one in found])
        known |= {key: self._spare[key] for one in found if (key := one.passage.passage_id) in self._spare}
        missing = [one for one in found if one.passage.passage_id not in known]
        if missing:
            made = self._indexer.embed([one.embedding_text for one in missing])
            fresh = {one.passage.passage_id: vec for one, vec in zip(missing, made, strict=True)}
            known |= fresh
            self._spare = dict(list((self._spare | fresh).items())[-_REMEMBERED:])
        return {passage_id: float(np.dot(vector, other)) for passage_id, other in known.items()}

    def add(self, data: bytes, source: str) -> Added:
        """Take in one document: on disk and found by words on return, its vectors follow. Raises DocumentRefused."""
        document = read_document(data, source, max_bytes=self._settings.limits.max_document_bytes)
        added = self._store.put(document, split_passages(document.body, document.title, self._settings.passages))
        self._indexer.wake()
        return added

    def list_documents(self) -> list[DocumentInfo]:
        """All documents, by source."""
        return self._store.list_documents()

    def remove(self, key: str) -> DocumentInfo:
        """Take out a document by source or id; no search finds it any more. Raises DocumentUnknown."""
        removed = self._store.remove(key)
        self._indexer.wake()
        return removed

    def stats(self) -> Stats:
        """How much is there, and whether all of it is indexed."""
        documents, passages = self._store.counts()
        return Stats(documents, passages, self._indexer.pending, self._indexer.degraded)

    def rebuild(self) -> None:
        """Throw the vector index away and make it again in the background."""
        self._indexer.rebuild()

    def wait_indexed(self, timeout_s: float) -> bool:
        """Wait until every passage has its vector; False if that took longer."""
        return self._indexer.wait(timeout_s)
