"""A whole search of an open release: what was said, cut into what can be searched for, found, and put into evidence."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date

from contracts.engines import Evidence, Resemblance
from knowledge import fusion, query
from knowledge.finder import Finder, Index
from knowledge.settings import KnowledgeSettings
from knowledge.snapshot import Snapshot
from knowledge.snapshotfile import release_name


class Searcher:
    """Thread-safe; holds no release. ``index``: whose vectors are asked."""

    def __init__(self, index: Index, settings: KnowledgeSettings, today: Callable[[], date]) -> None:
        self._settings = settings
        self._today = today
        self._finder = Finder(index, settings.search)

    def evidence(
        self,
        snapshot: Snapshot | None,
        said: str,
        *,
        limit: int = 5,
        context: Sequence[str] = (),
        talk: Sequence[str] = (),
        readings: Sequence[str] = (),
    ) -> Evidence:
        """The best passages for what was said, none without a release; what the arguments mean: api.KnowledgeAccess.

        Raises SnapshotUnusable.
        """
        begun = time.perf_counter()
        limit = max(1, min(limit, self._settings.limits.max_results))
        most = self._settings.limits.max_query_chars
        ranked: list[fusion.Scored] = []
        if snapshot is not None:
            ranked = self._ranked(
                snapshot, said[-most:], context, talk or context, [one[-most:] for one in readings], limit
            )
        whole = snapshot is None or not len(snapshot) or snapshot.complete
        found = fusion.evidence(
            said,
            ranked,
            limit=limit,
            degraded="" if whole else "vectors",  # some passages can be found by their words only
            compute_s=time.perf_counter() - begun,
        )
        return replace(found, release=release_name(snapshot.release) if snapshot else "")

    def resembling(self, snapshot: Snapshot | None, text: str) -> list[Resemblance]:
        """Names in a release that sound like words of ``text``, the most alike first; none without a release."""
        if snapshot is None:
            return []
        names = self._settings.search.names
        said = text[: self._settings.limits.max_query_chars]
        return snapshot.directory.sounds.resembling(said, names.sounding_least, names.sounding_most)

    def _ranked(
        self,
        snapshot: Snapshot,
        said: str,
        context: Sequence[str],
        talk: Sequence[str],
        readings: Sequence[str],
        limit: int,
    ) -> list[fusion.Scored]:
        search, today = self._settings.search, self._today()
        parts = query.parts(said, words=search.story_words, most=search.story_parts)
        earlier = [[one[-self._settings.limits.max_query_chars :]] for one in talk[-search.names.turns :]]
        rankings = []
        for part in parts:
            question = query.prepare(part, context, turns=search.context_turns)
            heard = readings if len(parts) == 1 else ()
            question = query.with_readings(question, heard, most=search.readings)
            turns = [*earlier, [part, *heard[: search.readings]]]
            if question.text:
                rankings.append(self._finder.ranked(snapshot, question, turns, today, limit))
        if len(rankings) == 1:
            return fusion.spread(rankings[0], limit, search)
        return fusion.merge(rankings, search)
