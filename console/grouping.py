"""Questions that ask the same in other words, put together. Pure.

Words are compared without endings and weighted by how rare they are among the questions (tf-idf, cosine); a question
joins the group that it is nearest to, or begins one. The commonest group comes first.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from knowledge.query import content_words

_STEM = 6
"""Letters of a word that count: "transfers", "transferring"."""
NEAR = 0.45
"""Cosine from which two questions ask the same."""
Weights = dict[str, float]


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
