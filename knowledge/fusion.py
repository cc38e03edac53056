"""Vectors and words, put together into evidence. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from contracts.engines import Evidence, Passage
from knowledge.settings import SearchSettings


@dataclass(slots=True, frozen=True)
class Scored:
    """A passage with its fused score."""

    passage: Passage
    fused: float


def fuse(passages: Iterable[Passage], settings: SearchSettings) -> list[Scored]:
    """Best first by the weighted sum of cosine and lexical score; ties by id, so that the order is always the same."""
    scored = [
        Scored(one, settings.vector_weight * max(0.0, one.score) + settings.lexical_weight * one.lexical)
        for one in passages
    ]
    return sorted(scored, key=lambda one: (-one.fused, one.passage.passage_id))


def margin(ranked: list[Scored]) -> float:
    """The best fused score minus the best one of another document; the best itself if there is no other."""
    if not ranked:
        return 0.0
    best = ranked[0]
    others = (one.fused for one in ranked if one.passage.document_id != best.passage.document_id)
    return best.fused - next(others, 0.0)


def evidence(query: str, ranked: list[Scored], *, limit: int, degraded: str, compute_s: float) -> Evidence:
    """The first ``limit`` passages as evidence."""
    return Evidence(
        query=query,
        passages=tuple(one.passage for one in ranked[:limit]),
        margin=margin(ranked),
        degraded=degraded,
        compute_s=compute_s,
    )
