"""Names as the documents write them, in a question as the recogniser heard it. Pure.

Recognition mangles names more than other words, and a name that stands in no document is a question about a thing
that the owner does not have. So a word that stands in none of the passages found is taken for the word of their titles,
or the name in their texts, that it sounds and is spelled much like; two neighbours may be one word, and one may be two.

::

    "do you have group seating at Takria"      Tacorea: both TKR, four of seven letters
                                  └─ stands in no passage found
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from jellyfish import metaphone
from rapidfuzz.distance import OSA

from contracts.engines import Passage
from dialog.words import STOP, content, stem

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_APOSTROPHE = re.compile("['’]")
SHORTEST = 3
"""Letters; shorter words are too much alike."""
LOOKED_AT = 10
"""Passages whose names count."""
_SMALL = re.compile(r"\b[a-z][a-z'’]*")
_NAME = re.compile(r"(?<=[a-z,] )[A-Z][\w'’]{2,}(?:[ -][A-Z][\w'’]+)*")
"""A capital that begins no sentence."""


def mended(question: str, passages: Sequence[Passage], least: float) -> str:
    """``question`` with misheard names of the passages replaced; itself if there are none.

    ``least``: likeness, 0..1, from which on a word is taken for another.
    """
    held = {word for one in passages for word in content(f"{one.title} {one.heading} {one.text}")}
    said = list(_WORD.finditer(question))
    strange = [one.group().lower() not in STOP and stem(one.group()) not in held for one in said]
    if not any(strange):
        return question
    names = _names(passages[:LOOKED_AT])
    parts: list[str] = []
    done = at = 0
    while at < len(said):
        found = [one for one in _alike(said[at : at + 2], strange[at : at + 2], names, held) if one[0] >= least]
        width = 1
        if found:
            _, width, name = max(found)
            parts += [question[done : said[at].start()], name]
            done = said[at + width - 1].end()
        at += width
    return "".join((*parts, question[done:]))


@lru_cache(maxsize=4096)
def likeness(one: str, other: str) -> float:
    """Of two words, 0..1: mean of how they sound (Metaphone, Philips 1990) and how they are spelled."""
    sounds = OSA.normalized_similarity(metaphone(one), metaphone(other))
    return float(sounds + OSA.normalized_similarity(one, other)) / 2


def _alike(
    said: Sequence[re.Match[str]], strange: Sequence[bool], names: Sequence[str], held: set[str]
) -> Iterator[tuple[float, int, str]]:
    """(likeness, words replaced, what by) for the first of two words, alone and together with the next."""
    first, *rest = (_APOSTROPHE.sub("", one.group().lower()) for one in said)
    heard = [(first, 1)] if strange[0] else []
    if rest and any(strange) and stem(first + rest[0]) in held:
        yield 1.0, 2, first + rest[0]
    if rest and any(strange) and first not in STOP and rest[0] not in STOP:
        heard.append((first + rest[0], 2))
    for word, width in heard:
        for name in names:
            if len(word) >= SHORTEST and not (width > 1 and " " in name):
                yield likeness(word, _APOSTROPHE.sub("", name.replace(" ", "").lower())), width, name


def _names(passages: Sequence[Passage]) -> list[str]:
    """Words of their titles, and of what their texts write with a capital and never without."""
    text = " ".join(f"{one.title}. {one.heading}. {one.text}" for one in passages)
    small = set(_SMALL.findall(text))
    inside = [run for run in _NAME.findall(text) if not small.issuperset(_WORD.findall(run.lower()))]
    whole = [*(one.title for one in passages), *inside]
    return list(dict.fromkeys(part for one in dict.fromkeys(whole) for part in _parts(one)))


def _parts(name: str) -> Iterator[str]:
    """Each longer word of a name, and each two neighbours."""
    words = [one.group() for one in _WORD.finditer(name)]
    for word, after in zip(words, [*words[1:], ""], strict=True):
        if word.lower() in STOP:
            continue
        if len(word) > SHORTEST:
            yield word
        if after:
            yield f"{word} {after}"
