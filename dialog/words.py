"""Words as the router, the extractive rung and the gate compare them: lower case, stemmed, without the empty ones."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

_WORD = re.compile(r"[a-z][a-z']*|\d[\d.,:]*", re.IGNORECASE)
STOP = frozenset(
    """a about above after again all also am an and any anything are as at be because been before being but by can
    cannot can't could couldn't did didn't do does doesn't doing don't down each else even ever few for from further
    had has have having he hello her here hers hey hi him his how i i'd i'll i'm i've if in into is isn't it it's its
    just kind kinda let let's like lot may maybe me might mine more most much my myself no nor not now of off oh ok
    okay on once one only or other our out over own please really right same she should so some something sort still
    such sure than thank thanks that that's the their them then there there's these they thing this those through to
    too uh um under until up us very was wasn't we well were what what's when where where's whether which while who
    who's why will with won't would wouldn't yeah yes yet you you're your yours wondering wonder calling called call
    today got gonna wanna hmm mm mhm actually basically guess suppose hope able
    need needs want wants wanted like get getting tell know find ask help give try trying mean see
    much many long soon often far happen happens happened""".split()
)


def stem(word: str) -> str:
    """A small suffix stripper: plurals, -ing, -ed, -ly, -ment. Consistent, not linguistic."""
    word = word.lower().replace("'s", "").strip("'")
    for suffix, keep in (
        ("ments", 4),
        ("ment", 4),
        ("ings", 3),
        ("ing", 3),
        ("ies", 2),
        ("ed", 3),
        ("es", 3),
        ("s", 3),
    ):
        if word.endswith(suffix) and len(word) - len(suffix) >= keep and not word.endswith("ss"):
            base = word[: -len(suffix)]
            if suffix == "ies":
                return base + "y"
            if suffix in ("ing", "ings", "ed") and len(base) > 3 and base[-1] == base[-2] and base[-1] not in "ls":
                base = base[:-1]
            return base.rstrip("e") if len(base) > 3 else base
    return word.rstrip("e") if len(word) > 3 else word


def words(text: str) -> list[str]:
    """All words and numbers, lower case, in order."""
    return [found.group().lower().rstrip(".,:") for found in _WORD.finditer(text)]


_HOW = re.compile(r"\bhow (?:late|early)\b", re.IGNORECASE)
"""In "how late are you open" the word asks; in "if I pay late" it says something."""


def content(text: str) -> list[str]:
    """Stems of the words that carry meaning, in order, each once."""
    said = words(_HOW.sub("how", text))
    return list(dict.fromkeys(stem(word) for word in said if word not in STOP and len(word) > 1))


class Thesaurus:
    """Which stems count as the same (symmetrical), and which words say nothing about a subject."""

    def __init__(self, synonyms: Mapping[str, Iterable[str]], generic: Iterable[str] = ()) -> None:
        self.generic = frozenset(stem(word) for word in generic)
        self._same: dict[str, set[str]] = {}
        for word, others in synonyms.items():
            for other in others:
                self._same.setdefault(stem(word), set()).add(stem(other))
                self._same.setdefault(stem(other), set()).add(stem(word))

    def covered(self, asked: Iterable[str], present: Iterable[str]) -> list[str]:
        """Those of ``asked`` that stand in ``present``, themselves or by a synonym."""
        there = set(present)
        return [word for word in asked if word in there or self._same.get(word, set()) & there]
