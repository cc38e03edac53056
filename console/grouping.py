"""Questions that ask the same in other words, put together. Pure.

By meaning: vectors of the knowledge base's embedder, average linkage: two groups are joined while their questions are
alike on average. Without vectors, by words: these are compared without endings and weighted by how rare they are among
the questions (tf-idf, cosine); a question joins the group that it is nearest to, or begins one. The commonest group
comes first.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from knowledge.query import content_words

_STEM = 6
"""Letters of a word that count: "transfers", "transferring"."""
NEAR = 0.45
"""Cosine from which two questions ask the same."""
Weights = dict[str, float]
Vectors = NDArray[np.float32]


@dataclass(slots=True)
class Group:
    """``members``: positions in what was given, as they came. The first is shown for all."""

    members: list[int] = field(default_factory=list)
    sum: Weights = field(default_factory=dict)


def group(questions: Sequence[str], near: float = NEAR) -> list[list[int]]:
    """Positions of the questions, in groups; questions without a word of their own are left out."""
    words = [Counter(word[:_STEM].rstrip("s") for word in content_words(one)) for one in questions]
    seen = Counter(word for one in words for word in one)
    groups: list[Group] = []
    for at, counts in enumerate(words):
        if not counts:
            continue
        weights = _unit({word: count * math.log(1 + len(words) / seen[word]) for word, count in counts.items()})
        best = max(groups, key=lambda one: _cosine(weights, one.sum), default=None)
        if best is None or _cosine(weights, best.sum) < near:
            best = Group()
            groups.append(best)
        best.members.append(at)
        for word, weight in weights.items():
            best.sum[word] = best.sum.get(word, 0.0) + weight
    return [one.members for one in sorted(groups, key=lambda one: -len(one.members))]


def _unit(weights: Weights) -> Weights:
    length = math.sqrt(sum(one * one for one in weights.values())) or 1.0
    return {word: weight / length for word, weight in weights.items()}


def _cosine(weights: Weights, other: Weights) -> float:
    length = math.sqrt(sum(one * one for one in other.values())) or 1.0
    return sum(weight * other.get(word, 0.0) for word, weight in weights.items()) / length


def by_meaning(vectors: Vectors, near: float) -> list[list[int]]:
    """Positions of the vectors (unit length, [n, d]) in groups of average linkage, the largest first.

    ``near``: mean cosine from which two groups are one. Nearest-neighbour chain (Murtagh 1983): O(n²), and what it
    joins is what joining the nearest pair each time would.
    """
    count = len(vectors)
    alike = np.asarray(vectors @ vectors.T, dtype=np.float64)
    np.fill_diagonal(alike, -np.inf)
    groups = {at: [at] for at in range(count)}
    waiting, chain = set(range(count)), list[int]()
    while waiting:
        if not chain:
            chain.append(min(waiting))
        last = chain[-1]
        best = int(np.argmax(alike[last]))
        if alike[last, best] < near:
            waiting.discard(last)  # nothing will come nearer: joined groups are never nearer than their nearer half
            alike[last, :] = alike[:, last] = -np.inf
            chain.pop()
        elif len(chain) > 1 and alike[last, chain[-2]] >= alike[last, best]:
            other = chain[-2]
            del chain[-2:]
            mine, theirs = len(groups[last]), len(groups[other])
            row = (mine * alike[last] + theirs * alike[other]) / (mine + theirs)
            row[[last, other]] = -np.inf
            alike[last, :] = alike[:, last] = row
            alike[other, :] = alike[:, other] = -np.inf
            groups[last] += groups.pop(other)
            waiting.discard(other)
        else:
            chain.append(best)
    return sorted((sorted(members) for members in groups.values()), key=lambda one: (-len(one), one[0]))
