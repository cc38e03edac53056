"""Which rung of the cascade answers, and why. Pure; thresholds come from configs/cascade.yaml.

::

    confidence < reject ───────────────► repeat (the caller is asked again)
    no passage, or strength too low ──► unknown: say so, offer a person
    not about the question ────────────► unknown
    covers it, a sentence fits ────────► extractive
    weak evidence or poor recognition ─► large
    otherwise ─────────────────────────► small
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from contracts.engines import Evidence
from dialog.extractive import Extract, extract
from dialog.gate import GroundingGate
from dialog.settings import CascadeFile
from dialog.words import Thesaurus

_EXPLAIN = re.compile(
    r"\b(?:why|how come|difference between|different from|explain|what does .* mean)\b", re.IGNORECASE
)
"""A reason or a comparison is seldom one sentence of a passage: a model words it."""


class Route(StrEnum):
    """Where a question goes first."""

    REPEAT = "repeat"
    UNKNOWN = "unknown"
    EXTRACTIVE = "extractive"
    SMALL = "small"
    LARGE = "large"


@dataclass(slots=True, frozen=True)
class Decision:
    """A route, its reason in a few words, and the numbers it stands on."""

    route: Route
    why: str
    score: float = 0.0
    margin: float = 0.0
    coverage: float = 0.0
    extract: Extract | None = None
    sure: bool = False
    """The passage is about the question and strong: its own sentence may stand in for a model's."""


class Router:
    """Decides; holds no state of a call."""

    def __init__(self, cascade: CascadeFile, gate: GroundingGate) -> None:
        self._limits = cascade.router
        self._gate = gate
        self._thesaurus = Thesaurus(cascade.synonyms, cascade.generic_words)

    def decide(self, question: str, evidence: Evidence, confidence: float) -> Decision:
        """``confidence`` 0..1 of the recognition of ``question``."""
        limits, best = self._limits, evidence.best
        if confidence < limits.reject_confidence:
            return Decision(Route.REPEAT, f"recognition confidence {confidence:.2f}")
        if best is None:
            return Decision(Route.UNKNOWN, "no passage found")
        coverage = self._gate.coverage(question, f"{best.title} {best.heading} {best.text}")
        sure = False

        def decided(route: Route, why: str, part: Extract | None = None) -> Decision:
            return Decision(route, why, best.score, evidence.margin, coverage, part, sure)

        strength = limits.cosine_weight * best.score + (1 - limits.cosine_weight) * best.lexical
        if strength < limits.answerable_strength:
            return decided(Route.UNKNOWN, f"best passage has strength {strength:.2f}")
        if not self._gate.about(question, best):
            return decided(Route.UNKNOWN, "best passage is not about the question")
        same = [passage for passage in evidence.passages[:4] if passage.document_id == best.document_id]
        part = extract(question, same, self._thesaurus)
        fits = part is not None and part.share >= limits.extractive_sentence
        sure = strength >= limits.sure_strength and fits
        explain = bool(_EXPLAIN.search(question))
        if explain:
            part = None
        if fits and not explain and coverage >= limits.extractive_coverage:
            return decided(Route.EXTRACTIVE, f"passage covers {coverage:.0%} of the question", part)
        if strength < limits.sure_strength:
            return decided(Route.LARGE, f"weak evidence: strength {strength:.2f}")
        if confidence < limits.low_confidence:
            return decided(Route.LARGE, f"recognition confidence {confidence:.2f}")
        return decided(Route.SMALL, "evidence found, no sentence answers by itself", part)
