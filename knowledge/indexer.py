"""Makes the vector index hold what SQL holds, in the background, whatever has happened to it.

::

    add, remove, kill -9, lost folder, new model ──► wake ──► wanted ids (SQL) - present ids (Chroma)
                                                             ├─ too many: deleted
                                                             └─ missing:  embedded one by one, entered in batches

There is one mechanism for all of it, so nothing that SQL has acknowledged can stay unindexed. Searches go on
meanwhile with what is there.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import numpy as np
import structlog
from numpy.typing import NDArray
from sqlalchemy.exc import OperationalError

from knowledge.settings import IndexSettings
from knowledge.store import DocumentStore
from knowledge.vectors import Vector, VectorIndex, VectorsUnusable

log = structlog.get_logger(__name__)

THREAD = "knowledge-indexer"
"""Name of the background thread."""
_USABLE_SHARE = 0.9
"""With fewer of the passages indexed, answers are called degraded."""
_PATIENCE_S = 0.25
"""Searches without a gap hold up a passage for no longer than this, so that indexing always gets on."""


class Embeds(Protocol):
    """The embedding model; searches and the indexer use it at the same time."""

    def embed(self, texts: list[str]) -> NDArray[np.float32]:
        """Texts to float32 vectors [n, d] of length 1."""
        ...


class Indexer:
    """Owner of the vector index and of the thread that keeps it true. All methods are thread-safe."""

    def __init__(
        self, store: DocumentStore, embedder: Embeds, folder: Path, fingerprint: str, settings: IndexSettings
    ) -> None:
        self._store = store
        self._embedder = embedder
        self._folder = folder
        self._fingerprint = fingerprint
        self._settings = settings
        self._index: VectorIndex | None = None
        self._present: set[str] = set()
        self._wanted: set[str] = set()
        self._guard = threading.RLock()
        self._changed = threading.Condition(self._guard)
        self._work = False
        self._busy = False
        self._searches = 0
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name=THREAD, daemon=True)

    def start(self) -> None:
        """Open the index, or throw away what cannot be opened, and start the thread."""
        with self._guard:
            try:
                self._open()
            except VectorsUnusable as error:
                self._drop(str(error))
        self.wake()
        self._thread.start()

    def close(self) -> None:
        """Stop after the batch at hand and let go of the files."""
        self._closing.set()
        with self._changed:
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join()
        with self._guard:
            if self._index is not None:
                self._index.close()
                self._index = None

    def wake(self) -> None:
        """SQL has changed."""
        wanted = self._store.passage_ids()
        with self._changed:
            self._wanted = wanted
            self._work = True
            self._changed.notify_all()

    def rebuild(self) -> None:
        """Throw the index away and make it again."""
        with self._guard:
            self._drop("asked to")
        self.wake()

    def wait(self, timeout_s: float) -> bool:
        """Wait until nothing is left to do; False if that took too long."""
        with self._changed:
            return self._changed.wait_for(
                lambda: not self._work and not self._busy and self._index is not None, timeout_s
            )

    @property
    def pending(self) -> int:
        """Passages without a vector in the index."""
        with self._guard:
            return len(self._wanted - self._present)

    @property
    def degraded(self) -> str:
        """``vectors`` while the index is down or holds too little; empty when all is well."""
        with self._guard:
            usable = self._index is not None and self.pending <= (1 - _USABLE_SHARE) * len(self._wanted)
            return "" if usable else "vectors"

    @contextmanager
    def searching(self) -> Iterator[None]:
        """While a search runs, no other passage is embedded: a caller is waiting."""
        with self._guard:
            self._searches += 1
        try:
            yield
        finally:
            with self._changed:
                self._searches -= 1
                self._changed.notify_all()

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of one or more texts; waits for one passage of the indexer at most.

        One by one: on one thread that took 8 ms a passage, and 12 to 16 ms in batches of 4 to 64.
        """
        return np.concatenate([self._embedder.embed([text]) for text in texts])

    def nearest(self, vector: Vector, count: int) -> dict[str, float]:
        """Ids with cosines, best first; empty when the index is down."""
        with self._guard:
            if self._index is None or not self._present:
                return {}
            try:
                return self._index.query(vector, count)
            except VectorsUnusable as error:
                self._fail(error)
                return {}

    def vectors_of(self, ids: Sequence[str]) -> dict[str, Vector]:
        """Stored vectors of these ids, as far as there are any."""
        with self._guard:
            if self._index is None:
                return {}
            try:
                return self._index.vectors_of([one for one in ids if one in self._present])
            except VectorsUnusable as error:
                self._fail(error)
                return {}

    def _fail(self, error: VectorsUnusable) -> None:
        self._drop(str(error))
        self._work = True
        self._changed.notify_all()

    def _open(self) -> None:
        index = VectorIndex(self._folder, self._fingerprint)
        self._present = index.open()
        self._index = index

    def _drop(self, why: str) -> None:
        log.warning("vector index dropped; it is made again from SQL", why=why)
        index, self._index, self._present = self._index, None, set()
        (index or VectorIndex(self._folder, self._fingerprint)).destroy()

    def _run(self) -> None:
        while not self._closing.is_set():
            with self._changed:
                self._changed.wait_for(lambda: self._work or self._closing.is_set())
                self._work, self._busy = False, True
                if self._index is None and not self._closing.is_set():
                    self._work = not self._reopened()
                retry = self._work
            if not retry and not self._closing.is_set():
                retry = not self._converged()
            if retry:
                self._closing.wait(self._settings.retry_s)  # also when a wake comes: the cause is seldom that quick
            with self._changed:
                self._work, self._busy = self._work or retry, False
                self._changed.notify_all()

    def _reopened(self) -> bool:
        try:
            self._open()
        except VectorsUnusable as error:
            self._drop(str(error))
            return False
        return True

    def _converged(self) -> bool:
        """Delete and embed until nothing differs; False if it must be tried again later."""
        try:
            while not self._closing.is_set():
                with self._guard:
                    self._wanted = self._store.passage_ids()
                    stale, missing = self._present - self._wanted, self._wanted - self._present
                    if self._index is None:
                        return True  # dropped by a search or by rebuild(), which has asked for another round
                    if stale:
                        self._index.delete(sorted(stale))
                        self._present -= stale
                if not missing:
                    return True
                self._enter(sorted(missing))
        except (VectorsUnusable, OperationalError) as error:
            log.warning("indexing failed; it is tried again later", why=str(error), retry_s=self._settings.retry_s)
            if isinstance(error, VectorsUnusable):
                with self._guard:
                    self._drop(str(error))
            return False
        return True

    def _enter(self, missing: Sequence[str]) -> None:
        for at in range(0, len(missing), self._settings.batch):
            rows = self._store.fetch(ids=missing[at : at + self._settings.batch])
            vectors: list[Vector] = []
            for row in rows:
                with self._changed:
                    self._changed.wait_for(lambda: not self._searches, _PATIENCE_S)
                vectors.extend(self.embed([row.embedding_text]))
            with self._changed:
                if self._index is None or self._closing.is_set():
                    return
                entries = {row.passage.passage_id: one for row, one in zip(rows, vectors, strict=True)}
                self._index.upsert(entries)
                self._present |= entries.keys()
                self._changed.notify_all()
            self._closing.wait(self._settings.pause_s)
