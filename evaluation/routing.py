"""How well questions are sorted into topics, and those about none of them noticed: BANKING77 and CLINC150."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from contracts.errors import ConfigError
from dialog.topicfeatures import Floats
from dialog.topicfit import FOLDS, Examples, fit_topics, fold_numbers
from dialog.topics import Topic, TopicModel
from evaluation.about import matching
from evaluation.charts import Point, curve
from evaluation.contract import Failure, Occasion, Outcome
from evaluation.intents import OUTSIDE, Labelled, batches, embedded, read_all, unseen
from knowledge.settings import KnowledgeSettings
from workers.engines.embedder import Embedder
from workers.manifest import ModelStore, load_manifest

BANKING = "intents/banking77_*.csv"
CLINC = "intents/clinc150.json"
THREADS = 2
_CURVE_ENDS = 0.1
"""Nobody runs an operator with more false alarms."""


@dataclass(slots=True, frozen=True)
class Judged:
    """A question and what was made of it, by a model that did not learn from it. ``limit``: that model's threshold."""

    case: Labelled
    topic: Topic
    limit: float


class RoutingSuite:
    """See the module."""

    name = "routing"
    title = "Routing: topics, and questions about none"
    needs = (f"{BANKING}|{CLINC}",)

    def run(self, occasion: Occasion) -> Outcome:
        """Measures those of the two sets that are there."""
        bench = Bench(occasion)
        parts = []
        if matching(occasion.data, BANKING):
            parts.append(_banking(bench.judged(BANKING)))
        if matching(occasion.data, CLINC):
            parts.append(_clinc(bench.judged(CLINC)))
        how = "fitted on --fit alone" if occasion.fit is not None else f"{FOLDS} folds"
        return Outcome(
            figures={key: value for part in parts for key, value in part.figures.items()},
            counts={key: pair for part in parts for key, pair in part.counts.items()},
            failures=[one for part in parts for one in part.failures],
            notes=[f"Learned by: {how}. Thresholds from folds of what was learned from.", *bench.notes],
            pictures={name: png for part in parts for name, png in part.pictures.items()},
        )


class Bench:
    """Embeds, fits and judges the topics of an occasion; keeps the progress bar and the notes."""

    def __init__(self, occasion: Occasion) -> None:
        self._occasion = occasion
        self._done = self._of = 0
        self.notes: list[str] = []
        sets = [one for one in (BANKING, CLINC) if matching(occasion.data, one)]
        self._cases = {one: read_all(matching(occasion.data, one)) for one in sets}
        self._learned = {one: self._to_learn(one) for one in sets}
        self._of = sum(
            batches(len(self._cases[one])) + batches(len(self._learned[one])) + self._fits * (FOLDS + 1) for one in sets
        )
        folder = ModelStore(load_manifest(), occasion.models).folder(KnowledgeSettings().model)
        self._embedder = Embedder(folder, threads=THREADS)

    @property
    def _fits(self) -> int:
        """With a limit, one fold is enough for a look."""
        return 1 if self._occasion.fit is not None or self._occasion.limit is not None else FOLDS

    def _to_learn(self, pattern: str) -> list[Labelled]:
        if self._occasion.fit is None:
            return []
        paths = matching(self._occasion.fit, pattern)
        if not paths:
            raise ConfigError(f"{self._occasion.fit} has no {pattern} to fit on; give another --fit, or none for folds")
        learned = read_all(paths)
        kept = unseen(self._cases[pattern], learned)
        if dropped := len(self._cases[pattern]) - len(kept):
            self.notes.append(f"{pattern}: {dropped} questions that also stand in what was fitted on are left out.")
            self._cases[pattern] = kept
        return learned

    def _step(self) -> None:
        self._done += 1
        self._occasion.advance(self._done, self._of)

    def judged(self, pattern: str) -> list[Judged]:
        """Every case of the set, judged by a model that did not learn from it."""
        found: list[Judged] = []
        for model, cases, vectors in self.held_out(pattern):
            rows = _some(len(cases), self._occasion)
            asked = [cases[row] for row in rows]
            topics = model.judge([one.text for one in asked], vectors[rows])
            found += [Judged(case, topic, model.threshold) for case, topic in zip(asked, topics, strict=True)]
        return found

    def held_out(self, pattern: str) -> Iterator[tuple[TopicModel, list[Labelled], Floats]]:
        """Models of the set's topics, each with the cases that it did not learn from, and their vectors."""
        cases, learned = self._cases[pattern], self._learned[pattern]
        vectors = embedded(cases, self.embed, self._step)
        if learned:
            yield self._fitted(learned, embedded(learned, self.embed, self._step)), cases, vectors
            return
        numbers = fold_numbers([one.topic for one in cases], self._occasion.seed)
        for fold in range(self._fits):
            out, kept = np.flatnonzero(numbers == fold), np.flatnonzero(numbers != fold)
            model = self._fitted([cases[row] for row in kept], vectors[kept])
            yield model, [cases[row] for row in out], vectors[out]

    def outside(self, pattern: str) -> list[Labelled]:
        """The set's cases about none of its topics: no model learns from them, so any may be asked about any."""
        return [one for one in self._cases[pattern] if one.topic == OUTSIDE]

    def embed(self, texts: Sequence[str]) -> Floats:
        """Unit vectors [n, d]."""
        return self._embedder.embed(texts)

    def _fitted(self, learned: Sequence[Labelled], known: Floats) -> TopicModel:
        inside = np.array([at for at, one in enumerate(learned) if one.topic != OUTSIDE], np.int64)
        examples = Examples([one.text for one in learned], known, [one.topic for one in learned]).part(inside)
        return fit_topics(examples, seed=self._occasion.seed, advance=self._step).model


def _some(count: int, occasion: Occasion) -> list[int]:
    """At most ``limit`` of so many rows, by chance."""
    if occasion.limit is None or count <= occasion.limit:
        return list(range(count))
    return sorted(int(row) for row in np.random.default_rng(occasion.seed).choice(count, occasion.limit, replace=False))


def _banking(judged: Sequence[Judged]) -> Outcome:
    wrong = [one for one in judged if one.topic.name != one.case.topic]
    hits = len(judged) - len(wrong)
    return Outcome(
        {"banking77_top1": _share(hits, len(judged))},
        {"banking77_top1": (hits, len(judged))},
        [_failure(one, one.case.topic, one.topic.name, "BANKING77: the wrong topic") for one in wrong],
    )


def _clinc(judged: Sequence[Judged]) -> Outcome:
    outside = [one for one in judged if one.case.topic == OUTSIDE]
    inside = [one for one in judged if one.case.topic != OUTSIDE]
    missed = [one for one in outside if not one.topic.outside]
    alarms = [one for one in inside if one.topic.outside]
    recall, alarm = (len(outside) - len(missed), len(outside)), (len(alarms), len(inside))
    figures = {"clinc_oos_recall": _share(*recall), "clinc_false_alarm": _share(*alarm)}
    wrong = [one for one in inside if not one.topic.outside and one.topic.name != one.case.topic]
    said_none = "out of scope"
    failures = [
        *(_failure(one, said_none, one.topic.name, "CLINC150: out of scope, not noticed") for one in missed),
        *(_failure(one, one.case.topic, said_none, "CLINC150: in scope, taken for out of scope") for one in alarms),
        *(_failure(one, one.case.topic, one.topic.name, "CLINC150: the wrong topic") for one in wrong),
    ]
    pictures = {}
    if outside and inside:
        here = (alarm[0] / alarm[1], recall[0] / recall[1])
        drawn = curve(list(_trade(inside, outside)), here, "false alarms", "recall of out of scope", right=_CURVE_ENDS)
        if drawn is not None:
            pictures["CLINC150: recall against false alarms as the threshold moves"] = drawn
    right = _share(len(inside) - len(alarms) - len(wrong), len(inside))
    return Outcome(
        figures | {"clinc_top1_and_in_scope": right},
        {"clinc_oos_recall": recall, "clinc_false_alarm": alarm},
        failures,
        pictures=pictures,
    )


def _trade(inside: Sequence[Judged], outside: Sequence[Judged]) -> Iterator[Point]:
    """(false alarms, recall) for thresholds around the fitted ones: each model's own is moved by the same amount."""
    alarms = np.array([one.topic.strangeness - one.limit for one in inside])
    noticed = np.array([one.topic.strangeness - one.limit for one in outside])
    for share in np.linspace(0, _CURVE_ENDS, 101):
        moved = np.quantile(alarms, 1 - share)
        yield float(share), float((noticed > moved).mean())


def _failure(one: Judged, expected: str, got: str, kind: str) -> Failure:
    numbers = f"score {one.topic.score:.2f}, strangeness {one.topic.strangeness:.2f} (limit {one.limit:.2f})"
    return Failure(one.case.case, one.case.text, expected, f"{got} ({numbers})", kind)


def _share(hits: int, cases: int) -> float | None:
    return round(hits / cases, 4) if cases else None
