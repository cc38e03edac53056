"""A release as a file: passages, lexical index and vectors, written once, then only read.

::

    releases/r0007.db    SQLite: meta, passages (number, text, validity …), held (term → how many passages hold it),
                         postings (term → which, how often: knowledge/postings.py), lengths (terms in each)
    releases/r0007.npy   float32 [passages, dimension] in the order of ``number``; zeros where no vector was made

Both are made under other names, synced, and renamed, the vectors first: a ``.db`` that exists is whole. Nothing else is
needed to answer, neither Chroma nor the canonical database, and no other release's words weigh in its BM25.

A lexical score is the passage's BM25 divided by the summed rarity (idf) of the question's words: about 1 when a passage
of average length holds them all, low when the rare ones are missing. A word that stands in no document ("mortgage")
has the highest rarity, so questions about what the base does not know score low.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contracts.engines import Passage
from contracts.errors import KnowledgeError
from knowledge.directory import Directory, Entry
from knowledge.lexicon import Lexicon
from knowledge.passages import PassageText
from knowledge.scan import ByteScan
from knowledge.settings import NameSettings, SearchSettings

FORMAT = 3
"""Raise when the file's layout changes: older files are then made again from SQL."""
_BY_BYTES = 5_000
"""A release of more passages is scanned by bytes first; fewer take 0.5 ms as they are."""


class SnapshotUnusable(KnowledgeError):
    """A release's file is missing, damaged, or of another layout; make it again from SQL."""


@dataclass(slots=True, frozen=True)
class StoredPassage:
    """A passage as it stands in a release, with what the embedder is to read."""

    passage: Passage
    number: int
    embedding_text: str


class Snapshot:
    """An open release. Thread-safe; forget it to close it, so that whoever still searches can finish."""

    def __init__(self, path: Path, release: int, digest: str, names: NameSettings | None = None) -> None:
        self.release = release
        self.digest = digest
        self._path = path
        self._local = threading.local()
        self._whole: bool | None = None
        self._scan: ByteScan | None = None
        self._hidden: frozenset[int] = frozenset()
        self._barred: tuple[date, frozenset[int], NDArray[np.bool_] | None] = (date.min, frozenset(), None)
        try:
            self._open(names or NameSettings())
        except (sqlite3.Error, OSError, ValueError) as error:
            raise SnapshotUnusable(f"{path}: release r{release} cannot be read ({error})") from error

    def _open(self, names: NameSettings) -> None:
        if not self._path.is_file():
            raise OSError("no such file")
        connection = self._connection()
        meta = dict(connection.execute("SELECT key, value FROM meta"))
        if meta != {"format": str(FORMAT), "release": str(self.release), "digest": self.digest}:
            raise ValueError("another release or another layout")
        self.numbers: dict[str, int] = {}
        self._windows: list[tuple[int, str | None, str | None]] = []
        columns = "number, passage_id, valid_from, valid_to, document_id, title"
        cursor = connection.execute(f"SELECT {columns} FROM passages ORDER BY number")
        entries: list[Entry] = []
        while rows := cursor.fetchmany(1000):  # in pieces, so that searches get their turn
            for number, passage_id, begins, ends, document_id, title in rows:
                self.numbers[passage_id] = number
                if begins or ends:
                    self._windows.append((number, begins, ends))
                if entries and entries[-1].document_id == document_id:
                    entries[-1].last = number
                else:
                    entries.append(Entry(document_id, title, number, number))
        self._ids = list(self.numbers)
        self._matrix = np.asarray(np.load(self._path.with_suffix(".npy"), mmap_mode="r"))  # still on disk
        if self._matrix.shape[0] != len(self._ids):
            raise ValueError("vectors and passages differ in number")
        self.lexicon = Lexicon(self._connection, len(self._ids))
        self.directory = Directory(entries, names, self.lexicon.shares)

    @property
    def complete(self) -> bool:
        """Has every passage its vector?"""
        if self._whole is None:
            pieces = (self._matrix[at : at + 1000] for at in range(0, len(self._ids), 1000))
            self._whole = all(bool(np.any(piece, axis=1).all()) for piece in pieces)
        return self._whole

    def __len__(self) -> int:
        return len(self._ids)

    def warm(self) -> None:
        """Make what the first search would have to wait for: names of 11,000 titles took it a second."""
        self.directory.named([["warm"]])
        self.directory.sounds  # noqa: B018 - as long
        if self.complete and self._scan is None and len(self) > _BY_BYTES:  # reads every vector once: in memory now
            self._scan = ByteScan(self._matrix)

    def check(self) -> None:
        """Look at every page of the file. Raises SnapshotUnusable."""
        try:
            said = self._connection().execute("PRAGMA quick_check(1)").fetchone()[0]
        except sqlite3.Error as error:
            said = str(error)
        if said != "ok":
            raise SnapshotUnusable(f"{self._path}: release r{self.release} is damaged ({said})")

    def _connection(self) -> sqlite3.Connection:
        found: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if found is None:
            found = sqlite3.connect(f"{self._path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
            self._local.connection = found
        return found

    def barred(self, day: date) -> frozenset[int]:
        """Numbers of the passages that may not be said on that day."""
        return self._barred_on(day)[0]

    def _barred_on(self, day: date) -> tuple[frozenset[int], NDArray[np.bool_] | None]:
        """The same, and by row; None: nothing is barred."""
        known, numbers, rows = self._barred
        if known != day:
            today = day.isoformat()
            numbers = frozenset(
                number for number, begins, ends in self._windows if (begins or "") > today or (ends or "9") < today
            )
            numbers |= self._hidden
            rows = None
            if numbers:
                rows = np.zeros(len(self), np.bool_)
                rows[np.fromiter(numbers, np.int64) - 1] = True
            self._barred = (day, numbers, rows)
        return numbers, rows

    def hide(self, document_ids: Set[str]) -> None:
        """As if these documents were not in it, from now on."""
        entries = [one for one in self.directory.entries if one.document_id in document_ids]
        self._hidden = frozenset(number for one in entries for number in range(one.first, one.last + 1))
        self._barred = (date.min, frozenset(), None)

    def by_words(self, terms: Sequence[str], day: date, settings: SearchSettings) -> dict[int, float]:
        """Passage numbers with lexical scores 0..1, best first; empty without terms. Raises SnapshotUnusable."""
        if not terms or not self._ids:
            return {}
        with self._damage_named():
            return self.lexicon.find(terms, self._barred_on(day)[1], settings)

    def words_within(self, terms: Sequence[str], entries: Sequence[Entry]) -> dict[int, float]:
        """Lexical scores 0..1 of the passages of some documents: the share of the terms' rarity that each holds.

        Without BM25, which would read all passages that hold a term, however few are asked for.
        Raises SnapshotUnusable.
        """
        with self._damage_named():
            return self.lexicon.within(terms, entries)

    @contextmanager
    def _damage_named(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, ValueError, IndexError) as error:
            raise SnapshotUnusable(f"{self._path}: release r{self.release} is damaged ({error})") from error

    def _rows(self, statement: str, parameters: Sequence[object], columns: int) -> list[list[Any]]:
        """All rows at one step: sqlite3 lets go of the interpreter's lock at each, and while a document was taken in
        beside a search, each of its hundred rows waited to get it back."""
        names = [f"c{at}" for at in range(columns)]
        inner = f"WITH found({','.join(names)}) AS ({statement})"
        (packed,) = (
            self._connection()
            .execute(f"{inner} SELECT json_group_array(json_array({','.join(names)})) FROM found", parameters)
            .fetchone()
        )
        rows: list[list[Any]] = json.loads(packed)
        return rows

    def nearest(self, vector: NDArray[np.float32], day: date, count: int) -> dict[int, float]:
        """Passage numbers with exact cosines, best first, by a scan; of a large release, nearly all of the best."""
        if not self._ids:
            return {}
        if self._matrix.shape[1] != len(vector):
            return {}  # made before there were any vectors
        barred = self._barred_on(day)[1]
        if self._scan is not None:
            rows = self._scan.nearest(vector, count, barred)
        else:
            rows = np.arange(len(self)) if barred is None else np.flatnonzero(~barred)
        cosines = (self._matrix if len(rows) == len(self._ids) else self._matrix[rows]) @ vector
        count = min(count, len(cosines))
        best = np.argpartition(cosines, -count)[-count:] if count else np.arange(0)
        best = best[np.argsort(-cosines[best], kind="stable")]
        return {int(rows[at]) + 1: float(cosines[at]) for at in best if cosines[at]}  # 0: its vector was never made

    def vectors_of(self, numbers: Iterable[int]) -> dict[int, NDArray[np.float32]]:
        """Vectors by passage number; those that were never made are left out."""
        wanted = list(numbers)
        rows = self._matrix[np.asarray(wanted, dtype=np.int64) - 1]
        return {
            number: row for number, row, made in zip(wanted, rows, np.any(rows, axis=1).tolist(), strict=True) if made
        }

    def fetch(self, numbers: Iterable[int]) -> list[StoredPassage]:
        """The passages with these numbers. Raises SnapshotUnusable."""
        keys = list(dict.fromkeys(numbers))
        marks = ",".join("?" * len(keys))
        columns = "number, passage_id, document_id, title, heading, text, source, version_id, valid_from, valid_to"
        try:
            rows = self._rows(f"SELECT {columns} FROM passages WHERE number IN ({marks})", keys, 10)
            return [self._stored(row) for row in rows]
        except sqlite3.Error as error:
            raise SnapshotUnusable(f"{self._path}: release r{self.release} is damaged ({error})") from error

    def _stored(self, row: Sequence[Any]) -> StoredPassage:
        number, passage_id, document_id, title, heading, text, source, version_id, begins, ends = row
        return StoredPassage(
            passage=Passage(
                passage_id=passage_id,
                document_id=document_id,
                title=title,
                heading=heading,
                text=text,
                score=0.0,
                source=source,
                version_id=version_id,
                valid_from=begins or "",
                valid_to=ends or "",
            ),
            number=number,
            embedding_text=PassageText(heading, text, 0).embedding_text(title),
        )
