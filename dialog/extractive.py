"""Rung 1: one passage clearly answers, so its own words are spoken. No language model.

Pure. Each sentence is weighed by how much of the question stands in it (rare words count more, words that say nothing
of a subject little, the passage's heading in part) and by whether it holds the kind of fact that the question asks for
(when → times and days, how much → amounts, how long → durations). The one after it follows where it carries on, the
one before it where the chosen one leans on it ("After that …").
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from contracts.engines import Passage
from dialog.facts import facts
from dialog.kinds import asks_yes_no, kinds, mismatch, silent, wanted_facts
from dialog.matching import unnamed
from dialog.words import Thesaurus, content
from knowledge.passages import SEPARATOR, sentences

MAX_WORDS = 45
"""Longest extractive answer: about fifteen seconds of speech."""
MIN_WORDS = 4
"""Shorter ones are headings that found their way into the text."""
GENERIC_WEIGHT = 0.35
HEADING_WEIGHT = 0.6
SYNONYM_WEIGHT = 0.8
"""A "credit card" is a card, and the sentence about the debit card is not about it."""
LEAST_FIT = 0.35
"""A sentence that fits a question for a fact less than this does not answer it."""
DECIDES = 0.4
"""Weighted share of a yes-or-no question's own words in the sentence that answers it, with its heading."""
SAME_QUESTION = 0.9
"""Weighted share of a question's words in a heading that asks the same."""
_TWO = re.compile(r"[,.?]?\s+and\s+(?=(?:how|what|when|where|do|does|can|is|are)\b)", re.IGNORECASE)
_CARRY_ON = re.compile(
    r"^(?:it|they|this|that|then|also|after that|on (?:sun|satur|fri)day|you (?:then|also|will))\b", re.IGNORECASE
)
_LEANS_BACK = re.compile(
    r"^(?:after that|otherwise|then|it|they|that|this|also|in that case|each further)\b"
    r"|\b(?:on|of|for|with) (?:it|them)\b",
    re.IGNORECASE,
)
_REQUEST = re.compile(
    r"\b(?:how (?:do|can|would|should|to)|what (?:do|should|can) i do|i(?:'d| would)? (?:like|want|need|have) to"
    r"|can i|could i|can you|could you|what(?:'s| is| are) my|(?:how much|what) (?:money )?(?:do )?i have)\b",
    re.IGNORECASE,
)
"""Wants something done, or what only the caller's own account could tell: how to go about it is the answer."""
_ASKING = re.compile(
    r"^\W*(?:(?:uh|um|and|so|okay|well|hi|hello)\W+)*(?:what|when|where|who|whose|which|why|how|is|are|do|does|did"
    r"|will|was|may)\b|\?\s*$",
    re.IGNORECASE,
)
_INSTRUCTION = re.compile(
    r"^(?:you can|to |call |in the |on our |choose |sign in|send |go to|open |press |please |if you(?:r)? |by text)",
    re.IGNORECASE,
)
_GENERAL = re.compile(r"^(?:all|every|each|our|we)\b", re.IGNORECASE)
"""A statement about everything answers more than one about a part."""
FIGURES = frozenset(("money", "percent", "time", "date", "duration", "number", "measure"))
_KEY = re.compile(r"^([A-Z][^:.]{3,60}): ")
"""What a line of a list is about."""
_ROW = re.compile(r"^[^:;.]{1,40}: (?P<key>[^:;]+); [^:;.]{1,40}: (?P<value>[^;]+?)\.?$")
"""A row of a two-column table, as knowledge.passages writes it."""


@dataclass(slots=True, frozen=True)
class Extract:
    """The chosen sentences, how much of the question stands in the best of them (0..1), and whose they are."""

    text: str
    share: float
    passage: Passage


@dataclass(slots=True, frozen=True)
class _Asked:
    """A question taken apart once. ``weights``: content stem → how much it tells one sentence from another."""

    question: str
    weights: Mapping[str, float]
    wanted: tuple[str, ...]
    days: frozenset[str]
    request: bool

    def share(self, present: Iterable[str], thesaurus: Thesaurus) -> dict[str, float]:
        """Weights of the stems that stand in ``present``; less of those that say something of a subject
        and of which only a synonym does."""
        there = set(present)
        return {
            stem: self.weights[stem] * (1.0 if stem in there or stem in thesaurus.generic else SYNONYM_WEIGHT)
            for stem in thesaurus.covered(self.weights, there)
        }


@dataclass(slots=True, frozen=True)
class _Choice:
    """The best sentence so far, and where it stands."""

    value: float
    share: float
    passage: Passage
    candidates: list[str]
    index: int


def spoken(sentence: str) -> str:
    """For the ear: "Service: Money order; Price: 4 dollars." → "Money order: 4 dollars." """
    row = _ROW.match(sentence)
    return f"{row['key']}: {row['value']}." if row else sentence


def extract(question: str, passages: Sequence[Passage], thesaurus: Thesaurus) -> Extract | None:
    """The passages' own answer, one to three sentences of at most 45 words; None if no sentence fits the question.

    ``passages`` are of one document, best first. "How much is it, and how long does it take?" is two questions.
    """
    parts = [part for part in _TWO.split(question) if content(part)]
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
    asked = _take_apart(question, passages, thesaurus)
    best: _Choice | None = None
    for one in _choices(asked, passages, thesaurus):
        if best is None or one.value > best.value:
            best = one
    if best is None or (asked.wanted and best.value < LEAST_FIT):
        return None
    return _worded(best, asked, thesaurus, alone=alone)


def answers_to(question: str, passages: Sequence[Passage], thesaurus: Thesaurus) -> list[tuple[str, float]]:
    """Every sentence of the passages (of one document, best first) that fits the question, with how well it does
    (about 0..2, as `extract` weighs them), best first."""
    asked = _take_apart(question, passages, thesaurus)
    found = sorted(_choices(asked, passages, thesaurus), key=lambda one: one.value, reverse=True)
    least = LEAST_FIT if asked.wanted else 0.0
    return [(one.candidates[one.index], one.value) for one in found if one.value >= least]


def _choices(asked: _Asked, passages: Sequence[Passage], thesaurus: Thesaurus) -> Iterator[_Choice]:
    """Each sentence that may be spoken by itself, weighed."""
    if not asked.weights and not asked.wanted:
        return
    lines = _line_names(asked, passages, thesaurus)
    for rank, passage in enumerate(passages):
        candidates = sentences(passage.text)
        for index, sentence in enumerate(candidates):
            said, at = _said(candidates, index)
            if len(said.split()) < MIN_WORDS or not _row_asked(sentence, asked, thesaurus):
                continue
            if mismatch(asked.question, candidates[at]) or not _on_the_line(said, passage, lines, thesaurus):
                continue
            if silent(asked.question, _carried_on(candidates, at)) or not _decides(said, asked, passage, thesaurus):
                continue
            value, share = _fit(said, asked, passage, thesaurus)
            if index == 0 and _same_question(asked, passage, thesaurus):
                share = max(share, min(value, 1.0))
            yield _Choice(value - 0.02 * index - 0.06 * rank, share, passage, candidates, at)


def _said(candidates: Sequence[str], index: int) -> tuple[str, int]:
    """What is weighed, and the sentence that is spoken for it; "" for one that is not spoken by itself.

    A heading that asks ("Do I pay for statements?") is weighed with the sentence that answers it, which is spoken. One
    that ends with a colon promises a list and holds none of it.
    """
    sentence = candidates[index].rstrip(". ")
    if sentence.endswith("?"):
        return (f"{sentence} {candidates[index + 1]}", index + 1) if index + 1 < len(candidates) else ("", index)
    return ("", index) if sentence.endswith(":") else (candidates[index], index)


def _carried_on(candidates: Sequence[str], index: int) -> str:
    """A sentence with the next one, if that carries on and would be spoken with it: "… is 18. It costs 2 dollars." """
    following = candidates[index + 1] if index + 1 < len(candidates) else ""
    return f"{candidates[index]} {following}" if _CARRY_ON.match(following) else candidates[index]


def _worded(best: _Choice, asked: _Asked, thesaurus: Thesaurus, *, alone: bool) -> Extract | None:
    """The chosen sentence with the neighbours that belong to it."""
    chosen = [best.candidates[best.index]]
    room = MAX_WORDS - len(chosen[0].split())
    if room < 0:
        return None
    before = best.candidates[best.index - 1] if best.index else ""
    if before and _LEANS_BACK.search(chosen[0]) and len(before.split()) <= room:
        chosen.insert(0, before)
        room -= len(before.split())
    following = best.candidates[best.index + 1] if best.index + 1 < len(best.candidates) else ""
    fits = alone and len(chosen) == 1 and following and len(following.split()) <= room
    together = _in_one_line(best.candidates[best.index], following, best.passage.text)
    if fits and _ROW.match(chosen[0]) is None and _belongs(following, asked, thesaurus, together=together):
        chosen.append(following)
    return Extract(" ".join(spoken(one) for one in chosen), best.share, best.passage)


def _take_apart(question: str, passages: Sequence[Passage], thesaurus: Thesaurus) -> _Asked:
    return _Asked(
        question,
        _weights(question, passages, thesaurus),
        wanted_facts(question),
        frozenset(fact for fact in facts(question) if fact.startswith("day:")),
        bool(_REQUEST.search(question)) or not _ASKING.search(question),
    )


def _weights(question: str, passages: Sequence[Passage], thesaurus: Thesaurus) -> dict[str, float]:
    """Content stems of the question but the document's name; those that stand in few of the sentences weigh most."""
    stems = unnamed(question, passages[0].title, " ".join(one.text for one in passages)) if passages else []
    counts: Counter[str] = Counter()
    total = 0
    for passage in passages:
        for sentence in sentences(passage.text):
            total += 1
            counts.update(thesaurus.covered(stems, content(sentence)))
    return {
        stem: math.log(1 + (total + 1) / (1 + counts[stem])) * (GENERIC_WEIGHT if stem in thesaurus.generic else 1.0)
        for stem in stems
    }


def _fit(sentence: str, asked: _Asked, passage: Passage, thesaurus: Thesaurus) -> tuple[float, float]:
    """How well a sentence answers, and the weighted share of the question's words in it."""
    whole = sum(asked.weights.values()) or 1.0
    inside = asked.share(content(sentence), thesaurus)
    above = asked.share(content(passage.heading), thesaurus)
    share = sum(inside.values()) / whole
    value = share + HEADING_WEIGHT * sum(weight for stem, weight in above.items() if stem not in inside) / whole
    if asked.wanted and kinds(sentence) & set(asked.wanted):
        value += 0.35
    if asked.request and not asked.wanted and _INSTRUCTION.match(sentence):
        value += 0.2
    key = _KEY.match(sentence)
    if key is not None and set(content(key[1])) <= set(asked.weights):
        value += 0.1
    if _GENERAL.match(sentence):
        value += 0.12
    if asked.days:
        value += 0.4 if asked.days & facts(sentence) else -0.2
    return value, max(share, min(value, 1.0) if above and inside else share)


def opening(passage: Passage) -> Extract:
    """Its first sentences, as many as are spoken, for whoever wants this passage though none fits the question."""
    said: list[str] = []
    for sentence in (one for line in passage.text.splitlines() for one in sentences(line)):
        if said and sum(len(one.split()) for one in (*said, sentence)) > MAX_WORDS:
            break
        said.append(sentence)
    return Extract(" ".join(said), 0.0, passage)


def _same_question(asked: _Asked, passage: Passage, thesaurus: Thesaurus) -> bool:
    """Does the heading ask what was asked? Then what follows answers, in whatever words."""
    heading = passage.heading.rpartition(SEPARATOR)[2]
    whole = sum(asked.weights.values())
    return "?" in heading and sum(asked.share(content(heading), thesaurus).values()) >= SAME_QUESTION * whole > 0


def _row_asked(sentence: str, asked: _Asked, thesaurus: Thesaurus) -> bool:
    """A table's row answers only a question that names the thing in its first column."""
    row = _ROW.match(sentence)
    if row is None:
        return True
    named = [stem for stem in content(row["key"]) if not stem[0].isdigit()][:2]
    return len(thesaurus.covered(named, list(asked.weights))) == len(named)


def _line_names(asked: _Asked, passages: Sequence[Passage], thesaurus: Thesaurus) -> list[str]:
    """Stems that say which of a document's figures is meant ("annual" of an annual fee): those of the question that
    say something of a subject and that some sentence with a figure, or a heading, holds."""
    meant = [stem for stem in asked.weights if stem not in thesaurus.generic and not stem[0].isdigit()]
    held = {stem for one in passages for stem in content(one.heading.rpartition(SEPARATOR)[2])}
    for one in passages:
        held |= {stem for line in sentences(one.text) if kinds(line) & FIGURES for stem in content(line)}
    return thesaurus.covered(meant, held)


def _on_the_line(sentence: str, passage: Passage, lines: Sequence[str], thesaurus: Thesaurus) -> bool:
    """Does a sentence with a figure hold, itself or by its heading, any of the words that say which figure is meant?"""
    if not lines or not kinds(sentence) & FIGURES:
        return True
    return bool(thesaurus.covered(lines, content(f"{passage.heading.rpartition(SEPARATOR)[2]} {sentence}")))


def _decides(sentence: str, asked: _Asked, passage: Passage, thesaurus: Thesaurus) -> bool:
    """Does a sentence that answers a yes-or-no question say enough of what was asked, itself or by its heading?"""
    titled = set(thesaurus.covered(asked.weights, content(passage.title)))
    meant = {stem: weight for stem, weight in asked.weights.items() if stem not in thesaurus.generic | titled}
    if not meant or asked.request or not asks_yes_no(asked.question):
        return True
    held = thesaurus.covered(meant, content(f"{passage.heading.rpartition(SEPARATOR)[2]} {sentence}"))
    return sum(meant[stem] for stem in held) >= DECIDES * sum(meant.values())


def _in_one_line(first: str, second: str, text: str) -> bool:
    """Do both stand in one paragraph?"""
    return any(first in line and second in line for line in text.splitlines())


def _belongs(sentence: str, asked: _Asked, thesaurus: Thesaurus, *, together: bool) -> bool:
    """Does it go on with what the one before it says? A question never does; "this" in a new paragraph is another."""
    if sentence.rstrip(". ").endswith("?"):
        return False
    if together and _CARRY_ON.match(sentence):
        return True
    if asked.request and not asked.wanted and _INSTRUCTION.match(sentence):
        return True
    return bool(kinds(sentence) & set(asked.wanted) and asked.share(content(sentence), thesaurus))
