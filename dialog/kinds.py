"""Which kind of fact a question asks for, and whether a sentence holds one of that kind. Pure; words only.

::

    "how much is it"        amount       "You must order it by 4:30 p.m."     a time: does not answer
    "what is the boost"     a figure     "Yes."                               answers another question
    "the month 2 window"    month 2      "Month 1 window: the 15th"           another line of the list
    "the first-year fee"    the first    "After the first year, 450 dollars"  what comes after it

It only ever says that a sentence does *not* answer; whether one does is for others to weigh.
"""

from __future__ import annotations

import re

from dialog.facts import facts
from dialog.words import content, stem, words

_ASKS: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), kinds)
    for pattern, kinds in (
        # "when" asks at a clause's beginning or before a verb; in "bring when I come" it does not
        (
            r"(?:^|[,.?] ?|\b(?:know|and|of|tell me|say|uh|um) )when\b|\bwhen (?:do|does|is|are|can|will|did|would)\b"
            r"|\b(?:what time|hours|how late|how early)\b"
            r"|\b(?:is|are|do|does|will|you|be) [^,.?]{0,40}(?<!to )\b(?:open|close)s?\b",
            ("time", "day", "date", "always"),
        ),
        (r"\b(?:cut-?\s?off|deadline|latest|by when)\b", ("time", "date")),
        (r"\b(?:how much|cost|costs|fees?|price|charges?|charged|free|expensive)\b", ("money", "percent")),
        (r"\b(?:rates?|interest|percent|percentage|apy|apr)\b", ("percent",)),
        (r"\b(?:how long|how soon|how fast|how quickly|take to arrive)\b", ("duration",)),
        (r"\bhow many\b|\b(?:limit|maximum|at most|up to)\b", ("number", "money", "duration")),
        (r"\b(?:where|address|location|located|who|whose)\b", ("name", "number")),
    )
)
_DURATION = re.compile(
    r"\b(?:\d+|one|two|three|four|five|six|seven|eight|nine|ten|few)[- ](?:business |working )?"
    r"(?:second|minute|hour|day|week|month|year)s?\b|\bwithin minutes\b|\b(?:happens|counts?|works) at once\b"
    r"|\bsame day\b|\bnext (?:business )?day\b",
    re.IGNORECASE,
)
FREE = re.compile(r"\b(?:free|no (?:charge|fee|cost)|waived)\b", re.IGNORECASE)
_INDIRECT = re.compile(
    r"\b(?:tell me|know|say|wondering|ask|asking|find out)\b|\bif (?:i|you|we|they)\b", re.IGNORECASE
)
_YES_NO = re.compile(
    r"^\W*(?:(?:uh|um|and|so|okay|well|hi|hello)\W+)*(?:is|are|do|does|did|can|could|will|would|has|have|may|am|was)\b",
    re.IGNORECASE,
)
_WH = re.compile(
    r"\b(?:what|what's|when|where|who|which|how (?:much|many|long|soon|fast|often|late|early))\b", re.IGNORECASE
)
_BARE = re.compile(r"^(?:a: )?(?:yes|no)\W*$|: (?:yes|no)\W*$", re.IGNORECASE)
_VALUES = frozenset(("money", "percent", "time", "date", "duration", "number"))
_INSTEAD = {
    "money": frozenset(("money", "percent")),
    "percent": frozenset(("percent",)),
    "duration": frozenset(("duration", "time", "day", "date", "always")),
    "time": frozenset(("time", "day", "date", "always", "duration")),
}
"""What answers a question for one kind of fact besides just that."""
_NUMBERED = re.compile(r"\b([a-z]+) (\d+)\b", re.IGNORECASE)
_AFTER = re.compile(
    r"^(?:after|before|outside|except for|beyond) (?:the|your|that|this)? ?([a-z' -]{3,40}?),", re.IGNORECASE
)


def wanted_facts(question: str) -> tuple[str, ...]:
    """Kinds of facts that would answer the question."""
    return tuple(dict.fromkeys(kind for pattern, kinds in _ASKS if pattern.search(question) for kind in kinds))


def kinds(sentence: str) -> set[str]:
    """Kinds of facts in a sentence; a span of time is a duration besides its number, "free" is an amount."""
    found = {fact.partition(":")[0] for fact in facts(sentence)}
    if _DURATION.search(sentence):
        found.add("duration")
    return found | {"money"} if FREE.search(sentence) else found


def asks_yes_no(question: str) -> bool:
    """Would "yes" answer it? "Can you tell me how much" asks how much."""
    return _YES_NO.match(question) is not None and not (_WH.search(question) and _INDIRECT.search(question))


def mismatch(question: str, sentence: str) -> str:
    """Why the sentence cannot answer the question, by the kind of its facts or by its line's name; "" if it may."""
    if not asks_yes_no(question):
        if _BARE.search(sentence) and _WH.search(question):
            return "a yes or no where neither was asked for"
        wanted, held = wanted_facts(question), kinds(sentence)
        if wanted and held & _VALUES and not any(held & _accepted(kind, held) for kind in wanted):
            return f"a {'/'.join(sorted(held & _VALUES))} where a {'/'.join(wanted)} was asked for"
    if other := _other_number(question, sentence):
        return f"a line about {other}"
    past = _AFTER.match(sentence)
    if past is not None and not re.search(r"\b(?:after|before|beyond|outside|except)\b", question, re.IGNORECASE):
        named = set(content(past[1]))
        if named and named <= {stem(word) for word in words(question.replace("-", " "))}:
            return f"what is not {past[1]}"
    return ""


def _accepted(wanted: str, held: set[str]) -> frozenset[str]:
    """A number without a unit may be an amount; one beside a time or a span of time is a part of that."""
    accepted = _INSTEAD.get(wanted, frozenset((wanted,)) | (_VALUES if wanted in ("name", "number") else frozenset()))
    plain = "number" in held and not held & {"time", "date", "duration"}
    return accepted | {"number"} if plain and wanted in ("money", "percent") else accepted


def _other_number(question: str, sentence: str) -> str:
    """ "month 1" where the question names month 2; "" if there is none."""
    asked = [(stem(word), number) for word, number in _NUMBERED.findall(question)]
    held = [(stem(word), number) for word, number in _NUMBERED.findall(sentence)]
    for word, number in asked:
        if (word, number) not in held and (others := [one for name, one in held if name == word]):
            return f"{word} {others[0]}"
    return ""
