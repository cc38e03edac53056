"""The knowledge base for the command line: through the running operator if there is one, else opened here."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dialog.rehearsal import rehearsal
from knowledge.api import KnowledgeAccess, evidence_json
from knowledge.client import KnowledgeClient
from knowledge.engine import METHODS
from knowledge.local import open_local
from knowledge.remote import RemoteKnowledge
from server.control import Operation
from server.control_client import OperatorNotRunning, ask
from server.engines import store_of, suites_of
from server.settings import OperatorSettings, project_path

PATIENCE_S = 24 * 3600.0
"""A proposal waits until all vectors are made, which takes hours for a very large base."""


def knowledge_operations(client: KnowledgeClient) -> dict[str, Operation]:
    """The control socket's operations on the base: one for each method of the engine, and ``search``."""

    async def search(request: Mapping[str, Any]) -> dict[str, Any]:
        found = await client.search(
            str(request["query"]),
            limit=int(request["limit"]),
            deadline=asyncio.get_running_loop().time() + 10.0,
            context=[str(one) for one in request.get("context", [])],
            release=str(request.get("release", "")),
            talk=[str(one) for one in request.get("talk", [])],
            readings=[str(one) for one in request.get("readings", [])],
        )
        return {"result": evidence_json(found)}

    def operation(method: str) -> Operation:
        async def run(request: Mapping[str, Any]) -> dict[str, Any]:
            params = {key: value for key, value in request.items() if key not in {"op", "data"}}
            blob = base64.b64decode(str(request.get("data", "")), validate=True)
            return {"result": await client.ask(method, params, blob=blob)}

        return run

    return {"knowledge.search": search, **{f"knowledge.{method}": operation(method) for method in METHODS}}


def over(socket: Path) -> RemoteKnowledge:
    """The base of the operator that listens on this control socket."""

    def carry(method: str, params: Mapping[str, Any], blob: bytes) -> Any:
        fields = {**params, "data": base64.b64encode(blob).decode()} if blob else dict(params)
        return asyncio.run(ask(socket, f"knowledge.{method}", PATIENCE_S, **fields))["result"]

    return RemoteKnowledge(carry)


def access_of(load: Callable[[], OperatorSettings]) -> Callable[[], Any]:
    """What the knowledge commands open: the running operator's base, or the files themselves."""

    @contextmanager
    def access() -> Iterator[KnowledgeAccess]:
        settings = load()
        remote = over(settings.control_socket)
        try:
            remote.stats()
        except OperatorNotRunning:
            choice = settings.engines
            store = store_of(choice, settings.models_dir, project_path(choice.manifest))
            cascade = project_path(settings.dialog.cascade)
            answers = rehearsal(str(cascade))
            model = store.folder(settings.knowledge.model)
            suites = suites_of(choice, store, settings.knowledge, cascade, settings.name)
            with open_local(settings.home_dir, model, settings.knowledge, answers, suites) as base:
                yield base
        else:
            yield remote

    return access
