"""Names and terms as the documents write them, in a question as the recogniser heard it. Pure.

Recognition mangles names more than other words, and a name that stands in no document is a question about a thing
that the owner does not have. So words that stand in none of the passages found, or that the recogniser itself doubts,
are taken for what sounds much like them (knowledge/sounds.py) in the passages' titles, or, if they are doubted, in
their texts. Up to five words may be one name, and one word may be several.

::

    "do you have group seating at Takria"          Tacorea           takri, takori: 0.88 alike
                                  └ in no passage found
    "the return to Posit fee for gold years"       returned deposit  returntoposit, returnedeposit: 0.87
                └──────┘ doubted        └ said as a title has it: settled
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz import process
from rapidfuzz.distance import OSA

from contracts.engines import Passage, Word
from dialog.everyday import everyday
from dialog.words import STOP, content, stem
from knowledge.sounds import alike, sounds

_WORD = re.compile(r"[^\W_]+(?:['’][^\W\d_]+)*")
LOOKED_AT = 10
"""Passages whose words count."""
IN_NAME, IN_TEXT, SAID = 6, 3, 5
"""Words in a row that are compared: of a title, of a text, of the question."""
SURE = 0.95
"""A word that the recogniser is surer of (0..1) must be more alike to be taken for another."""
DOUBTED = 0.8
"""A word that stands in the passages is looked at only if it is less sure."""
MORE = 0.06
"""So much more alike must be what is no name, what the recogniser is sure of, and what stands in the passages."""
UNLIKE = 0.6
"""Words that are no more alike have nothing to do with one another: likeness counts from here."""
LESS, SHORT = 0.06, 7
"""So much less alike may be what has twice so many sounds as are short."""
FEWEST_SOUNDS = 3
"""What sounds shorter must sound the same."""
ODD, HARDLY, ALMOST_NOT = 1.0, 0.5, 0.25
"""A word that no passage holds; one of them that the recogniser is sure of, or that the passages hold and it doubts; an
everyday word that nobody doubts and no passage holds, which is another only if that sounds the same ("row" for Rho)."""
MOST_MENDED = 4
_CLOSEST = 12
_ROUGHLY = 0.4


@dataclass(slots=True, frozen=True)
class _Term:
    """Words of a passage as they stand there."""

    words: tuple[str, ...]
    name: bool


@dataclass(slots=True, frozen=True)
class _Mend:
    """``first`` … ``last`` of the question's words are to be ``text``. ``score``: likeness, 0..1."""

    score: float
    gain: float
    first: int
    last: int
    text: str


def mended(question: str, passages: Sequence[Passage], least: float, heard: Sequence[Word] = ()) -> str:
    """``question`` with what was misheard replaced; itself if nothing was.

    ``least``: likeness, 0..1, from which on a word is taken for another; ``heard``: the words' probabilities, if known.
    """
    said = list(_WORD.finditer(question))
    if not said or not passages:
        return question
    words = [one.group() for one in said]
    held = {word for one in passages for word in content(f"{one.title} {one.heading} {one.text}")}
    terms = _terms(passages)
    odd = _strange(words, held, _probabilities(heard), terms)
    mends: list[_Mend] = []
    while len(mends) < MOST_MENDED and any(odd):
        best = max(_candidates(words, odd, terms, least), key=lambda one: (one.gain, one.score), default=None)
        if best is None:
            break
        mends.append(best)
        for at in range(best.first, best.last + 1):
            odd[at] = 0.0
            words[at] = ""
    for one in sorted(mends, key=lambda one: -one.first):
        question = question[: said[one.first].start()] + one.text + question[said[one.last].end() :]
    return question


def doubted(heard: Sequence[Word]) -> frozenset[str]:
    """Words that mean something and that the recogniser doubts."""
    sure = _probabilities(heard)
    return frozenset(word for word, likely in sure.items() if likely < DOUBTED and word not in STOP)


def _probabilities(heard: Sequence[Word]) -> Mapping[str, float]:
    """The least that each word was believed with."""
    found: dict[str, float] = {}
    for one in heard:
        for word in _WORD.findall(one.text.lower()):
            found[word] = min(one.probability, found.get(word, 1.0))
    return found


def _strange(
    words: Sequence[str], held: set[str], sure: Mapping[str, float], terms: Mapping[str, _Term]
) -> list[float]:
    """How much each word asks to be another: ODD, HARDLY or ALMOST_NOT; 0 if it is settled."""
    odd = []
    for word in words:
        likely = sure.get(word.lower(), 0.0 if word.lower() not in everyday() else 1.0)
        written, doubt = stem(word) in held, bool(sure) and likely < DOUBTED
        if word.lower() in STOP or (written and not doubt):
            odd.append(0.0)
        elif written:
            odd.append(HARDLY)
        elif word.lower() in everyday() and not doubt:
            odd.append(ALMOST_NOT)
        else:
            odd.append(ODD if likely <= SURE else HARDLY)
    known = {" ".join(map(stem, one.words)) for one in terms.values() if one.name and len(one.words) > 1}
    for first in range(len(words)):
        for last in range(first + 1, min(len(words), first + IN_NAME)):
            if " ".join(map(stem, words[first : last + 1])) in known:
                odd[first : last + 1] = [0.0] * (last + 1 - first)
    return odd


def _candidates(
    words: Sequence[str], odd: Sequence[float], terms: Mapping[str, _Term], least: float
) -> Iterator[_Mend]:
    for first in range(len(words)):
        for last in range(first, min(len(words), first + SAID)):
            part = words[first : last + 1]
            if not all(part) or any(map(str.isdigit, "".join(part))):
                break  # mended already, or a number: it has no sound here and must not be lost
            strange = sum(odd[first : last + 1])
            if not strange:
                continue
            for score, term in _like(part, terms):
                needed = least + (0.0 if term.name else MORE) - _chance(part)
                asks = max(odd[first : last + 1])
                needed = 1.0 if asks == ALMOST_NOT else needed + (MORE if asks == HARDLY else 0.0)
                if score >= needed:
                    yield _Mend(score, (score - UNLIKE) * strange, first, last, " ".join(term.words))


def _chance(part: Sequence[str]) -> float:
    """So much less alike may be what is long: many sounds do not come together by chance."""
    return min(LESS, LESS * max(0, len(sounds(" ".join(part))) - SHORT) / SHORT)


def _like(part: Sequence[str], terms: Mapping[str, _Term]) -> Iterator[tuple[float, _Term]]:
    """Terms that sound like ``part``, by what is not the same word at either end of both."""
    sound = sounds(" ".join(part))
    if not sound:
        return
    near = process.extract(
        sound, terms.keys(), scorer=OSA.normalized_similarity, score_cutoff=_ROUGHLY, limit=_CLOSEST, processor=None
    )
    for key, _, _ in near:
        term = terms[key]
        if _loses(part, term.words):
            continue
        mine, other = _differing(list(part), list(term.words))
        if mine and other and set(map(str.lower, mine)) - STOP and set(map(str.lower, other)) - STOP:
            one, two = sounds(" ".join(mine)), sounds(" ".join(other))
            if one == two or min(len(one), len(two)) >= FEWEST_SOUNDS:
                yield min(alike(one, two), alike(sound, key)), term


def _loses(part: Sequence[str], term: Sequence[str]) -> bool:
    """Does an empty word at an end of a longer ``part`` have nothing to become? Then it is no part of the name."""
    ends = ((part[0], term[0]), (part[-1], term[-1]))
    return len(part) > 2 and any(one.lower() in STOP and other.lower() not in STOP for one, other in ends)


def _differing(one: list[str], other: list[str]) -> tuple[list[str], list[str]]:
    while one and other and stem(one[0]) == stem(other[0]):
        one, other = one[1:], other[1:]
    while one and other and stem(one[-1]) == stem(other[-1]):
        one, other = one[:-1], other[:-1]
    return one, other


def _terms(passages: Sequence[Passage]) -> Mapping[str, _Term]:
    """By their sounds: words of the titles, and of the first passages' texts; what is in a title is a name."""
    found: dict[str, _Term] = {}
    for one in passages[:LOOKED_AT]:
        found |= {key: found.get(key, term) for key, term in _runs(one.title, IN_NAME, name=True).items()}
    for one in passages[:LOOKED_AT]:
        for text in (one.heading, one.text):
            found |= {key: found.get(key, term) for key, term in _runs(text, IN_TEXT, name=False).items()}
    return found


@lru_cache(maxsize=512)
def _runs(text: str, most: int, *, name: bool) -> Mapping[str, _Term]:
    """Runs of up to ``most`` words; empty words end none, and begin only a name ("The Haight")."""
    words = _WORD.findall(text)
    found: dict[str, _Term] = {}
    for first in range(len(words)):
        for last in range(first, min(len(words), first + most)):
            run = tuple(words[first : last + 1])
            if any(map(str.isdigit, "".join(run))):
                break
            if run[-1].lower() not in STOP and (run[0].lower() not in STOP or (name and first == 0)):
                key = sounds(" ".join(run))
                if key:
                    found.setdefault(key, _Term(run, name))
    return found
