"""Finding by words: SQLite FTS5 with BM25, Porter stems and unaccented letters, in the documents' own transaction.

A score is the passage's BM25 divided by the summed rarity (idf) of the question's words: about 1 when a passage of
average length holds them all, low when the rare ones are missing. A word that stands in no document ("mortgage")
has the highest rarity, so questions about what the base does not know score low.

Where the canonical text is not in SQLite, the same index lives in memory and is filled when the base is opened.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from knowledge.settings import SearchSettings
from knowledge.tables import documents, passages

FTS_TABLE = "passage_words"


def memory_engine() -> sa.Engine:
    """A database that holds nothing but a lexical index, for canonical text that is not in SQLite."""
    return sa.create_engine("sqlite://", poolclass=sa.StaticPool, connect_args={"check_same_thread": False})


def ensure(connection: sa.Connection, source: sa.Connection) -> int:
    """Make the index in ``connection`` if it is missing, and fill it from ``source`` if it does not match.

    Returns how many passages were (re-)entered. Both may be the same connection.
    """
    connection.execute(
        sa.text(
            f"CREATE VIRTUAL TABLE IF NOT EXISTS {FTS_TABLE} USING fts5("
            "title, heading, body, tokenize='porter unicode61 remove_diacritics 2')"
        )
    )
    wanted = set(source.execute(sa.select(passages.c.number)).scalars())
    present = set(connection.execute(sa.text(f"SELECT rowid FROM {FTS_TABLE}")).scalars())
    if wanted == present:
        return 0
    remove(connection, present - wanted)
    missing = sorted(wanted - present)
    for at in range(0, len(missing), 500):
        rows = source.execute(
            sa.select(passages.c.number, documents.c.title, passages.c.heading, passages.c.text)
            .join(documents)
            .where(passages.c.number.in_(missing[at : at + 500]))
        )
        insert(connection, [tuple(row) for row in rows])
    return len(missing)


def insert(connection: sa.Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """Enter (number, title, heading, text) rows."""
    if rows:
        connection.execute(
            sa.text(f"INSERT INTO {FTS_TABLE}(rowid, title, heading, body) VALUES (:n, :t, :h, :b)"),
            [{"n": number, "t": title, "h": heading, "b": text} for number, title, heading, text in rows],
        )


def remove(connection: sa.Connection, numbers: Iterable[int]) -> None:
    """Take rows out."""
    rows = [{"n": number} for number in numbers]
    if rows:
        connection.execute(sa.text(f"DELETE FROM {FTS_TABLE} WHERE rowid = :n"), rows)


class WordRarity:
    """Inverse document frequencies of words, remembered until the base changes. Thread-safe."""

    def __init__(self) -> None:
        self._total = -1
        self._known: dict[str, float] = {}
        self._lock = threading.Lock()

    def forget(self) -> None:
        """The base has changed."""
        with self._lock:
            self._total = -1
            self._known = {}

    def of(self, connection: sa.Connection, terms: Sequence[str]) -> Mapping[str, float]:
        """Rarity of each term: ln(1 + (N - n + 0.5) / (n + 0.5)), never 0."""
        count = sa.text(f"SELECT count(*) FROM {FTS_TABLE} WHERE {FTS_TABLE} MATCH :q")
        with self._lock:
            if self._total < 0:
                self._total = int(connection.execute(sa.text(f"SELECT count(*) FROM {FTS_TABLE}")).scalar_one())
            for term in terms:
                if term not in self._known:
                    holding = int(connection.execute(count, {"q": _quoted(term)}).scalar_one())
                    self._known[term] = math.log(1 + (self._total - holding + 0.5) / (holding + 0.5))
            return {term: self._known[term] for term in terms}


def search(
    connection: sa.Connection, terms: Sequence[str], rarity: WordRarity, settings: SearchSettings
) -> dict[int, float]:
    """Passage numbers with scores 0..1, best first; empty without terms."""
    if not terms:
        return {}
    total = sum(rarity.of(connection, terms).values())
    rows = connection.execute(
        sa.text(
            f"SELECT rowid, -bm25({FTS_TABLE}, :wt, :wh, 1.0) AS score FROM {FTS_TABLE} "
            f"WHERE {FTS_TABLE} MATCH :q ORDER BY rank LIMIT :k"
        ),
        {
            "q": " OR ".join(map(_quoted, terms)),
            "wt": settings.title_weight,
            "wh": settings.heading_weight,
            "k": settings.candidates,
        },
    )
    return {int(number): min(1.0, max(0.0, float(score) / total)) for number, score in rows}


def _quoted(term: str) -> str:
    return '"' + term.replace('"', '""') + '"'
