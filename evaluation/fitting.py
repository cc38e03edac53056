"""Fits the probability that a passage answers a question, and the thresholds on it. Pure but for the base it asks.

Logistic regression by accelerated projected gradient: weights of what speaks for a passage stay ≥ 0, of what speaks
against it ≤ 0 (dialog.matching.AGAINST), so that no base can teach "the less alike, the better".
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from contracts.engines import Evidence
from dialog.matching import AGAINST, FEATURES, Answerable, Candidate, Weights, candidates, named
from dialog.words import Thesaurus, content
from evaluation.questions import Asked, bound
from knowledge.passages import sentences

Floats = npt.NDArray[np.float64]
UNANSWERABLE_WEIGHT = 2.0
"""A wrong answer costs more than a person who is asked in vain."""
RIDGE = 1.0
ITERATIONS = 3000
_OPENINGS = (
    "hi um {question}", "hello my name is {first} {last} and I was wondering {question}", "yeah so {question}",
    "okay and {question}", "hi this is {first} {last} calling {question}", "I have a quick question {question}",
    "uh can you tell me {question}", "good morning could you please tell me {question}", "{question} please",
    "I was looking at your website and I couldn't find it {question}",
)  # fmt: skip
_FIRST = "Anna Ben Carla David Ellen Frank Grace Henry Iris Jack Karen Liam Mona Nathan Olivia Peter Rosa Simon".split()
_LAST = "Adams Baker Clark Dunn Ellis Foster Gray Hughes Irwin Jordan Kelly Lopez Meyer Nolan Owens Price".split()


@dataclass(slots=True, frozen=True)
class Judged:
    """A question with the candidates found for it; ``right``: which of them answer it. ``group``: what it is about,
    so that no fold is fitted on what it is measured on."""

    asked: Asked
    candidates: tuple[Candidate, ...]
    right: tuple[bool, ...]
    group: str

    @property
    def answerable(self) -> bool:
        """Is there an answer in the base?"""
        return bool(self.asked.article)


def as_callers_ask(asked: Iterable[Asked], seed: int) -> list[Asked]:
    """The same questions, every other one with the words that callers put around them, in lower case."""
    chooser = random.Random(seed)
    found = []
    for number, one in enumerate(asked):
        text = one.text
        if number % 2:
            opening = chooser.choice(_OPENINGS)
            question = one.text.rstrip("?").lower()
            text = opening.format(question=question, first=chooser.choice(_FIRST), last=chooser.choice(_LAST))
        found.append(replace(one, text=text))
    return found


def judge(
    asked: Iterable[Asked], search: Callable[[str], Evidence], thesaurus: Thesaurus, group: Callable[[Asked], str]
) -> list[Judged]:
    """Ask the base everything, and see which passages answer."""
    found = []
    for one in asked:
        fits = candidates(one.text, search(one.text).passages, thesaurus)
        right = tuple(answers(one, fit) for fit in fits)
        found.append(Judged(one, tuple(fits), right, group(one)))
    return found


def answers(asked: Asked, candidate: Candidate) -> bool:
    """Is it the article that the question was made from, or one about the same thing that says the same facts?"""
    passage = candidate.passage
    key = passage.source.partition("#")[2]
    if not asked.article or key == asked.article:
        return bool(asked.article)
    fact, about = bound(asked.answer), set(content(asked.text.rpartition(" for ")[2]))
    same = bool(fact) and bool(about) and about <= set(content(f"{passage.title} {key}"))
    return same and any(fact <= bound(sentence) for sentence in sentences(passage.text))


def fit_weights(judged: Sequence[Judged]) -> Weights:
    """Maximum of the penalised likelihood. Only bases whose titles name things are learned from."""
    rows = [
        (fit.features, right, 1.0 if one.answerable else UNANSWERABLE_WEIGHT)
        for one in judged
        if named(one.candidates)
        for fit, right in zip(one.candidates, one.right, strict=True)
    ]
    if not rows:
        raise ValueError("no title of these documents names anything: there is nothing to fit")
    features = np.array([row[0] for row in rows])
    sign = np.array([-1.0 if name in AGAINST else 1.0 for name in FEATURES])
    scale = features.std(axis=0) + 1e-9
    inputs = np.c_[features / scale * sign, np.ones(len(rows))]
    found = _ascend(inputs, np.array([row[1] for row in rows], float), np.array([row[2] for row in rows]))
    weights = found[:-1] * sign / scale
    by_feature = {name: round(float(weight), 3) + 0.0 for name, weight in zip(FEATURES, weights, strict=True)}
    return Weights(bias=round(float(found[-1]), 3), by_feature=by_feature)


def _ascend(inputs: Floats, wanted: Floats, importance: Floats) -> Floats:
    curvature = 0.25 * float(np.linalg.eigvalsh((inputs * importance[:, None]).T @ inputs)[-1]) + RIDGE
    now = np.zeros(inputs.shape[1])
    ahead, pace = now.copy(), 1.0
    for _ in range(ITERATIONS):
        likely = 1 / (1 + np.exp(-np.clip(inputs @ ahead, -60, 60)))
        gradient = inputs.T @ (importance * (likely - wanted)) + RIDGE * np.r_[ahead[:-1], 0.0]
        after = ahead - gradient / curvature
        after[:-1] = np.maximum(after[:-1], 0.0)
        faster = (1 + (1 + 4 * pace * pace) ** 0.5) / 2
        now, ahead, pace = after, after + (pace - 1) / faster * (after - now), faster
    return now


def by_folds(judged: Sequence[Judged], folds: int, seed: int) -> list[tuple[Judged, float, bool]]:
    """(question, probability of its best candidate, whether that one answers), each by weights fitted on the others."""
    groups = sorted({one.group for one in judged})
    random.Random(seed).shuffle(groups)
    fold_of = {group: number % folds for number, group in enumerate(groups)}
    found = []
    for fold in range(folds):
        weights = fit_weights([one for one in judged if fold_of[one.group] != fold])
        found += [(one, *best(one, weights)) for one in judged if fold_of[one.group] == fold]
    return found


def best(one: Judged, weights: Weights) -> tuple[float, bool]:
    """Probability of the most probable candidate, and whether it answers."""
    scored = ((weights.probability(fit.features), right) for fit, right in zip(one.candidates, one.right, strict=True))
    return max(scored, default=(0.0, False))


def threshold(scored: Iterable[tuple[Judged, float, bool]], share: float) -> float:
    """The least probability that at most ``share`` of the unanswerable questions reach."""
    reached = sorted((probability for one, probability, _ in scored if not one.answerable), reverse=True)
    allowed = int(share * len(reached))
    return round(min(0.99, reached[allowed] + 0.005), 3) if len(reached) > allowed else 0.5


def fit(judged: Sequence[Judged], fitted_on: str, least_error: float, sure_error: float, seed: int) -> Answerable:
    """Weights on everything, thresholds by five folds."""
    scored = by_folds(judged, 5, seed)
    least, sure = threshold(scored, least_error), threshold(scored, sure_error)
    return Answerable(
        fitted_on=fitted_on,
        fitted_at=datetime.now(UTC).strftime("%Y-%m-%d"),
        target_error=f"{least_error:.1%} of unanswerable questions beyond `least`, {sure_error:.1%} beyond `sure`",
        least=least,
        sure=max(least, sure),
        weights=fit_weights(judged),
    )
