"""The grounding gate: nothing is spoken that the cited passage does not say, or that is not about the question.

Pure. Checks, each of which alone stops a sentence: its facts stand in the passage; they are said of the same thing
there (dialog/placing.py), and are of the kind that is asked for (dialog/kinds.py); it turns no *not* around, and no
"yes" stands against the passage; units, bounds, conditions and exceptions are kept (dialog/terms.py); the passage is
about the question (its subject words, not only words like "rate" or "account").
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from contracts.engines import Passage
from dialog.facts import DAYS, MEASURES, NUMBER_WORDS, facts
from dialog.kinds import mismatch
from dialog.placing import days, misplaced
from dialog.settings import CascadeFile
from dialog.terms import changed
from dialog.words import Thesaurus, content, stem, words
from dialog.writing import MONTHS, canonical
from knowledge.passages import sentences

_NEGATION = re.compile(
    r"\b(?:not|never|no|nor|neither|none|cannot|can't|don't|doesn't|isn't|aren't|won't|without|unable|closed|free"
    r"|exclud(?:ed|es)|exempt|un(?:available|insured|paid|protected)|in(?:eligible|valid)|forbidden|prohibited)\b",
    re.I,
)
_CONDITION = re.compile(r"^(?:if|when|unless)\b[^,]*,\s*|,?\s*\b(?:if|unless|except|so that|because)\b[^,.;]*", re.I)
_YES_NO = re.compile(r"^\W*(?P<said>yes|no)\b[\s,.!;:–-]*", re.I)
_CONTAINED = 0.8
"""Share of a claim's words in a source sentence that says the same, or its opposite."""
_ANSWERED = 0.6
"""Share of the question's words in a source sentence to which "yes" or "no" may refer."""
_CHECKED = frozenset(stem(word) for word in NUMBER_WORDS | DAYS | MEASURES | {*MONTHS, "pm", "noon"})
"""Checked as facts, whichever way they are written."""


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
        lines = [line for one in cited for line in sentences(one.text)]
        ground = "\n".join(f"{p.title}. {p.heading}. {p.text}" for p in cited)
        present = facts(ground) | {f"name:{word}" for word in words(ground)} | {f"day:{day}" for day in days(ground)}
        if wrong := [fact for fact in sorted(facts(sentence)) if not _stands(fact, present)]:
            return Verdict(tuple(wrong))
        if not any(self.about(question, passage) for passage in cited):
            return Verdict(("passage is not about the question",))
        if why := mismatch(question, sentence):
            return Verdict((why,))
        if not self._supported(sentence, ground, question):
            return Verdict(("words that the passage does not use",))
        if wrong := sorted(misplaced(sentence, lines)):
            return Verdict(tuple(wrong))
        if not _together(facts(sentence), cited):
            return Verdict(("facts that no one sentence of the passage holds together",))
        if self._turned_around(sentence, lines) or self._wrong_yes_no(sentence, lines, question):
            return Verdict(("negation",))
        around = " ".join(f"{one.title}. {one.heading}." for one in cited)
        why = changed(sentence, lines, question, self._thesaurus, around)
        return Verdict((why,) if why else ())

    def _supported(self, sentence: str, ground: str, question: str) -> bool:
        """Most of what it says is in the passage's words; the rest may come from the question."""
        said = [word for word in content(canonical(sentence)) if word not in _CHECKED and not word[0].isdigit()]
        there = set(content(canonical(ground)))
        if not said:
            return True
        limits = self._router
        alone = len(self._thesaurus.covered(said, there)) / len(said)
        together = len(self._thesaurus.covered(said, there | set(content(question)))) / len(said)
        return alone >= limits.support_alone and together >= limits.support_together

    def _turned_around(self, sentence: str, lines: Sequence[str]) -> bool:
        """The source says the same words with one *not* more or less: in the sentence most like it, or in all that hold
        nearly all of its words."""
        said = set(content(sentence))
        if len(said) < 2:
            return False
        holding, nearest, overlap = set[bool](), "", 0.0
        for line in lines:
            there = set(content(line))
            share = len(said & there) / len(said | there)
            if share > overlap:
                nearest, overlap = line, share
            if len(self._thesaurus.covered(said, there)) >= _CONTAINED * len(said):
                holding.add(denied(line))
        if overlap >= 0.5 and len(said) > 2:
            return denied(sentence) != denied(nearest)
        return bool(holding) and denied(sentence) not in holding

    def _wrong_yes_no(self, sentence: str, lines: Sequence[str], question: str) -> bool:
        """A "yes" before a denial, or a "yes" or "no" alone that no source sentence about the question bears out."""
        match = _YES_NO.match(sentence)
        if match is None:
            return False
        yes, rest = match["said"].lower() == "yes", sentence[match.end() :]
        if content(rest):
            return yes and denied(rest) and not denied(question)
        asked = [word for word in content(question) if word not in self._generic] or content(question)
        shares = [(len(self._thesaurus.covered(asked, content(line))), denied(line)) for line in lines]
        best = max((share for share, _ in shares), default=0)
        if not asked or best < _ANSWERED * len(asked):
            return True
        return all(no is yes for share, no in shares if share == best)


def denied(sentence: str) -> bool:
    """Does the main clause say *not*? "If your card does not work, order a new one" does not."""
    return bool(_NEGATION.search(_CONDITION.sub(" ", sentence)))


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
