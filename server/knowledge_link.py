"""The knowledge base for the command line: through the running operator if there is one, else opened here."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from contracts.engines import DocumentInfo, Evidence
from knowledge.api import (
    Added,
    KnowledgeAccess,
    Outcome,
    Stats,
    document_from,
    document_json,
    evidence_from,
    evidence_json,
)
from knowledge.client import KnowledgeClient
from knowledge.local import open_local
from server.control import Operation
from server.control_client import OperatorNotRunning, ask
from server.engines import store_of
from server.settings import OperatorSettings, project_path


def knowledge_operations(client: KnowledgeClient) -> dict[str, Operation]:
    """The control socket's operations on the base."""

    async def search(request: Mapping[str, Any]) -> dict[str, Any]:
        limit, context = int(request["limit"]), [str(one) for one in request.get("context", [])]
        deadline = asyncio.get_running_loop().time() + 10.0
        return {
            "evidence": evidence_json(
                await client.search(str(request["query"]), limit=limit, deadline=deadline, context=context)
            )
        }

    async def add(request: Mapping[str, Any]) -> dict[str, Any]:
        added = await client.add(base64.b64decode(str(request["data"]), validate=True), str(request["source"]))
        return {"document": document_json(added.document), "outcome": str(added.outcome)}

    async def list_documents(request: Mapping[str, Any]) -> dict[str, Any]:
        return {"documents": [document_json(one) for one in await client.list_documents()]}

    async def remove(request: Mapping[str, Any]) -> dict[str, Any]:
        return {"document": document_json(await client.remove(str(request["key"])))}

    async def stats(request: Mapping[str, Any]) -> dict[str, Any]:
        return {"stats": asdict(await client.stats())}

    async def rebuild(request: Mapping[str, Any]) -> dict[str, Any]:
        await client.rebuild()
        return {}

    return {
        "knowledge.search": search,
        "knowledge.add": add,
        "knowledge.list": list_documents,
        "knowledge.remove": remove,
        "knowledge.stats": stats,
        "knowledge.rebuild": rebuild,
    }


class RemoteKnowledge:
    """knowledge.api.KnowledgeAccess over the control socket."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    def search(self, query: str, *, limit: int, context: Sequence[str] = ()) -> Evidence:
        """The best passages."""
        return evidence_from(self._ask("search", query=query, limit=limit, context=list(context))["evidence"])

    def add(self, data: bytes, source: str) -> Added:
        """Take in one document."""
        answer = self._ask("add", data=base64.b64encode(data).decode(), source=source)
        return Added(document_from(answer["document"]), Outcome(answer["outcome"]))

    def list_documents(self) -> list[DocumentInfo]:
        """All documents."""
        return [document_from(one) for one in self._ask("list")["documents"]]

    def remove(self, key: str) -> DocumentInfo:
        """Take out a document."""
        return document_from(self._ask("remove", key=key)["document"])

    def stats(self) -> Stats:
        """How much is there."""
        return Stats(**self._ask("stats")["stats"])

    def rebuild(self) -> None:
        """Make the vector index again."""
        self._ask("rebuild")

    def _ask(self, op: str, **fields: Any) -> dict[str, Any]:
        return asyncio.run(ask(self._socket, f"knowledge.{op}", **fields))


def access_of(load: Callable[[], OperatorSettings]) -> Callable[[], Any]:
    """What the knowledge commands open: the running operator's base, or the files themselves."""

    @contextmanager
    def access() -> Iterator[KnowledgeAccess]:
        settings = load()
        remote = RemoteKnowledge(settings.control_socket)
        try:
            remote.stats()
        except OperatorNotRunning:
            choice = settings.engines
            store = store_of(choice, settings.models_dir, project_path(choice.manifest))
            with open_local(settings.home_dir, store.folder(settings.knowledge.model), settings.knowledge) as base:
                yield base
        else:
            yield remote

    return access
