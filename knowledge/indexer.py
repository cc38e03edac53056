"""Makes vectors of what SQL holds, once for each content, and keeps Chroma equal to it, whatever has happened to it.

::

    add, publish, kill -9, lost folder, new model ──► wake ──► wanted (draft and ready releases)
                                                      ├─ content without a vector: embedded one by one, kept in SQL
                                                      ├─ in Chroma, not wanted:    deleted
                                                      └─ wanted, not in Chroma:    entered in batches, from SQL

There is one mechanism for all of it, so nothing that SQL has acknowledged can stay unindexed. A search never waits for
any of this: a release of up to ``search.scan_passages`` is always scanned. For a larger one Chroma cannot be asked
while it takes a batch in (0.1 to 0.3 s at 100,000 passages), so ``nearest`` then says that it does not know, and the
release's own file is scanned instead.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import numpy as np
import structlog
from numpy.typing import NDArray
from sqlalchemy.exc import OperationalError

from contracts.errors import DeviceFull, KnowledgeError
from knowledge.database import chunks
from knowledge.settings import IndexSettings
from knowledge.snapshot import Snapshot
from knowledge.store import DocumentStore
from knowledge.vectorprocess import VectorProcess, VectorsBusy
from knowledge.vectors import Vector, VectorsUnusable

log = structlog.get_logger(__name__)

THREAD = "knowledge-indexer"
"""Name of the background thread."""
_PATIENCE_S = 0.25
"""Searches without a gap hold up a passage for no longer than this, so that indexing always gets on."""
_TRIES = 3
_QUERY_S = 0.005
"""A search waits no longer for Chroma, which takes 1 to 5 ms when it is idle; scanning the release takes 1 to 2 ms."""


class Embeds(Protocol):
    """The embedding model; searches and the indexer use it at the same time."""

    def embed(self, texts: list[str]) -> NDArray[np.float32]:
        """Texts to float32 vectors [n, d] of length 1."""
        ...


class Indexer:
    """Owner of the vector index and of the thread that keeps it true. All methods are thread-safe.

    ``kept`` tells which releases must be found besides the draft; ``embedded`` is called, on the thread, whenever all
    contents have their vectors.
    """

    def __init__(
        self,
        store: DocumentStore,
        embedder: Embeds,
        folder: Path,
        fingerprint: str,
        settings: IndexSettings,
        *,
        kept: Callable[[], Sequence[int]],
        embedded: Callable[[], None],
    ) -> None:
        self._store = store
        self._embedder = embedder
        self._folder = folder
        self._fingerprint = fingerprint
        self._settings = settings
        self._kept = kept
        self._on_embedded = embedded
        self._index: VectorProcess | None = None
        self._present: set[str] = set()
        self._covered: set[int] = set()
        self._uncovered: dict[int, str] = {}
        """Release → a passage of it that was not in the index when last looked for."""
        self._wanted: dict[str, str] = {}
        self._known: set[str] = set()
        self._guard = threading.Lock()
        """Held while Chroma works; a search that does not get it at once goes elsewhere."""
        self._changed = threading.Condition()
        self._idle = threading.Condition()
        """Of its own, so that the end of a search wakes nobody but the embedding of the next passage."""
        self._work = False
        self._stale = True
        self._busy = False
        self._searches = 0
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name=THREAD, daemon=True)

    def start(self) -> None:
        """Open the index, or throw away what cannot be opened, and start the thread."""
        self._known = self._store.embedded(self._fingerprint)
        with self._guard:
            try:
                self._open()
            except VectorsUnusable as error:
                self._drop(str(error))
        self._wanted = self._store.wanted(self._kept())
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
        with self._changed:
            self._work = self._stale = True
            self._changed.notify_all()

    def rebuild(self) -> None:
        """Throw the index away and make it again, from the vectors that SQL keeps."""
        with self._guard:
            self._drop("asked to")
        self.wake()

    def wait(self, timeout_s: float) -> bool:
        """Wait until nothing is left to do; False if that took too long."""
        with self._changed:
            return self._changed.wait_for(
                lambda: not self._work and not self._busy and self._index is not None, timeout_s
            )

    def wait_embedded(self, timeout_s: float) -> bool:
        """Wait until each content of SQL has its vector; False if that took too long."""
        missing = [one for one in self._store.wanted(self._kept()).values() if one not in self._known]

        def none_missing() -> bool:
            missing[:] = [one for one in missing if one not in self._known]
            return not missing

        with self._changed:
            return self._changed.wait_for(none_missing, timeout_s)

    @property
    def pending(self) -> int:
        """Passages that are not in the index yet."""
        with self._changed:
            wanted, stale = self._wanted, self._stale
        if stale:
            wanted = self._store.wanted(self._kept())
        return len(_others(wanted, self._present))

    @property
    def degraded(self) -> str:
        """``vectors`` while the index is down; releases are then searched by their own files."""
        return "" if self._index is not None else "vectors"

    @contextmanager
    def searching(self) -> Iterator[None]:
        """While a search runs, no other passage is embedded: a caller is waiting."""
        with self._idle:
            self._searches += 1
        try:
            yield
        finally:
            with self._idle:
                self._searches -= 1
                self._idle.notify_all()

    def give_way(self) -> None:
        """Wait until no search runs, or for a quarter of a second: whoever embeds what no caller waits for."""
        with self._idle:
            self._idle.wait_for(lambda: not self._searches, _PATIENCE_S)

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of one or more texts; waits for one passage of the indexer at most.

        One by one: on one thread that took 8 ms a passage, and 12 to 16 ms in batches of 4 to 64.
        """
        return np.concatenate([self._embedder.embed([text]) for text in texts])

    def nearest(
        self, vector: Vector, snapshot: Snapshot, barred: frozenset[int], count: int
    ) -> dict[int, float] | None:
        """Passage numbers of a release with cosines, best first; None when the index cannot tell now."""
        if not self._guard.acquire(blocking=False):
            return None
        try:
            if self._index is None or not self._covers(snapshot):
                return None
            asked = 2 * count
            for _ in range(_TRIES):
                found = self._index.query(vector, min(asked, len(self._present)), patience_s=_QUERY_S)
                numbers = {snapshot.numbers.get(key): cosine for key, cosine in found.items()}
                valid = {one: cosine for one, cosine in numbers.items() if one is not None and one not in barred}
                if len(valid) >= min(count, len(snapshot) - len(barred)):
                    return dict(list(valid.items())[:count])
                asked *= 4
        except VectorsBusy:
            return None
        except VectorsUnusable as error:
            self._drop(str(error))
            self.wake()
        finally:
            self._guard.release()
        return None

    def _covers(self, snapshot: Snapshot) -> bool:
        """Does the index hold all of a release? While it does not, one passage tells, and not all of them."""
        if snapshot.release in self._covered:
            return True
        known = self._uncovered.get(snapshot.release)
        if known in snapshot.numbers and known not in self._present:
            return False
        missing = next((one for one in snapshot.numbers if one not in self._present), None)
        if missing is None:
            self._covered.add(snapshot.release)
            self._uncovered.pop(snapshot.release, None)
            return True
        self._uncovered[snapshot.release] = missing
        return False

    def _open(self) -> None:
        index = VectorProcess(self._folder, self._fingerprint)
        self._present = index.open()
        self._index = index

    def _drop(self, why: str) -> None:
        log.warning("vector index dropped; it is made again from SQL", why=why)
        index, self._index, self._present = self._index, None, set()
        self._covered.clear()
        (index or VectorProcess(self._folder, self._fingerprint)).destroy()

    def _run(self) -> None:
        while not self._closing.is_set():
            with self._changed:
                self._changed.wait_for(lambda: self._work or self._closing.is_set())
                self._work, self._busy = False, True
            retry = not self._closing.is_set() and not self._converged()
            with self._changed:
                if retry:  # also when a wake comes: the cause is seldom gone that quickly
                    self._changed.wait_for(self._closing.is_set, self._settings.retry_s)
                self._work, self._busy = self._work or retry, False
                self._changed.notify_all()

    def _converged(self) -> bool:
        """Embed, delete and enter until nothing differs; False if it must be tried again later."""
        try:
            while not self._closing.is_set():
                with self._changed:
                    self._stale = False
                wanted = self._store.wanted(self._kept())
                with self._changed:
                    self._wanted = wanted
                missing = sorted(set(_others(wanted.values(), self._known)))
                if missing:
                    self._make(missing)
                    continue
                self._on_embedded()
                return self._entered(wanted)
        except (OperationalError, DeviceFull, KnowledgeError) as error:  # the last: a release's writer was killed
            log.warning("indexing failed; it is tried again later", why=str(error), retry_s=self._settings.retry_s)
            return False
        return True

    def _make(self, missing: Sequence[str]) -> None:
        """Vectors of contents, kept in SQL batch by batch."""
        for piece in chunks(missing, self._settings.batch):
            made: dict[str, Vector] = {}
            for one in self._store.to_embed(piece):
                self.give_way()
                made[one.sha256] = self.embed([one.embedding_text])[0]
                if self._closing.is_set():
                    return
            self._store.keep_vectors(self._fingerprint, made)
            with self._changed:
                self._known |= made.keys()
                self._changed.notify_all()

    def _entered(self, wanted: dict[str, str]) -> bool:
        """Make Chroma hold what is wanted; False if it cannot be written now."""
        try:
            with self._guard:
                if self._index is None:
                    self._open()
                stale = sorted(_others(self._present, wanted))
            for piece in chunks(stale, self._settings.batch):
                with self._guard:
                    if self._index is None:
                        return False
                    self._index.delete(piece)
                    self._present.difference_update(piece)
                self._rest()
            for piece in chunks(sorted(_others(wanted, self._present)), self._settings.batch):
                if self._closing.is_set():
                    return True
                known = self._store.vectors(self._fingerprint, {wanted[one] for one in piece})
                with self._guard:
                    if self._index is None:
                        return False
                    self._index.upsert({one: known[wanted[one]] for one in piece if wanted[one] in known})
                    self._present.update(one for one in piece if wanted[one] in known)
                self._rest()
        except VectorsUnusable as error:
            with self._guard:
                self._drop(str(error))
            return False
        return True

    def _rest(self) -> None:
        self._closing.wait(self._settings.pause_s)


def _others(these: Iterable[str], known: Container[str]) -> list[str]:
    """Those of ``these`` that are not among ``known``, looked at one by one: the difference of two sets of a hundred
    thousand holds the interpreter's lock for 25 to 50 ms, and with it every search."""
    return [one for one in these if one not in known]
