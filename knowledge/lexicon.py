"""The words of an open release: how rare each is, what they find, and which passages of a document hold them.

Reads ``held`` and ``postings`` of the release's file (knowledge/snapshot.py), few rows at a time: sqlite3 lets go of
the interpreter's lock at each, and while a document is taken in beside a search, each has to wait to get it back.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knowledge.directory import Entry
from knowledge.postings import Posting, best, bm25
from knowledge.query import is_stop_word
from knowledge.settings import SearchSettings
from knowledge.stems import stems

_REMEMBERED = 50_000
_REMEMBERED_BYTES = 32 * 2**20
_AT_ONCE = 500
"""Values in one row; SQLite takes 2,000."""


class Lexicon:
    """Thread-safe: what it keeps are caches of what never changes. Its methods raise ValueError and sqlite3.Error when
    the file is damaged. ``connected``: a connection to it for this thread; ``passages``: how many there are."""

    def __init__(self, connected: Callable[[], sqlite3.Connection], passages: int) -> None:
        self._connected = connected
        self._passages = passages
        rows = connected().execute("SELECT packed FROM lengths ORDER BY piece").fetchall()
        self._pieces = len(rows)
        self._lengths = np.frombuffer(b"".join(packed for (packed,) in rows), "<u4").astype(np.float32)
        if len(self._lengths) != passages:
            raise ValueError("words and passages differ in number")
        self._held: dict[str, int] = {}
        self._postings: dict[str, Posting] = {}
        self._kept_bytes = 0

    def holding(self, terms: Sequence[str]) -> dict[str, int]:
        """How many passages hold each of these words."""
        found = {term: self._held.get(term, -1) for term in terms}
        if missing := [term for term, count in found.items() if count < 0]:
            cuts = dict(zip(missing, stems(missing), strict=True))
            single = {term: one[0] for term, one in cuts.items() if len(one) == 1}
            rows = self._values("SELECT passages FROM held WHERE term = ?", [(one,) for one in single.values()])
            made = {term: int(count or 0) for term, count in zip(single, rows, strict=True)}
            several = [term for term, one in cuts.items() if len(one) > 1]
            made |= {term: len(one) for term, one in zip(several, self._of(several), strict=True)}
            made |= {term: 0 for term, one in cuts.items() if not one}
            if len(self._held) > _REMEMBERED:
                self._held.clear()
            self._held |= made
            found |= made
        return found

    def shares(self, words: Sequence[str]) -> dict[str, float]:
        """Share of the passages that hold each; words that mean little by themselves stand everywhere."""
        held = self.holding([word for word in words if not is_stop_word(word)])
        return {word: held[word] / max(1, self._passages) if word in held else 1.0 for word in words}

    def _rarity(self, count: int) -> float:
        """Nats (idf) of a word that so many passages hold."""
        return math.log(1 + (self._passages - count + 0.5) / (count + 0.5))

    def find(
        self, terms: Sequence[str], barred: NDArray[np.bool_] | None, settings: SearchSettings
    ) -> dict[int, float]:
        """Passage numbers with lexical scores 0..1, best first. ``barred``: by row, what may not be found."""
        counts = self.holding(terms)
        asked, matches = [], 0
        for term, count in sorted(counts.items(), key=lambda item: item[1]):
            if count and (not matches or matches + count <= settings.max_matches):
                asked.append(term)
                matches += count
        if not asked:
            return {}
        weights = (settings.title_weight, settings.heading_weight, 1.0)
        numbers, scores = bm25(self._of(asked), self._lengths, weights)
        if barred is not None:
            valid = ~barred[numbers - 1]
            numbers, scores = numbers[valid], scores[valid]
        numbers, scores = best(numbers, scores, settings.candidates)
        scores = np.clip(scores / sum(map(self._rarity, counts.values())), 0.0, 1.0)
        return dict(zip(numbers.tolist(), scores.tolist(), strict=True))

    def within(self, terms: Sequence[str], entries: Sequence[Entry]) -> dict[int, float]:
        """Lexical scores 0..1 of the passages of some documents: the share of the terms' rarity that each holds."""
        counts = self.holding(terms)
        rarity = {term: self._rarity(count) for term, count in counts.items()}
        total = sum(rarity.values())
        asked = [term for term, count in counts.items() if count] if entries else []
        found: dict[int, float] = {}
        for term, posting in zip(asked, self._of(asked), strict=True):
            for one in entries:
                for number in posting.within(one.first, one.last).tolist():
                    found[number] = found.get(number, 0.0) + rarity[term] / total
        return found

    def _of(self, terms: Sequence[str]) -> list[Posting]:
        """Who holds each of these words."""
        found = {term: self._postings.get(term) for term in terms}
        cuts = dict(zip(terms, stems(terms), strict=True))
        wanted = list(dict.fromkeys(one for term, kept in found.items() if kept is None for one in cuts[term]))
        pieces = [(piece, one) for one in wanted for piece in range(self._pieces)]
        blobs = self._values("SELECT packed FROM postings WHERE piece = ? AND term = ?", pieces)
        read: dict[str, list[bytes]] = {one: [] for one in wanted}
        for (_, one), blob in zip(pieces, blobs, strict=True):
            if blob is not None:
                read[one].append(blob)
        made = {one: Posting.unpacked(parts) for one, parts in read.items()}
        fresh = {
            term: Posting.together([made[one] for one in cuts[term]])
            for term, kept in found.items()
            if kept is None and cuts[term]
        }
        self._keep(fresh)
        return [fresh.get(term) or kept or Posting.unpacked([]) for term, kept in found.items()]

    def _keep(self, fresh: dict[str, Posting]) -> None:
        self._kept_bytes += sum(one.size for one in fresh.values())
        if self._kept_bytes > _REMEMBERED_BYTES:
            self._postings, self._kept_bytes = {}, 0
        self._postings |= fresh

    def _values(self, statement: str, parameters: Sequence[tuple[object, ...]]) -> list[Any]:
        """The one value that a statement finds for each of these, or None; all of them at one step."""
        found: list[Any] = []
        for at in range(0, len(parameters), _AT_ONCE):
            piece = parameters[at : at + _AT_ONCE]
            row = f"SELECT {', '.join([f'({statement})'] * len(piece))}"
            found.extend(self._connected().execute(row, [value for one in piece for value in one]).fetchone())
        return found
