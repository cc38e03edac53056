"""Words as the lexical index keeps them: SQLite's own tokeniser asked, since Python cannot reach it otherwise."""

from __future__ import annotations

import sqlite3
import threading
from functools import lru_cache

TOKENIZE = "porter unicode61 remove_diacritics 2"
"""Of every release's lexical index. Another one needs another snapshot.FORMAT."""
_GUARD = threading.Lock()


@lru_cache(maxsize=1)
def _asked() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    connection.execute(f"CREATE VIRTUAL TABLE words USING fts5(word, content='', tokenize='{TOKENIZE}')")
    connection.execute("CREATE VIRTUAL TABLE terms USING fts5vocab(words, 'row')")
    return connection


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """What a word is in the index ("transfers" → "transfer"); empty if it is no single term. 0.05 ms at first."""
    with _GUARD:
        connection = _asked()
        connection.execute("INSERT INTO words(rowid, word) VALUES (1, ?)", (word,))
        found = [str(term) for (term,) in connection.execute("SELECT term FROM terms")]
        connection.execute("INSERT INTO words(words) VALUES ('delete-all')")
    return found[0] if len(found) == 1 else ""
