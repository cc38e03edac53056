"""The folder of documents that the settings name: taken in at each start, and published or left for a person."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from contracts.errors import KnowledgeError, WorkerError
from knowledge.api import DocumentChange, ReleaseState
from knowledge.client import KnowledgeClient
from knowledge.documents import find_files, load_file

SETTINGS = "settings"
"""Who takes it in, in the knowledge base's list of changes."""


@dataclass(slots=True)
class TakenIn:
    """What became of a folder of documents. ``refused``: each with its reason; ``waits``: why it is not published, and
    what to do; ``overruled``: what its review objected to, and was not obeyed in."""

    count: int = 0
    refused: list[str] = field(default_factory=list)
    waits: str = ""
    overruled: tuple[str, ...] = ()


async def add_documents(folder: Path, knowledge: KnowledgeClient, max_bytes: int, *, obey: bool = False) -> TakenIn:
    """Take in every file of a folder that is new or has changed since the last start, and publish that.

    The folder of the settings is the owner's word, so the review's objections are recorded and do not hold it back,
    unless they are to be obeyed (``obey``): then it waits for a person, as it does for a document that is held. What
    looks like instructions to a language model stays out either way.

    A start undoes nothing that people did: a file that is as it was brings back no document that was amended or removed
    since; nothing is published that somebody else has put into the draft, nor what was rolled back.
    """
    taken = TakenIn()
    read: set[str] = set()
    for path, source in find_files(folder):
        try:
            data = await asyncio.to_thread(load_file, path, source, max_bytes=max_bytes)
            if added := await knowledge.add(data, source, by=SETTINGS, once=True):
                read.add(source)
                taken.count += len(added)
        except (KnowledgeError, WorkerError) as error:
            taken.refused.append(f"{source}: {error}")
    try:
        held = [one for one in await knowledge.held() if one.document.added_by == SETTINGS]
        taken.refused += [f"{one.document.source}: held: {one.suspicions[0].quote!r}" for one in held]
        if changes := await knowledge.draft():
            taken.waits = await _peoples(changes, knowledge, read)
            if not taken.waits:
                await _publish(folder, knowledge, taken, [one.document.source for one in held] if obey else None)
    except (KnowledgeError, WorkerError) as error:
        taken.refused.append(f"{folder}: not published: {error}")
    return taken


async def _peoples(changes: Sequence[DocumentChange], knowledge: KnowledgeClient, read: Collection[str]) -> str:
    """Why the draft is not the folder's own to publish; empty if it is. ``read``: files that were read just now, which
    may have lost documents."""
    by = {one.source: one.added_by for one in await knowledge.list_documents()}
    others = [
        one.source
        for one in changes
        if (by[one.source] != SETTINGS if one.source in by else one.source.partition("#")[0] not in read)
    ]
    if others:
        named = f"{', '.join(others[:3])}{' …' if len(others) > 3 else ''}"
        return f"the draft holds what people have changed and not published: {named}"
    newest = next(iter(await knowledge.releases()), None)
    if newest is None or newest.state is not ReleaseState.SUPERSEDED:
        return ""
    back = await _holds_draft(newest.release, knowledge)
    return f"{newest.release} was rolled back, and the draft is the same" if back else ""


async def _publish(folder: Path, knowledge: KnowledgeClient, taken: TakenIn, held: Sequence[str] | None) -> None:
    """``held``: documents that keep the folder waiting; None: nothing does."""
    if held is not None and (waiting := await _waiting(knowledge)):
        taken.waits = f"{waiting} still waits for a person"
        return
    release = await knowledge.propose(by=SETTINGS, note=f"documents of {folder}", now=True)
    objections = tuple(str(one) for one in release.report.get("objections", ()))
    if held is not None and (held or objections):
        why = [*objections, *([f"{len(held)} held: {', '.join(held[:3])}"] if held else [])]
        taken.waits = f"{release.release} waits for a person: {'; '.join(why)}"
        return
    await knowledge.publish(release.release, by=SETTINGS, despite="named in the settings")
    taken.overruled = objections


async def _waiting(knowledge: KnowledgeClient) -> str:
    """The proposed release that is what the draft holds, if there is one: it is not proposed at each start."""
    newest = next(iter(await knowledge.releases()), None)
    if newest is None or newest.state is not ReleaseState.PROPOSED:
        return ""
    return newest.release if await _holds_draft(newest.release, knowledge) else ""


async def _holds_draft(release: str, knowledge: KnowledgeClient) -> bool:
    frozen, draft = await knowledge.list_documents(release), await knowledge.list_documents()
    return {one.version_id for one in frozen} == {one.version_id for one in draft}
