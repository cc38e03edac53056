"""Words as the lexical index keeps them: cut, freed of accents and stemmed by SQLite's own tokeniser, which Python
cannot reach otherwise."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Sequence
from functools import lru_cache

TOKENIZE = "porter unicode61 remove_diacritics 2"
"""Of every release's lexical index. Another one needs another snapshot.FORMAT."""
_REMEMBERED = 50_000
_PIECE = 20_000
_GUARD = threading.Lock()
_KNOWN: dict[str, tuple[str, ...]] = {}


@lru_cache(maxsize=1)
def _asked() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    connection.execute(f"CREATE VIRTUAL TABLE words USING fts5(word, content='', tokenize='{TOKENIZE}')")
    connection.execute("CREATE VIRTUAL TABLE terms USING fts5vocab(words, 'instance')")
    return connection


def cut(texts: Iterable[str]) -> list[tuple[str, ...]]:
    """Each text's terms, in their order. 1,000 single words take 5 ms, one 0.05 ms."""
    found: list[tuple[str, ...]] = []
    given = list(texts)
    with _GUARD:
        connection = _asked()
        for at in range(0, len(given), _PIECE):
            piece = given[at : at + _PIECE]
            terms: list[list[tuple[int, str]]] = [[] for _ in piece]
            connection.execute("BEGIN")
            connection.executemany("INSERT INTO words(rowid, word) VALUES (?, ?)", enumerate(piece, 1))
            for term, place, offset in connection.execute("SELECT term, doc, offset FROM terms"):
                terms[place - 1].append((offset, term))
            connection.execute("INSERT INTO words(words) VALUES ('delete-all')")
            connection.execute("COMMIT")
            found.extend(tuple(term for _, term in sorted(one)) for one in terms)
    return found


def stems(words: Sequence[str]) -> list[tuple[str, ...]]:
    """What each word is in the index ("transfers" → "transfer"), mostly one term; remembered."""
    known = {word: _KNOWN.get(word) for word in words}
    missing = [word for word, terms in known.items() if terms is None]
    if missing:
        if len(_KNOWN) > _REMEMBERED:
            _KNOWN.clear()
        made = dict(zip(missing, cut(missing), strict=True))
        _KNOWN.update(made)
        known |= made
    return [known[word] or () for word in words]
