"""A release as a file: passages, lexical index and vectors, written once, then only read.

::

    releases/r0007.db    SQLite: meta, passages (number, text, validity …), words (FTS5 over them),
                         held (term → how many passages hold it)
    releases/r0007.npy   float32 [passages, dimension] in the order of ``number``; zeros where no vector was made

Both are made under other names, synced, and renamed, the vectors first: a ``.db`` that exists is whole. Nothing else is
needed to answer, neither Chroma nor the canonical database, and no other release's words weigh in its BM25.

A lexical score is the passage's BM25 divided by the summed rarity (idf) of the question's words: about 1 when a passage
of average length holds them all, low when the rare ones are missing. A word that stands in no document ("mortgage")
has the highest rarity, so questions about what the base does not know score low.
"""

from __future__ import annotations

import json
import math
import sqlite3
import threading
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contracts.engines import Passage
from contracts.errors import KnowledgeError
from knowledge.directory import Directory, Entry
from knowledge.passages import PassageText
from knowledge.query import is_stop_word
from knowledge.scan import BitScan
from knowledge.settings import NameSettings, SearchSettings
from knowledge.stems import stem

FORMAT = 2
"""Raise when the file's layout changes: older files are then made again from SQL."""
_DOUBLINGS = 6
_BY_BITS = 30_000
"""A release of more passages is scanned by bits first; fewer take 3 ms as they are."""
_ASKED_AT_ONCE = 200
"""Selects in one statement; SQLite takes 500."""


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
        self._known: dict[str, int] = {}
        self._whole: bool | None = None
        self._scan: BitScan | None = None
        self._hidden: frozenset[int] = frozenset()
        self._barred: tuple[date, frozenset[int]] = (date.min, frozenset())
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
        self._matrix = np.load(self._path.with_suffix(".npy"), mmap_mode="r")
        if self._matrix.shape[0] != len(self._ids):
            raise ValueError("vectors and passages differ in number")
        self.directory = Directory(entries, names, self._share)

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
        if self.complete and self._scan is None and len(self) > _BY_BITS:  # reads every vector once: in memory now
            self._scan = BitScan(self._matrix)

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
        known, numbers = self._barred
        if known != day:
            today = day.isoformat()
            numbers = frozenset(
                number for number, begins, ends in self._windows if (begins or "") > today or (ends or "9") < today
            )
            numbers |= self._hidden
            self._barred = (day, numbers)
        return numbers

    def hide(self, document_ids: Set[str]) -> None:
        """As if these documents were not in it, from now on."""
        entries = [one for one in self.directory.entries if one.document_id in document_ids]
        self._hidden = frozenset(number for one in entries for number in range(one.first, one.last + 1))
        self._barred = (date.min, frozenset())

    def by_words(self, terms: Sequence[str], day: date, settings: SearchSettings) -> dict[int, float]:
        """Passage numbers with lexical scores 0..1, best first; empty without terms. Raises SnapshotUnusable."""
        if not terms or not self._ids:
            return {}
        try:
            holding = {term: self._holding(term) for term in terms}
            total = sum(map(self._rarity, holding))
            asked, matches = [], 0
            for term, count in sorted(holding.items(), key=lambda item: item[1]):
                if count and (not matches or matches + count <= settings.max_matches):
                    asked.append(term)
                    matches += count
            if not asked:
                return {}
            return {number: min(1.0, max(0.0, score / total)) for number, score in self._ranked(asked, day, settings)}
        except sqlite3.Error as error:
            raise SnapshotUnusable(f"{self._path}: release r{self.release} is damaged ({error})") from error

    def _ranked(self, terms: Sequence[str], day: date, settings: SearchSettings) -> list[tuple[int, float]]:
        barred, wanted = self.barred(day), settings.candidates
        limit = wanted + min(len(barred), wanted)
        for _ in range(_DOUBLINGS):
            rows = self._rows(
                "SELECT rowid, -bm25(words, ?, ?, 1.0) FROM words WHERE words MATCH ? ORDER BY rank LIMIT ?",
                (settings.title_weight, settings.heading_weight, " OR ".join(map(_quoted, terms)), limit),
                2,
            )
            valid = [(int(number), float(score)) for number, score in rows if number not in barred]
            if len(valid) >= wanted or len(rows) < limit:
                break
            limit *= 4
        return sorted(valid, key=lambda one: (-one[1], one[0]))[:wanted]

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

    def words_within(self, terms: Sequence[str], entries: Sequence[Entry]) -> dict[int, float]:
        """Lexical scores 0..1 of the passages of some documents: the share of the terms' rarity that each holds.

        Without BM25, which would read all passages that hold a term, however few are asked for.
        Raises SnapshotUnusable.
        """
        found: dict[int, float] = {}
        try:
            rarity = {term: self._rarity(term) for term in terms}
            total = sum(rarity.values())
            asked = [(term, one.first, one.last) for term in rarity if self._holding(term) for one in entries]
            for at in range(0, len(asked), _ASKED_AT_ONCE):
                piece = asked[at : at + _ASKED_AT_ONCE]
                one = "SELECT ?, rowid FROM words WHERE words MATCH ? AND rowid BETWEEN ? AND ?"
                given = [value for term, first, last in piece for value in (term, _quoted(term), first, last)]
                for term, number in self._rows(" UNION ALL ".join([one] * len(piece)), given, 2):
                    found[number] = found.get(number, 0.0) + rarity[term] / total
        except sqlite3.Error as error:
            raise SnapshotUnusable(f"{self._path}: release r{self.release} is damaged ({error})") from error
        return found

    def _rarity(self, term: str) -> float:
        """Nats (idf)."""
        count = self._holding(term)
        return math.log(1 + (len(self) - count + 0.5) / (count + 0.5))

    def _share(self, word: str) -> float:
        """Share of the passages that hold a word; words that mean little by themselves stand everywhere."""
        return 1.0 if is_stop_word(word) else self._holding(word) / max(1, len(self))

    def _holding(self, term: str) -> int:
        """How many passages hold a word; the file never changes, so neither does the answer."""
        if term not in self._known:
            if len(self._known) > 50_000:
                self._known.clear()
            self._known[term] = self._counted(term)
        return self._known[term]

    def _counted(self, term: str) -> int:
        if kept := stem(term):
            row = self._connection().execute("SELECT passages FROM held WHERE term = ?", (kept,)).fetchone()
            return int(row[0]) if row else 0
        rows = self._connection().execute("SELECT count(*) FROM words WHERE words MATCH ?", (_quoted(term),))
        return int(rows.fetchone()[0])

    def nearest(self, vector: NDArray[np.float32], day: date, count: int) -> dict[int, float]:
        """Passage numbers with exact cosines, best first, by a scan; of a large release, nearly all of the best."""
        if not self._ids:
            return {}
        if self._matrix.shape[1] != len(vector):
            return {}  # made before there were any vectors
        barred = np.fromiter(self.barred(day), dtype=np.int64) - 1
        if self._scan is not None:
            rows = self._scan.nearest(vector, count, barred)
        else:
            rows = np.delete(np.arange(len(self._ids)), barred)
        cosines = np.asarray((self._matrix if len(rows) == len(self._ids) else self._matrix[rows]) @ vector)
        count = min(count, len(cosines))
        best = np.argpartition(cosines, -count)[-count:] if count else np.arange(0)
        best = best[np.argsort(-cosines[best], kind="stable")]
        return {int(rows[at]) + 1: float(cosines[at]) for at in best if cosines[at]}  # 0: its vector was never made

    def vectors_of(self, numbers: Iterable[int]) -> dict[int, NDArray[np.float32]]:
        """Vectors by passage number; those that were never made are left out."""
        wanted = list(numbers)
        rows = np.asarray(self._matrix[np.asarray(wanted, dtype=np.int64) - 1])
        return {number: row for number, row in zip(wanted, rows, strict=True) if row.any()}

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


def _quoted(term: str) -> str:
    return '"' + term.replace('"', '""') + '"'
