"""How well a passage fits a question, in numbers that mean the same for every base, and what they add up to. Pure.

The probability that a passage answers is a logistic function of them, fitted on data (`callwright cascade fit`):
configs/cascade.yaml holds the weights and says on what.

::

    "what's the monthly fee for the light blue account"
     subject    ├ Light Blue: Fees      all of its name is in the question
                └ True Blue: Fees       half of it; and "light", asked for, is the name of another (foreign_name)
     coverage   monthly, fee, light…    rare words weigh more: those that few of the candidates hold

Only for a base whose titles name things (products, places): there a question about a thing that is not in the base
looks much like one about its neighbour. Where titles say what to do ("Order checks"), a passage's strength decides.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from pydantic import Field, model_validator

from contracts.engines import Passage
from contracts.settings import Settings
from dialog.words import Thesaurus, content, stem, words
from knowledge.passages import SEPARATOR, sentences

FEATURES = (
    "cosine",
    "cosine_gap",
    "lexical",
    "coverage",
    "coverage_sentence",
    "coverage_heading",
    "subject",
    "subject_gap",
    "foreign_name",
    "unknown",
    "heading_fit",
    "attribute",
    "number",
)
_SMALL = re.compile(r"\b[a-z][a-z'’]*")
_LETTERS = re.compile(r"[a-z][a-z'’]*")
FRAME = re.compile(
    r"\b(?:my name is|this is|i am|i'm) [a-z'-]+(?: [a-z'-]+)?(?= (?:and|calling|here|i|i'm|with)\b|[,.])"
    r"|\bgood (?:morning|afternoon|evening)\b|\b(?:a |one )?(?:quick |simple )?questions?\b"
    r"|\b(?:i'm |i am |just )?calling(?: (?:about|for|to))?\b"
    r"|\b(?:i was |i've been )?looking (?:at|on) (?:your|the) (?:web ?site|page|app)\b"
    r"|\b(?:and )?i (?:could not|couldn't|can't) find (?:it|this|that)\b",
    re.IGNORECASE,
)
"""What callers say around a question: it says nothing about what answers it."""
_NAME = re.compile(r"\b[A-Z0-9][\w+&'’-]*(?: (?:(?:and|of|the|at|on|in|de|la) )?[A-Z0-9+&][\w+&'’-]*)*")


AGAINST = frozenset(("subject_gap", "foreign_name", "unknown"))
"""More of these never makes a passage more likely to answer; more of the others never less."""


@dataclass(slots=True, frozen=True)
class Candidate:
    """A passage with its fit to one question; ``features`` in the order of FEATURES."""

    passage: Passage
    features: tuple[float, ...]
    named: bool
    """Its title names something."""


class Weights(Settings):
    """Of a logistic function of FEATURES."""

    bias: float
    by_feature: dict[str, float]

    @model_validator(mode="after")
    def _known(self) -> Weights:
        wrong = sorted(set(self.by_feature) ^ set(FEATURES))
        if wrong:
            raise ValueError(f"a weight for each of {', '.join(FEATURES)} is expected; differs: {', '.join(wrong)}")
        return self

    def probability(self, features: Sequence[float]) -> float:
        """0..1."""
        return 1 / (1 + math.exp(-max(-60.0, min(60.0, self.odds(features)))))

    def odds(self, features: Sequence[float]) -> float:
        """Natural logarithm of the odds."""
        return sum(self.by_feature[name] * value for name, value in zip(FEATURES, features, strict=True)) + self.bias


class Answerable(Settings):
    """Which passage answers, and from what probability on; in cascade.yaml, written by `callwright cascade fit`."""

    fitted_on: str
    fitted_at: str
    target_error: str
    least: float = Field(ge=0, le=1)
    """Below this probability no passage answers."""
    sure: float = Field(ge=0, le=1)
    """From here one does; in between the large model is asked."""
    weights: Weights

    def probability(self, one: Candidate) -> float:
        """That the candidate's passage answers, 0..1."""
        return self.weights.probability(one.features)


def candidates(question: str, passages: Sequence[Passage], thesaurus: Thesaurus) -> list[Candidate]:
    """The fit of each of the passages, in their order."""
    question = FRAME.sub(" ", question)
    asked = content(question)
    held = [_Held(one, thesaurus, asked) for one in passages]
    weights = _weights(asked, held)
    best = max((one.subject for one in held), default=0.0)
    known = {word for one in held for word in one.titled}
    numbers = set(_DIGITS.findall(question))
    return [
        Candidate(
            one.passage, (*_features(one, held, asked, weights, best, known), _numbers(numbers, one)), bool(one.names)
        )
        for one in held
    ]


def _numbers(asked: set[str], one: _Held) -> float:
    return len(asked & one.numbers) / len(asked) if asked else 1.0


_DIGITS = re.compile(r"\d+(?:[.,]\d+)*")


class _Held:
    """What of a question's words (stems) stands where in a passage."""

    def __init__(self, passage: Passage, thesaurus: Thesaurus, asked: Sequence[str]) -> None:
        self.passage = passage
        title = content(passage.title)
        heading = content(f"{passage.title} {passage.heading}")
        text = content(passage.text)
        self.titled = set(thesaurus.covered(asked, title))
        self.headed = set(thesaurus.covered(asked, heading))
        self.all = set(thesaurus.covered(asked, {*heading, *text}))
        self.sentences = [set(thesaurus.covered(asked, content(one))) for one in sentences(passage.text)]
        self.sentence = max((part | self.headed for part in self.sentences), key=len, default=self.headed)
        self.names = [name for name in map(content, names(passage.title, passage.text)) if name]
        self.subject = max((_share(name, asked) for name in self.names), default=0.0)
        self.numbers = set(_DIGITS.findall(f"{passage.title} {passage.heading} {passage.text}"))
        leaf = content(passage.heading.rpartition(SEPARATOR)[2])
        about = [word for word in asked if word not in self.titled]
        both = len(thesaurus.covered(about, leaf))
        self.leaf = 2 * both / (len(about) + len(leaf)) if about and leaf else 0.0


def naming(question: str, fits: Sequence[Candidate], thesaurus: Thesaurus) -> list[tuple[bool, int]]:
    """Of each candidate: may it be about a thing that the question names, and how many of the named things it holds.

    A name stands word for word in the question, and is no part of a longer one there: "the gold card for the blue
    account" names no gold account, "light blue account" no blue account. A title that names only other things is about
    something else, however alike; where no name stands in the question, none is.
    """
    titles = [
        {
            name
            for name in map(_sequence, names(one.passage.title, one.passage.text))
            if not thesaurus.generic >= {*name}
        }
        for one in fits
    ]
    meant = set(_standing(_sequence(question), {name for title in titles for name in title}))
    short = {name[:at] for name in meant for at in range(1, len(name)) if thesaurus.generic >= {*name[at:]}}
    found = []
    for one, title in zip(fits, titles, strict=True):
        passage = one.passage
        whole = _sequence(f"{passage.title} . {passage.heading} . {passage.text}")
        found.append((not (meant and title) or bool(title & (meant | short)), len(set(_standing(whole, meant)))))
    return found


def unnamed(question: str, title: str, text: str) -> list[str]:
    """Content stems of a question without the name of the thing that ``title`` names, which no sentence about it has to
    repeat: "the silver card for the Silver Account" → silver, card. All of them if nothing would be left."""
    known = [_sequence(name) for name in names(title, text)]
    rest = words(question)
    for name in _standing(_sequence(question), known):
        stems = [stem(word) for word in rest]
        at = next(at for at in range(len(rest)) if tuple(stems[at : at + len(name)]) == name)
        rest[at : at + len(name)] = []
    return content(" ".join(rest)) or content(question)


_Name = tuple[str, ...]


def _sequence(text: str) -> _Name:
    return tuple(stem(word) for word in words(text))


def _standing(text: _Name, known: Collection[_Name]) -> list[_Name]:
    """Those of ``known`` that stand in ``text`` other than within a longer one, in their order."""
    found, at = list[_Name](), 0
    longest = sorted(known, key=len, reverse=True)
    while at < len(text):
        name = next((one for one in longest if one and text[at : at + len(one)] == one), ())
        if name:
            found.append(name)
        at += len(name) or 1
    return found


def named(fits: Sequence[Candidate]) -> bool:
    """Do most of the titles name something? Then a question is about a thing, and must be about this one."""
    titles = {one.passage.title: one.named for one in fits}
    return 2 * sum(titles.values()) >= len(titles) > 0


def names(title: str, text: str) -> list[str]:
    """What a title names: runs of capitalised words; one capital only begins a sentence, unless no word is small.

    A name has a word that ``text`` never writes small: "Branch Hours" above "our branch hours" is a heading.
    """
    small = set(_SMALL.findall(f"{title} {text}"))
    large = not _SMALL.search(title)
    found = []
    for part in re.split(r"[:–—]|\s-\s", title):
        part = part.strip(" ()")
        for run in _NAME.findall(part):
            if (" " in run or (large and ":" not in title)) and not small.issuperset(_LETTERS.findall(run.lower())):
                found.append(run)
    return found


def _share(name: Collection[str], asked: Collection[str]) -> float:
    return sum(word in asked for word in name) / len(name) if name else 0.0


def _weights(asked: Sequence[str], held: Sequence[_Held]) -> dict[str, float]:
    """A word that every candidate holds tells none from another; one that none holds weighs most."""
    documents: dict[str, set[str]] = {}
    for one in held:
        documents.setdefault(one.passage.document_id, set()).update(one.all)
    counts = Counter(word for words in documents.values() for word in words)
    return {word: math.log(1 + (len(documents) + 1) / (1 + counts[word])) for word in asked}


def _covered(words: Collection[str], weights: Mapping[str, float]) -> float:
    whole = sum(weights.values())
    return sum(weights[word] for word in words) / whole if whole else 0.0


def _features(
    one: _Held, held: Sequence[_Held], asked: Sequence[str], weights: Mapping[str, float], best: float, known: set[str]
) -> tuple[float, ...]:
    others = [other.passage.score for other in held if other.passage.document_id != one.passage.document_id]
    gap = one.passage.score - max(others, default=0.0)
    foreign = {word: weights[word] for word in asked if word in known and word not in one.all}
    everywhere = {word for other in held for word in other.all}
    whole = sum(weights.values()) or 1.0
    return (
        one.passage.score,
        max(-0.3, min(0.3, gap)),
        one.passage.lexical,
        _covered(one.all, weights),
        _covered(one.sentence, weights),
        _covered(one.headed, weights),
        one.subject,
        best - one.subject,
        sum(foreign.values()) / whole,
        sum(weights[word] for word in asked if word not in everywhere) / whole,
        one.leaf,
        _attribute(one, asked, weights),
    )


def _attribute(one: _Held, asked: Sequence[str], weights: Mapping[str, float]) -> float:
    """What is asked about the subject, by its words: how much of it one sentence says under its heading."""
    rest = {word: weights[word] for word in asked if word not in one.titled}
    if not rest:
        return 1.0
    leaf = one.headed - one.titled
    return max(_covered(rest.keys() & (part | leaf), rest) for part in (*one.sentences, set[str]()))
