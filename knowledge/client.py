"""The knowledge base as everybody else sees it: a client of its worker."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from contracts.clock import Clock, MonotonicClock
from contracts.engines import DocumentInfo, Evidence, Resemblance
from contracts.errors import DeadlineExceeded
from contracts.worker import Priority, Reply, WorkerClient
from knowledge.api import (
    LIVE,
    Added,
    Change,
    DocumentChange,
    DocumentText,
    Held,
    ReleaseInfo,
    Stats,
    evidence_from,
    from_json,
    raise_error,
)

ENGINE = "knowledge"
"""The engine's name in the worker settings."""
_LOOK_S = 0.05
_PATIENCE_S = 24 * 3600.0


class KnowledgeClient:
    """Implements contracts.engines.Retriever, and what knowledge managers do.

    All methods raise WorkerError subclasses, and KnowledgeError subclasses as api.KnowledgeAccess says. Methods without
    a ``deadline`` give each request to the worker ``patience_s`` seconds; long work is asked after until it is done.
    """

    def __init__(self, workers: WorkerClient, *, clock: Clock | None = None, patience_s: float = 30.0) -> None:
        self._workers = workers
        self._clock = clock or MonotonicClock()
        self._patience_s = patience_s

    async def search(
        self,
        query: str,
        *,
        limit: int,
        deadline: float,
        context: Sequence[str] = (),
        release: str = LIVE,
        talk: Sequence[str] = (),
        readings: Sequence[str] = (),
    ) -> Evidence:
        """The best passages; what ``context``, ``talk`` and ``readings`` mean: api.KnowledgeAccess.

        Pass the ``release`` of a turn's first evidence with its later questions, so that no answer mixes two.
        It asks with the priority of a final recognition: it takes some 5 ms and everything after it waits.
        """
        params = {"query": query, "limit": limit, "context": list(context), "release": release}
        params |= {key: list(value) for key, value in (("talk", talk), ("readings", readings)) if value}
        reply = await self._request("search", params, deadline=deadline, priority=Priority.FINAL_RECOGNITION)
        return evidence_from(reply.body)

    async def resembling(self, text: str, *, release: str, deadline: float) -> tuple[Resemblance, ...]:
        """contracts.engines.NameFinder: as urgent as a search."""
        params = {"text": text, "release": release}
        reply = await self._request("resembling", params, deadline=deadline, priority=Priority.FINAL_RECOGNITION)
        return tuple(Resemblance(float(score), int(a), int(b), str(name)) for score, a, b, name in reply.body["names"])

    async def add(self, data: bytes, source: str, *, by: str, once: bool = False) -> list[Added]:
        """Take the documents of one file into the draft; ``once``: unless these very bytes were the last that were
        taken in so (KnowledgeBase.add). Raises DocumentRefused."""
        return from_json(list[Added], await self.ask("add", {"source": source, "by": by, "once": once}, blob=data))

    async def list_documents(self, release: str | None = None) -> list[DocumentInfo]:
        """All documents of a release, or of the draft."""
        return from_json(list[DocumentInfo], await self.ask("list", {"release": release}))

    async def text(self, key: str, release: str | None = None) -> DocumentText:
        """A document of a release, or of the draft, with its text. Raises DocumentUnknown."""
        return from_json(DocumentText, await self.ask("text", {"key": key, "release": release}))

    async def amend(self, key: str, metadata: Mapping[str, Any], *, by: str) -> Added:
        """Other metadata for a document of the draft. Raises DocumentUnknown, DocumentRefused."""
        return from_json(Added, await self.ask("amend", {"key": key, "metadata": dict(metadata), "by": by}))

    async def remove(self, key: str, *, by: str) -> list[DocumentInfo]:
        """Take a document or a file out of the draft. Raises DocumentUnknown."""
        return from_json(list[DocumentInfo], await self.ask("remove", {"key": key, "by": by}))

    async def held(self) -> list[Held]:
        """Quarantined documents."""
        return from_json(list[Held], await self.ask("held"))

    async def decide(self, key: str, *, accept: bool, by: str) -> DocumentInfo:
        """Accept or reject a quarantined document. Raises DocumentUnknown."""
        return from_json(DocumentInfo, await self.ask("decide", {"key": key, "accept": accept, "by": by}))

    async def draft(self) -> list[DocumentChange]:
        """How the draft differs from the live release."""
        return from_json(list[DocumentChange], await self.ask("draft"))

    async def revert(self, *, by: str) -> None:
        """Make the draft equal to the live release."""
        await self.ask("revert", {"by": by})

    async def propose(self, *, by: str, note: str = "", now: bool = False) -> ReleaseInfo:
        """Freeze the draft as a release, check and evaluate it. Raises ReleaseRefused."""
        return from_json(ReleaseInfo, await self.ask("propose", {"by": by, "note": note, "now": now}))

    async def evaluate(self, release: str, *, by: str, models: bool = False) -> ReleaseInfo:
        """Begin to ask the suites about a release. Raises ReleaseRefused, ReleaseUnknown."""
        params = {"release": release, "by": by, "models": models}
        return from_json(ReleaseInfo, await self.ask("evaluate", params))

    async def approve(self, release: str, *, by: str) -> ReleaseInfo:
        """Approve a proposed release. Raises ReleaseRefused, ReleaseUnknown."""
        return from_json(ReleaseInfo, await self.ask("approve", {"release": release, "by": by}))

    async def publish(self, release: str, *, by: str, despite: str = "") -> ReleaseInfo:
        """Make a release the live one. Raises ReleaseRefused, ReleaseUnknown."""
        params = {"release": release, "by": by, "despite": despite}
        return from_json(ReleaseInfo, await self.ask("publish", params))

    async def rollback(self, *, by: str, release: str = "") -> ReleaseInfo:
        """Back to the release before, or to a named one. Raises ReleaseRefused, ReleaseUnknown."""
        return from_json(ReleaseInfo, await self.ask("rollback", {"by": by, "release": release}))

    async def releases(self) -> list[ReleaseInfo]:
        """All releases, newest first."""
        return from_json(list[ReleaseInfo], await self.ask("releases"))

    async def changes(self) -> list[Change]:
        """Who did what, the latest first."""
        return from_json(list[Change], await self.ask("changes"))

    async def stats(self) -> Stats:
        """How much is there, and whether all of it is indexed."""
        return from_json(Stats, await self.ask("stats"))

    async def rebuild(self) -> None:
        """Throw the vector index away and make it again, in the background."""
        await self.ask("rebuild")

    async def ask(self, method: str, params: Mapping[str, Any] | None = None, *, blob: bytes = b"") -> Any:
        """The JSON result of any method of ``engine.METHODS``; waits for long work."""
        reply = await self._request(method, params or {}, blob=blob)
        until = self._clock.now() + _PATIENCE_S
        while ticket := reply.body.get("ticket"):
            if self._clock.now() > until:
                raise DeadlineExceeded(f"knowledge.{method} took longer than a day")
            state = await self._request("ticket", {"ticket": ticket})
            if state.body["done"]:
                reply = state
            else:
                await asyncio.sleep(_LOOK_S)
        return json.loads(zlib.decompress(reply.blob))

    async def _request(
        self,
        method: str,
        params: Mapping[str, Any],
        *,
        blob: bytes = b"",
        deadline: float | None = None,
        priority: Priority = Priority.BACKGROUND,
    ) -> Reply:
        until = self._clock.now() + self._patience_s if deadline is None else deadline
        reply = await self._workers.request(ENGINE, method, params, blob=blob, deadline=until, priority=priority)
        raise_error(reply.body)
        return reply
