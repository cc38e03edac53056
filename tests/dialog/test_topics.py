"""The topic router: topics by meaning and words, out of scope by strangeness, thresholds from held-out folds."""

from __future__ import annotations

import hashlib
import io
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from contracts.errors import ConfigError
from dialog.topicfeatures import BUCKETS, WAVES, FeatureSpace, Floats, hashed, ngrams
from dialog.topicfit import FOLDS, RIDGE, Examples, Fitted, _Ridge, fit_topics, fold_numbers
from dialog.topics import TopicsFile, load_topics, save_topics, unpacked

TOPICS = ("cards", "loans", "rates", "hours")
DIMENSION = 24
EACH = 30


def _clouds(seed: int, directions: Floats) -> Floats:
    """EACH unit vectors around each direction."""
    draw = np.random.default_rng(seed)
    around = np.repeat(directions, EACH, axis=0) + draw.normal(scale=0.08, size=(EACH * len(directions), DIMENSION))
    return np.asarray(around / np.linalg.norm(around, axis=1, keepdims=True), np.float32)


AXES = np.eye(DIMENSION, dtype=np.float32)
LABELS = [topic for topic in TOPICS for _ in range(EACH)]
TEXTS = [f"about {topic} number {n}" for topic in TOPICS for n in range(EACH)]


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    return fit_topics(Examples(TEXTS, _clouds(1, AXES[:4]), LABELS), target_error=0.05)


def test_questions_near_a_topic_are_its_own_and_those_far_from_all_are_outside(fitted: Fitted) -> None:
    near = fitted.model.judge(TEXTS, _clouds(2, AXES[:4]))
    assert [one.name for one in near] == LABELS
    assert sum(one.outside for one in near) <= 0.15 * len(near)
    far = fitted.model.judge(["something else"] * EACH, _clouds(3, AXES[9:10]))
    assert all(one.outside for one in far)


def test_the_threshold_lets_the_stated_share_of_held_out_examples_be_strange(fitted: Fitted) -> None:
    assert fitted.false_alarm <= 0.05
    assert fitted.false_alarm >= 0.05 - 2 / len(LABELS)
    assert fitted.top1 == 1.0


def test_a_stricter_target_gives_a_higher_threshold(fitted: Fitted) -> None:
    strict = fit_topics(Examples(TEXTS, _clouds(1, AXES[:4]), LABELS), target_error=0.01)
    assert strict.model.threshold > fitted.model.threshold


def test_words_decide_where_meanings_are_the_same() -> None:
    same = np.tile(AXES[:1], (2 * EACH, 1))
    texts = [f"please block the account {n}" for n in range(EACH)] + [
        f"please open an account {n}" for n in range(EACH)
    ]
    model = fit_topics(Examples(texts, same, ["block"] * EACH + ["open"] * EACH)).model
    judged = model.judge(["block account", "open account"], AXES[[0, 0]])
    assert [one.name for one in judged] == ["block", "open"]


def test_many_and_few_examples_are_solved_alike() -> None:
    draw = np.random.default_rng(5)
    features = draw.normal(size=(60, 40)).astype(np.float32)
    wanted = draw.normal(size=(60, 3)).astype(np.float32)
    out = np.arange(10, dtype=np.int64)
    many = _Ridge(features, wanted)
    few = _Ridge(features, wanted)
    few._few, few._matrix = True, features @ features.T
    assert np.allclose(many.without(out), few.without(out), atol=1e-3)
    kept = features[10:]
    direct = np.linalg.solve(kept.T @ kept + RIDGE * np.eye(40), kept.T @ wanted[10:])
    assert np.allclose(many.without(out), direct, atol=1e-3)


def test_the_same_examples_and_seed_give_the_same_model(fitted: Fitted) -> None:
    again = fit_topics(Examples(TEXTS, _clouds(1, AXES[:4]), LABELS), target_error=0.05)
    assert again.model.packed() == fitted.model.packed()


def test_every_topic_is_spread_over_all_folds() -> None:
    numbers = fold_numbers(LABELS, seed=3)
    for topic in TOPICS:
        rows = [number for number, label in zip(numbers, LABELS, strict=True) if label == topic]
        assert np.bincount(rows, minlength=FOLDS).tolist() == [EACH // FOLDS] * FOLDS


def test_too_few_examples_are_refused_with_what_is_needed() -> None:
    with pytest.raises(ConfigError, match="give at least 10 of at least two topics"):
        fit_topics(Examples(["a", "b"], AXES[:2], ["x", "y"]))


def test_features_have_their_three_parts_and_survive_an_empty_question() -> None:
    space, own = FeatureSpace.made(TEXTS, _clouds(1, AXES[:4]))
    assert own.shape == (len(TEXTS), DIMENSION + WAVES + BUCKETS)
    assert np.abs(own.mean(axis=0)).max() < 1e-4
    assert np.isfinite(space.of([""], AXES[:1])).all()


def test_ngrams_are_of_words_and_letters_and_long_questions_are_cut() -> None:
    found = set(ngrams("Can't pay!"))
    assert {"w:can't", "w:pay", "b:can't pay", "c:t p"} <= found
    assert np.array_equal(hashed(["x " * 200]), hashed(["x " * 90_000]))


def _record(packed: bytes) -> TopicsFile:
    return TopicsFile(
        version=3,
        fitted_at=datetime(2026, 1, 2, tzinfo=UTC),
        fitted_on={"a.csv": "00"},
        target_error=0.05,
        threshold=1.0,
        examples=len(TEXTS),
        topics=len(TOPICS),
        outside_examples=0,
        held_out_top1=1.0,
        held_out_false_alarm=0.05,
        embedder="minilm",
        weights="t.npz",
        weights_sha256=hashlib.sha256(packed).hexdigest(),
    )


def test_a_saved_model_judges_alike_and_says_what_it_was_fitted_on(fitted: Fitted, tmp_path: Path) -> None:
    packed = fitted.model.packed()
    save_topics(packed, _record(packed), tmp_path / "t.yaml")
    model, record = load_topics(tmp_path / "t.yaml")
    assert record == _record(packed)
    vectors = _clouds(2, AXES[:4])
    for here, there in zip(model.judge(TEXTS, vectors), fitted.model.judge(TEXTS, vectors), strict=True):
        assert here.name == there.name
        assert here.strangeness == pytest.approx(there.strangeness, abs=0.02)


def test_other_weights_than_the_files_own_are_refused(fitted: Fitted, tmp_path: Path) -> None:
    packed = fitted.model.packed()
    save_topics(packed, _record(packed), tmp_path / "t.yaml")
    (tmp_path / "t.npz").write_bytes(packed[:-1])
    with pytest.raises(ConfigError, match="not the weights"):
        load_topics(tmp_path / "t.yaml")
    (tmp_path / "t.npz").unlink()
    with pytest.raises(ConfigError, match="cascade topics"):
        load_topics(tmp_path / "t.yaml")


def test_weights_are_data_and_never_code() -> None:

    target = io.BytesIO()
    np.savez(target, names=np.array([print], dtype=object))
    with pytest.raises((ValueError, KeyError)):
        unpacked(target.getvalue())
