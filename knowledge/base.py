"""The knowledge base in one process: SQL, releases, vectors and embedder together."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import sqlalchemy as sa

from contracts.engines import DocumentInfo, Evidence
from contracts.errors import ReleaseRefused
from knowledge import fusion, legacy, query
from knowledge.api import LIVE, Added, Change, DocumentChange, Held, ReleaseInfo, Stats
from knowledge.database import open_engine
from knowledge.desk import ReleaseDesk
from knowledge.indexer import Embeds, Indexer
from knowledge.lock import OwnerLock
from knowledge.reading import DocumentReader
from knowledge.releases import ReleaseStore, number_of
from knowledge.settings import KnowledgeSettings
from knowledge.shelf import Shelf
from knowledge.snapshot import Snapshot, SnapshotUnusable, StoredPassage
from knowledge.snapshotfile import release_name
from knowledge.store import DocumentStore
from knowledge.vectors import Vector

_TEXT_FORMAT = 1
"""Raise when PassageText.embedding_text changes: vectors made from other texts are then made again."""
_REMEMBERED = 256
"""Vectors kept of passages that a search had to embed."""
_WORD_HITS = 3
"""At least so many of the passages found by words are considered, however few are asked for."""


class KnowledgeBase:
    """Implements api.KnowledgeAccess. Opening it takes the owner lock; all methods may be called from any thread.

    Callers are answered from the live release alone. A search holds on to the release with which it began.
    """

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
        self._releases = ReleaseStore(self._store)
        fingerprint = f"{settings.model}/{_TEXT_FORMAT}"
        keep = settings.releases.keep
        self._shelf = Shelf(self._store, self._releases, home / settings.releases_dir, fingerprint, keep)
        self._indexer = Indexer(
            self._store,
            embedder,
            home / settings.vectors_dir,
            fingerprint,
            settings.index,
            kept=self._shelf.kept,
            embedded=self._shelf.complete,
        )
        self._reader = DocumentReader(settings)
        self._desk = ReleaseDesk(self, self._releases, self._shelf, self._indexer, home, settings.releases, today)
        self._today = today
        self._spare: dict[str, Vector] = {}

    def open(self, *, wait_s: float = 0.0) -> None:
        """Take the lock, open everything, and begin to repair what differs. Raises KnowledgeError if another process
        holds the lock for longer than ``wait_s``, or the database cannot be used."""
        self._lock.acquire(wait_s)
        with ExitStack() as undo:
            undo.callback(self.close)
            self._store.open()
            taken = legacy.take_over(self._store, self._settings.passages)
            self._shelf.open()
            self._indexer.start()
            if taken:
                self.publish(self.propose(by=legacy.BY, now=True).release, by=legacy.BY, despite="was live before")
            undo.pop_all()

    def close(self) -> None:
        """Let go of everything; what was acknowledged is on disk already."""
        self._reader.close()
        self._indexer.close()
        self._store.close()
        self._lock.release()

    def search(self, query_text: str, *, limit: int = 5, context: Sequence[str] = (), release: str = LIVE) -> Evidence:
        """The best passages for what was said; ``context`` are earlier turns of the caller, oldest first.

        Raises ReleaseUnknown for a ``release`` that is no longer ready.
        """
        begun = time.perf_counter()
        snapshot = self._shelf.get(number_of(release)) if release else self._shelf.live
        limit = max(1, min(limit, self._settings.limits.max_results))
        question = query.prepare(
            query_text,
            context,
            turns=self._settings.search.context_turns,
            max_chars=self._settings.limits.max_query_chars,
        )
        ranked: list[fusion.Scored] = []
        if question.text and snapshot is not None:
            with self._indexer.searching():
                try:
                    ranked = self._ranked(snapshot, question, limit)
                except SnapshotUnusable:
                    snapshot = self._shelf.prepare(snapshot.release, again=True)
                    ranked = self._ranked(snapshot, question, limit)
        found = fusion.evidence(
            query_text,
            ranked,
            limit=limit,
            degraded=self._degraded(snapshot),
            compute_s=time.perf_counter() - begun,
        )
        return replace(found, release=release_name(snapshot.release) if snapshot else "")

    def _degraded(self, snapshot: Snapshot | None) -> str:
        """``vectors`` while some passages can be found by their words only."""
        whole = snapshot is None or not len(snapshot) or snapshot.complete
        return "" if whole else "vectors"

    def _ranked(self, snapshot: Snapshot, question: query.Question, limit: int) -> list[fusion.Scored]:
        search, today = self._settings.search, self._today()
        by_words = snapshot.by_words(question.terms, today, search)
        vector = self._indexer.embed([question.text])[0]
        count = max(search.candidates, limit)
        cosines = self._indexer.nearest(vector, snapshot, snapshot.barred(today), count)
        if cosines is None:
            cosines = snapshot.nearest(vector, today, count)
        by_words_only = [one for one in list(by_words)[: max(limit, _WORD_HITS)] if one not in cosines]
        found = snapshot.fetch([*cosines, *by_words_only])  # each of the latter may have to be embedded now
        cosines |= self._cosines(snapshot, vector, [one for one in found if one.number not in cosines])
        return fusion.fuse(
            (replace(one.passage, score=cosines[one.number], lexical=by_words.get(one.number, 0.0)) for one in found),
            search,
        )

    def _cosines(self, snapshot: Snapshot, vector: Vector, found: Sequence[StoredPassage]) -> dict[int, float]:
        """Cosines of passages that only words have found: from the release, or embedded now where it has none."""
        known = snapshot.vectors_of(one.number for one in found)
        names = {one.number: one.passage.passage_id for one in found}
        known |= {number: self._spare[name] for number, name in names.items() if name in self._spare}
        missing = [one for one in found if one.number not in known]
        if missing:
            made = self._indexer.embed([one.embedding_text for one in missing])
            known |= {one.number: vec for one, vec in zip(missing, made, strict=True)}
            fresh = {one.passage.passage_id: vec for one, vec in zip(missing, made, strict=True)}
            self._spare = dict(list((self._spare | fresh).items())[-_REMEMBERED:])
        return {number: float(np.dot(vector, other)) for number, other in known.items()}

    def add(self, data: bytes, source: str, *, by: str) -> list[Added]:
        """Take the documents of one file into the draft: on disk on return, their vectors follow.

        Raises DocumentRefused, DeviceFull.
        """
        added = self._store.put(self._reader.read(data, source), by=by)
        self._indexer.wake()
        return added

    def list_documents(self, release: str | None = None) -> list[DocumentInfo]:
        """All documents of a release, or of the draft (None), by source."""
        if release is None:
            return self._store.list_draft()
        number = number_of(release) if release else self._releases.live()
        return [] if number is None else self._store.list_release(number)

    def remove(self, key: str, *, by: str) -> list[DocumentInfo]:
        """Take a document (source or id) or a whole file out of the draft. Raises DocumentUnknown."""
        removed = self._store.remove(key, by=by)
        self._indexer.wake()
        return removed

    def held(self) -> list[Held]:
        """Quarantined documents, with what is suspicious about them."""
        return self._store.held()

    def decide(self, key: str, *, accept: bool, by: str) -> DocumentInfo:
        """Accept or reject a quarantined document. Raises DocumentUnknown."""
        info = self._store.decide(key, accept=accept, by=by)
        self._indexer.wake()
        return info

    def draft(self) -> list[DocumentChange]:
        """How the draft differs from the live release."""
        return self._releases.diff(self._releases.live(), None)

    def revert(self, *, by: str) -> None:
        """Make the draft equal to the live release. Raises ReleaseRefused before the first."""
        live = self._releases.live()
        if live is None:
            raise ReleaseRefused("nothing has been published yet, so there is nothing to go back to")
        self._store.revert(live, by=by)
        self._indexer.wake()

    def propose(self, *, by: str, note: str = "", now: bool = False) -> ReleaseInfo:
        """Freeze the draft as a release, check and evaluate it. Raises ReleaseRefused."""
        return self._desk.propose(by=by, note=note, now=now)

    def approve(self, release: str, *, by: str) -> ReleaseInfo:
        """Approve a proposed release. Raises ReleaseRefused, ReleaseUnknown."""
        return self._desk.approve(number_of(release), by=by)

    def publish(self, release: str, *, by: str, despite: str = "") -> ReleaseInfo:
        """Make a release the live one: the next search sees it. Raises ReleaseRefused, ReleaseUnknown."""
        return self._desk.publish(number_of(release), by=by, despite=despite)

    def rollback(self, *, by: str, release: str = "") -> ReleaseInfo:
        """Back to the release before, or to a named one. Raises ReleaseRefused, ReleaseUnknown."""
        return self._desk.rollback(number_of(release) if release else None, by=by)

    def releases(self) -> list[ReleaseInfo]:
        """All releases, newest first."""
        return self._releases.list_releases()

    def changes(self) -> list[Change]:
        """Who did what, the latest first."""
        return self._releases.list_changes()

    def stats(self) -> Stats:
        """How much is there, and whether all of it is indexed."""
        documents, passages = self._store.draft_counts()
        live = self._shelf.live
        return Stats(
            documents=documents,
            passages=passages,
            pending=self._indexer.pending,
            degraded=self._indexer.degraded,
            release=release_name(live.release) if live else "",
            live_passages=len(live) if live else 0,
            held=len(self._store.held()),
        )

    def rebuild(self) -> None:
        """Throw the vector index away and make it again in the background."""
        self._indexer.rebuild()

    def wait_indexed(self, timeout_s: float) -> bool:
        """Wait until every passage has its vector and is in the index; False if that took longer."""
        return self._indexer.wait(timeout_s)
