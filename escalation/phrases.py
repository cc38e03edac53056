"""Phrases over recognised speech: a small pattern language, tolerant of recognition errors, aware of negation.

::

    pattern   speak (to|with) (a|an|the)? <person>      in the rules file
    heard     "No. I'd like to speek with a reprasentative"
    clauses   "no"  "i'd like to speak with a representative"    normalise, split, repair the key nouns
    match                        └──────────────────────────┘

In a pattern: words; ``(a|b c)`` alternatives; ``?`` after a word or group makes it optional; ``*`` stands for up to
four words; ``<name>`` for any entry of the rule file's word list of that name; ``^`` and ``$`` are the clause's ends.
A match is dropped when a negation governs it ("I don't need a human"), see NEGATED.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

_APOSTROPHES = str.maketrans({"’": "'", "‘": "'", "`": "'"})
_CLAUSE_END = re.compile(r"[.,;:!?\n…—]+(?=\s|$)|\s-\s|\b(?:but|because|however)\b", re.IGNORECASE)
_NOT_WORD = re.compile(r"[^a-z0-9' ]+")
_TOKEN = re.compile(r"\(|\)\??|\||\*|\^|\$|<[a-z_]+>\??|[a-z0-9']+\??")
_LIGHT = (
    "i|i'm|am|really|actually|necessarily|even|just|to|be|being|have|had|want|wanna|wanting|need|needing|wish"
    "|like|think|looking|asking|trying|calling|going|gonna|feel|ready|for|any|a|an|the|with|speak|talk|speaking"
    "|talking|get|getting|having|you to|say|saying|said|it|is|was|there|this|that|about|of|connect|transfer|put|call"
    "|yet|dying|planning|intending|thinking|considering|in|my"
)
# "Why don't I…" and "can't I…" ask for the thing, so only these words negate, and only across light words: in
# "I don't understand get me a human" the negation ends at "understand".
NEGATED = re.compile(
    r"(?<!why )\b(?:not|don't|dont|doesn't|didn't|do not|no|never|without|no need|rather than|instead of|isn't|aren't"
    rf"|wasn't|wouldn't|am not|nobody|neither|nor)(?:\s(?:{_LIGHT}))*\s*$"
)
# …and a bare "no" in front of a whole request is an answer, not a negation: "no I want a human".
_ANSWER_NO = re.compile(r"\bno(?:\s(?:no|thanks|i|i'm|i'd|just|really|actually|you|that|it|is|this|we|me|please))+\s")
_FUZZY_FROM = 5
"""Shorter words are not repaired: too many real words lie one letter away."""


def normalise(text: str) -> str:
    """Lower case, straight apostrophes, only letters, digits and apostrophes, single spaces."""
    plain = text.lower().translate(_APOSTROPHES).replace("-", " ")
    return " ".join(word.strip("'") for word in _NOT_WORD.sub(" ", plain).split() if word.strip("'"))


def clauses(text: str) -> list[str]:
    """The clauses of an utterance, normalised; what punctuation and "but" separate."""
    parts = (normalise(part) for part in _CLAUSE_END.split(text.translate(_APOSTROPHES)))
    return [part for part in parts if part]


def within(left: str, right: str, limit: int) -> bool:
    """Whether two words are at most ``limit`` edits apart (insert, delete, replace, swap of neighbours)."""
    if abs(len(left) - len(right)) > limit:
        return False
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        older, before, row = before, row, [i]
        for j, b in enumerate(right, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
        if min(row) > limit:
            return False
    return row[-1] <= limit


class Lexicon:
    """Word lists and mishearings of one rule file; repairs recognised words towards them.

    ``words``: list name → words or phrases; ``heard_as``: right word or phrase → what recognisers make of it;
    ``keep``: real words that must never be repaired into a listed one, nor are those of ``said``, which patterns name.
    """

    def __init__(
        self,
        words: Mapping[str, Sequence[str]],
        heard_as: Mapping[str, Sequence[str]] | None = None,
        keep: Iterable[str] = (),
        said: Iterable[str] = (),
    ) -> None:
        self.words = {name: tuple(normalise(word) for word in listed) for name, listed in words.items()}
        single = {part for listed in self.words.values() for word in listed for part in word.split()}
        self._known = single | {normalise(word) for word in keep}
        # "breaking into my house" is no breathing; plurals ("humans") are still made the listed word.
        self._said = {word for word in map(normalise, said) if word.removesuffix("s") not in single}
        self._nouns = sorted(word for word in single if len(word) >= _FUZZY_FROM)
        self._heard = [
            (re.compile(rf"\b{re.escape(normalise(wrong))}\b"), normalise(right))
            for right, wrongs in (heard_as or {}).items()
            for wrong in wrongs
        ]

    def repair(self, clause: str) -> str:
        """The clause with misheard key nouns put right: "oparator" → "operator", "some one" → "someone"."""
        for pattern, right in self._heard:
            clause = pattern.sub(right, clause)
        words: list[str] = []
        for word in clause.split():
            if words and words[-1] + word in self._known and word not in self._known:
                words[-1] += word
            else:
                words.append(self._repair_word(word))
        return " ".join(words)

    def _repair_word(self, word: str) -> str:
        if word in self._known or word in self._said or len(word) < _FUZZY_FROM - 1 or word.endswith("'s"):
            return word
        for noun in self._nouns:
            if word[0] == noun[0] and within(word, noun, 2 if len(noun) >= 8 else 1):
                return noun
        return word


@dataclass(slots=True, frozen=True)
class Match:
    """Where a pattern was found: the words, as repaired, and their span in the clause."""

    words: str
    start: int
    end: int


class Phrases:
    """Compiled patterns of one trigger.

    ``unless`` patterns cancel a match that they overlap ("are you a human?", "an appointment with a representative").
    Raises ValueError for a pattern that cannot be read.
    """

    def __init__(self, patterns: Sequence[str], unless: Sequence[str], lexicon: Lexicon) -> None:
        self._lexicon = lexicon
        self._patterns = [compile_pattern(pattern, lexicon) for pattern in patterns]
        self._unless = [compile_pattern(pattern, lexicon) for pattern in unless]

    def denies(self, text: str) -> bool:
        """Whether the text holds a pattern only negated or cancelled: "I don't need an ambulance"."""
        for raw in clauses(text):
            clause = self._lexicon.repair(raw) + " "
            if any(pattern.search(clause) for pattern in (*self._patterns, *self._unless)):
                return self.find(text) is None
        return False

    def find(self, text: str) -> Match | None:
        """The first match that is neither negated nor cancelled."""
        for raw in clauses(text):
            clause = self._lexicon.repair(raw) + " "
            cancelled = [found.span() for pattern in self._unless for found in pattern.finditer(clause)]
            for pattern in self._patterns:
                for found in pattern.finditer(clause):
                    start, end = found.span()
                    if any(left < end and start < right for left, right in cancelled):
                        continue
                    if not is_negated(clause[:start]):
                        return Match(clause[start:end], start, end)
        return None


def is_negated(before: str) -> bool:
    """Whether the words before a match negate it."""
    before = _ANSWER_NO.sub(" ", f"{before} ") if before.startswith("no") else before
    return NEGATED.search(before) is not None


def compile_pattern(pattern: str, lexicon: Lexicon) -> re.Pattern[str]:
    """A phrase pattern as a regular expression over normalised clauses. Raises ValueError naming what is wrong."""
    text = pattern.lower().translate(_APOSTROPHES)
    pieces = _TOKEN.findall(text)
    if "".join(pieces) != re.sub(r"\s+", "", text) or not pieces:
        raise ValueError(f"phrase {pattern!r}: only words, ( | ), ?, *, <list>, ^ and $ may stand in it")
    parts: list[str] = []
    for piece in pieces:
        optional = "?" if piece.endswith("?") else ""
        bare = piece.rstrip("?")
        if bare == "(":
            parts.append("(?:(?:")
        elif bare == ")":
            parts.append(f")){optional}")
        elif bare == "|":
            parts.append("|")
        elif bare == "*":
            parts.append(r"(?:[a-z0-9']+ ){0,4}")
        elif bare == "^":
            parts.append("^")
        elif bare == "$":
            parts.append("$")
        else:
            parts.append(f"(?:{_word(bare, lexicon, pattern)} ){optional}")
    try:
        # Every word carries the space after it; find() searches clauses with one more at their end.
        return re.compile(r"(?<![a-z0-9'])" + "".join(parts))
    except re.error as error:
        raise ValueError(f"phrase {pattern!r}: brackets do not match ({error})") from error


def words_of(patterns: Iterable[str]) -> set[str]:
    """The plain words that patterns name."""
    tokens = (token.rstrip("?") for pattern in patterns for token in _TOKEN.findall(pattern.lower()))
    return {token for token in tokens if token and token[0].isalnum()}


def _word(bare: str, lexicon: Lexicon, pattern: str) -> str:
    if not bare.startswith("<"):
        return re.escape(bare)
    listed = lexicon.words.get(bare[1:-1])
    if listed is None:
        raise ValueError(f"phrase {pattern!r}: no word list {bare[1:-1]!r} (there are: {', '.join(lexicon.words)})")
    longest_first = sorted(listed, key=len, reverse=True)
    return f"(?:{'|'.join(re.escape(word) for word in longest_first)})"
