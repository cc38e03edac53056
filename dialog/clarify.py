"""Two readings of a question that the documents answer differently, and the question back that tells them apart. Pure.

::

    "how much is a new card"           one document: "a replacement debit card costs 10 dollars"
                                                     "a replacement credit card is always free"
         → "Do you mean the debit card or the credit card?"      two words before one that was said
    "what's the monthly fee for the account"   Green Account: 5 dollars · Blue Account: 8 dollars
         → "Do you mean the Green Account or the Blue Account?"  two titles of which the question names neither

Only where both answer about as well, say different facts of the kind that is asked for, and differ in words that can be
said; and not where the caller's question before this one names one of them ("I lost my debit card"). The caller's next
words pick one ("the debit one", "the second"), or are a turn of their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from contracts.engines import Passage
from dialog.extractive import answers_to
from dialog.facts import facts
from dialog.gate import denied
from dialog.kinds import FREE, wanted_facts
from dialog.matching import FRAME, Candidate, names
from dialog.settings import ClarifyLimits
from dialog.words import STOP, Thesaurus, content, stem, words

MAX_WORDS = 6
"""Of a reading's name; a longer one is not said."""
LOOKED_AT = 8
"""Passages whose documents may be readings."""
NEAR = 4
"""Sentences that are compared."""
_WORD = re.compile(r"[^\W_]+(?:['’&+-][^\W_]+)*")
_BEFORE = frozenset("a an the your our each every any my of for with or and".split())
_VAGUE = frozenset(
    "first second next last new other same further additional higher lower longer shorter more less".split()
)
"""Attributes that name no kind of a thing."""
_QUANTITIES = frozenset(("money", "percent", "time", "date", "duration", "number"))
"""Kinds of facts of which one sentence gives one and another another; names ("where …") are given side by side."""
_ATTRIBUTE = re.compile(r"(?:\d+-)?[^\W\d_]+(?:-[^\W\d_]+)*")
_ORDER = ((re.compile(r"\b(?:first|former|1st)\b"), 0), (re.compile(r"\b(?:second|latter|last|2nd)\b"), 1))
_BOTH = re.compile(r"(?:(?:um|uh|well|yes|i mean|i need|tell me|for|about) )*both(?: of them| cards| please| really)*")
MAX_PICK = 7
"""Words of a turn that picks; a longer one is a question of its own."""


@dataclass(slots=True, frozen=True)
class Reading:
    """``name`` as it is said ("debit card"); ``own``: stems that the other one has not; ``document_id`` it stands in,
    empty where both stand in one."""

    name: str
    own: frozenset[str]
    document_id: str


@dataclass(slots=True, frozen=True)
class Choice:
    """``question`` and its two readings; ``more``: further ones fit as well. ``topics``: titles that it is about."""

    question: str
    readings: tuple[Reading, Reading]
    more: bool
    topics: frozenset[str]

    @property
    def sentence(self) -> str:
        """As it is asked."""
        one, other = (_with_article(each.name) for each in self.readings)
        return f"Do you mean {one}, {other}, or another one?" if self.more else f"Do you mean {one} or {other}?"

    def picked(self, text: str) -> Reading | None:
        """Which one the caller's next words mean; None: neither, or both."""
        said = words(text)
        if not said or len(said) > MAX_PICK or text.rstrip().endswith("?"):
            return None
        named = self._named(said)
        if len(named) == 1:
            return named[0]
        counted = [place for pattern, place in _ORDER if pattern.search(text.lower())]
        return self.readings[counted[0]] if not named and len(counted) == 1 else None

    def told(self, subject: str) -> Reading | None:
        """Which one the caller has named before, in the question that this one follows; None: neither, or both."""
        named = self._named(words(subject))
        return named[0] if len(named) == 1 else None

    def _named(self, said: Sequence[str]) -> list[Reading]:
        stems = {stem(word) for word in said}
        return [one for one in self.readings if one.own & stems]

    def both(self, text: str) -> str:
        """The question asked of both, if the caller's next words mean that and one document answers it; or ""."""
        if _BOTH.fullmatch(" ".join(words(text))) is None or any(one.document_id for one in self.readings):
            return ""
        first, second = (self.meaning(one).rstrip("?") for one in self.readings)
        return f"{first}, and {second[:1].lower()}{second[1:]}?"

    def meaning(self, reading: Reading) -> str:
        """The question as it was meant."""
        return f"{self.question.rstrip(' ?.!,')} for {_with_article(reading.name)}?"


@dataclass(slots=True, frozen=True)
class _Answer:
    """A passage with the facts, of the kind that is asked for, in the sentence that would be its answer."""

    passage: Passage
    facts: frozenset[str]


def choice(
    question: str,
    fits: Sequence[Candidate],
    odds: Sequence[float],
    thesaurus: Thesaurus,
    limits: ClarifyLimits,
    *,
    titled: bool,
    answering: bool = True,
    spoken: str = "",
) -> Choice | None:
    """The two readings of ``question`` between which the evidence does not decide; None where there is one.

    ``fits``: best first, with the logarithm of their ``odds`` to answer; ``titled``: the base's titles name things;
    ``answering``: the best would be answered from;
    ``spoken``: what would be said, if a passage's own words would be: sentences that are all in it need no choice.
    """
    if not fits:
        return None
    asked = FRAME.sub(" ", question)
    if titled:
        found = _between_things(asked, fits, odds, thesaurus, limits)
        if found is not None:
            return found
    return _between_sentences(asked, fits, thesaurus, limits, spoken) if answering else None


def _between_things(
    question: str, fits: Sequence[Candidate], odds: Sequence[float], thesaurus: Thesaurus, limits: ClarifyLimits
) -> Choice | None:
    """Documents about different things, none of which the question names, that answer it about as well."""
    asked = content(question)
    best = fits[0].passage
    if any(set(content(name)) <= set(asked) for name in _named(best)[:1]):
        return None  # the usual case: it is named
    left = [word for word in asked if word not in thesaurus.generic]
    said = {stem(word) for word in words(question)}
    rivals: dict[str, tuple[_Answer, tuple[Reading, Reading]]] = {}
    mine: _Answer | None = None
    for one, odd in zip(fits[:LOOKED_AT], odds, strict=False):
        passage = one.passage
        own = passage.document_id == best.document_id
        pair = None if own else _named_apart(best, passage, said)
        if odds[0] - odd > limits.gap or passage.document_id in rivals or (mine if own else not pair):
            continue
        whole = content(f"{passage.title} {passage.heading} {passage.text}")
        if len(thesaurus.covered(left, whole)) < len(left):
            continue
        answer = _answer(question, passage, thesaurus, limits.share)
        if own:
            mine = answer
        elif answer is not None and pair is not None:
            rivals[passage.document_id] = answer, pair
    if mine is None:
        return None
    pairs = {pair[1].name: pair for answer, pair in reversed(rivals.values()) if answer.facts != mine.facts}
    if not pairs:
        return None
    topics = frozenset(one.title for one in (best, *(answer.passage for answer, _ in rivals.values())))
    return Choice(question, list(pairs.values())[-1], len(pairs) > 1, topics)


def _named_apart(one: Passage, other: Passage, said: set[str]) -> tuple[Reading, Reading] | None:
    """What their titles name and the question does not: two kinds of one thing ("Blue Account", "Green Account"), or
    two things that are all that the titles say ("Bridge Hotel", "Tacorea")."""
    mine, theirs = _named(one), _named(other)
    here, there = [name for name in mine if name not in theirs], [name for name in theirs if name not in mine]
    if not here or not there:
        return None
    first, second = here[0], there[0]
    alike, whole = content(first)[-1:] == content(second)[-1:], (first, second) == (one.title, other.title)
    readings = _reading(first, second, one), _reading(second, first, other)
    if not (alike or whole) or not all(each.own for each in readings):
        return None  # where one name is a part of the other, whoever says it means just that
    return None if (readings[0].own | readings[1].own) & said else readings


def _between_sentences(
    question: str, fits: Sequence[Candidate], thesaurus: Thesaurus, limits: ClarifyLimits, spoken: str
) -> Choice | None:
    """Two sentences of one document, told apart by the word before one that was said ("debit card", "credit card")."""
    kinds = set(wanted_facts(question))
    if "name" in kinds or not kinds & _QUANTITIES:
        return None
    best, kinds = fits[0].passage, kinds & _QUANTITIES
    same = [one.passage for one in fits[:4] if one.passage.document_id == best.document_id]
    answers = answers_to(question, same, thesaurus)
    said = {stem(word) for word in words(question)}
    near = [(text, held) for text, value in answers if answers[0][1] - value <= limits.sentence_gap
            and (held := _of_kinds(text, kinds))]  # fmt: skip
    for (one, mine), (other, theirs) in combinations(near[:NEAR], 2):
        if mine == theirs or (one in spoken and other in spoken):
            continue
        pair = _told_apart(one, other, said)
        if pair is not None:
            first, second = (Reading(name, frozenset({stem(name.split()[0])}), "") for name in pair)
            return Choice(question, (first, second), False, frozenset({best.title}))
    return None


def _told_apart(one: str, other: str, said: set[str]) -> tuple[str, str] | None:
    """ "debit card", "credit card": what stands before the same word of the question in each, and not in the other."""
    mine, theirs = dict(_pairs(one, said)), dict(_pairs(other, said))
    here, there = set(content(one)), set(content(other))
    for noun, first in mine.items():
        second = theirs.get(noun)
        if second is None:
            continue
        a, b = stem(first.split()[0]), stem(second.split()[0])
        if a != b and a not in there and b not in here and not {a, b} & said:
            return first, second
    return None


def _pairs(sentence: str, said: set[str]) -> Iterator[tuple[str, str]]:
    """(stem of a word that was said, it with the word before it), where those two are a noun with its attribute."""
    found = _WORD.findall(sentence)
    for at in range(1, len(found)):
        attribute, noun = found[at - 1], found[at]
        if stem(noun) not in said or noun.lower() in STOP or _ATTRIBUTE.fullmatch(attribute) is None:
            continue
        if attribute.lower() in STOP | _BEFORE | _VAGUE:
            continue
        ahead = [word.lower() for word in found[max(0, at - 4) : at - 1]]
        if _BEFORE & set(ahead):
            yield stem(noun), f"{attribute.lower() if attribute.istitle() else attribute} {noun}"


def _answer(question: str, passage: Passage, thesaurus: Thesaurus, share: float) -> _Answer | None:
    best = next(iter(answers_to(question, [passage], thesaurus)), None)
    if best is None or best[1] < share:
        return None
    kinds = set(wanted_facts(question))
    held = _of_kinds(best[0], kinds) if kinds else frozenset((*facts(best[0]), f"not:{denied(best[0])}"))
    return _Answer(passage, held) if held else None


def _of_kinds(text: str, kinds: set[str]) -> frozenset[str]:
    counted = kinds | {"number"} if "duration" in kinds else kinds
    held = {fact for fact in facts(text) if fact.partition(":")[0] in counted}
    return frozenset(held | {"money:free"} if "money" in kinds and FREE.search(text) else held)


def _named(passage: Passage) -> list[str]:
    """What the title names, as it can be said; "Using ATMs" is no thing."""
    runs = names(passage.title, passage.text)
    return [run for run in runs if len(run.split()) <= MAX_WORDS and not run.split()[0].endswith("ing")]


def _reading(name: str, other: str, passage: Passage) -> Reading:
    spoken = " ".join(word.capitalize() if word.isupper() and len(word) > 3 else word for word in name.split())
    return Reading(spoken, frozenset(content(name)) - frozenset(content(other)), passage.document_id)


def _with_article(name: str) -> str:
    return name if name.lower().startswith(("the ", "my ", "our ")) else f"the {name}"
