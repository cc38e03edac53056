"""Rung 1: one passage clearly answers, so its own words are spoken. No language model.

Pure: the sentence with the most of the question in it, weighted by what kind of fact the question asks for (when →
times and days, how much → amounts), and the one after it where it carries on.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from contracts.engines import Passage
from dialog.facts import facts
from dialog.words import Thesaurus, content
from knowledge.passages import sentences

MAX_WORDS = 45
"""Longest extractive answer: about fifteen seconds of speech."""
_TWO = re.compile(r"[,.?]?\s+and\s+(?=(?:how|what|when|where|do|does|can|is|are)\b)", re.IGNORECASE)
MIN_WORDS = 4
"""Shorter ones are headings that found their way into the text."""
_ASKS: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = (
    (
        re.compile(r"\b(?:when|what time|hours?|how late|how early|open|close)\b", re.I),
        ("time", "day", "date", "always"),
    ),
    (re.compile(r"\b(?:how much|cost|costs|fees?|price|charge|charged|free|expensive)\b", re.I), ("money", "percent")),
    (re.compile(r"\b(?:rate|interest|percent|percentage|apy|apr)\b", re.I), ("percent",)),
    (re.compile(r"\b(?:how long|how many days|how soon|how fast|how quickly|take|arrive)\b", re.I), ("number", "time")),
    (re.compile(r"\b(?:how many|limit|maximum|most|up to)\b", re.I), ("number", "money")),
    (re.compile(r"\b(?:where|address|location|located|who)\b", re.I), ("name", "number")),
)
_CARRY_ON = re.compile(
    r"^(?:it|they|this|that|then|also|after that|on (?:sun|satur|fri)day|you (?:then|also|will))\b", re.I
)


_REQUEST = re.compile(
    r"\b(?:how (?:do|can|would|should|to)|what do i do|i(?:'d| would)? (?:like|want|need|have) to"
    r"|can i|could i|can you|could you)\b",
    re.IGNORECASE,
)
_INSTRUCTION = re.compile(
    r"^(?:you can|to |call |in the |on our |choose |sign in|send |go to|open |press |if you(?:r)? |by text)",
    re.IGNORECASE,
)
_GENERAL = re.compile(r"^(?:all|every|each|our|we)\b", re.I)
"""A statement about everything answers more than one about a part."""


@dataclass(slots=True, frozen=True)
class Extract:
    """The chosen sentences, how much of the question stands in the best of them (0..1), and whose they are."""

    text: str
    share: float
    passage: Passage


@dataclass(slots=True, frozen=True)
class _Asked:
    """A question taken apart once: content stems, kinds of facts that answer it, days it names, whether it asks how."""

    stems: list[str]
    wanted: tuple[str, ...]
    days: frozenset[str]
    request: bool


def wanted_facts(question: str) -> tuple[str, ...]:
    """Kinds of facts that would answer the question."""
    return tuple(dict.fromkeys(kind for pattern, kinds in _ASKS if pattern.search(question) for kind in kinds))


def extract(question: str, passages: Sequence[Passage], thesaurus: Thesaurus) -> Extract | None:
    """The passages' own answer, one to three sentences of at most 45 words; None if no sentence fits the question.

    ``passages`` are of one document, best first. "How much is it, and how long does it take?" is two questions.
    """
    parts = [part for part in _TWO.split(question) if content(part) or wanted_facts(part)]
    if len(parts) != 2:
        return _extract_one(question, passages, thesaurus)
    found = [_extract_one(part, passages, thesaurus, alone=False) for part in parts]
    answers = [one for one in found if one is not None]
    if len(answers) < 2:
        return _extract_one(question, passages, thesaurus)
    texts = list(dict.fromkeys(one.text for one in answers))
    return Extract(" ".join(texts), max(one.share for one in answers), answers[0].passage)


def _extract_one(
    question: str, passages: Sequence[Passage], thesaurus: Thesaurus, *, alone: bool = True
) -> Extract | None:
    """``alone``: a further sentence may follow if it carries on."""
    asked = _Asked(
        content(question),
        wanted_facts(question),
        frozenset(fact for fact in facts(question) if fact.startswith("day:")),
        bool(_REQUEST.search(question)) or not question.rstrip().endswith("?"),
    )
    if not asked.stems and not asked.wanted:
        return None
    best: tuple[float, float, Passage, list[str], int] | None = None
    for rank, passage in enumerate(passages):
        candidates = sentences(passage.text)
        for index, sentence in enumerate(candidates):
            if len(sentence.split()) < MIN_WORDS:
                continue
            value, share = _fit(sentence, asked, passage, thesaurus)
            value -= 0.02 * index + 0.04 * rank
            if best is None or value > best[0]:
                best = (value, share, passage, candidates, index)
    if best is None or (asked.wanted and best[0] < 0.35):
        return None
    _, share, passage, candidates, index = best
    chosen = [candidates[index]]
    if len(chosen[0].split()) > MAX_WORDS:
        return None
    following = candidates[index + 1] if index + 1 < len(candidates) else ""
    room = MAX_WORDS - len(chosen[0].split())
    if alone and following and len(following.split()) <= room and _belongs(following, asked, thesaurus):
        chosen.append(following)
    return Extract(" ".join(chosen), share, passage)


def _fit(sentence: str, asked: _Asked, passage: Passage, thesaurus: Thesaurus) -> tuple[float, float]:
    """How well a sentence answers, and the share of the question's words in it."""
    present = content(sentence)
    share = len(thesaurus.covered(asked.stems, present)) / max(1, len(asked.stems))
    found = facts(sentence)
    value = share
    if asked.wanted and {fact.partition(":")[0] for fact in found} & set(asked.wanted):
        value += 0.35
    if asked.request and not asked.wanted and _INSTRUCTION.match(sentence):
        value += 0.3
    if _GENERAL.match(sentence):
        value += 0.12
    if asked.days:
        value += 0.4 if asked.days & found else -0.2
    heading = content(passage.heading)
    if heading:
        value += 0.15 * len(thesaurus.covered(asked.stems, heading)) / max(1, len(asked.stems))
    return value, share


def _belongs(sentence: str, asked: _Asked, thesaurus: Thesaurus) -> bool:
    if _CARRY_ON.match(sentence) or (asked.request and not asked.wanted and _INSTRUCTION.match(sentence)):
        return True
    kinds = {fact.partition(":")[0] for fact in facts(sentence)}
    return bool(asked.wanted and kinds & set(asked.wanted) and thesaurus.covered(asked.stems, content(sentence)))
