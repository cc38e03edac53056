"""The folder of documents that the settings name: taken in at each start, and published or left for a person."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from contracts.errors import KnowledgeError, WorkerError
from knowledge.api import Outcome, ReleaseState
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
    """Take in every document of a folder and publish what has changed; unchanged ones cost nothing.

    The folder of the settings is the owner's word, so the review's objections are recorded and do not hold it back,
    unless they are to be obeyed (``obey``): then it waits for a person, as it does for a document that is held. What
    looks like instructions to a language model stays out either way.
    """
    taken = TakenIn()
    held: list[str] = []
    for path, source in find_files(folder):
        try:
            data = await asyncio.to_thread(load_file, path, source, max_bytes=max_bytes)
            for added in await knowledge.add(data, source, by=SETTINGS):
                taken.count += 1
                if added.outcome is Outcome.HELD:
                    held.append(added.document.source)
                    taken.refused.append(f"{added.document.source}: held: {added.suspicions[0].quote!r}")
        except (KnowledgeError, WorkerError) as error:
            taken.refused.append(f"{source}: {error}")
    try:
        if await knowledge.draft():
            await _publish(folder, knowledge, taken, held if obey else None)
    except (KnowledgeError, WorkerError) as error:
        taken.refused.append(f"{folder}: not published: {error}")
    return taken


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
    taken.overruled = objections
    await knowledge.publish(release.release, by=SETTINGS, despite="named in the settings")


async def _waiting(knowledge: KnowledgeClient) -> str:
    """The proposed release that is what the draft holds, if there is one: it is not proposed at each start."""
    newest = next(iter(await knowledge.releases()), None)
    if newest is None or newest.state is not ReleaseState.PROPOSED:
        return ""
    frozen, draft = await knowledge.list_documents(newest.release), await knowledge.list_documents()
    same = {one.version_id for one in frozen} == {one.version_id for one in draft}
    return newest.release if same else ""
