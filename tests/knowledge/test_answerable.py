"""Whether what was found answers the question, as a probability."""

from __future__ import annotations

import pytest

from contracts.engines import Evidence, Passage
from contracts.errors import ConfigError
from knowledge.answerable import FEATURES, answerable, features, fit_weights, load_weights


def found(cosine: float, words: float = 0.0, named: float = 0.0, margin: float = 0.1) -> Evidence:
    return Evidence("q", (Passage("p", "d", "T", "", "text", cosine, words, named=named),), margin)


def test_the_shipped_weights_know_strong_evidence_from_weak_and_from_none() -> None:
    weights = load_weights()
    assert answerable(found(0.7, 0.6), weights) > 0.9
    assert answerable(found(0.15, 0.05), weights) < 0.1
    assert answerable(Evidence("q"), weights) == 0.0
    assert weights.fitted_on


def test_a_named_document_makes_the_same_fit_more_likely() -> None:
    weights = load_weights()
    assert answerable(found(0.35, named=0.9), weights) > answerable(found(0.35), weights) + 0.2


def test_features_are_in_the_order_of_their_names() -> None:
    assert dict(zip(FEATURES, features(found(0.1, 0.2, 0.3, 0.4)), strict=True)) == {
        "cosine": 0.1,
        "words": 0.2,
        "named": 0.3,
        "margin": 0.4,
    }


def test_a_fit_separates_what_can_be_separated() -> None:
    cases = [found(0.1 * step) for step in range(10)]
    weights = fit_weights(cases, [step >= 5 for step in range(10)], fitted_on="ten steps")
    chances = [answerable(one, weights) for one in cases]
    assert chances == sorted(chances)
    assert chances[4] < 0.5 < chances[5]
    assert (weights.cases, weights.fitted_on) == (10, "ten steps")


def test_both_kinds_weigh_the_same_however_many_they_are() -> None:
    cases = [found(0.2)] * 30 + [found(0.6)] * 3
    weights = fit_weights(cases, [False] * 30 + [True] * 3, fitted_on="x")
    assert answerable(found(0.4), weights) == pytest.approx(0.5, abs=0.05)


def test_one_kind_alone_cannot_be_fitted() -> None:
    with pytest.raises(ConfigError, match="questions that are answered and"):
        fit_weights([found(0.5)], [True], fitted_on="x")
