"""Constructions in which a word that wants another has it already: questions, relative clauses, indirect questions.

Each takes the words of the sentence before its last one: lower case, without apostrophes.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from voice.lexicon import (
    ADJECTIVES,
    ADVERBS_BEFORE,
    AUXILIARIES,
    BE,
    CONJUNCTIONS,
    CONTRACTIONS,
    DEGREE,
    DETERMINERS,
    FILLERS,
    PREPOSITIONS,
    PRONOUNS,
    SUBJECTS,
    SUBORDINATORS,
    WH_OBJECTS,
    WH_WORDS,
)

_PRONOUN_FIRST = PRONOUNS | {"me", "us", "him", "her", "them"}
_SUBJECT_FIRST = _PRONOUN_FIRST | {"the", "my", "your", "our", "people"}
_SHORT_ANSWER = 5
_PREDICATE = 4
"""Words of a short question such as "what is it for"."""
_STRANDED = 8


def spelled(word: str) -> bool:
    return len(word) == 1 and word.isalpha() and word not in "ai"


def fronted(before: Sequence[str]) -> bool:
    """A question word stands in front whose place in the sentence is still free."""
    return any(word in WH_WORDS for word in before)


def gap(before: Sequence[str], *, stranded: bool = False) -> bool:
    """Is the object that would follow already in front: "what do I need", "the card I lost", "who am I talking to"?

    ``stranded``: for a preposition, the question must be short and inverted, or the clause a relative one: in "what is
    the best way to prepare for" and "what excites you about" the question word has its place already.
    """
    for index in range(len(before) - 1, -1, -1):
        word, after = before[index], before[index + 1 : index + 6]
        length = len(before) - index
        if word in WH_OBJECTS or (stranded and word in {"where", "wheres"}):
            inverted = any(one in AUXILIARIES and two in _SUBJECT_FIRST for one, two in pairwise(after))
            clause = after[:1] and (after[0] in PRONOUNS or (after[0] in _SUBJECT_FIRST and length <= _PREDICATE))
            if not stranded:
                return bool(inverted or clause)
            if any(one in BE for one in after[1:3]) and length <= _SHORT_ANSWER and word in {"what", "which"}:
                return True  # "what time zone is london in"
            named = any(one in BE and two == "the" for one, two in pairwise(after[:2]))
            return bool(clause or inverted) and length <= (_PREDICATE + 1 if named else _STRANDED)
        if word in {"that", "which", "whom"} and after and after[0] in SUBJECTS | {"you", "it"}:
            return True
        if word in {"all", "everything", "anything", "something", "one"} and (
            after and (after[0] in SUBJECTS | {"you"} or after[0] == "else")
        ):
            return True
    return False


def reduced_relative(before: Sequence[str]) -> bool:
    """ "the transfer I [made]": a noun right in front of the subject."""
    openers = (
        SUBORDINATORS | AUXILIARIES | ADVERBS_BEFORE | FILLERS | PRONOUNS | {"hi", "hello", "hey", "yes", "no", "then"}
    )
    return len(before) >= 3 and before[-2] not in openers and before[-2] not in CONTRACTIONS | PREPOSITIONS


def tough(before: Sequence[str]) -> bool:
    """ "easy to use", "nothing to show", "how to apply": the object of the infinitive stands in front of it."""
    if len(before) < 2 or before[-1] != "to":
        return False
    return before[-2] in {
        "easy",
        "hard",
        "difficult",
        "nothing",
        "something",
        "anything",
        "things",
        "ready",
        "how",
        "what",
    }


def embedded(before: Sequence[str]) -> bool:
    """ "I was wondering what your hours [are]": an indirect question, its verb at the end."""
    for index, word in enumerate(before):
        if word in WH_WORDS - {"whats", "whos", "wheres", "hows"} and len(before) - index >= 2:
            return before[index + 1] not in AUXILIARIES and (index > 0 or len(before) > 2)
    return False


def is_noun(word: str, before: Sequence[str]) -> bool:
    """Is this, in front of "that", a noun (then a relative clause begins) rather than a verb or a preposition?"""
    if word in PREPOSITIONS | AUXILIARIES | PRONOUNS | DEGREE | WH_WORDS | CONJUNCTIONS:
        return False
    if before and before[-1] in DETERMINERS | ADJECTIVES | {"certain", "of", "these", "those", "decisionmaking"}:
        return True
    if before and before[-1] in AUXILIARIES | PRONOUNS | {"to", "please", "can", "not"}:
        return False
    return len(before) >= 2 and word.endswith(("s", "ion", "ment", "ess", "ty", "text", "ance", "ence", "work", "path"))
