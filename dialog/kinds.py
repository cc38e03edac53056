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

from dialog.facts import facts, measured
from dialog.words import content, stem, words
from dialog.writing import canonical

_OF_WHAT = r"\b(?! (?!money|cash|interest)[a-z]+ (?:do|does|can|should|will|is|are|may|must)\b)"
"""Not "how much padding do I need", which is asked for no amount of money."""
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
        (rf"\bhow much{_OF_WHAT}|\b(?:cost|costs|fees?|price|charges?|charged|free|expensive)\b", ("money", "percent")),
        (
            r"\bhow much [a-z]+ (?:do|does|can|should|will|is|are|may|must)\b|\b(?:weigh|weight|size|height|heavy)\b",
            ("measure", "number"),
        ),
        (r"\b(?:rates?|interest|percent|percentage|apy|apr)\b", ("percent",)),
        (r"\b(?:how long|how soon|how fast|how quickly|take to arrive)\b", ("duration",)),
        (r"\bhow many\b|\b(?:limit|maximum|at most|up to)\b", ("number", "money", "duration", "measure")),
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
_VALUES = frozenset(("money", "percent", "time", "date", "duration", "number", "measure"))
_INSTEAD = {
    "money": frozenset(("money", "percent")),
    "percent": frozenset(("percent",)),
    "duration": frozenset(("duration", "time", "day", "date", "always")),
    "time": frozenset(("time", "day", "date", "always", "duration")),
}
"""What answers a question for one kind of fact besides just that."""
_STRICT: tuple[tuple[re.Pattern[str], frozenset[str]], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), frozenset(kinds))
    for pattern, kinds in (
        (
            r"\bhow much (?:is|are|was|does|do|did|would|will|for|to|it)\b(?!.*\b(?:weigh|hold|need|fit)s?\b)"
            r"|\bwhat(?:'s| is| are| does| do| would)\b(?! happen)[^,.?]{0,50}\b(?:cost|costs|price|prices|fee|fees)\b",
            ("money", "percent", "number"),
        ),
        (r"^\W*(?:\w+ ){0,3}?(?:when|what time)\b", ("time", "day", "date", "always", "duration", "number")),
        (r"\bhow (?:long|soon|quickly)\b", ("duration", "time", "day", "date", "always", "number")),
        (r"\bhow many\b", ("number", "money", "percent", "duration", "measure")),
    )
)
"""Questions that only a fact of one of these kinds answers, or a word of _OPEN."""
_OPEN = re.compile(
    r"\b(?:depend|var(?:y|ies)|no|not|none|never|free|waive|waived|includ|same|unlimited|any|all|every|each|always|once"
    r"|after|before|until|when|while|during|as soon as|as long as|immediate(?:ly)?|instant(?:ly)?|automatic(?:ally)?"
    r"|daily|weekly|monthly|annual(?:ly)?|yearly|at once|right away|right now|overnight|one|two|both|several|half)"
    r"(?:s|ed|es)?\b",
    re.IGNORECASE,
)
_FIGURE = re.compile(r"\d[\d.,]*\s*(?:$|[.;,)/]|(?:per|an?|each|for|to)\b)")
"""A number that counts nothing, and so may be an amount: "Price: 15."; "twenty parcels" is none."""
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
    if _DURATION.search(canonical(sentence)):
        found.add("duration")
    if "number" in found and all(unit not in ("", "money", "percent") for _, unit in measured(sentence)):
        found = found - {"number"} | {"measure"}
    return found | {"money"} if FREE.search(sentence) else found


def silent(question: str, sentence: str) -> bool:
    """Does the sentence leave out the kind of fact that is asked for? Silence alone: others may still speak for it
    ("That depends on your account"), but by itself it answers no "how much"."""
    if asks_yes_no(question):
        return False
    held = kinds(sentence)
    wanted = next((kinds for pattern, kinds in _STRICT if pattern.search(question)), frozenset[str]())
    if "money" in wanted and "measure" not in wanted and _FIGURE.search(sentence) is None:
        held = held - {"number"}
    return bool(wanted) and not held & wanted and _OPEN.search(sentence) is None


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
