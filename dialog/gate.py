"""The grounding gate: nothing is spoken that the cited passage does not say, or that is not about the question.

Pure. Five checks, each of which alone stops a sentence: its facts stand in the passage; they are said of the same thing
there, and are of the kind that is asked for (dialog/kinds.py); it turns no *not* around; the passage is about the
question (its subject words, not only words like "rate" or "account").
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from contracts.engines import Passage
from dialog.facts import DAYS, NUMBER_WORDS, facts
from dialog.kinds import mismatch
from dialog.placing import days, misplaced
from dialog.settings import CascadeFile
from dialog.words import Thesaurus, content, stem, words
from knowledge.passages import sentences

_NEGATION = re.compile(
    r"\b(?:not|never|no|cannot|can't|don't|doesn't|isn't|aren't|won't|without|unable|closed|free)\b", re.I
)

_CONDITION = re.compile(r"^(?:if|when|unless)\b[^,]*,\s*", re.I)


@dataclass(slots=True, frozen=True)
class Verdict:
    """``unsupported`` names what kept the sentence from being spoken; empty: it may be."""

    unsupported: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """May be spoken."""
        return not self.unsupported


class GroundingGate:
    """Judges sentences against passages."""

    def __init__(self, cascade: CascadeFile) -> None:
        self._router = cascade.router
        self._thesaurus = Thesaurus(cascade.synonyms)
        self._generic = {stem(word) for word in cascade.generic_words}

    def about(self, question: str, passage: Passage) -> bool:
        """Is the passage about the question? Every subject word counts; a very close embedding overrides."""
        if passage.score >= self._router.strong_score:
            return True
        subject = [word for word in content(question) if word not in self._generic and not word[0].isdigit()]
        present = passage_stems(passage)
        if not subject:
            return bool(self._thesaurus.covered(content(question), present))
        covered = self._thesaurus.covered(subject, present)
        # One of up to three subject words, two of more: callers add names and places that no document holds.
        return bool(covered) and len(covered) * 3 >= min(len(subject), 4)

    def coverage(self, question: str, text: str) -> float:
        """Share of the question's content words that stand in ``text``, 0..1; 0 for a question without any."""
        asked = content(question)
        return len(self._thesaurus.covered(asked, content(text))) / len(asked) if asked else 0.0

    def judge(self, sentence: str, passages: Iterable[Passage], question: str) -> Verdict:
        """May ``sentence`` be spoken as an answer to ``question``, standing on these passages?"""
        cited = list(passages)
        ground = "\n".join(f"{p.title}. {p.heading}. {p.text}" for p in cited)
        present = facts(ground) | {f"name:{word}" for word in words(ground)} | {f"day:{day}" for day in days(ground)}
        wrong = [fact for fact in sorted(facts(sentence)) if not _stands(fact, present)]
        if not wrong and not any(self.about(question, passage) for passage in cited):
            wrong.append("passage is not about the question")
        if not wrong and (why := mismatch(question, sentence)):
            wrong.append(why)
        if not wrong and not self._supported(sentence, ground, question):
            wrong.append("words that the passage does not use")
        if not wrong:
            wrong += sorted(misplaced(sentence, [line for one in cited for line in sentences(one.text)]))
        if not wrong and not _together(facts(sentence), cited):
            wrong.append("facts that no one sentence of the passage holds together")
        if not wrong and self._turned_around(sentence, cited):
            wrong.append("negation")
        return Verdict(tuple(wrong))

    def _supported(self, sentence: str, ground: str, question: str) -> bool:
        """Most of what it says is in the passage's words; the rest may come from the question."""
        checked = {stem(word) for word in NUMBER_WORDS | DAYS}  # as facts, whichever way they are written
        said = [word for word in content(sentence) if word not in checked]
        there = set(content(ground))
        if not said:
            return True
        limits = self._router
        alone = len(self._thesaurus.covered(said, there)) / len(said)
        together = len(self._thesaurus.covered(said, there | set(content(question)))) / len(said)
        return alone >= limits.support_alone and together >= limits.support_together

    def _turned_around(self, sentence: str, passages: list[Passage]) -> bool:
        """The nearest sentence of the passages says the same words with one *not* more or less."""
        said = set(content(sentence))
        if len(said) < 3:
            return False
        nearest, overlap = "", 0.0
        for passage in passages:
            for candidate in sentences(passage.text):
                there = set(content(candidate))
                share = len(said & there) / len(said | there) if said | there else 0.0
                if share > overlap:
                    nearest, overlap = candidate, share
        return overlap >= 0.5 and denied(sentence) != denied(nearest)


def denied(sentence: str) -> bool:
    """Does the main clause say *not*? "If your card does not work, order a new one" does not."""
    return bool(_NEGATION.search(_CONDITION.sub("", sentence)))


def _stands(fact: str, present: set[str]) -> bool:
    if fact in present:
        return True
    kind, _, value = fact.partition(":")
    if kind == "number":  # "3" may be written as money or percent in the passage only with its unit: never the reverse
        return False
    if kind == "day" and value in ("weekday", "weekend"):
        return any(other in present for other in ("day:monday", "day:saturday"))
    return kind == "money" and f"number:{value}" in present


def passage_stems(passage: Passage) -> set[str]:
    """All content stems of a passage with its title and heading."""
    return set(content(f"{passage.title} {passage.heading} {passage.text}"))


_BOUND = ("time", "money", "percent", "date", "day", "number")


def _together(said: set[str], passages: list[Passage]) -> bool:
    """Times, days, amounts and numbers that stand in one claim stand in one sentence of a passage.

    "Branches close on Friday at noon" is made of two true sentences, and false.
    """
    claim = {fact for fact in said if fact.partition(":")[0] in _BOUND}
    if len(claim) < 2:
        return True
    lines = [line for passage in passages for line in sentences(passage.text)]
    whole = [facts(line) | {f"day:{day}" for day in days(line)} for line in lines]
    return any(all(_stands(fact, held) for fact in claim) for held in whole)
