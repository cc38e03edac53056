"""Vectors, words and names, put together into evidence. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from contracts.engines import Evidence, Passage
from knowledge.settings import SearchSettings

_FLAT = 10
"""Added to ranks: the first place counts 1/10, the eleventh half of it."""


@dataclass(slots=True, frozen=True)
class Scored:
    """A passage with its fused score."""

    passage: Passage
    fused: float


def fuse(passages: Iterable[Passage], settings: SearchSettings) -> list[Scored]:
    """Best first by the weighted sum of cosine, lexical score and name; ties by id, so that the order is always the
    same."""
    scored = [Scored(one, fit(one.score, one.lexical, settings) + settings.name_weight * one.named) for one in passages]
    return sorted(scored, key=lambda one: (-one.fused, one.passage.passage_id))


def fit(cosine: float, lexical: float, settings: SearchSettings) -> float:
    """How well a passage fits the question itself."""
    return settings.vector_weight * max(0.0, cosine) + settings.lexical_weight * lexical


def trusted(named: float, best_fit: float, best_of_all: float, settings: SearchSettings) -> float:
    """How much a name counts: nothing if no passage of its document fits the question; the subject has changed.

    ``best_fit``: of the document's passages; ``best_of_all``: of all passages.
    """
    low, high = settings.name_fit
    share = best_fit / best_of_all if best_of_all > 0.0 else 1.0
    return named * min(1.0, max(0.0, (share - low) / max(1e-9, high - low)))


def merge(rankings: Sequence[Sequence[Scored]], settings: SearchSettings) -> list[Scored]:
    """What was found for each part of a story as one ranking: what fits many parts well, some part very well.

    By reciprocal ranks, times the square of the fit: much of a story is about nothing that a document says. Each
    passage is as it fitted best.
    """
    points: dict[str, float] = {}
    best: dict[str, Scored] = {}
    for ranking in rankings:
        for rank, one in enumerate(ranking):
            name, own = one.passage.passage_id, fit(one.passage.score, one.passage.lexical, settings)
            points[name] = points.get(name, 0.0) + own**2 / (_FLAT + rank)
            if name not in best or one.fused > best[name].fused:
                best[name] = one
    merged = [Scored(best[name].passage, _FLAT * score / max(1, len(rankings))) for name, score in points.items()]
    return sorted(merged, key=lambda one: (-one.fused, one.passage.passage_id))


def margin(ranked: list[Scored]) -> float:
    """The best fused score minus the best one of another document; the best itself if there is no other."""
    if not ranked:
        return 0.0
    best = ranked[0]
    others = (one.fused for one in ranked if one.passage.document_id != best.passage.document_id)
    return best.fused - next(others, 0.0)


def spread(ranked: Sequence[Scored], limit: int, settings: SearchSettings) -> list[Scored]:
    """The first half of ``limit`` as ranked, the other half whatever else fits the question best by itself.

    A name that was meant otherwise ("Gold Account" in "Gold Years Account") must not hide everything else: whoever
    judges the passages one by one finds the right one further down.
    """
    first = list(ranked[: limit - limit // 2])
    rest = sorted(
        ranked[len(first) :],
        key=lambda one: (-fit(one.passage.score, one.passage.lexical, settings), one.passage.passage_id),
    )
    return first + rest


def evidence(query: str, ranked: list[Scored], *, limit: int, degraded: str, compute_s: float) -> Evidence:
    """The first ``limit`` passages as evidence."""
    return Evidence(
        query=query,
        passages=tuple(one.passage for one in ranked[:limit]),
        margin=margin(ranked),
        degraded=degraded,
        compute_s=compute_s,
    )
