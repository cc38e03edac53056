"""What is wrong with a release as a whole: duplicates, contradicting numbers, expired and orphaned documents.

Reads a release's file; run by ``review`` in a process of its own, because it is ten seconds and more of pure Python for
a large base and calls go on meanwhile. Everything found is quoted, for a person to judge.
"""

from __future__ import annotations

import json
import re
import sqlite3
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from functools import lru_cache
from itertools import combinations
from pathlib import Path
from typing import Any

from knowledge.background import step_back
from knowledge.passages import sentences
from knowledge.query import content_words
from knowledge.settings import ReleaseSettings

MOST = 200
"""Findings of one kind that are reported; the count tells of the rest."""
_CROWD = 60
"""A key shared by more passages than this tells nothing about likeness."""
_SHORTEST = 12
"""Passages of fewer words are alike by chance ("Yes, we do.")."""
_RAREST = 4
_AMOUNT = r"\d[\d,]*(?:\.\d+)?"
_FACTS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("money", re.compile(
        rf"[$€£¥]\s?({_AMOUNT})|\b({_AMOUNT})\s?(?:dollars?|euros?|pounds?|cents?|usd|eur|gbp)\b", re.I)),
    ("percent", re.compile(rf"\b({_AMOUNT})\s?(?:%|percent\b|per cent\b)", re.I)),
    ("time", re.compile(r"\b(\d{1,2}(?::\d{2})?\s?[ap]\.?m\b|\d{1,2}:\d{2})", re.I)),
    ("duration", re.compile(
        rf"\b({_AMOUNT})[\s-](?:business[\s-]|working[\s-]|calendar[\s-])?(minutes?|hours?|days?|weeks?|months?|years?)\b",
        re.I)),
)  # fmt: skip
_DIGIT = re.compile(r"\d")
"""Stands in every fact; most sentences have none, and looking for each kind in them took a third of the check."""
_WORDS = re.compile(r"\w+")
_WITHIN = re.compile(r"(?<=[a-z0-9,;] )([A-Za-z][\w'-]+)")
"""A word that does not open a sentence: there a capital means a name."""
_PHRASE = re.compile(r"(?<=[a-z0-9,;] )([A-Z][\w'-]*(?: [A-Z][\w'-]*)+)")


@dataclass(slots=True, frozen=True)
class Entry:
    """A passage of the release under check."""

    document_id: str
    source: str
    title: str
    heading: str
    text: str
    owner: str
    valid_from: str
    valid_to: str


@dataclass(slots=True, frozen=True)
class Finding:
    """``kind``: contradiction, duplicate, expired, expiring, orphaned. ``quotes`` stand beside their ``sources``."""

    kind: str
    what: str
    sources: tuple[str, ...]
    quotes: tuple[str, ...] = ()


@dataclass(slots=True, frozen=True)
class _Fact:
    entry: Entry
    sentence: str
    kind: str
    values: frozenset[str]
    words: frozenset[str]


def check(entries: Sequence[Entry], settings: ReleaseSettings, today: date) -> list[Finding]:
    """All findings, the gravest kind first."""
    names = Names.of(entries)
    return [
        *contradictions(entries, settings, names),
        *duplicates(entries, settings, names),
        *expired(entries, settings, today),
        *orphaned(entries, settings),
    ]


def expired(entries: Iterable[Entry], settings: ReleaseSettings, today: date) -> Iterator[Finding]:
    """Documents whose last day is past, or near."""
    soon = (today + timedelta(days=settings.expiring_days)).isoformat()
    for source, ends in sorted({(one.source, one.valid_to) for one in entries if one.valid_to}):
        if ends < today.isoformat():
            yield Finding("expired", f"was valid to {ends}; no call finds it", (source,))
        elif ends <= soon:
            yield Finding("expiring", f"is valid to {ends}", (source,))


def orphaned(entries: Iterable[Entry], settings: ReleaseSettings) -> Iterator[Finding]:
    """Documents that nobody keeps true."""
    if settings.require_owner:
        for source in sorted({one.source for one in entries if not one.owner}):
            yield Finding("orphaned", "has no owner", (source,))


def duplicates(entries: Sequence[Entry], settings: ReleaseSettings, names: Names | None = None) -> list[Finding]:
    """Passages of different documents that say the same in the same words, found by their rarest word groups."""
    names = names or Names.of(entries)
    keys: dict[int, list[int]] = defaultdict(list)
    for at, one in enumerate(entries):
        for key in sorted(_groups(one))[: _RAREST * 2]:  # the smallest hashes: a sketch that like texts share
            keys[key].append(at)
    found: dict[tuple[str, str], Finding] = {}
    looked: set[tuple[int, int]] = set()
    for crowd in keys.values():
        if not 2 <= len(crowd) <= _CROWD:
            continue
        groups = {at: _groups(entries[at]) for at in crowd}
        for first, second in combinations(crowd, 2):
            one, other = entries[first], entries[second]
            pair = (one.source, other.source)
            if (first, second) in looked or one.document_id == other.document_id or pair in found:
                continue
            looked.add((first, second))
            if not _overlap(one, other):
                continue
            alike = _jaccard(groups[first], groups[second])
            if alike >= settings.duplicate and not _other_subject(one, other, names):
                found[pair] = Finding(
                    "duplicate", f"{alike:.0%} the same words", pair, (_short(one.text), _short(other.text))
                )
    return list(found.values())


def _groups(entry: Entry) -> frozenset[int]:
    """Hashes of a passage's groups of three words; made when they are needed, for all of them fill a gigabyte."""
    words = _WORDS.findall(entry.text.lower())
    if len(words) < _SHORTEST:
        return frozenset()
    return frozenset(map(hash, zip(words, words[1:], words[2:], strict=False)))


def contradictions(entries: Sequence[Entry], settings: ReleaseSettings, names: Names | None = None) -> list[Finding]:
    """Sentences of different documents about the same thing, with different amounts, rates, times or durations."""
    names = names or Names.of(entries)
    facts = [fact for one in entries for fact in _facts(one)]
    holding = Counter(word for fact in facts for word in fact.words)
    keys: dict[tuple[str, str], list[int]] = defaultdict(list)
    for at, fact in enumerate(facts):
        for word in sorted(fact.words, key=lambda word: (holding[word], word))[:_RAREST]:
            keys[(fact.kind, word)].append(at)
    found: dict[tuple[str, str, str], Finding] = {}
    for crowd in keys.values():
        if not 2 <= len(crowd) <= _CROWD:
            continue
        for first, second in combinations(crowd, 2):
            one, other = facts[first], facts[second]
            key = (one.entry.source, other.entry.source, one.kind)
            if one.entry.document_id == other.entry.document_id or key in found:
                continue
            if one.values & other.values or not _overlap(one.entry, other.entry):
                continue
            if _jaccard(one.words, other.words) < settings.same_subject:
                continue
            if _other_subject(one.entry, other.entry, names, one.sentence, other.sentence):
                continue
            said = f"{one.kind}: {', '.join(sorted(one.values))} against {', '.join(sorted(other.values))}"
            found[key] = Finding("contradiction", said, key[:2], (_short(one.sentence), _short(other.sentence)))
    return list(found.values())


def _facts(entry: Entry) -> Iterator[_Fact]:
    """Sentences with numbers, and what they are about; where a sentence gives several of a kind, all belong to it."""
    for sentence in sentences(entry.text) if _DIGIT.search(entry.text) else ():
        if not _DIGIT.search(sentence):
            continue
        bare, values = sentence, defaultdict(set)
        for kind, pattern in _FACTS:
            for match in pattern.finditer(sentence):
                values[kind].add(_value(kind, match))
            bare = pattern.sub(" ", bare)
        if values:
            words = frozenset(_stem(word) for word in content_words(bare) if not word.isdigit())
            if len(words) >= 2:
                yield from (_Fact(entry, sentence, kind, frozenset(one), words) for kind, one in values.items())


def _value(kind: str, match: re.Match[str]) -> str:
    groups = [group for group in match.groups() if group]
    if kind == "time":
        return re.sub(r"[\s.]|:00", "", groups[0].lower())
    number = f"{float(groups[0].replace(',', '')):g}"
    return f"{number} {groups[1].lower().rstrip('s')}" if kind == "duration" else number


@dataclass(slots=True, frozen=True)
class Names:
    """How a base writes names: single words (Gold, March), and phrases (Dark Green Account). Learnt from its texts:
    a name is what stands with capitals more often than without, where no sentence begins."""

    words: frozenset[str]
    phrases: frozenset[str]

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Names:
        """The names in all passages."""
        written: Counter[str] = Counter()
        phrases: Counter[str] = Counter()
        for one in entries:
            written.update(_WITHIN.findall(one.text))
            phrases.update(match.lower() for match in _PHRASE.findall(one.text))
        large: Counter[str] = Counter()
        small: Counter[str] = Counter()
        for word, count in written.items():
            (large if word[0].isupper() else small)[_stem(word.lower())] += count
        often = frozenset(phrase for phrase, count in phrases.items() if count > 1)
        return cls(frozenset(word for word, count in large.items() if count > small[word]), often)

    def subject(self, title: str) -> str:
        """The longest known phrase in a title; empty if it names nothing."""
        words = re.findall(r"[\w'-]+", title.lower())
        for length in range(len(words), 1, -1):
            for at in range(len(words) - length + 1):
                if (phrase := " ".join(words[at : at + length])) in self.phrases:
                    return phrase
        return ""


def _other_subject(one: Entry, other: Entry, names: Names, said: str = "", answered: str = "") -> bool:
    """Are they about two things? Titles that name different products say so; so does a name, in title, headings or the
    sentence at hand, of which the other never speaks. Wires in a list of fees are the wires of their own document."""
    about, concerning = names.subject(one.title), names.subject(other.title)
    if about and concerning and about != concerning:
        return True
    first = _words(f"{one.title} {one.heading} {said}") & names.words
    second = _words(f"{other.title} {other.heading} {answered}") & names.words
    return bool(first - _words(_whole(other))) or bool(second - _words(_whole(one)))


def _whole(entry: Entry) -> str:
    return f"{entry.title} {entry.heading} {entry.text}"


def _words(text: str) -> frozenset[str]:
    return frozenset(_stem(word) for word in content_words(text))


def _overlap(one: Entry, other: Entry) -> bool:
    """Is there a day on which both may be said?"""
    begins = max(one.valid_from, other.valid_from)
    return begins <= min(one.valid_to or "9999", other.valid_to or "9999")


@lru_cache(maxsize=100_000)
def _stem(word: str) -> str:
    for ending in ("ing", "ies", "es", "ed", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word


def _jaccard(one: Set[Any], other: Set[Any]) -> float:
    union = len(one | other)
    return len(one & other) / union if union else 0.0


def _short(text: str) -> str:
    return text if len(text) <= 240 else text[:239] + "…"


def read_entries(path: Path) -> list[Entry]:
    """The passages of a release's file."""
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
    try:
        rows = connection.execute(
            "SELECT document_id, source, title, heading, text, owner, coalesce(valid_from, ''), coalesce(valid_to, '') "
            "FROM passages ORDER BY number"
        )
        return [Entry(*row) for row in rows]
    finally:
        connection.close()


def main() -> None:
    """Arguments: the release's file, ReleaseSettings as JSON, today. Prints findings and their counts as JSON."""
    step_back()
    settings = ReleaseSettings.model_validate_json(sys.argv[2])
    found = check(read_entries(Path(sys.argv[1])), settings, date.fromisoformat(sys.argv[3]))
    counts = Counter(one.kind for one in found)
    shown: Counter[str] = Counter()
    kept = []
    for one in found:
        shown[one.kind] += 1
        if shown[one.kind] <= MOST:
            kept.append(asdict(one))
    print(json.dumps({"counts": counts, "findings": kept}))


if __name__ == "__main__":
    main()
