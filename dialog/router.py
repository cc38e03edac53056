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
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from contracts.engines import Evidence, Passage, Word
from dialog.clarify import Choice, choice
from dialog.everyday import everyday
from dialog.extractive import Extract, extract, opening
from dialog.facts import facts
from dialog.gate import GroundingGate
from dialog.kinds import wanted_facts
from dialog.matching import Candidate, candidates, named, naming
from dialog.misheard import mended
from dialog.outcome import Question
from dialog.settings import CascadeFile
from dialog.words import Thesaurus, content

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
    improbable: bool = False
    """Nothing but its probability speaks against the best passage."""


@dataclass(slots=True, frozen=True)
class Weighed:
    """A passage, how strong it is as evidence (0..1), and its own sentences that fit the question best."""

    passage: Passage
    strength: float
    quote: str


def _tells(question: str, part: Extract) -> bool:
    """The sentence holds the kind of fact that is asked for, and every day that the question names."""
    held = facts(part.text)
    days = {fact for fact in facts(question) if fact.startswith("day:")}
    wanted = set(wanted_facts(question))
    return bool(wanted & {fact.partition(":")[0] for fact in held}) and days <= held


class Router:
    """Decides; holds no state of a call."""

    def __init__(self, cascade: CascadeFile, gate: GroundingGate) -> None:
        self._limits = cascade.router
        self._gate = gate
        self._answerable = cascade.answerable
        self._clarify = cascade.clarify
        self._fitted: tuple[str, Sequence[Passage], list[Candidate]] = ("", (), [])
        """The last question with its passages and how they fit: it is looked at three times in a row."""
        self._thesaurus = Thesaurus(cascade.synonyms, cascade.generic_words)
        everyday()  # read now, not in somebody's turn

    def understood(self, question: str, evidence: Evidence, heard: Sequence[Word] = ()) -> str:
        """``question`` with names that were misheard as the documents write them; ``heard``: how sure its words are."""
        return mended(question, evidence.passages, self._limits.name_likeness, heard)

    def ranked(self, question: str, evidence: Evidence) -> Evidence:
        """The same passages, most probable answer first, where titles name things: there the nearest neighbour of the
        right document is the same document of another product. Those about the things that the question names lead."""
        fits = self._fits(question, evidence)
        if not named(fits):
            return evidence
        about = naming(question, fits, self._thesaurus)
        keys = [(*held, self._answerable.probability(one)) for held, one in zip(about, fits, strict=True)]
        order = sorted(range(len(fits)), key=keys.__getitem__, reverse=True)
        return replace(evidence, passages=tuple(fits[at].passage for at in order))

    def _fits(self, question: str, evidence: Evidence) -> list[Candidate]:
        asked, passages, fits = self._fitted
        if asked != question or passages is not evidence.passages:
            fits = candidates(question, evidence.passages, self._thesaurus)
            self._fitted = question, evidence.passages, fits
        return fits

    def _probability(self, question: str, evidence: Evidence) -> float:
        """That the first passage answers, 0..1; 1 where titles name nothing, and its strength decides alone."""
        fits = self._fits(question, evidence)
        return self._answerable.probability(fits[0]) if named(fits) else 1.0

    def choice(
        self, question: str, evidence: Evidence, decision: Decision, settled: frozenset[str] = frozenset()
    ) -> Choice | None:
        """The two readings between which the caller should choose, if the evidence leaves that open.

        ``decision``: what would be done otherwise; what nothing is known of is not asked back. ``settled``: titles of
        documents about which was asked before: not twice.
        """
        unknown = decision.route is Route.UNKNOWN
        if not self._clarify.enabled or decision.route is Route.REPEAT or (unknown and not decision.improbable):
            return None
        fits = self._fits(question, evidence)
        odds = [self._answerable.weights.odds(one.features) for one in fits]
        said = decision.extract.text if decision.route is Route.EXTRACTIVE and decision.extract is not None else ""
        found = choice(
            question, fits, odds, self._thesaurus, self._clarify, titled=named(fits), answering=not unknown, spoken=said
        )
        return None if found is None or found.topics & settled else found

    def joins(self, text: str, alone: Evidence, joined: Evidence) -> bool:
        """Is ``text`` a part of the question before it? ``joined`` is the evidence for both together.

        Its own words must stand in what was found for both ("do you do mortgages?" is not about the lost card), and
        both together must find more than it does alone ("what about my password?" needs no lost card).
        """
        if joined.best is None:
            return False
        best = joined.best
        coverage = self._gate.coverage(text, f"{best.title} {best.heading} {best.text}")
        enough = coverage >= self._limits.joined_coverage
        strength = self._strength(alone.best) if alone.best is not None else 0.0
        if strength < self._limits.answerable_strength:
            return enough or all(word in self._thesaurus.generic for word in content(text))
        return enough and strength < min(self._limits.alone_strength, self._strength(best))

    def poor(self, confidence: float) -> bool:
        """Is a recognition of this confidence (0..1) too poor for the small model to build on?"""
        return confidence < self._limits.low_confidence

    def best_of(self, question: str, evidence: Evidence, most: int, *, weak: bool = False) -> list[Weighed]:
        """The passages worth showing to a person, best first, one of each document; ``weak``: those too that are weak,
        or not about the question, and all of a document's."""
        found: dict[str, Weighed] = {}
        for passage in evidence.passages:
            strength = self._strength(passage)
            fits = strength >= self._limits.answerable_strength and self._gate.about(question, passage)
            if (fits or weak) and len(found) < most:
                part = extract(question, [passage], self._thesaurus)
                own = passage.passage_id if weak else passage.document_id
                found.setdefault(own, Weighed(passage, strength, part.text if part is not None else ""))
        return list(found.values())

    def bound(self, question: str, passage: Passage, why: str) -> Decision:
        """How to answer from a passage that a person chose: as ever, but never with "unknown"."""
        usual = self.decide(question, Evidence(question, (passage,)), 1.0)
        part = usual.extract or extract(question, [passage], self._thesaurus)
        if part is None or part.share < self._limits.extractive_sentence:
            part = opening(passage)
        route = Route.SMALL if usual.route in (Route.SMALL, Route.LARGE) else Route.EXTRACTIVE
        return replace(usual, route=route, why=why, extract=part, sure=True)

    def _strength(self, passage: Passage) -> float:
        weight = self._limits.cosine_weight
        return weight * passage.score + (1 - weight) * passage.lexical

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

        strength = self._strength(best)
        if strength < limits.answerable_strength:
            return decided(Route.UNKNOWN, f"best passage has strength {strength:.2f}")
        if not self._gate.about(question, best):
            return decided(Route.UNKNOWN, "best passage is not about the question")
        probability = self._probability(question, evidence)
        if probability < self._answerable.least:
            unlikely = decided(Route.UNKNOWN, f"best passage answers with probability {probability:.2f}")
            return replace(unlikely, improbable=True)
        same = [passage for passage in evidence.passages[:4] if passage.document_id == best.document_id]
        part = extract(question, same, self._thesaurus)
        fits = part is not None and part.share >= limits.extractive_sentence
        likely = probability >= self._answerable.sure
        sure = strength >= limits.sure_strength and fits and likely
        explain = bool(_EXPLAIN.search(question))
        if explain:
            part = None
        if fits and not explain and likely and coverage >= limits.extractive_coverage:
            return decided(Route.EXTRACTIVE, f"passage covers {coverage:.0%} of the question", part)
        if sure and not explain and part is not None and _tells(question, part):
            return decided(Route.EXTRACTIVE, "a sentence of the passage holds the fact that is asked for", part)
        if strength < limits.sure_strength or not likely:
            why = f"strength {strength:.2f}, answers with probability {probability:.2f}"
            return decided(Route.LARGE, f"weak evidence: {why}")
        if self.poor(confidence):
            return decided(Route.LARGE, f"recognition confidence {confidence:.2f}")
        return decided(Route.SMALL, "evidence found, no sentence answers by itself", part)


def decision_body(decision: Decision, evidence: Evidence, question: Question) -> dict[str, Any]:
    """What the record holds of a decision (EventKind.CASCADE_DECIDED)."""
    return {
        "asked": question.text,
        "rung": str(decision.route),
        "why": decision.why,
        "score": round(decision.score, 3),
        "margin": round(decision.margin, 3),
        "coverage": round(decision.coverage, 3),
        "confidence": round(question.confidence, 3),
        "passage_ids": [passage.passage_id for passage in evidence.passages[:3]],
        "documents": list(dict.fromkeys(passage.title for passage in evidence.passages[:3])),
        "degraded": evidence.degraded,
    }
