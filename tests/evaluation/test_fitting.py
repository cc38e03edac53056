"""Weights and thresholds fitted on made candidates: what must come out, and on what it may not have been fitted."""

from __future__ import annotations

import random

import pytest

from contracts.engines import Passage
from dialog.matching import AGAINST, FEATURES, Candidate
from evaluation.fitting import Judged, as_callers_ask, best, by_folds, fit, fit_weights, threshold
from evaluation.questions import Asked


def made(number: int, answerable: bool, chooser: random.Random) -> Judged:
    """A question with a right candidate and a wrong one, or with two wrong ones."""
    fits = []
    for right in (answerable, False):
        features = [0.9 if right else chooser.uniform(0.0, 0.6) for _ in FEATURES]
        features[FEATURES.index("foreign_name")] = 0.0 if right else chooser.uniform(0.2, 1.0)
        fits.append(Candidate(Passage(str(number), "d", "Larch Saver", "", "text", 0.5), tuple(features), True))
    asked = Asked(f"q{number}", "What does Larch Saver cost?", f"a{number}" if answerable else "")
    return Judged(asked, tuple(fits), (answerable, False), f"g{number % 20}")


@pytest.fixture(scope="module")
def judged() -> list[Judged]:
    chooser = random.Random(3)
    return [made(number, number % 2 == 0, chooser) for number in range(120)]


def test_nothing_that_speaks_against_a_passage_is_ever_learned_to_speak_for_it(judged: list[Judged]) -> None:
    weights = fit_weights(judged).by_feature
    assert all((value <= 0) if name in AGAINST else (value >= 0) for name, value in weights.items())
    assert weights["foreign_name"] < 0


def test_the_right_candidate_is_found_by_weights_that_never_saw_its_group(judged: list[Judged]) -> None:
    scored = by_folds(judged, 5, seed=1)
    assert len(scored) == len(judged)
    assert all(right for one, _, right in scored if one.answerable)


def test_the_threshold_lets_through_no_more_than_the_share_that_was_asked_for(judged: list[Judged]) -> None:
    scored = by_folds(judged, 5, seed=1)
    least = threshold(scored, 0.05)
    none = [probability for one, probability, _ in scored if not one.answerable]
    assert sum(probability >= least for probability in none) <= 0.05 * len(none)
    fitted = fit(judged, "made candidates", 0.05, 0.01, seed=1)
    assert 0 < fitted.least <= fitted.sure <= 1
    assert best(judged[0], fitted.weights)[0] > fitted.least


def test_titles_that_name_nothing_leave_nothing_to_fit() -> None:
    plain = Candidate(Passage("p", "d", "Order checks", "", "text", 0.5), tuple(0.5 for _ in FEATURES), False)
    with pytest.raises(ValueError, match="names anything"):
        fit_weights([Judged(Asked("q", "how", "a"), (plain,), (True,), "g")])


def test_every_other_question_gets_the_words_that_callers_put_around_it() -> None:
    asked = [Asked(str(number), "What is the fee?") for number in range(4)]
    spoken = as_callers_ask(asked, seed=5)
    assert [one.text for one in spoken[::2]] == ["What is the fee?"] * 2
    assert all("what is the fee" in one.text and len(one.text) > 17 for one in spoken[1::2])
    assert spoken == as_callers_ask(asked, seed=5)
