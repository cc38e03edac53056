"""The knowledge base in one process: SQL, releases, vectors and embedder together."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from contracts.engines import DocumentInfo, Evidence, Resemblance
from contracts.errors import DocumentUnknown, ReleaseRefused
from knowledge import amending, legacy, query
from knowledge.api import LIVE, Added, Change, DocumentChange, DocumentText, Held, ReleaseInfo, Stats
from knowledge.database import open_engine
from knowledge.desk import ReleaseDesk
from knowledge.documents import clean_source
from knowledge.golden import Answers
from knowledge.indexer import Embeds, Indexer
from knowledge.lock import OwnerLock
from knowledge.reading import DocumentReader
from knowledge.releases import ReleaseStore, number_of
from knowledge.searching import Searcher
from knowledge.settings import KnowledgeSettings
from knowledge.shelf import Shelf
from knowledge.snapshot import SnapshotUnusable
from knowledge.snapshotfile import release_name
from knowledge.store import DocumentStore, now_utc
from knowledge.suites import SuiteChoice, Suites

_TEXT_FORMAT = 1
"""Raise when PassageText.embedding_text changes: vectors made from other texts are then made again."""


class KnowledgeBase:
    """Implements api.KnowledgeAccess. Opening it takes the owner lock; all methods may be called from any thread.

    ``answers`` tells a release's review what the operator would say; ``suites`` who evaluates a release. Callers are
    answered from the live release alone.
    A search holds on to the release with which it began.
    """

    def __init__(
        self,
        home: Path,
        settings: KnowledgeSettings,
        embedder: Embeds,
        *,
        engine: sa.Engine | None = None,
        today: Callable[[], date] = date.today,
        answers: Answers | None = None,
        suites: SuiteChoice | None = None,
    ) -> None:
        self._settings = settings
        self._lock = OwnerLock(home / settings.lock_file)
        self._store = DocumentStore(engine or open_engine(settings.database, home))
        self._releases = ReleaseStore(self._store)
        fingerprint = f"{settings.model}/{_TEXT_FORMAT}"
        self._shelf = Shelf(
            self._store,
            self._releases,
            home / settings.releases_dir,
            fingerprint,
            settings.releases,
            settings.search.names,
        )
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
        self._suites = Suites(suites, settings.releases.suites)
        url = self._store.engine.url.render_as_string(hide_password=False)  # goes by standard input: it may hold one
        order = {"url": url, "settings": settings.model_dump(mode="json")}
        self._desk = ReleaseDesk(
            self,
            self._releases,
            self._shelf,
            self._indexer,
            home,
            settings.releases,
            today,
            answers,
            self._suites,
            order,
        )
        self._searcher = Searcher(self._indexer, settings, today)

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
        self._suites.close()
        self._indexer.close()
        self._store.close()
        self._lock.release()

    def search(
        self,
        query_text: str,
        *,
        limit: int = 5,
        context: Sequence[str] = (),
        release: str = LIVE,
        talk: Sequence[str] = (),
        readings: Sequence[str] = (),
    ) -> Evidence:
        """The best passages for what was said; what the other arguments mean: api.KnowledgeAccess.

        Raises ReleaseUnknown for a ``release`` that is no longer ready.
        """
        snapshot = self._shelf.get(number_of(release)) if release else self._shelf.live
        with self._indexer.searching():
            try:
                return self._searcher.evidence(
                    snapshot, query_text, limit=limit, context=context, talk=talk, readings=readings
                )
            except SnapshotUnusable:
                assert snapshot is not None  # nothing was read without one
                again = self._shelf.prepare(snapshot.release, again=True)
                return self._searcher.evidence(
                    again, query_text, limit=limit, context=context, talk=talk, readings=readings
                )

    def resembling(self, text: str, release: str = LIVE) -> list[Resemblance]:
        """Names of a release that sound like words of ``text``, the most alike first. Raises ReleaseUnknown."""
        snapshot = self._shelf.get(number_of(release)) if release else self._shelf.live
        return self._searcher.resembling(snapshot, text)

    def add(self, data: bytes, source: str, *, by: str, once: bool = False) -> list[Added]:
        """Take the documents of one file into the draft: on disk on return, their vectors follow.

        ``once``: nothing is done, and nothing returned, if these very bytes were the last that were taken in ``once``
        under this name; people may have changed or removed the document since. Raises DocumentRefused, DeviceFull.
        """
        file = (clean_source(source), hashlib.sha256(data).hexdigest()) if once else None
        if file is not None and self._store.given(*file):
            return []
        added = self._store.put(self._reader.read(data, source), by=by, file=file)
        self._indexer.wake()
        return added

    def list_documents(self, release: str | None = None) -> list[DocumentInfo]:
        """All documents of a release, or of the draft (None), by source."""
        if release is None:
            return self._store.list_draft()
        number = number_of(release) if release else self._releases.live()
        return [] if number is None else self._store.list_release(number)

    def text(self, key: str, release: str | None = None) -> DocumentText:
        """A document of a release, or of the draft (None), with its text. Raises DocumentUnknown."""
        if release is None:
            return amending.text_of(self._store.engine, key, None)
        number = number_of(release) if release else self._releases.live()
        if number is None:
            raise DocumentUnknown(f"no document {key!r} is live: nothing has been published yet")
        return amending.text_of(self._store.engine, key, number)

    def amend(self, key: str, metadata: Mapping[str, Any], *, by: str, body: str | None = None) -> Added:
        """Other metadata, or another text, for a document of the draft. Raises DocumentUnknown, DocumentRefused."""
        added = amending.amend(self._store.engine, key, metadata, self._settings, by=by, now=now_utc(), body=body)
        self._indexer.wake()
        return added

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

    def evaluate(self, release: str, *, by: str, models: bool = False) -> ReleaseInfo:
        """Begin to ask the suites about a release. Raises ReleaseRefused, ReleaseUnknown."""
        return self._desk.evaluate(number_of(release), by=by, models=models)

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
        return [self._desk.shown(one) for one in self._releases.list_releases()]

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
            live_since=self._releases.live_since(),
            live_passages=len(live) if live else 0,
            held=len(self._store.held()),
        )

    def vectors(self, texts: Sequence[str]) -> list[str]:
        """What texts mean; api.KnowledgeAccess says in which form. Each waits until no search runs."""
        made = []
        for one in texts:
            self._indexer.give_way()
            said = one[-self._settings.limits.max_query_chars :]
            (vector,) = self._indexer.embed([query.prepare(said).text or said])
            made.append(base64.b64encode(vector.astype("<f2").tobytes()).decode())
        return made

    def rebuild(self) -> None:
        """Throw the vector index away and make it again in the background."""
        self._indexer.rebuild()

    def wait_indexed(self, timeout_s: float) -> bool:
        """Wait until every passage has its vector and is in the index; False if that took longer."""
        return self._indexer.wait(timeout_s)

    def wait_evaluated(self, timeout_s: float) -> bool:
        """Wait until no suites are being asked; False if that took longer."""
        return self._suites.wait(timeout_s)
