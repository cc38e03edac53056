"""On which terms a passage says something, and whether a claim keeps them. Pure; words only.

::

    passage                                     claim that is stopped
    "within 30 days"                            "within 30 hours"         a unit
    "10 parcels", "30 days"                     "10 dollars"              an amount that is none
    "twice a day", "5 dollars a month"          "once a day", "a year"    how often
    "under 20 kg", "at least 20 dollars"        "over 20 kg", "20 dollars"   a bound turned round, or dropped
    "between 2 and 4 percent"                   "4 percent"               one end of a range
    "free if you keep 500 dollars"              "free"                    a condition
    "all damage except water damage"            "all damage"              an exception

A claim is held against the source sentences that are most like it; a condition that the caller's own question states
("my card does not work") need not be said again, an exception must be.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from dialog.facts import facts, measured
from dialog.words import Thesaurus, content
from dialog.writing import canonical

_PERIODS = {"daily": "day", "weekly": "week", "monthly": "month", "quarterly": "quarter", "yearly": "year",
            "annual": "year", "annually": "year", "hourly": "hour", "nightly": "night"}  # fmt: skip
_PERIOD = r"(hour|day|night|week|month|quarter|year)s?"
_EACH = re.compile(
    rf"(?:\b(?:a|an|one|1|per|each|every)\s+|/\s?)(?:calendar |business |working )?{_PERIOD}\b", re.IGNORECASE
)
_LY = re.compile(rf"\b({'|'.join(_PERIODS)})\b", re.IGNORECASE)
_TIMES = re.compile(
    rf"\b(once|twice|thrice|\w+ times)\s+(?:a|an|per|each|every|in a)\s+(?:calendar )?{_PERIOD}\b", re.IGNORECASE
)
_COUNTS = {"once": "1", "twice": "2", "thrice": "3", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6"}
_LOWER = (
    r"at least|(?:a )?minimum(?: of)?|no(?:t)? less than|more than|over|above|exceed(?:s|ing)?|starting (?:at|from)"
    r"|from|longer than|older than|after|as of"
)
_UPPER = (
    r"up to|at most|(?:a )?maximum(?: of)?|no(?:t)? more than|less than|fewer than|under|below|within|before|by|until"
    r"|till|no(?:t)? later than|not exceed(?:ing)?|shorter than|younger than"
)
_BOUND = re.compile(rf"\b(?:(?P<upper>{_UPPER})|(?P<lower>{_LOWER}))\s+", re.IGNORECASE)
_FIGURE = re.compile(
    r"^(?:the |an? |about |age of |approximately |of )*(?:\$ ?)?[\w.,:%$-]+(?: (?:p\.?m|a\.?m|percent|dollars?|euros?|"
    r"thousand|million|hundred|pounds sterling|yen|francs?|rupees?|cents?|%)\.?)*",
    re.IGNORECASE,
)
_MORE = re.compile(r"(\$ ?)?(\d[\d.,]*)( ?%| percent| dollars| euros)? (?:or|and) (?:(more|older|over|above|up|later)"
                   r"|(?:less|fewer|younger|under|below|earlier))\b", re.IGNORECASE)  # fmt: skip
_SPAN = re.compile(
    r"(?P<between>\bbetween )?(?:\$ ?)?(?P<low>\d[\d.,]*)(?: ?%| percent| dollars| euros)?\s?(?P<mark>-|–|—|to|and)\s?"
    r"(?:\$ ?)?(?P<high>\d[\d.,]*)(?![\d:]| ?[ap]\.?m)",
    re.IGNORECASE,
)
_LIMITED = re.compile(
    r"\b(?:(?P<except>unless|except(?:ing|ion)?(?: for| when| if| on)?|excluding|other than|apart from|aside from"
    r"|but not)"
    r"|only (?:if|when|for|with|in|on|to)|if|provided(?: that)?|as long as|so long as|subject to"
    r"|(?:for|on|with) (?=[^,.;]{0,40}\b(?:over|above|below|more than|less than|at least|at most|or more)\b))"
    r"\s*(?P<what>[^,.;:]+)",
    re.IGNORECASE,
)
_ALIKE = 0.5
"""Share of a claim's words that a source sentence holds which may be the one it was made from."""
_KEPT = 0.5
"""Share of a condition's words that a claim must have, or the question, to have kept it."""


def changed(claim: str, source: Sequence[str], question: str, thesaurus: Thesaurus, around: str = "") -> str:
    """What of the terms on which ``source`` (sentences) says it the claim has changed; "" if nothing.

    ``around``: title and headings of the source.
    """
    ground = " ".join((around, *source))
    if why := _other_unit(claim, ground) or _other_period(claim, ground):
        return why
    if why := _mixed(claim, source, question, thesaurus, around):
        return why
    told = ""
    for line in _origins(claim, source, thesaurus):
        told = (
            _other_bound(claim, line) or _one_end(claim, line) or _unlimited(claim, line, question, thesaurus, around)
        )
        if not told:
            return ""
    return told


def _other_unit(claim: str, ground: str) -> str:
    held: dict[str, set[str]] = {}
    for value, unit in measured(ground):
        held.setdefault(value, set()).add(unit)
    for value, unit in sorted(measured(claim)):
        there = held.get(value, set())
        if unit and there and unit not in there and "" not in there:
            return f"{value} {unit} where the passage says {value} {'/'.join(sorted(there))}"
    given = facts(ground)
    for fact in sorted(facts(claim)):
        kind, _, amount = fact.partition(":")
        if kind == "money" and fact not in given and "" not in held.get(amount.split()[0], {""}):
            return fact
    return ""


def _periods(text: str) -> set[str]:
    return {m[1].lower() for m in _EACH.finditer(text)} | {_PERIODS[m[1].lower()] for m in _LY.finditer(text)}


def _frequencies(text: str) -> set[tuple[str, str]]:
    found = set()
    for match in _TIMES.finditer(text):
        count = match[1].lower().removesuffix(" times")
        found.add((_COUNTS.get(count, count), match[2].lower()))
    return found


def _other_period(claim: str, ground: str) -> str:
    claim, ground = canonical(claim), canonical(ground)
    there = _frequencies(ground)
    if there and (often := _frequencies(claim) - there):
        count, period = min(often)
        return f"{count} times a {period}"
    other = _periods(claim) - _periods(ground)
    return f"per {min(other)}" if other else ""


def _origins(claim: str, source: Sequence[str], thesaurus: Thesaurus) -> list[str]:
    """The source sentences that the claim may have been made from: those most like it, its facts in them if in any."""
    said, given = _meant(claim), {one for one in facts(claim) if not one.startswith(("name", "day"))}
    if not said:
        return []
    shares = [(len(thesaurus.covered(said, _meant(line))) / len(said), given <= facts(line), line) for line in source]
    best = max((share for share, holds, _ in shares if holds), default=0.0)
    return [line for share, holds, line in shares if holds and share >= max(best - 1e-9, _ALIKE)]


def _mixed(claim: str, source: Sequence[str], question: str, thesaurus: Thesaurus, around: str) -> str:
    """A word of the question that the passage says of something else: duties and Russia, each in its own sentence."""
    asked, above = set(_meant(question)), _meant(around)
    said = [word for word in _meant(claim) if word in asked and word not in thesaurus.generic]
    origins = [set(_meant(line)) for line in _origins(claim, source, thesaurus)]
    if not said or not origins or not all(there - set(above) for there in origins):
        return ""
    left = min(
        ([word for word in said if not thesaurus.covered([word], {*there, *above})] for there in origins), key=len
    )
    elsewhere = {word for line in source for word in _meant(line)}
    return f"{left[0]} in another sentence" if left and left[0] in elsewhere else ""


def _meant(text: str) -> list[str]:
    return [word for word in content(text) if not word[0].isdigit()]


def _bounds(text: str) -> Iterator[tuple[str, str]]:
    """(fact, "upper" or "lower") of figures with a bound before or behind them."""
    text = canonical(text)
    for match in _BOUND.finditer(text):
        figure = _FIGURE.match(text[match.end() :])
        for fact in facts(figure[0]) if figure else ():
            if not fact.startswith("name"):
                yield fact, "upper" if match["upper"] else "lower"
    for match in _MORE.finditer(text):
        for fact in facts(f"{match[1] or ''}{match[2]}{match[3] or ''}"):
            yield fact, "lower" if match[4] else "upper"


def _other_bound(claim: str, line: str) -> str:
    mine, theirs = set(_bounds(claim)), set(_bounds(line))
    bare = facts(claim) - {fact for fact, _ in mine}
    for fact, side in sorted(mine):
        others = {other for there, other in theirs if there == fact}
        if others and side not in others:
            return f"{'at most' if side == 'upper' else 'at least'} {fact}"
    for fact, side in sorted(theirs):
        if fact in bare and fact.startswith(("money", "percent")) and side == "lower":
            return f"{fact} without its bound"
    return ""


def _one_end(claim: str, line: str) -> str:
    said, bounded = facts(claim), {fact for fact, _ in _bounds(claim)}
    held, values = _values(said), _values(said - bounded)
    for match in _SPAN.finditer(canonical(line)):
        if match["mark"].lower() == "and" and not match["between"]:
            continue
        ends = {_figure(match["low"]), _figure(match["high"])}
        if len(ends & held) == 1 and ends & values:
            return f"one end of {match[0].strip()}"
    return ""


def _values(said: set[str]) -> set[str]:
    """The figures of facts, whatever they count; times and dates have none."""
    numeric = [fact.partition(":")[2] for fact in said if fact.startswith(("money:", "percent:", "number:"))]
    return {value.split()[0] for value in numeric}


def _figure(digits: str) -> str:
    """As facts write it; a version or a date with dots ("1.2.3") is no figure and stays as it is."""
    plain = digits.rstrip(".,").replace(",", "")
    return plain if plain.count(".") > 1 else f"{float(plain):.12g}"


def _unlimited(claim: str, line: str, question: str, thesaurus: Thesaurus, around: str) -> str:
    """The condition or exception of ``line`` that the claim leaves out."""
    said, asked, above = set(_meant(claim)), set(_meant(question)), set(_meant(around))
    for match in _LIMITED.finditer(line):
        what = [word for word in _meant(match["what"]) if word not in above]
        if not what:
            continue
        exception = bool(match["except"])
        there = said if exception else said | asked
        if len(thesaurus.covered(what, there)) < _KEPT * len(what) or (exception and not _LIMITED.search(claim)):
            return f"without: {match[0].strip()[:60]}"
    return ""
