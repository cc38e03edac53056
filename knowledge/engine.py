"""The knowledge base as an engine in a worker process: embedder, Chroma and SQL under one roof.

========  ==========================================  =======================  ==========================
method    params                                      blob                     reply
========  ==========================================  =======================  ==========================
search    query, limit, context (earlier turns)                                evidence
add       source                                      the document's bytes     document, outcome
list                                                                           documents
remove    key (source or id)                                                   document
stats                                                                          documents, passages, pending, degraded
rebuild
========  ==========================================  =======================  ==========================

A knowledge error (a refused document, an unknown one) is a reply with ``error`` and ``message``, so that it keeps its
type; anything else that goes wrong is the worker's EngineFailed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from contracts.errors import EngineFailed, KnowledgeError
from contracts.worker import Job, Reply
from knowledge.api import document_json, error_json, evidence_json
from knowledge.base import KnowledgeBase
from knowledge.settings import KnowledgeSettings


class KnowledgeEngine:
    """contracts.worker.Engine. Options: ``home`` (folder), ``model_dir`` (embedder's folder), ``settings`` (dict)."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._home = Path(options["home"])
        self._model_dir = Path(options["model_dir"])
        self._settings = KnowledgeSettings.model_validate(options.get("settings") or {})
        self._base: KnowledgeBase | None = None

    def load(self) -> None:
        """Load the embedder and open the base. Raises ModelFileError, or EngineFailed if another process has it."""
        base = open_base(self._home, self._model_dir, self._settings)
        try:
            base.open(wait_s=self._settings.lock_wait_s)
        except KnowledgeError as error:
            raise EngineFailed(str(error)) from error
        self._base = base
        base.search("warm up", limit=1)

    def run(self, method: str, params: Mapping[str, Any], blob: bytes, job: Job) -> Reply:
        """Do one request of the table above. Raises EngineFailed for an unknown method or missing parameters."""
        if self._base is None:
            raise EngineFailed("the knowledge base is not loaded")
        job.checkpoint()
        try:
            return Reply(self._answer(self._base, method, params, blob))
        except KnowledgeError as error:
            return Reply(error_json(error))
        except KeyError as error:
            raise EngineFailed(f"knowledge.{method} needs {error}") from error

    def close(self) -> None:
        """Let go of the base; the kernel does the same when the process dies."""
        if self._base is not None:
            self._base.close()
            self._base = None

    def _answer(self, base: KnowledgeBase, method: str, params: Mapping[str, Any], blob: bytes) -> dict[str, Any]:
        match method:
            case "search":
                context = [str(turn) for turn in params.get("context", ())]
                return evidence_json(base.search(str(params["query"]), limit=int(params["limit"]), context=context))
            case "add":
                added = base.add(blob, str(params["source"]))
                return {"document": document_json(added.document), "outcome": added.outcome.value}
            case "list":
                return {"documents": [document_json(one) for one in base.list_documents()]}
            case "remove":
                return {"document": document_json(base.remove(str(params["key"])))}
            case "stats":
                return asdict(base.stats())
            case "rebuild":
                base.rebuild()
                return {}
            case _:
                raise EngineFailed(f"the knowledge base cannot {method!r}")


def open_base(home: Path, model_dir: Path, settings: KnowledgeSettings) -> KnowledgeBase:
    """A base, not yet open, with the real embedder. Raises ModelFileError."""
    from workers.engines.embedder import Embedder  # pulls in the model runtime: only where it is needed

    return KnowledgeBase(home, settings, Embedder(model_dir))
