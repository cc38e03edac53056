"""Which documents a conversation names. Pure.

A document's title names what it is about ("Grant Hotel", "Gold Rewards Card"). Callers say the name once and then "it";
often the operator said it, in the answer before. Recognition mangles names more than other words ("smoking ware house"
for "Smokin' Warehouse"), so words are compared by their letters, and neighbours also as one word.

::

    turns ──words──► exact or alike title words ──► titles with enough of their rare words close together ──► 0..1
                                                    less, the longer ago it was said
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby, pairwise, zip_longest

import numpy as np
from rapidfuzz import process
from rapidfuzz.distance import JaroWinkler

from knowledge.settings import NameSettings

_WORD = re.compile(r"[^\W_]+")
_LETTERS = re.compile(r"\b(?:\w\.? ){1,5}\w\b\.?")
_POSSESSIVE = re.compile(r"['’]s\b|['’]")
_DIGITS = dict(zip("0123456789", "zero one two three four five six seven eight nine".split(), strict=True))
_NUMBERS = frozenset(
    "zero oh one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand".split()
)
_ADDRESS = 3
"""So many number words in a row are a telephone number or an address, and name nothing."""
_HEAD = re.compile(r"\s+[-–—|]\s+|[:,(;]\s*")
"""What comes before is often said alone: "Souvla - NoPa", "Laurel Inn, a Joie de Vivre Hotel"."""
_SHORTEST = 4
"""Letters that a word needs to be recognised by likeness; shorter ones are too much alike."""
_TIE = 0.95
"""Titles of which so nearly the same was said are equally meant."""
_EVERYDAY = 0.004
"""A word in so large a share of the passages was not misheard for another."""
_REMEMBERED = 20_000
_TURNS_REMEMBERED = 2_000
_SPELLINGS = 20
"""So many title words, those that share the most pairs of letters with a word, are compared with it."""
_SHARED = 2
"""Pairs of letters, beginning and end counted, that words have in common if they are alike at all."""
_LOOKED_AT = 24

Common = Callable[[Sequence[str]], Mapping[str, float]]
"""Words → the share of the passages that hold each."""


@lru_cache(maxsize=4096)
def spoken_words(text: str) -> tuple[str, ...]:
    """Words as a recogniser writes them: lower case, no accents, no possessives, "S. F." as "sf", digits named."""
    plain = "".join(one for one in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(one))
    plain = _POSSESSIVE.sub("", plain.replace("&", " and "))
    plain = _LETTERS.sub(lambda found: re.sub(r"\W", "", found.group()), plain)
    return tuple(_DIGITS.get(word, word) for word in _WORD.findall(plain))


def _without_numbers(words: Sequence[str]) -> list[str]:
    """The words, with longer runs of number words taken out."""
    kept: list[str] = []
    for number, run in groupby(words, key=lambda word: word in _NUMBERS or word.isdigit()):
        said = list(run)
        if not number or len(said) < _ADDRESS:
            kept.extend(said)
    return kept


@dataclass(slots=True, frozen=True)
class _Name:
    """One way to say a title."""

    key: int
    words: tuple[str, ...]
    weight: float


class NameIndex:
    """Titles, ready to be found in conversations. ``titles``: key → title; keys are the caller's."""

    def __init__(
        self,
        titles: Mapping[int, str],
        settings: NameSettings,
        common: Common = lambda words: dict.fromkeys(words, 0.0),
    ) -> None:
        self._settings = settings
        self._common = common
        said = {key: tuple(dict.fromkeys(spoken_words(title))) for key, title in titles.items()}
        in_titles = Counter(word for words in said.values() for word in words)
        shares = common(list(in_titles))
        self._rarity = {word: _rare(word, max(count / len(said), shares[word])) for word, count in in_titles.items()}
        self._names: list[_Name] = []
        holding: dict[str, list[int]] = defaultdict(list)
        for key, title in titles.items():
            head = tuple(dict.fromkeys(spoken_words(_HEAD.split(title, maxsplit=1)[0])))
            for words in {said[key], head or said[key]}:
                for word in words:
                    holding[word].append(len(self._names))
                self._names.append(_Name(key, words, sum(self._rarity[one] for one in words)))
        self._holding = {word: np.array(places) for word, places in holding.items()}
        self._full = np.array([one.weight + settings.prior for one in self._names])
        self._spelled = [word for word in holding if len(word) >= _SHORTEST]
        self._lengths = np.array([len(word) for word in self._spelled])
        grams: dict[str, list[int]] = defaultdict(list)
        for at, word in enumerate(self._spelled):
            for gram in _grams(word):
                grams[gram].append(at)
        self._grams = {gram: np.array(places) for gram, places in grams.items()}
        self._alike: dict[str, Mapping[str, float]] = {}
        self._turns: dict[str, Mapping[int, float]] = {}

    def mentioned(self, turns: Sequence[Sequence[str]]) -> dict[int, float]:
        """Keys of the titles that were said → how surely (0..1), less the longer ago.

        ``turns``: oldest first; each is its readings (one, or a recogniser's alternatives).
        """
        found: dict[int, float] = {}
        strongest = 0.0
        latest = turns[-self._settings.turns :]
        for age, readings in enumerate(reversed(latest)):
            here: dict[int, float] = {}
            for reading in dict.fromkeys(readings):
                for key, score in self._said(reading).items():
                    here[key] = max(here.get(key, 0.0), score)
            strongest = max(strongest, max(here.values(), default=0.0))
            for key, score in here.items():
                found[key] = max(found.get(key, 0.0), score * self._settings.decay**age)
        best = max(found.values(), default=0.0)
        # The latest name counts in full, however long ago it was: nothing has taken its place.
        return {key: score / best * strongest for key, score in found.items()} if best else {}

    def _said(self, reading: str) -> Mapping[int, float]:
        """Titles in one reading of a turn; remembered, for a conversation is gone through at each of its turns."""
        known = self._turns.get(reading)
        if known is None:
            if len(self._turns) > _TURNS_REMEMBERED:
                self._turns.clear()
            words = _without_numbers(spoken_words(reading))[-self._settings.words :]
            known = self._turns[reading] = self._in_turn(words)
        return known

    def _in_turn(self, words: Sequence[str]) -> dict[int, float]:
        """Titles in one turn; a title within a longer one that was said ("Park" in "Park Tavern") is not meant."""
        places: dict[str, dict[int, float]] = defaultdict(dict)
        pairs = [word + after for word, after in pairwise(words)]
        like = self._like({*words, *pairs})
        for at, (word, pair) in enumerate(zip_longest(words, pairs, fillvalue="")):
            for known, alike in {**like.get(pair, {}), **like[word]}.items():
                places[known][at] = max(places[known].get(at, 0.0), alike)
        names = self._likely(places)
        scored = [(*self._covered(self._names[at], places), self._names[at]) for at in names]
        scored.sort(key=lambda one: (-one[0], one[2].key))
        found: dict[int, float] = {}
        claimed: dict[int, float] = {}
        for score, where, name in scored:
            if score < self._settings.least:
                break
            if any(claimed.get(at, score) <= score / _TIE for at in where):
                found[name.key] = max(found.get(name.key, 0.0), score)
                claimed |= {at: score for at in where if at not in claimed}
        return found

    def _likely(self, places: Mapping[str, Mapping[int, float]]) -> list[int]:
        """The names of which the most was said, wherever in the turn: the few worth a closer look."""
        said = np.zeros(len(self._names))
        for word, where in places.items():
            said[self._holding[word]] += self._rarity[word] * max(where.values())
        score = said / self._full
        likely = np.flatnonzero(score >= self._settings.least)
        if len(likely) > _LOOKED_AT:
            likely = likely[np.argpartition(-score[likely], _LOOKED_AT)[:_LOOKED_AT]]
        return [int(at) for at in np.sort(likely)]

    def _covered(self, name: _Name, places: Mapping[str, Mapping[int, float]]) -> tuple[float, frozenset[int]]:
        """How much of a title was said in one stretch, and where."""
        heard = [word for word in name.words if word in places]
        anchor = max(heard, key=lambda word: self._rarity[word])
        reach = len(name.words) + 1
        best, where = 0.0, frozenset[int]()
        for centre in places[anchor]:
            total, taken = 0.0, set()
            for word in heard:
                near = [(alike, at) for at, alike in places[word].items() if abs(at - centre) <= reach]
                if near:
                    alike, at = max(near, key=lambda one: (one[0], -abs(one[1] - centre)))
                    total += self._rarity[word] * alike
                    taken.add(at)
            if total > best:
                best, where = total, frozenset(taken)
        return best / (name.weight + self._settings.prior), where

    def _like(self, words: Collection[str]) -> dict[str, Mapping[str, float]]:
        """For each word the title words that are this one, or are spelled much like it, with their likeness 0..1."""
        found = {word: known for word in words if (known := self._alike.get(word)) is not None}
        fresh = {word: self._look(word) for word in words if word not in found}
        doubtful = [word for word, alike in fresh.items() if alike and word not in self._holding]
        shares = self._common(doubtful) if doubtful else {}  # asked once for all: the release's file is read for it
        fresh |= {word: {} for word in doubtful if shares[word] > _EVERYDAY}
        if len(self._alike) > _REMEMBERED:
            self._alike = {}
        self._alike |= fresh
        return found | fresh

    def _look(self, word: str) -> Mapping[str, float]:
        if word in self._holding:
            return {word: 1.0}
        if len(word) < _SHORTEST:
            return {}
        held = [self._grams[gram] for gram in _grams(word) if gram in self._grams]
        if not held:
            return {}
        counts = np.bincount(np.concatenate(held), minlength=len(self._spelled))
        near = np.flatnonzero(counts >= _SHARED)
        if len(near) > _SPELLINGS:
            shared = counts[near] / (self._lengths[near] + len(word))
            near = near[np.argpartition(-shared, _SPELLINGS - 1)[:_SPELLINGS]]
        likely = [self._spelled[at] for at in near.tolist()]
        alike = process.extract(
            word, likely, scorer=JaroWinkler.similarity, score_cutoff=self._settings.alike, limit=None
        )
        return {other: one**2 for other, one, _ in alike}


def _rare(word: str, share: float) -> float:
    """Nats. A word that stands in many texts ("time") tells little even if it stands in one title."""
    rare = math.log(1 + 1 / share)
    return rare / 2 if word in _NUMBERS else rare


def _grams(word: str) -> Iterable[str]:
    padded = f"^{word}$"
    return {padded[at : at + 2] for at in range(len(padded) - 1)}
