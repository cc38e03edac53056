"""Rung 1: one passage clearly answers, so its own words are spoken. No language model.

Pure: the sentence with the most of the question in it, weighted by what kind of fact the question asks for (when →
times and days, how much → amounts), and the one after it where it carries on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from contracts.engines import Passage
from dialog.facts import facts
from dialog.gate import sentences
from dialog.words import Thesaurus, content

MAX_WORDS = 45
"""Longest extractive answer: about fifteen seconds of speech."""
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


@dataclass(slots=True, frozen=True)
class Extract:
    """The chosen sentences and how much of the question stands in the best of them (0..1)."""

    text: str
    share: float


def wanted_facts(question: str) -> tuple[str, ...]:
    """Kinds of facts that would answer the question."""
    return tuple(dict.fromkeys(kind for pattern, kinds in _ASKS if pattern.search(question) for kind in kinds))


def extract(question: str, passage: Passage, thesaurus: Thesaurus) -> Extract | None:
    """The passage's own answer, one or two sentences of at most 45 words; None if no sentence fits the question."""
    asked = content(question)
    wanted = wanted_facts(question)
    candidates = sentences(passage.text)
    if not asked or not candidates:
        return None
    scored = []
    for index, sentence in enumerate(candidates):
        share = len(thesaurus.covered(asked, content(sentence))) / len(asked)
        kinds = {fact.partition(":")[0] for fact in facts(sentence)}
        bonus = 0.35 if wanted and kinds & set(wanted) else 0.0
        scored.append((share + bonus - 0.01 * index, index, share))
    best, index, share = max(scored)
    if wanted and best < 0.35:
        return None
    chosen = [candidates[index]]
    following = candidates[index + 1] if index + 1 < len(candidates) else ""
    room = MAX_WORDS - len(chosen[0].split())
    if following and len(following.split()) <= room and _belongs(following, asked, wanted, thesaurus):
        chosen.append(following)
    if len(chosen[0].split()) > MAX_WORDS:
        return None
    return Extract(" ".join(chosen), share)


def _belongs(sentence: str, asked: list[str], wanted: tuple[str, ...], thesaurus: Thesaurus) -> bool:
    kinds = {fact.partition(":")[0] for fact in facts(sentence)}
    return bool(_CARRY_ON.match(sentence)) or bool(
        wanted and kinds & set(wanted) and thesaurus.covered(asked, content(sentence))
    )
