"""The knowledge base as the pages see it: asked of the media process, and put into rows that can be shown."""

from __future__ import annotations

import asyncio
import base64
import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, TypeVar

from starlette.concurrency import run_in_threadpool

from console.control import ask
from contracts.engines import DocumentInfo
from knowledge.api import KnowledgeAccess
from knowledge.remote import RemoteKnowledge

ResultT = TypeVar("ResultT")
_PATIENCE_S = 3600.0
"""A proposal waits until all vectors are made."""
EXPIRING_DAYS = 30
STATES = ("live", "new", "changed", "removed", "held")
VALIDITIES = ("valid", "expiring", "expired", "not yet")


class Library:
    """api.KnowledgeAccess over the control socket, without blocking the pages."""

    def __init__(self, control: Path) -> None:
        self._control = control
        self._base: KnowledgeAccess = RemoteKnowledge(self._carry)

    async def __call__(self, work: Callable[[KnowledgeAccess], ResultT]) -> ResultT:
        """Do something with the base. Raises MediaProcessSilent, and what the base raises."""
        return await run_in_threadpool(work, self._base)

    def _carry(self, method: str, params: Mapping[str, Any], blob: bytes) -> Any:
        fields = {**params, "data": base64.b64encode(blob).decode()} if blob else dict(params)
        return asyncio.run(ask(self._control, f"knowledge.{method}", _PATIENCE_S, **fields))["result"]


@dataclass(slots=True, frozen=True)
class Entry:
    """A document with what it is to callers (``state``) and today (``validity``)."""

    info: DocumentInfo
    state: str
    validity: str

    @property
    def valid(self) -> str:
        """Its days, as people read them."""
        first, last = self.info.valid_from, self.info.valid_to
        return f"{first or '…'} – {last or '…'}" if first or last else ""


def entries(
    draft: Iterable[DocumentInfo], live: Iterable[DocumentInfo], held: Iterable[DocumentInfo], today: date
) -> list[Entry]:
    """All documents that are live, in the draft or held. Pure."""
    heard = {one.document_id: one for one in live}
    found = []
    waiting = {one.document_id: one for one in held}
    for one in draft:
        was = heard.pop(one.document_id, None)
        state = "new" if was is None else "live" if was.version_id == one.version_id else "changed"
        found.append(Entry(one, state, validity(one, today)))
    found += [Entry(one, "removed", validity(one, today)) for one in heard.values()]
    found += [Entry(one, "held", validity(one, today)) for one in waiting.values()]
    return found


def validity(info: DocumentInfo, today: date) -> str:
    """One of VALIDITIES. Pure."""
    now = today.isoformat()
    if info.valid_to and info.valid_to < now:
        return "expired"
    if info.valid_from and info.valid_from > now:
        return "not yet"
    soon = (today + timedelta(days=EXPIRING_DAYS)).isoformat()
    return "expiring" if info.valid_to and info.valid_to <= soon else "valid"


_SORTS: dict[str, Callable[[Entry], Any]] = {
    "title": lambda one: one.info.title.casefold(),
    "source": lambda one: one.info.source.casefold(),
    "state": lambda one: (STATES[1:] + STATES[:1]).index(one.state),
    "valid": lambda one: one.info.valid_to or "9999",
    "owner": lambda one: one.info.owner.casefold(),
    "added": lambda one: one.info.added_at,
}
SORTS = tuple(_SORTS)


def chosen(found: Sequence[Entry], words: str, state: str, valid: str, sort: str) -> list[Entry]:
    """What the filter leaves, sorted; ``-added``: the other way round. Pure."""
    wanted = words.casefold().split()
    left = [
        one
        for one in found
        if (not state or one.state == state)
        and (not valid or one.validity == valid)
        and all(word in _searched(one) for word in wanted)
    ]
    key = _SORTS.get(sort.removeprefix("-"), _SORTS["title"])
    return sorted(left, key=key, reverse=sort.startswith("-"))


def _searched(one: Entry) -> str:
    info = one.info
    return " ".join((info.title, info.source, info.owner, *info.tags, *info.jurisdiction)).casefold()


def line_diff(before: str, after: str, around: int = 2) -> Iterator[tuple[str, str]]:
    """Lines as (kind, text); kind: plus, minus, same, skip. Pure."""
    old, new = before.splitlines(), after.splitlines()
    for number, hunk in enumerate(difflib.SequenceMatcher(a=old, b=new, autojunk=False).get_grouped_opcodes(around)):
        if number or hunk[0][1] > 0:
            yield "skip", "⋯"
        for kind, a, b, c, d in hunk:
            if kind == "equal":
                yield from (("same", line) for line in old[a:b])
            else:
                yield from (("minus", line) for line in old[a:b])
                yield from (("plus", line) for line in new[c:d])


def known_lines(info: DocumentInfo) -> str:
    """Metadata as lines, so that a diff shows what became of them. Pure."""
    shown = {
        "title": info.title,
        "owner": info.owner,
        "approver": info.approver,
        "valid": " – ".join((info.valid_from or "…", info.valid_to or "…")),
        "language": info.language,
        "jurisdiction": ", ".join(info.jurisdiction),
        "tags": ", ".join(info.tags),
    }
    return "\n".join(f"{key}: {value}" for key, value in shown.items() if value)
