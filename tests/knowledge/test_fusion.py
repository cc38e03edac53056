from __future__ import annotations

from contracts.engines import Passage
from knowledge.fusion import evidence, fuse, margin
from knowledge.settings import SearchSettings

SETTINGS = SearchSettings(vector_weight=0.5, lexical_weight=0.5)


def passage(name: str, score: float, lexical: float, document: str = "") -> Passage:
    return Passage(name, document or name, "T", "", "text", score, lexical)


def test_both_scores_count_and_a_negative_cosine_counts_nothing() -> None:
    ranked = fuse([passage("a", 0.6, 0.0), passage("b", 0.4, 0.9), passage("c", -0.5, 1.0)], SETTINGS)
    assert [(one.passage.passage_id, round(one.fused, 2)) for one in ranked] == [("b", 0.65), ("c", 0.5), ("a", 0.3)]


def test_margin_is_against_another_document() -> None:
    ranked = fuse([passage("a", 0.8, 0, "x"), passage("b", 0.7, 0, "x"), passage("c", 0.4, 0, "y")], SETTINGS)
    assert round(margin(ranked), 3) == 0.2
    assert round(margin(ranked[:2]), 3) == 0.4
    assert margin([]) == 0.0


def test_equal_scores_are_always_in_the_same_order() -> None:
    names = [one.passage.passage_id for one in fuse([passage("b", 0.5, 0), passage("a", 0.5, 0)], SETTINGS)]
    assert names == ["a", "b"]


def test_the_margin_knows_documents_beyond_the_limit() -> None:
    ranked = fuse([passage("a", 0.8, 0), passage("b", 0.6, 0)], SETTINGS)
    found = evidence("q", ranked, limit=1, degraded="", compute_s=0.0)
    assert len(found.passages) == 1
    assert round(found.margin, 3) == 0.1
