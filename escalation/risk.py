"""How likely a turn is to be about danger, loss, abuse …: a small classifier over sentence vectors. Pure.

::

    configs/risk.yaml ──examples──► embedder (outside) ──vectors──► RiskModel.fit        once, at start-up
    the caller's turn ──pieces──►   embedder (outside) ──vectors──► RiskModel.score ──► TurnFacts.risks ──► rules

Two views of a sentence are averaged: a softmax regression on its vector (which generalises) and its words and letter
runs (which know swear words and forgive mishearings), and its nearest examples, which remember. Neither sees negation
well, so the rules' lexicon stands beside it and alone decides without an embedder.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from contracts.settings import Settings

Vectors = npt.NDArray[np.float32]
NONE = "none"
_SENTENCE = re.compile(r"(?<=[.!?…])\s+|\n+")
_WORD = re.compile(r"[a-z0-9'*@$]+")
GRAMS = 2048
"""Places of hashed grams; the shipped examples have some 9,000 different ones, few of which matter."""
GRAM_WEIGHT = np.float32(1.0)
"""Length of the grams beside a vector of length 1; fitted by folds of the shipped examples."""
_MIN_WORDS = 4
"""A shorter sentence says too little by itself: it is read with the one after it."""
MAX_PIECES = 12
"""Pieces of one turn that are looked at; a turn of speech has one to three sentences."""
_LONG, _WINDOW, _STEP = 30, 18, 9
"""Words: a sentence this long (rambling, or recognised without full stops) is read in overlapping windows too."""


class RiskFile(Settings):
    """The shipped examples: label → what callers say; ``none``: what is harmless."""

    version: int = Field(ge=1)
    labels: dict[str, list[str]]
    none: list[str] = Field(default_factory=list)
    sums: dict[str, list[str]] = Field(default_factory=dict)
    """Name → labels whose scores are added up under it, sentence by sentence: plainly trouble, though not which."""
    regularisation: float = Field(default=1e-4, gt=0)
    """Weight of the squared coefficients against the mean loss; fitted by folds of these examples."""
    neighbours: int = Field(default=5, ge=1, le=50)
    sharpness: float = Field(default=12.0, gt=0)
    """How fast a neighbour's weight falls with its distance: exp(sharpness · cosine)."""

    @model_validator(mode="after")
    def _sums_name_labels(self) -> RiskFile:
        unknown = sorted({label for listed in self.sums.values() for label in listed} - set(self.labels))
        if unknown:
            raise ValueError(f"sums: no label {unknown[0]!r} (there are: {', '.join(self.labels)})")
        if clash := sorted(set(self.sums) & set(self.labels)):
            raise ValueError(f"sums: {clash[0]!r} is a label already; give the sum another name")
        return self

    @property
    def texts(self) -> list[str]:
        """Every example in the order in which fit() takes their vectors."""
        return [*(text for listed in self.labels.values() for text in listed), *self.none]

    @property
    def digest(self) -> str:
        """SHA-256 of the content."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


def pieces(text: str) -> list[str]:
    """The turn and, of a longer one, its sentences and windows of long ones: danger is often one clause of many."""
    whole = " ".join(text.split())
    if not whole:
        return []
    merged: list[str] = []
    for part in (part.strip() for part in _SENTENCE.split(text)):
        if not part:
            continue
        if merged and len(merged[-1].split()) < _MIN_WORDS:
            merged[-1] = f"{merged[-1]} {part}"
        else:
            merged.append(" ".join(part.split()))
    found = [whole] if len(merged) < 2 else [whole, *merged]
    return [*found, *(window for part in merged for window in _windows(part.split()))][:MAX_PIECES]


def _windows(words: list[str]) -> list[str]:
    """Overlapping runs of words of a long sentence; none of another."""
    if len(words) < _LONG:
        return []
    return [" ".join(words[at : at + _WINDOW]) for at in range(0, len(words) - _WINDOW + _STEP, _STEP)]


def grams(texts: Sequence[str]) -> Vectors:
    """(texts, GRAMS) unit rows: which words, pairs of words and runs of 3 and 4 letters a text has, hashed."""
    rows = np.zeros((len(texts), GRAMS), np.float32)
    for row, text in zip(rows, texts, strict=True):
        words = _WORD.findall(text.lower())
        padded = f" {' '.join(words)} "
        found = [*words, *(f"{left}_{right}" for left, right in pairwise(words))]
        found += [f"#{padded[at : at + size]}" for size in (3, 4) for at in range(len(padded) - size + 1)]
        row[[zlib.crc32(gram.encode()) % GRAMS for gram in found]] = 1
        row /= max(float(np.linalg.norm(row)), 1e-12)
    return rows


@dataclass(slots=True, frozen=True)
class RiskModel:
    """Fitted classifier. ``labels`` without NONE; ``weights``: (vector, grams and 1; labels + 1), last column NONE."""

    labels: tuple[str, ...]
    weights: Vectors
    examples: Vectors
    classes: npt.NDArray[np.int64]
    neighbours: int
    sharpness: float
    sums: tuple[tuple[str, tuple[int, ...]], ...] = ()
    """Name and the columns that are added up under it."""

    @classmethod
    def fit(cls, file: RiskFile, vectors: Vectors) -> RiskModel:
        """``vectors``: unit rows, one for each of ``file.texts``. Raises ValueError if their number differs."""
        labels = tuple(file.labels)
        counts = [*(len(listed) for listed in file.labels.values()), len(file.none)]
        if len(vectors) != sum(counts):
            raise ValueError(f"{len(vectors)} vectors for {sum(counts)} examples")
        classes = np.repeat(np.arange(len(counts)), counts)
        rows = np.hstack([vectors, GRAM_WEIGHT * grams(file.texts)])
        weights = softmax_regression(rows, classes, len(counts), file.regularisation)
        sums = tuple((name, tuple(labels.index(label) for label in listed)) for name, listed in file.sums.items())
        return cls(labels, weights, vectors, classes, file.neighbours, file.sharpness, sums)

    def score(self, texts: Sequence[str], vectors: Vectors) -> dict[str, float]:
        """Label or sum → 0..1, the highest of the texts (the pieces() of a turn); empty for none."""
        if not texts:
            return {}
        table = self.scores(texts, vectors)
        highest = {label: float(value) for label, value in zip(self.labels, table.max(axis=0), strict=False)}
        return highest | {name: float(table[:, columns].sum(axis=1).max()) for name, columns in self.sums}

    def scores(self, texts: Sequence[str], vectors: Vectors) -> npt.NDArray[np.float32]:
        """(texts, labels + 1): each row sums to 1."""
        rows = np.hstack([vectors, GRAM_WEIGHT * grams(texts), np.ones((len(texts), 1), np.float32)])
        linear = _softmax(rows @ self.weights)
        cosines = vectors @ self.examples.T
        nearest = np.argpartition(-cosines, self.neighbours - 1, axis=1)[:, : self.neighbours]
        close = np.exp(self.sharpness * np.take_along_axis(cosines, nearest, axis=1))
        near = np.zeros_like(linear)
        for column in range(near.shape[1]):
            near[:, column] = (close * (self.classes[nearest] == column)).sum(axis=1)
        return np.asarray((linear + near / near.sum(axis=1, keepdims=True)) / 2, np.float32)


def softmax_regression(
    rows: Vectors, classes: npt.NDArray[np.int64], count: int, regularisation: float, steps: int = 200
) -> Vectors:
    """Weights (columns + 1, count) by accelerated gradient descent; classes weigh alike, however many examples."""
    table = np.hstack([rows, np.ones((len(rows), 1), np.float32)])
    alike = table @ table.T  # the slope always lies in the span of the rows, and these are fewer than the columns
    share = np.bincount(classes, minlength=count)
    importance = (1 / np.maximum(share, 1))[classes].astype(np.float32)[:, None]
    importance /= importance.sum()
    wanted = np.eye(count, dtype=np.float32)[classes]
    parts = np.zeros((len(table), count), np.float32)
    ahead, momentum = parts, 1.0
    # The loss' curvature is at most half the largest row's square.
    rate = np.float32(1 / (0.5 * float(alike.diagonal().max()) + regularisation))
    for _ in range(steps):
        slope = importance * (_softmax(alike @ ahead) - wanted) + np.float32(regularisation) * ahead
        after = ahead - rate * slope
        following = (1 + (1 + 4 * momentum**2) ** 0.5) / 2
        ahead = after + np.float32((momentum - 1) / following) * (after - parts)
        parts, momentum = after, following
    return np.asarray(table.T @ parts)


def _softmax(table: Vectors) -> Vectors:
    raised = np.exp(table - table.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True), np.float32)
