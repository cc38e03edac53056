"""While nobody calls, the small model reads the evidence that callers will probably need.

A prompt of a hundred tokens takes the small model most of a second on two cores, and the words that tell which passage
it is are known only shortly before the caller ends. A state that was kept is back in 30 ms
(workers.engines.llama_cache).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from contracts.errors import KnowledgeError, RecordError, WorkerError
from contracts.events import Rung
from dialog.cascade import Cascade
from operations.records import Records
from server.build import Engines

log = structlog.get_logger()
EVERY_S = 5.0
"""Between two looks for a new release, or for whether all calls are over."""
OPENING_WORDS = 40
"""Of a part of a document: enough that no other part is found before it."""


class Warming:
    """One for the operator. Reads once for each live release, a piece at a time, and pauses while there are calls."""

    def __init__(
        self,
        cascade: Cascade,
        release: Callable[[], Awaitable[str]],
        texts: Callable[[str], Awaitable[Sequence[str]]],
        idle: Callable[[], bool],
        most: int,
    ) -> None:
        """``release``: the live one, or "". ``texts``: what may be asked of one, the likeliest first; both raise
        WorkerError, KnowledgeError. ``most``: pieces of evidence to read."""
        self._cascade = cascade
        self._live = release
        self._texts = texts
        self._idle = idle
        self._most = most
        self._release = ""
        self._read: set[tuple[str, ...]] = set()
        self._done = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Look every so often, if there is anything to do at all."""
        if self._most:
            self._task = asyncio.create_task(self._watch(), name="warming")

    async def close(self) -> None:
        """No more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    @property
    def status(self) -> dict[str, int | bool]:
        """How many pieces are read, and whether that is all there is to read."""
        return {"pieces": len(self._read), "done": self._done or not self._most}

    def again(self) -> None:
        """The model's worker was replaced: what it had read is gone."""
        self._release = ""

    async def look(self) -> bool:
        """Read for the live release, until somebody calls. Is all of it read? Raises WorkerError, KnowledgeError."""
        release = await self._live()
        if release != self._release:
            self._release, self._done = release, False
            self._read.clear()
        if self._done or not release:
            return True
        for text in await self._texts(release):
            if not self._idle():
                return False
            if ids := await self._cascade.read(text, self._read):
                self._read.add(ids)
            if len(self._read) >= self._most:
                break
        self._done = True
        log.info("warm.evidence_read", pieces=len(self._read), release=release)
        return True

    async def _watch(self) -> None:
        while True:
            if self._idle():
                try:
                    await self.look()
                except (WorkerError, KnowledgeError) as error:
                    log.warning("warm.evidence_not_read", error=str(error))
            await asyncio.sleep(EVERY_S)


def make_warming(engines: Engines, cascade: Cascade, records: Records, idle: Callable[[], bool], most: int) -> Warming:
    """Over the live release and what callers asked before."""
    knowledge = engines.knowledge

    async def live() -> str:
        return (await knowledge.stats()).release

    async def texts(release: str) -> list[str]:
        try:
            asked = await asyncio.to_thread(records.asked_of, [Rung.SMALL, Rung.LARGE])
        except RecordError as error:
            log.warning("warm.no_questions", error=str(error))
            asked = []
        for document in (await knowledge.list_documents(release))[:most]:
            asked += openings(document.title, (await knowledge.text(document.source, release)).body)
        return list(dict.fromkeys(asked))

    return Warming(cascade, live, texts, idle, most)


def openings(title: str, body: str) -> list[str]:
    """A text for each part of a document that is found by it: its headings, each with the words that follow. Pure."""
    parts: list[str] = []
    for line in body.splitlines():
        if line.startswith("#"):
            parts.append(line.lstrip("#").strip())
        elif parts:
            parts[-1] = f"{parts[-1]} {line.strip()}"
        else:
            parts.append(f"{title} {line.strip()}")
    cut = [" ".join(part.split()[:OPENING_WORDS]) for part in parts]
    return [one for one in dict.fromkeys([*cut, title]) if one]
