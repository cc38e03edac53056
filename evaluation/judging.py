"""Judges what was spoken, by rule, apart from the gate that let it through. Pure.

A claim is *supported* if the cited document, read whole, is about the thing that was asked about, holds every amount,
percentage, number, date and time of the claim in one of its sentences or under one heading, and does not say the
opposite of it in the sentence that is most like it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dialog.words import content, words
from evaluation.asking import Reply
from evaluation.bases import Article, sections
from evaluation.questions import Asked, bound, capitalised
from knowledge.passages import plain, sentences

ALIKE = 0.6
"""Share of a claim's words that the sentence has which says it or its opposite."""
_NOT = frozenset("no not never cannot can't don't doesn't isn't aren't won't without unable unfortunately none".split())
_COMMON = frozenset(content("account accounts card cards program"))
"""Words that a name may have or lack and still name the same thing."""
_YES_NO = re.compile(r"^(?:yes|no)\b", re.IGNORECASE)


@dataclass(slots=True, frozen=True)
class Claim:
    """A sentence that was spoken. ``wrong``: what is not supported, or ""."""

    text: str
    wrong: str


def claims(asked: Asked, reply: Reply, articles: Mapping[str, Article]) -> list[Claim]:
    """Every sentence that was spoken, judged against the document it was cited from."""
    found = []
    for spoken in reply.spoken:
        for sentence in sentences(spoken):
            cited = reply.outcome.passages[0] if reply.outcome.passages else None
            article = _cited(cited.source, articles) if cited else None
            found.append(
                Claim(sentence, "no document is cited" if article is None else unsupported(sentence, asked, article))
            )
    return found


def _cited(source: str, articles: Mapping[str, Article]) -> Article | None:
    """By its source in the base, or by its key within the file it came in."""
    return articles.get(source) or articles.get(source.partition("#")[2])


def unsupported(sentence: str, asked: Asked, article: Article) -> str:
    """What of a claim the article does not say; "" if it says all of it."""
    if not about(asked, article):
        return "the document is about something else"
    parts = [(heading, text) for heading, text in sections(article)]
    said = bound(sentence)
    held = [bound(f"{heading}. {text}") for heading, text in parts] + [bound(plain(article.body))]
    if not any(said <= one for one in held):
        return f"not in the document: {', '.join(sorted(said - held[-1]))}"
    mine = set(content(sentence)) - set(content(article.title))
    best, line = 0.0, ""
    for _, text in parts:
        for other in sentences(text):
            share = len(mine & set(content(other))) / len(mine) if mine else 0.0
            if share > best:
                best, line = share, other
    if best >= ALIKE and denied(sentence) != denied(line):
        return f"the opposite of: {line}"
    return ""


def about(asked: Asked, article: Article) -> bool:
    """Is the article about the thing that was asked about? Its title names just that, not a thing with a longer or a
    shorter name: an article about "Light Blue Account" is not about "Blue Account", whatever words they share. A
    question that names nothing may be answered by any."""
    if not asked.named or article.key == asked.article or set(content(article.title)) <= set(content(asked.text)):
        return True
    wanted = [set(content(asked.text.rpartition(mark)[2])) for mark in (" for ", " at ") if mark in asked.text]
    titled = [set(content(run)) for run in capitalised(article.title)]
    return any(name and (name ^ run) <= _COMMON for name in wanted for run in titled)


def denied(sentence: str) -> bool:
    """Does it say *not*?"""
    return bool(_NOT & set(words(sentence)))


def right(asked: Asked, reply: Reply, said: Sequence[Claim]) -> bool:
    """Was it the answer? All facts of the sentence the question was made from; of one without facts: its yes or no, or
    most of its words; and nothing unsupported."""
    if not reply.answered or any(one.wrong for one in said):
        return False
    text = " ".join(reply.spoken)
    facts = bound(asked.answer)
    if facts:
        return facts <= bound(text)
    if _YES_NO.match(asked.answer):
        return denied(asked.answer) == denied(text)
    wanted = set(content(asked.answer))
    return not wanted or len(wanted & set(content(text))) / len(wanted) >= 0.5
