"""One search of a release: candidates from both indexes and from the documents that the conversation names.

::

    question ──vector, other readings──► nearest passages ──┐
             ──words──► BM25 ───────────────────────────────┤ fit = cosine, words ──┐
    talk ────names──► documents ──► all their passages ─────┘ named ────────────────┴──► best first
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from itertools import islice
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from knowledge import fusion
from knowledge.query import Question
from knowledge.settings import SearchSettings
from knowledge.snapshot import Snapshot, StoredPassage
from knowledge.vectors import Vector

_REMEMBERED = 256
"""Vectors kept of passages that a search had to embed."""
_WORD_HITS = 3
"""At least so many of the passages found by words are considered, however few are asked for."""


class Index(Protocol):
    """What makes vectors, and may know which are near."""

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors [n, d] of length 1."""
        ...

    def nearest(
        self, vector: Vector, snapshot: Snapshot, barred: frozenset[int], count: int
    ) -> dict[int, float] | None:
        """Passage numbers of a release with cosines, best first; None: scan the release."""
        ...


class Finder:
    """Thread-safe: what it keeps are replaceable caches."""

    def __init__(self, index: Index, settings: SearchSettings) -> None:
        self._index = index
        self._settings = settings
        self._spare: dict[str, Vector] = {}

    def ranked(
        self, snapshot: Snapshot, question: Question, turns: Sequence[Sequence[str]], day: date, limit: int
    ) -> list[fusion.Scored]:
        """Best first. ``turns``: the conversation with the question, oldest first, each turn's readings.

        Raises SnapshotUnusable.
        """
        settings, barred = self._settings, snapshot.barred(day)
        vectors = self._index.embed([question.text, *question.readings])
        count = max(settings.candidates, limit)
        near = None
        if len(snapshot) > settings.scan_passages:
            near = self._index.nearest(vectors[0], snapshot, barred, count)
        if near is None:
            near = snapshot.nearest(vectors[0], day, count)
        by_words = snapshot.by_words(question.terms, day, settings)
        words_only = [one for one in list(by_words)[: max(limit, _WORD_HITS)] if one not in near]
        named = self._named(snapshot, turns)
        entries = [snapshot.directory.entries[at] for at in named]
        inside = [one for entry in entries for one in range(entry.first, entry.last + 1) if one not in barred]
        inside = inside[: settings.named_passages]
        lexical = by_words | {
            number: max(score, by_words.get(number, 0.0))
            for number, score in snapshot.words_within(question.terms, entries).items()
        }
        cosines = self._cosines(snapshot, vectors, [*near, *words_only, *inside])
        cosines |= self._embedded(snapshot, vectors, [one for one in words_only if one not in cosines])
        cosines |= {number: max(found, cosines.get(number, found)) for number, found in near.items()}
        strengths = self._strengths(snapshot, named, cosines, lexical)
        return self._fetched(snapshot, cosines, lexical, strengths, count)

    def _named(self, snapshot: Snapshot, turns: Sequence[Sequence[str]]) -> dict[int, float]:
        return dict(islice(snapshot.directory.named(turns).items(), self._settings.named_documents))

    def _strengths(
        self, snapshot: Snapshot, named: Mapping[int, float], cosines: Mapping[int, float], lexical: Mapping[int, float]
    ) -> dict[int, float]:
        """How much its document's name counts, by passage."""
        if not named:
            return {}
        fits = {one: fusion.fit(cosine, lexical.get(one, 0.0), self._settings) for one, cosine in cosines.items()}
        places = {one: snapshot.directory.place(one) for one in fits}
        best: dict[int, float] = {}
        for one, fit in fits.items():
            best[places[one]] = max(best.get(places[one], 0.0), fit)
        top = max(fits.values(), default=0.0)
        counts = {at: fusion.trusted(score, best.get(at, 0.0), top, self._settings) for at, score in named.items()}
        return {one: counts[at] for one, at in places.items() if counts.get(at)}

    def _fetched(
        self,
        snapshot: Snapshot,
        cosines: Mapping[int, float],
        lexical: Mapping[int, float],
        named: Mapping[int, float],
        count: int,
    ) -> list[fusion.Scored]:
        """The best ``count`` passages with their texts, and the best one of another document than the first's."""
        fused = {
            one: fusion.fit(cosine, lexical.get(one, 0.0), self._settings)
            + self._settings.name_weight * named.get(one, 0.0)
            for one, cosine in cosines.items()
        }
        order = sorted(fused, key=lambda one: (-fused[one], one))
        if not order:
            return []
        by_fit = sorted(
            cosines, key=lambda one: (-fusion.fit(cosines[one], lexical.get(one, 0.0), self._settings), one)
        )
        wanted = dict.fromkeys([*order[:count], *by_fit[: count // 2]])
        place = snapshot.directory.place
        other = next((one for one in order[count:] if place(one) != place(order[0])), None)
        return fusion.fuse(
            (
                replace(
                    one.passage,
                    score=cosines[one.number],
                    lexical=lexical.get(one.number, 0.0),
                    named=named.get(one.number, 0.0),
                )
                for one in snapshot.fetch([*wanted, *([other] if other is not None and other not in wanted else [])])
            ),
            self._settings,
        )

    def _cosines(self, snapshot: Snapshot, vectors: NDArray[np.float32], numbers: Iterable[int]) -> dict[int, float]:
        """The best cosine that any reading has, of the passages that have a vector."""
        known = snapshot.vectors_of(dict.fromkeys(numbers))
        if not known or next(iter(known.values())).shape[0] != vectors.shape[1]:
            return {}
        best = (np.stack(list(known.values())) @ vectors.T).max(axis=1)
        return dict(zip(known, map(float, best), strict=True))

    def _embedded(self, snapshot: Snapshot, vectors: NDArray[np.float32], numbers: Sequence[int]) -> dict[int, float]:
        """Cosines of passages that only words have found and that have no vector yet: they are embedded now."""
        if not numbers:
            return {}
        found = snapshot.fetch(numbers)
        missing = [one for one in found if one.passage.passage_id not in self._spare]
        fresh: dict[str, Vector] = {}
        if missing:
            made = self._index.embed([one.embedding_text for one in missing])
            fresh = {one.passage.passage_id: vector for one, vector in zip(missing, made, strict=True)}
        known = self._spare | fresh
        self._spare = dict(list(known.items())[-_REMEMBERED:])
        return {one.number: float((vectors @ _of(known, one)).max()) for one in found}


def _of(known: Mapping[str, Vector], one: StoredPassage) -> Vector:
    return known[one.passage.passage_id]
