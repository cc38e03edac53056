"""Questions made by rule from what documents say, with the sentence that answers them. Pure.

::

    "The maximum daily transfer amount is $50,000."   of Gold Plus Saver
         → "What is the maximum daily transfer amount for Gold Plus Saver?"
    "Returned item fee: $15.00"                       → "What is the returned item fee for …?"
    "### How can I avoid the monthly fee?"            → "How can I avoid the monthly fee for …?"
    "Do you have a pool?"      at the Riverside Inn   → "Do you have a pool at the Riverside Inn?"
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from dialog.facts import facts
from dialog.words import content
from evaluation.bases import Article, sections
from knowledge.passages import sentences

BOUND = ("money", "percent", "number", "date", "time", "duration")
_STATES = re.compile(
    r"^(?:the|your|our) (?P<what>[a-z][^,;:().]{6,70}?) (?:is|are) (?P<value>(?:[^,;:]|,(?=\d)){1,90})[.]?$",
    re.IGNORECASE,
)
_KEY_VALUE = re.compile(r"^(?P<what>[A-Z][^:.,;$%()]{5,60}): (?P<value>[^:]{1,100})$")
_MISSING = re.compile(r"not available|\bn/?a\b|: -1\b|\bis -1\b|\[|\]|\bthis document\b", re.IGNORECASE)
_LEADING = re.compile(r"^(?:the|your|our|a|an)\s+", re.IGNORECASE)
_HERE = re.compile(
    r"\b(?:(?:at|in|on|of|by|with) )?(?:(?:this|the|your) (?:location|property|place|hotel|restaurant|establishment"
    r"|venue|site|guest ?house|facility)|there|here)\b(?= *(?:\?|$|,))",
    re.IGNORECASE,
)
_NAME = re.compile(r"\b[A-Z][\w+&'-]*(?: [A-Z+&][\w+&'-]*)+")
_NO_NAME = frozenset("internal frequently how what when where why understanding your getting opening".split())
_VALUE = re.compile(r"^(?:up to|within|at least|about|from|a maximum of|[+])?\s*[$]?\d", re.IGNORECASE)
_CLAUSE = re.compile(r"\b(?:when|if|is|are|you|has|have|than|receive|earn|must|can|will)\b", re.IGNORECASE)
_FAQ = re.compile(r"^(?:[A-Z].{8,90})\?$")


@dataclass(slots=True, frozen=True)
class Asked:
    """A question; the article that answers it ("" for one that none does), and the sentence it was made from.
    ``named``: it says which thing it is about."""

    case: str
    text: str
    article: str = ""
    answer: str = ""
    named: bool = True


def subject(title: str) -> str:
    """What a document is about, as a caller names it: "FAQ: Gold Plus Saver at a glance" → "Gold Plus Saver".

    The first run of capitalised words, two or more; "" for a title without one.
    """
    return next((run for run in capitalised(title) if run.split()[0].casefold() not in _NO_NAME), "")


def capitalised(title: str) -> list[str]:
    """Runs of two or more capitalised words."""
    return [run.group() for part in re.split(r"[:–—]|\s-\s", title) for run in _NAME.finditer(part)]


def of_statements(articles: Iterable[Article], *, unnamed: bool = False) -> list[Asked]:
    """Questions for sentences that state one checkable fact, and for headings that are questions.

    ``unnamed``: also of articles whose titles name nothing ("Fees"); asked as they stand, of the whole base.
    """
    found: dict[str, Asked] = {}
    doubtful: set[str] = set()
    for article in articles:
        name = subject(article.title)
        if not name and not unnamed:
            continue
        ending = f" for {name}?" if name else "?"
        for heading, text in sections(article):
            for row in text.splitlines():
                for sentence in sentences(row):
                    question = _question(sentence)
                    if question:
                        asked = Asked("", f"{question}{ending}", article.key, sentence, bool(name))
                        _keep(found, doubtful, asked)
            if _FAQ.match(heading):
                answer = sentences(text)[0]
                asked = Asked("", f"{heading.rstrip('?')}{ending}", article.key, answer, bool(name))
                _keep(found, doubtful, asked)
    kept = (one for text, one in found.items() if text not in doubtful)
    return [replace(one, case=f"q{n:05}") for n, one in enumerate(kept)]


def _keep(found: dict[str, Asked], doubtful: set[str], asked: Asked) -> None:
    """The same question of two sentences that say different things has no one answer."""
    before = found.setdefault(asked.text.casefold(), asked)
    if bound(before.answer) != bound(asked.answer):
        doubtful.add(asked.text.casefold())


def _question(sentence: str) -> str:
    """The question that a sentence answers, or "" """
    match = _STATES.match(sentence) or _KEY_VALUE.match(sentence)
    if match is None or _MISSING.search(sentence) or not _VALUE.match(match["value"]):
        return ""
    what = _LEADING.sub("", match["what"]).strip()
    what = what[:1].lower() + what[1:] if what[1:2].islower() else what
    return f"What is the {what}" if len(content(what)) >= 2 and not _CLAUSE.search(what) else ""


def of_places(articles: Iterable[Article]) -> list[Asked]:
    """Questions of an FAQ that belongs to places, each asked of its own place by name."""
    found = []
    for article in articles:
        for number, (heading, text) in enumerate(sections(article)):
            if not heading.endswith("?") or len(content(heading)) < 1:
                continue
            asked = heading.rstrip("? ")
            if not set(content(article.title)) <= set(content(asked)):
                asked = f"{_HERE.sub('', asked).rstrip(' ,')} at {article.title}"
            found.append(Asked(f"{article.key}#{number}", " ".join(f"{asked}?".split()), article.key, text))
    return found


def bound(sentence: str) -> frozenset[str]:
    """The facts of a sentence that can be right or wrong: amounts, percentages, numbers, dates, times."""
    return frozenset(one for one in facts(sentence) if one.partition(":")[0] in BOUND)


def without_answer(asked: Sequence[Asked], rest: Iterable[Article]) -> list[Asked]:
    """Those questions that no article of ``rest`` answers: none about the same subject says their fact; none at all, if
    a question names no subject."""
    lines: dict[str, list[frozenset[str]]] = {}
    names: dict[str, frozenset[str]] = {}
    for article in rest:
        names[article.key] = frozenset(content(f"{article.title} {article.key}"))
        lines[article.key] = [bound(one) for _, text in sections(article) for one in sentences(text)]
    kept = []
    for one in asked:
        about, fact = set(content(one.text.rpartition(" for ")[2])), bound(one.answer)
        near = (key for key in names if not one.named or about <= names[key])
        elsewhere = any(fact <= held for key in near for held in lines[key])
        if fact and not elsewhere:
            kept.append(one)
    return kept
