"""Names of a release that sound like words of a question, wherever they stand in it. Pure.

dialog/misheard.py looks into the passages found; here names are found that no search finds because they were heard as
nothing alike. Likeness alone says little of so many names: who asks has to hear again which of them was said.

::

    "This tackle offer bike parking"
          └────┘ takl      Tacko  tako    0.86
                           Tokyo  tokio   0.61
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from string import capwords

import numpy as np
from rapidfuzz.distance import OSA

from contracts.engines import Resemblance
from knowledge.names import spoken_words
from knowledge.sounds import alike, sounds

_HEAD = re.compile(r"\s+[-–—|]\s+|[:,(;]\s*")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W\d_]+)*")
_LONGEST = 6
"""Words of what is called a name."""
_SAID = 5
"""Words in a row that may be one name."""
_NEARLY = 0.12
_ROUGHLY = 0.4
"""Of classes of sounds, each as good as another: what is less alike is not compared."""
_NEAR = 8
"""Names that are compared with each run of words: those that share the most pairs of sounds."""
_CLASSES = str.maketrans("eiouYybdgvzJSCmlwT", "aaaaaaptkfsssSnrft")
"""Sounds that are often taken for one another, as one."""


def names_of(title: str) -> list[str]:
    """What a title names, as said: all of it, and what stands before a dash or a colon; nothing that is too long."""
    parts = dict.fromkeys((title.strip(), _HEAD.split(title.strip(), maxsplit=1)[0].strip()))
    return [one for one in parts if 0 < len(spoken_words(one)) <= _LONGEST]


class SoundIndex:
    """Names by their sounds."""

    def __init__(self, titles: Iterable[str]) -> None:
        found: dict[str, str] = {}
        for title in titles:
            for name in names_of(title):
                if key := said(name):
                    found.setdefault(key, name)
        self._keys, self._names = list(found), list(found.values())
        pairs: dict[str, list[int]] = defaultdict(list)
        for at, key in enumerate(self._keys):
            for pair in _pairs(key):
                pairs[pair].append(at)
        self._pairs = {pair: np.array(places) for pair, places in pairs.items()}
        self._rough = [key.translate(_CLASSES) for key in self._keys]
        self._sizes = np.array([len(_pairs(key)) for key in self._keys])

    def resembling(self, text: str, least: float, most: int) -> list[Resemblance]:
        """The names that are at least so much alike, each in the two places where it is most so, best first."""
        found: dict[int, list[Resemblance]] = defaultdict(list)
        for start, end, key in runs(text):
            for at in self._near(key):
                one = Resemblance(alike(key, self._keys[at]), start, end, self._names[at])
                if one.score >= least:
                    found[at].append(one)
        kept = [one for places in found.values() for one in _best(places)]
        return sorted(kept, key=lambda one: (-one.score, one.name, one.start))[:most]

    def _near(self, key: str) -> Sequence[int]:
        held = [self._pairs[pair] for pair in _pairs(key) if pair in self._pairs]
        if not held:
            return ()
        shared = np.bincount(np.concatenate(held), minlength=len(self._keys)) / (self._sizes + len(_pairs(key)))
        count = min(_NEAR, len(shared))
        likely = np.argpartition(-shared, count - 1)[:count]
        rough = key.translate(_CLASSES)
        near = [int(at) for at in likely if shared[at]]
        return [at for at in near if OSA.normalized_similarity(rough, self._rough[at]) >= _ROUGHLY]


def _best(places: Sequence[Resemblance]) -> list[Resemblance]:
    """The two most alike, if the second is nearly so; where one name begins and ends is hard to hear."""
    order = sorted(places, key=lambda one: (-one.score, one.start, one.end))
    return [one for one in order[:2] if one.score >= order[0].score - _NEARLY]


def said(name: str) -> str:
    """The sounds of a name; figures and signs are said, too."""
    return sounds(" ".join(spoken_words(name.replace("+", " plus "))))


def spoken(name: str) -> str:
    """A name as a recogniser may write it: "JINLING NOODLE BAR" → "Jinling Noodle Bar", "A + B" → "A plus B"."""
    words = " ".join(name.replace("+", " plus ").replace("&", " and ").split())
    return capwords(words) if words.isupper() else words


def runs(text: str) -> list[tuple[int, int, str]]:
    """Words in a row: where they begin and end in ``text``, and their sounds."""
    words = list(_WORD.finditer(text))
    return [
        (words[first].start(), words[last].end(), key)
        for first in range(len(words))
        for last in range(first, min(len(words), first + _SAID))
        if (key := said(text[words[first].start() : words[last].end()]))
    ]


def _pairs(key: str) -> set[str]:
    padded = f"^{key.translate(_CLASSES)}$"
    return {padded[at : at + 2] for at in range(len(padded) - 1)}
