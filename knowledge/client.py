"""The knowledge base as everybody else sees it: a client of its worker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from contracts.clock import Clock, MonotonicClock
from contracts.engines import DocumentInfo, Evidence
from contracts.worker import Priority, WorkerClient
from knowledge.api import Added, Outcome, Stats, document_from, evidence_from, raise_error

ENGINE = "knowledge"
"""The engine's name in the worker settings."""


class KnowledgeClient:
    """Implements contracts.engines.Retriever, and what knowledge managers do.

    All methods raise WorkerError subclasses, and KnowledgeError subclasses as api.KnowledgeAccess says. Methods without
    a ``deadline`` give the worker ``patience_s`` seconds.
    """

    def __init__(self, workers: WorkerClient, *, clock: Clock | None = None, patience_s: float = 30.0) -> None:
        self._workers = workers
        self._clock = clock or MonotonicClock()
        self._patience_s = patience_s

    async def search(self, query: str, *, limit: int, deadline: float, context: Sequence[str] = ()) -> Evidence:
        """The best passages; ``context`` are earlier turns of the caller, oldest first.

        It asks with the priority of a final recognition: it takes some 5 ms and everything after it waits.
        """
        body = await self._ask(
            "search",
            {"query": query, "limit": limit, "context": list(context)},
            deadline=deadline,
            priority=Priority.FINAL_RECOGNITION,
        )
        return evidence_from(body)

    async def add(self, data: bytes, source: str) -> Added:
        """Take in one document. Raises DocumentRefused."""
        body = await self._ask("add", {"source": source}, blob=data)
        return Added(document_from(body["document"]), Outcome(body["outcome"]))

    async def list_documents(self) -> list[DocumentInfo]:
        """All documents, by source."""
        return [document_from(one) for one in (await self._ask("list", {}))["documents"]]

    async def remove(self, key: str) -> DocumentInfo:
        """Take out a document by source or id. Raises DocumentUnknown."""
        return document_from((await self._ask("remove", {"key": key}))["document"])

    async def stats(self) -> Stats:
        """How much is there, and whether all of it is indexed."""
        return Stats(**await self._ask("stats", {}))

    async def rebuild(self) -> None:
        """Throw the vector index away and make it again, in the background."""
        await self._ask("rebuild", {})

    async def _ask(
        self,
        method: str,
        params: Mapping[str, Any],
        *,
        blob: bytes = b"",
        deadline: float | None = None,
        priority: Priority = Priority.BACKGROUND,
    ) -> Mapping[str, Any]:
        until = self._clock.now() + self._patience_s if deadline is None else deadline
        reply = await self._workers.request(ENGINE, method, params, blob=blob, deadline=until, priority=priority)
        raise_error(reply.body)
        return reply.body
