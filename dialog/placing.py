"""Facts that stand in the passage, but of something else: Monday's hours for Saturday, one wire's price for another.

Pure. Where several sentences hold facts of one kind, each belongs to the days and the words of its own sentence.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from dialog.facts import NUMBER_WORDS, facts
from dialog.words import content, stem

_VALUES = ("time", "money", "percent", "date", "number")
_WEEK = "monday tuesday wednesday thursday friday saturday sunday".split()
_RANGE = re.compile(rf"\b({'|'.join(_WEEK)})s?\s+(?:to|through|till|until|-|–)\s+({'|'.join(_WEEK)})\b", re.IGNORECASE)
_NUMBERS = frozenset(stem(word) for word in NUMBER_WORDS)
_LIGHT = frozenset(stem(word) for word in "take takes cost costs arrive arrives pay charge be make last".split())
"""Verbs that go with any fact of a kind and tell none from another."""


def days(text: str) -> frozenset[str]:
    """The days a text is about, ranges filled: "Monday to Wednesday" is three."""
    found = {fact.partition(":")[2] for fact in facts(text) if fact.startswith("day:")}
    for match in _RANGE.finditer(text):
        first, last = _WEEK.index(match[1].lower()), _WEEK.index(match[2].lower())
        span = range(first, last + 1) if first <= last else [*range(first, 7), *range(last + 1)]
        found |= {_WEEK[day] for day in span}
    if "weekday" in found:
        found |= set(_WEEK[:5])
    if "weekend" in found:
        found |= set(_WEEK[5:])
    return frozenset(found & set(_WEEK))


def misplaced(sentence: str, source: Sequence[str]) -> set[str]:
    """Facts of ``sentence`` that the ``source`` sentences say of other days or other things; empty if all is well."""
    said = {fact for fact in facts(sentence) if fact.partition(":")[0] in _VALUES}
    if not said:
        return set()
    return _on_other_days(sentence, said, source) or _of_other_things(sentence, said, source)


def _on_other_days(sentence: str, said: set[str], source: Sequence[str]) -> set[str]:
    asked = days(sentence)
    times = {fact for fact in said if fact.startswith("time:")}
    if not asked or not times:
        return set()
    spans = [(times & facts(line), days(line)) for line in source]
    whole = [span for held, span in spans if held == times and span]
    if whole:  # one sentence holds all of them: it must be about all of these days
        return set() if any(asked <= span for span in whole) else times
    return {
        time for time in times if (held := [span for there, span in spans if time in there and span])
        and not any(asked & span for span in held)
    }  # fmt: skip


def _of_other_things(sentence: str, said: set[str], source: Sequence[str]) -> set[str]:
    """A word of the sentence stands only beside another fact of the same kind, not beside the one it gives."""
    kinds = {fact.partition(":")[0] for fact in said}
    meant = {word for word in content(sentence) if word not in _NUMBERS | _LIGHT and not word[0].isdigit()}
    holding = [set(content(line)) for line in source if said <= facts(line)]
    if not holding:
        return set()
    for line in source:
        there = facts(line)
        rivals = {fact for fact in there if fact.partition(":")[0] in kinds} - said
        words = set(content(line))
        if not rivals or said & there or len(meant & words) < 2:
            continue
        if meant & words and all((meant & words) > (meant & held) for held in holding):
            return said
    return set()
