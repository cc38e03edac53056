"""What is known about a document besides its text: who owns and approved it, where and when it holds. Pure.

The same keys are read everywhere: front matter of Markdown, ``<meta name=…>`` of HTML, columns of CSV, keys of JSON.

============  =====================================================  ==========================================
key           value                                                  other names that are accepted
============  =====================================================  ==========================================
title         a line of text                                         name, subject
owner         who keeps it true                                      author, creator
approver      who signed it off                                      approved_by
valid_from    first day on which it may be said                      effective, effective_date, starts
valid_to      last day on which it may be said                       expires, expiry, valid_until, ends
language      ``en``, ``pt-BR``                                      lang
jurisdiction  one or several places, ``US-NY``                       jurisdictions, region, regions, country
tags          one or several words                                   tag, keywords, category, categories
============  =====================================================  ==========================================
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from typing import Any

from contracts.errors import DocumentRefused

_ALIASES: dict[str, tuple[str, ...]] = {
    "title": ("title", "name", "subject"),
    "owner": ("owner", "author", "creator"),
    "approver": ("approver", "approved_by"),
    "valid_from": ("valid_from", "effective", "effective_date", "starts"),
    "valid_to": ("valid_to", "expires", "expiry", "valid_until", "ends"),
    "language": ("language", "lang"),
    "jurisdiction": ("jurisdiction", "jurisdictions", "region", "regions", "country"),
    "tags": ("tags", "tag", "keywords", "category", "categories"),
}
KEYS = frozenset(name for names in _ALIASES.values() for name in names)
"""Every accepted name."""
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")
_MAX_WORDS = 50


@dataclass(slots=True, frozen=True)
class Metadata:
    """All of it is optional; empty means not known."""

    title: str = ""
    owner: str = ""
    approver: str = ""
    valid_from: date | None = None
    valid_to: date | None = None
    language: str = ""
    jurisdiction: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()

    def over(self, other: Metadata) -> Metadata:
        """This, with what is missing here taken from ``other``."""
        given = {one.name: getattr(self, one.name) for one in fields(self)}
        return replace(other, **{name: value for name, value in given.items() if value})


def read_metadata(raw: Mapping[str, Any], source: str) -> Metadata:
    """Metadata from a mapping; unknown keys are left alone.

    Raises DocumentRefused, naming the key: not a line of text, not a date, dates in the wrong order.
    """
    given = {re.sub(r"[\s-]+", "_", str(key).strip().lower()): value for key, value in raw.items()}

    def get(key: str) -> Any:
        return next((given[name] for name in _ALIASES[key] if given.get(name) not in (None, "")), None)

    found = Metadata(
        title=_line(get("title"), "title", source, 200),
        owner=_line(get("owner"), "owner", source, 120),
        approver=_line(get("approver"), "approver", source, 120),
        valid_from=_date(get("valid_from"), "valid_from", source),
        valid_to=_date(get("valid_to"), "valid_to", source),
        language=_language(get("language"), source),
        jurisdiction=_words(get("jurisdiction"), "jurisdiction", source),
        tags=_words(get("tags"), "tags", source),
    )
    if found.valid_from and found.valid_to and found.valid_to < found.valid_from:
        raise DocumentRefused(
            f"{source}: valid_to ({found.valid_to}) is before valid_from ({found.valid_from}); correct the dates"
        )
    return found


def _line(given: Any, key: str, source: str, longest: int) -> str:
    if given is None:
        return ""
    if not isinstance(given, str | int | float) or not str(given).strip():
        raise DocumentRefused(f"{source}: {key} must be a line of text")
    return " ".join(str(given).split())[:longest]


def _words(given: Any, key: str, source: str) -> tuple[str, ...]:
    if given is None:
        return ()
    if isinstance(given, str):
        given = re.split(r"[,;|]", given)
    if not isinstance(given, list | tuple) or len(given) > _MAX_WORDS:
        raise DocumentRefused(f"{source}: {key} must be a list of at most {_MAX_WORDS} words")
    if not all(isinstance(one, str | int | float) for one in given):
        raise DocumentRefused(f"{source}: {key} must be a list of words")
    return tuple(dict.fromkeys(str(one).strip()[:60] for one in given if str(one).strip()))


def _language(given: Any, source: str) -> str:
    text = _line(given, "language", source, 20).replace("_", "-")
    if text and _LANGUAGE.fullmatch(text) is None:
        raise DocumentRefused(f"{source}: language must be a tag such as en or pt-BR")
    return text


def _date(given: Any, key: str, source: str) -> date | None:
    if given is None:
        return None
    if isinstance(given, datetime):
        return given.date()
    if isinstance(given, date):
        return given
    try:
        return date.fromisoformat(str(given).strip()[:10])
    except ValueError as error:
        raise DocumentRefused(f"{source}: {key} must be a date such as 2026-01-31") from error
