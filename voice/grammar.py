"""Can an English sentence end with these words? Rules of syntax on the last words; no model, microseconds.

::

    … sentence before | hello i'd like to | provide
                        └── clause ───────┘  └ last word: decides which rule looks at what stands before it

Every rule names a kind of word that leaves something open (a determiner its noun, a preposition its object, a
transitive verb its object, a modal its verb) and the constructions in which it does not: questions and relative clauses
whose object stands in front ("what do I need", "the fees that we talked about"), short answers ("yes I do"), passives.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from voice.constructions import embedded, fronted, gap, is_noun, reduced_relative, spelled, tough
from voice.lexicon import (
    ADJECTIVE_ENDINGS,
    ADJECTIVES,
    ADVERBS_BEFORE,
    ALONE,
    ASKED_FOR,
    AUXILIARIES,
    BE,
    CLAUSAL,
    CONJUNCTIONS,
    CONTRACTIONS,
    DEGREE,
    DETERMINERS,
    DO_HAVE,
    FILLERS,
    HOURS,
    LINKING,
    LINKING_OPEN,
    MODALS,
    NEGATIVES,
    NOUN_OR_VERB,
    NOUNS_BY_ENDING,
    PARTICLES,
    PREPOSITIONS,
    PRONOUNS,
    SUBJECTS,
    SUBORDINATORS,
    TRANSITIVE,
    TRANSITIVE_ING,
    TRANSITIVE_PAST,
    TRANSITIVE_S,
    WEAK_ADJECTIVE_ENDINGS,
    WH_WORDS,
    WONDERING,
)

_CLITIC = re.compile(r"'(?:m|ve|d|ll|re)$")
_SHORT_ANSWER = 5
_NEAR = 4


def trails_off(words: Sequence[str]) -> bool:
    """Must something follow these words? Lower case, with or without apostrophes; the last sentence is enough."""
    if not words:
        return False
    if _CLITIC.search(words[-1]):
        return True
    bare = [word.replace("'", "") for word in words]
    while len(bare) > 1 and bare[-1] in FILLERS:
        if bare[-1] != "well":
            return True
        if bare[-2] == "as":
            return False
        bare.pop()
    last, before = bare[-1], bare[:-1]
    if last in FILLERS:
        return last != "well" or bool(before)
    rules = (_determiner, _contraction, _pronoun, _conjunction, _wh_word, _that, _auxiliary, _preposition, _adverb)
    for rule in (*rules, _verb, _coined_verb, _adjective, _weak_adjective):
        verdict = rule(last, before)
        if verdict is not None:
            return verdict
    return False


# ── rules: True something must follow, False nothing need, None another rule may tell ───────────────────────────────


def _determiner(last: str, before: list[str]) -> bool | None:
    if last == "a" and before and (before[-1] in DETERMINERS or spelled(before[-1])):
        return None  # "an A", "B A": a letter
    if last == "another" and before and before[-1] in {"to", "one", "after", "or"}:
        return False
    if last in ("no", "any", "some") and before:
        return before[-1] in {"have", "has", "there", "with", "is", "are", "need", "want", "get", "do"} or None
    if last in ("this", "these", "those") and before:
        return True if before[-1] in {"for", "that", "which"} and len(before) > 1 and before[-2] in WH_WORDS else None
    return True if last in DETERMINERS else None


def _contraction(last: str, before: list[str]) -> bool | None:
    if last == "id" and before and before[-1] in DETERMINERS | {"photo", "user", "apple", "face", "login", "of", "and"}:
        return None
    if last == "its" and not before:
        return None
    if last in ("ill", "lets", "wed") and before and before[-1] in LINKING:
        return None
    return True if last in CONTRACTIONS else None


def _pronoun(last: str, before: list[str]) -> bool | None:
    if last not in PRONOUNS or last in ("that", "these", "those", "this") or not before:
        return None
    previous = before[-1]
    if last == "you" and before == ["do"]:
        return True
    if last in SUBJECTS:
        asks = previous in BE and any(word in WH_WORDS for word in before[:-1])
        return not (asks or (previous in {"than", "neither", "so", "do", "am"} and len(before) <= 3))
    if previous in MODALS | DO_HAVE | NEGATIVES | {"let", "lets"}:
        tag = len(before) >= 3 and any(word in NEGATIVES for word in before[:-1])
        if last == "there":
            return None
        held = previous in DO_HAVE and (last == "it" or (len(before) >= 2 and before[-2] in MODALS | PRONOUNS | {"to"}))
        return not (tag or held)
    if previous == "be":
        return False  # "that was going to be it"
    if previous in BE:
        return not (len(before) >= 2 and (before[-2] in PRONOUNS or fronted(before[:-1]) or before[-2] == "that"))
    if previous in SUBORDINATORS - {"that", "so", "what", "and", "or"}:
        return not (previous == "how" or (previous in {"before", "after", "since", "until", "once"} and last == "this"))
    if previous in {"and", "or"}:
        return last not in {"you"} and len(before) > 2 and last == "it" and before[-2] not in AUXILIARIES
    return None


def _conjunction(last: str, before: list[str]) -> bool | None:
    previous = before[-1] if before else ""
    if last == "so":
        return previous not in {"think", "hope", "guess", "believe", "say", "not", "or", "much", "do"}
    if last == "since":
        return previous != "ever"
    if last == "before":  # "never heard it before" may end, "we need to think before" may not
        return previous in {"need", "and", "right", "just"} or previous.endswith("ions") or None
    if last == "while" and previous in {"a", "little", "good"}:
        return False
    if last == "when":
        return previous not in {"since", "know", "by"}
    return True if last in CONJUNCTIONS else None


def _wh_word(last: str, before: list[str]) -> bool | None:
    if last not in WH_WORDS:
        return None
    if last == "why" and len(before) >= 2:  # "it was declined, why"
        return before[-1] in CONJUNCTIONS | {"is", "me"} - {"or"}
    if len(before) <= 1 or before[-1] in {"know", "say", "sure", "see", "remember", "idea", "or", "tell", "wonder"}:
        return bool(before) and before[-1] in {"and", "but", "so", "with"} and last != "what"
    return True


def _that(last: str, before: list[str]) -> bool | None:
    if last not in ("that", "this", "these", "those", "both") or not before:
        return None
    previous = before[-1]
    if last == "both":
        return previous in TRANSITIVE | {"highlight", "between", "with", "for"}
    if last == "that":
        if previous in CLAUSAL | {"so", "now", "such", "given", "provided", "sure", "certain", "aware", "fact"}:
            return previous not in {"heard", "say", "said", "mean"}
        return is_noun(previous, before[:-1])
    return previous in {"that", "how", "because", "if", "when", "whether", "while"}


def _auxiliary(last: str, before: list[str]) -> bool | None:
    if last not in AUXILIARIES:
        return None
    if not before:
        return True
    previous = before[-1]
    if last == "am" and (previous[0].isdigit() or previous in HOURS or (previous == "i" and fronted(before))):
        return False  # five a.m.; "let them know where I am"
    if (last == "may" and previous in {"in", "of", "since", "until", "by", "next", "last"}) or (
        last == "will" and previous in DETERMINERS
    ):
        return False  # the month, the testament
    if last in {"do", "have", "had"} and gap(before):
        return False
    if last in BE and embedded(before):
        return False
    if last in {"be", "been"} and any(word in WH_WORDS and after in AUXILIARIES for word, after in pairwise(before)):
        return False  # "where would it be"
    if last == "do" and previous in {"to", "can", "should", "could", "i", "you"} and fronted(before):
        return False
    if "as" in before and previous in PRONOUNS:
        return False  # "as soon as you can"
    return not _short_answer(last, before)


def _short_answer(last: str, before: list[str]) -> bool:
    """ "yes I do", "no it isn't", "of course you can", "I can't": a pronoun, its verb, and at most a word of assent."""
    if before[-1] not in PRONOUNS or last in {"am", "had", "was"} or len(before) >= _SHORT_ANSWER:
        return False
    assent = before[0] in {"yes", "no", "yeah", "yep", "sure", "of", "okay"}
    return assent or (
        len(before) == 1 and last in {"do", "dont", "can", "cant", "did", "didnt", "will", "wont", "is", "isnt"}
    )


def _preposition(last: str, before: list[str]) -> bool | None:
    if last not in PREPOSITIONS:
        return None
    if not before:
        return last not in {"near", "past"}
    if last == "like":
        previous = before[-1]
        if previous in {"would", "id", "d", "wed", "youd", "to"}:
            return not gap(before)
        return not (previous in PARTICLES["like"] and fronted(before)) and previous not in {
            "it",
            "that",
            "this",
            "them",
        }
    if before[-1] in PARTICLES.get(last, frozenset()):
        if last == "to":
            return not (
                before[-1] in {"want", "wanted", "used", "supposed", "able", "have"}
                and len(before) >= 3
                and any(word in NEGATIVES | {"if", "not", "when", "how"} for word in before)
            )
        return False
    return not gap(before, stranded=True)


def _adverb(last: str, before: list[str]) -> bool | None:
    if last not in ADVERBS_BEFORE or not before:
        return None
    previous = before[-1]
    if last in {"very", "quite", "extremely", "highly", "rather", "fairly", "incredibly", "increasingly", "almost"}:
        return True
    if last == "really":
        return previous in PRONOUNS | AUXILIARIES - NEGATIVES or previous in CONTRACTIONS
    return True if previous in PRONOUNS | CONTRACTIONS | MODALS | {"to", "is", "are", "was"} else None


def _verb(last: str, before: list[str]) -> bool | None:
    if last in WONDERING and before:
        return before[-1] in {"was", "am", "im", "were", "is", "just", "been", "also"} and not gap(before)
    if last in LINKING_OPEN:
        return True
    if last in TRANSITIVE_ING:
        return True
    if not before:
        return None
    previous = before[-1]
    asked = previous == "you" and len(before) >= 2 and before[-2] in MODALS
    wished = previous == "to" and len(before) >= 2 and before[-2] in {"like", "want", "need", "love", "wanted", "able"}
    if last in ASKED_FOR and (
        asked or (previous == "please" and last == "send") or (wished and last not in {"send", "show"})
    ):
        return not gap(before)
    if last in NOUN_OR_VERB and last not in TRANSITIVE:
        subject = (
            previous in SUBJECTS | {"you", "us", "to", "not", "also"}
            or previous in MODALS
            or (
                len(previous) > 4
                and previous.endswith("s")
                and not previous.endswith("ss")
                and len(before) > 2
                and before[-2] not in DETERMINERS
            )
        )
        return (
            True
            if subject
            and last not in {"process", "support", "show", "test", "present"}
            and not gap(before)
            and not tough(before)
            else None
        )
    if last in TRANSITIVE:
        if previous in DETERMINERS | BE:
            return None
        return None if gap(before) or tough(before) else True
    if last in TRANSITIVE_S:
        return None if previous in DETERMINERS or gap(before) or previous in PREPOSITIONS else True
    if last in TRANSITIVE_PAST and previous in SUBJECTS and reduced_relative(before):
        return None
    if last in TRANSITIVE_PAST and (
        previous in {"have", "has", "had", "ive", "weve", "youve", "theyve"}
        or (previous in SUBJECTS and last not in {"said", "understood", "confirmed", "applied"})
    ):
        return (
            None
            if gap(before) or last in {"expanded", "improved", "developed", "applied", "confirmed", "processed"}
            else True
        )
    return None


def _coined_verb(last: str, before: list[str]) -> bool | None:
    """Verbs by their ending, "the model optimizes", "these findings illuminate": nearly all of them want an object."""
    if len(before) < 2 or last in NOUNS_BY_ENDING or before[-1] in DETERMINERS | PREPOSITIONS | AUXILIARIES:
        return None
    if last.endswith(("izes", "ifies", "ates")) and len(last) > 6:
        return None if gap(before) else True
    plural = before[-1].endswith("s") and not before[-1].endswith("ss")
    return True if plural and last.endswith(("ize", "ify", "ate")) and len(last) > 6 and not gap(before) else None


def _weak_adjective(last: str, before: list[str]) -> bool | None:
    """Adjectives by an ending that nouns have as well: only where a noun phrase has just begun."""
    if len(before) < 3 or not last.endswith(WEAK_ADJECTIVE_ENDINGS) or last in NOUNS_BY_ENDING or len(last) < 6:
        return None
    begun = before[-1] in TRANSITIVE | TRANSITIVE_S | ADJECTIVES - ALONE | {
        "and",
        "through",
        "into",
        "between",
        "of",
        "by",
    }
    return True if begun and not any(word in LINKING for word in before[-_NEAR:]) else None


def _adjective(last: str, before: list[str]) -> bool | None:
    if not before or not (last in ADJECTIVES or (last.endswith(ADJECTIVE_ENDINGS) and len(last) > 5)):
        return None
    previous = before[-1]
    if previous in DEGREE or any(word in LINKING for word in before[-_NEAR:]):
        attributive = previous in DETERMINERS - {"my", "your"} or previous in {"for", "of"}
        return True if attributive and last not in ALONE else None
    if last in ALONE:
        pre = previous in {"for", "of", "that", "with", "about"} or previous in TRANSITIVE | TRANSITIVE_S
        return True if pre and last not in {"good", "free", "real", "best", "better", "next"} else None
    if len(before) <= 2 or previous in {"something", "anything", "nothing", "everything", "and", "or"}:
        return None
    return True
