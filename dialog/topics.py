"""Which of the owner's topics a question belongs to, and whether it belongs to none. Pure; fitted by topicfit.

::

    features ── linear ──► one score a topic ──► the best one ─────────────► topic
                                                 its score ──┐
    vector ── nearest examples ──► mean similarity of five ──┴─ strangeness > threshold ──► out of scope

The threshold is the strangeness that a stated share of the fitted topics' own questions, held out by folds, lies above.
It needs no examples of what is out of scope.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray
from pydantic import Field

from contracts.configfile import load_yaml
from contracts.errors import ConfigError
from contracts.settings import Settings
from dialog.topicfeatures import FeatureSpace, Floats

NEIGHBOURS = 5
_BLOCK = 1024
"""Questions compared with all examples at once: 60 MB for 15,000 examples."""


class TopicsFile(Settings):
    """The thresholds file: what was fitted, on what, when, for which error; beside it lie the weights."""

    version: int = Field(ge=1)
    """Of this file; one more than the one it replaces."""
    fitted_at: datetime
    fitted_on: dict[str, str]
    """File → beginning of its SHA-256."""
    target_error: float = Field(gt=0, lt=1)
    """Share of in-scope questions that may be taken for out-of-scope; what the threshold was chosen for."""
    threshold: float
    examples: int = Field(ge=0)
    topics: int = Field(ge=0)
    outside_examples: int = Field(ge=0)
    """Out-of-scope examples that ``outside_recall`` was measured with; the threshold does not depend on them."""
    held_out_top1: float
    held_out_false_alarm: float
    outside_recall: float | None = None
    embedder: str
    """Model of the manifest whose vectors this was fitted with."""
    weights: str
    """File beside this one."""
    weights_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


@dataclass(slots=True, frozen=True)
class Topic:
    """A question's topic. ``score``: about 1 for a clear one, about 0 for none; ``strangeness``: mean 0, deviation 1
    among the examples; ``outside``: strange enough to be about none of the topics."""

    name: str
    score: float
    strangeness: float
    outside: bool


@dataclass(slots=True, frozen=True)
class TopicModel:
    """``weights`` [features, topics], ``examples`` [n, d] unit vectors, ``scale`` [2, 2]: mean and deviation of score
    and similarity among held-out examples."""

    names: tuple[str, ...]
    space: FeatureSpace
    weights: Floats
    examples: Floats
    scale: Floats
    threshold: float

    def judge(self, texts: Sequence[str], vectors: Floats) -> list[Topic]:
        """``vectors`` [n, d]: the texts' unit vectors, of the embedder that the model was fitted with."""
        scores = self.space.of(texts, vectors) @ self.weights
        strange = strangeness(scores.max(axis=1), similarity(vectors, self.examples), self.scale)
        return [
            Topic(self.names[best], float(row[best]), float(how), bool(how > self.threshold))
            for row, best, how in zip(scores, scores.argmax(axis=1), strange, strict=True)
        ]

    def packed(self) -> bytes:
        """As an .npz file; halves, which are exact enough (3 digits) and half as large."""
        target = io.BytesIO()
        np.savez_compressed(
            target,
            names=np.array(self.names),
            waves=self.space.waves.astype(np.float16),
            phases=self.space.phases,
            idf=self.space.idf,
            middle=self.space.middle,
            weights=self.weights.astype(np.float16),
            examples=self.examples.astype(np.float16),
            scale=self.scale,
            threshold=np.float64(self.threshold),
        )
        return target.getvalue()


def unpacked(data: bytes) -> TopicModel:
    """The other way round. Raises ValueError or KeyError for anything else; runs no code from the file."""
    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        found: dict[str, NDArray[np.float32]] = {
            name: file[name].astype(np.float32)
            for name in ("waves", "phases", "idf", "middle", "weights", "examples", "scale")
        }
        names = tuple(str(name) for name in file["names"])
        threshold = float(file["threshold"])
    space = FeatureSpace(found["waves"], found["phases"], found["idf"], found["middle"])
    return TopicModel(names, space, found["weights"], found["examples"], found["scale"], threshold)


def similarity(vectors: Floats, examples: Floats) -> Floats:
    """[n]: mean cosine of each vector with its nearest examples."""
    count = min(NEIGHBOURS, len(examples))
    found = np.empty(len(vectors), np.float32)
    for start in range(0, len(vectors), _BLOCK):
        cosines = vectors[start : start + _BLOCK] @ examples.T
        nearest = np.partition(cosines, -count, axis=1)[:, -count:]
        found[start : start + _BLOCK] = nearest.mean(axis=1)
    return found


def strangeness(best: Floats, near: Floats, scale: Floats) -> Floats:
    """How far score and similarity lie below those of examples, in deviations, averaged."""
    pair = np.stack((best, near), axis=1)
    return np.asarray(-((pair - scale[0]) / scale[1]).mean(axis=1), np.float32)


def save_topics(packed: bytes, record: TopicsFile, path: Path) -> None:
    """Write the thresholds file and the weights beside it; the weights first, so that no missing file is named."""
    (path.parent / record.weights).write_bytes(packed)
    text = yaml.safe_dump(record.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    path.write_text(
        f"# Fitted by `callwright cascade topics`; fit again instead of changing it.\n{text}", encoding="utf-8"
    )


def load_topics(path: Path) -> tuple[TopicModel, TopicsFile]:
    """Raises ConfigError when either file is missing, damaged, or not the other's."""
    record = load_yaml(path, TopicsFile)
    weights = path.parent / record.weights
    try:
        data = weights.read_bytes()
    except OSError as error:
        raise ConfigError(f"{weights}: cannot be read ({error.strerror}); run `callwright cascade topics`") from error
    if hashlib.sha256(data).hexdigest() != record.weights_sha256:
        raise ConfigError(
            f"{weights}: not the weights that {path.name} was written with; run `callwright cascade topics`"
        )
    try:
        return unpacked(data), record
    except (ValueError, KeyError) as error:
        raise ConfigError(f"{weights}: damaged ({error}); run `callwright cascade topics`") from error
