"""How likely is it that what was found answers the question? Pure; the weights stand in configs/evidence.yaml.

A logistic model over few features that mean the same in every base, so that one fit serves bases that it never saw.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydantic import Field

from contracts.configfile import load_yaml
from contracts.engines import Evidence
from contracts.errors import ConfigError
from contracts.settings import Settings

WEIGHTS_FILE = Path(__file__).parents[1] / "configs" / "evidence.yaml"
FEATURES = ("cosine", "words", "named", "margin")
_RIDGE = 0.01
"""Keeps weights finite where a feature separates the cases; small against any real slope."""
_ROUNDS = 50


class EvidenceWeights(Settings):
    """A fitted model, and on what it was fitted."""

    version: int = Field(ge=1)
    fitted_on: str = Field(min_length=1)
    cases: int = Field(ge=2)
    intercept: float
    cosine: float
    words: float
    named: float
    margin: float


def features(evidence: Evidence) -> tuple[float, ...]:
    """In the order of FEATURES, each about 0..1: the first passage's scores, and its lead on other documents."""
    best = evidence.best
    return (0.0,) * len(FEATURES) if best is None else (best.score, best.lexical, best.named, evidence.margin)


def answerable(evidence: Evidence, weights: EvidenceWeights) -> float:
    """Probability, 0..1, that the first passages answer the question; 0 if there are none."""
    if evidence.best is None:
        return 0.0
    slopes = (getattr(weights, name) for name in FEATURES)
    logit = weights.intercept + sum(slope * one for slope, one in zip(slopes, features(evidence), strict=True))
    return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, logit))))


def fit_weights(
    evidence: Sequence[Evidence], answered: Sequence[bool], *, fitted_on: str, version: int = 1
) -> EvidenceWeights:
    """Weights from cases: what was found, and whether it answers. Both kinds weigh the same, however many they are.

    Raises ConfigError unless there are cases of both kinds.
    """
    right = np.asarray(answered, float)
    if not 0 < right.sum() < len(right):
        raise ConfigError("weights of evidence need questions that are answered and questions that are not")
    rows = np.array([(1.0, *features(one)) for one in evidence])
    weight = np.where(right > 0, 0.5 / right.sum(), 0.5 / (len(right) - right.sum())) * len(right)
    slopes = np.zeros(rows.shape[1])
    for _ in range(_ROUNDS):  # Newton's method
        guess = 1.0 / (1.0 + np.exp(-np.clip(rows @ slopes, -30, 30)))
        gradient = rows.T @ (weight * (right - guess)) - _RIDGE * slopes
        curve = (rows * (weight * guess * (1 - guess))[:, None]).T @ rows + _RIDGE * np.eye(len(slopes))
        step = np.linalg.solve(curve, gradient)
        slopes += step
        if np.abs(step).max() < 1e-8:
            break
    named = dict(zip(("intercept", *FEATURES), (round(float(one), 3) for one in slopes), strict=True))
    return EvidenceWeights(version=version, fitted_on=fitted_on, cases=len(right), **named)


def load_weights(path: Path = WEIGHTS_FILE) -> EvidenceWeights:
    """Raises ConfigError, naming file and line."""
    return load_yaml(path, EvidenceWeights)
