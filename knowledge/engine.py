"""The knowledge base as an engine in a worker process: embedder, Chroma, releases and SQL under one roof.

=========  ============================================  ====================  ===================================
method     params                                        blob                  reply
=========  ============================================  ====================  ===================================
search     query, limit, context, release, talk,                                evidence
           readings
ticket     ticket                                                              done; then result, or error
list       release (null: the draft)                                           result: documents
text       key, release (null: the draft)                                      result: document and its text
held                                                                           result: quarantined documents
draft                                                                          result: changes against the live one
releases                                                                       result: releases
changes                                                                        result: who did what
stats                                                                          result: counts
rebuild
rollback   by, release                                                         result: release
vectors    texts                                                               ticket; result: float16 in base64
add        source, by, once                              the file's bytes      ticket; result: what was added
amend      key, metadata, by, body                                               ticket; result: what was added
remove     key, by                                                             ticket; result: documents
decide     key, accept, by                                                     ticket; result: document
revert     by                                                                  ticket
propose    by, note, now                                                       ticket; result: release
evaluate   release, by, models                                                 ticket; result: release
approve    release, by                                                         ticket; result: release
publish    release, by, despite                                                ticket; result: release
=========  ============================================  ====================  ===================================

A result is compressed JSON in the reply's blob. A knowledge error (a refused document, an unknown one) is a reply with
``error`` and ``message``, so that it keeps its type; anything else that goes wrong is the worker's EngineFailed.
"""

from __future__ import annotations

import importlib
import json
import sys
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from contracts.errors import DeviceFull, EngineFailed, KnowledgeError
from contracts.worker import Job, Reply
from knowledge.api import error_json, evidence_json, to_json
from knowledge.base import KnowledgeBase
from knowledge.clerk import Clerk
from knowledge.golden import Answers
from knowledge.settings import KnowledgeSettings
from knowledge.suites import SuiteChoice

Params = Mapping[str, Any]
_AT_ONCE: dict[str, Callable[[KnowledgeBase, Params], Any]] = {
    "list": lambda base, params: base.list_documents(params.get("release")),
    "text": lambda base, params: base.text(str(params["key"]), params.get("release")),
    "held": lambda base, params: base.held(),
    "draft": lambda base, params: base.draft(),
    "releases": lambda base, params: base.releases(),
    "changes": lambda base, params: base.changes(),
    "stats": lambda base, params: base.stats(),
    "rebuild": lambda base, params: base.rebuild(),
    "rollback": lambda base, params: base.rollback(by=str(params["by"]), release=str(params.get("release", ""))),
}
MOST_TEXTS = 200
"""Vectors in one request."""
_LONG: dict[str, Callable[[KnowledgeBase, Params, bytes], Any]] = {
    "add": lambda base, params, blob: base.add(
        blob, str(params["source"]), by=str(params["by"]), once=bool(params.get("once"))
    ),
    "vectors": lambda base, params, blob: base.vectors([str(one) for one in params["texts"][:MOST_TEXTS]]),
    "amend": lambda base, params, blob: base.amend(
        str(params["key"]),
        dict(params["metadata"]),
        by=str(params["by"]),
        body=None if params.get("body") is None else str(params["body"]),
    ),
    "remove": lambda base, params, blob: base.remove(str(params["key"]), by=str(params["by"])),
    "decide": lambda base, params, blob: base.decide(
        str(params["key"]), accept=bool(params["accept"]), by=str(params["by"])
    ),
    "revert": lambda base, params, blob: base.revert(by=str(params["by"])),
    "propose": lambda base, params, blob: base.propose(
        by=str(params["by"]), note=str(params.get("note", "")), now=bool(params.get("now"))
    ),
    "evaluate": lambda base, params, blob: base.evaluate(
        str(params["release"]), by=str(params["by"]), models=bool(params.get("models"))
    ),
    "approve": lambda base, params, blob: base.approve(str(params["release"]), by=str(params["by"])),
    "publish": lambda base, params, blob: base.publish(
        str(params["release"]), by=str(params["by"]), despite=str(params.get("despite", ""))
    ),
}
METHODS = (*_AT_ONCE, *_LONG)
"""What knowledge managers ask; ``search`` and ``ticket`` are the rest."""
SWITCH_S = 0.0001
"""A search gives the interpreter's lock away at each of its calls of SQLite, numpy and the embedder; while a document
was taken in beside it, it waited up to 5 ms (Python's default) for each to get it back."""


class KnowledgeEngine:
    """contracts.worker.Engine. Options: ``home`` (folder), ``model_dir`` (embedder's folder), ``settings`` (dict),
    ``answers`` (``module:function``, which makes a golden.Answers of ``cascade``, a file), ``suites`` (a SuiteChoice's
    module) with ``suites_given``; without them none."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._home = Path(options["home"])
        self._model_dir = Path(options["model_dir"])
        self._settings = KnowledgeSettings.model_validate(options.get("settings") or {})
        self._answers = str(options.get("answers") or ""), str(options.get("cascade") or "")
        suites = str(options.get("suites") or "")
        self._suites = SuiteChoice(suites, dict(options.get("suites_given") or {})) if suites else None
        self._base: KnowledgeBase | None = None
        self._clerk: Clerk | None = None

    @property
    def base(self) -> KnowledgeBase | None:
        """What is served; None until it is loaded."""
        return self._base

    def load(self) -> None:
        """Load the embedder and open the base. Raises ModelFileError, or EngineFailed if another process has it."""
        sys.setswitchinterval(SWITCH_S)
        base = self.make_base()
        try:
            base.open(wait_s=self._settings.lock_wait_s)
        except KnowledgeError as error:
            raise EngineFailed(str(error)) from error
        self._base, self._clerk = base, Clerk()
        base.search("warm up", limit=1)

    def make_base(self) -> KnowledgeBase:
        """The base that is served, not yet open; a benchmark gives it another embedder. Raises ModelFileError."""
        where, cascade = self._answers
        answers: Answers | None = None
        if where:
            module, _, name = where.partition(":")
            answers = getattr(importlib.import_module(module), name)(cascade)
        return open_base(self._home, self._model_dir, self._settings, answers, self._suites)

    def run(self, method: str, params: Mapping[str, Any], blob: bytes, job: Job) -> Reply:
        """Do one request of the table above. Raises EngineFailed for an unknown method or missing parameters."""
        if self._base is None or self._clerk is None:
            raise EngineFailed("the knowledge base is not loaded")
        job.checkpoint()
        try:
            answer = self._answer(self._base, self._clerk, method, params, blob)
        except (KnowledgeError, DeviceFull) as error:
            return Reply(error_json(error))
        except KeyError as error:
            raise EngineFailed(f"knowledge.{method} needs {error}") from error
        if "result" not in answer:
            return Reply(answer)
        rest = {key: value for key, value in answer.items() if key != "result"}
        packed = zlib.compress(json.dumps(answer["result"]).encode(), 1)  # tens of thousands of documents fit a message
        return Reply(rest, packed)

    def close(self) -> None:
        """Let go of the base; the kernel does the same when the process dies."""
        if self._clerk is not None:
            self._clerk.close()
            self._clerk = None
        if self._base is not None:
            self._base.close()
            self._base = None

    def _answer(
        self, base: KnowledgeBase, clerk: Clerk, method: str, params: Mapping[str, Any], blob: bytes
    ) -> Mapping[str, Any]:
        if method == "search":
            context, talk, readings = (
                [str(one) for one in params.get(key, ())] for key in ("context", "talk", "readings")
            )
            said, limit, release = str(params["query"]), int(params["limit"]), str(params.get("release", ""))
            return evidence_json(
                base.search(said, limit=limit, context=context, release=release, talk=talk, readings=readings)
            )
        if method == "resembling":
            names = base.resembling(str(params["text"]), str(params.get("release", "")))
            return {"names": [[one.score, one.start, one.end, one.name] for one in names]}
        if method == "ticket":
            return clerk.look(str(params["ticket"]))
        if method in _AT_ONCE:
            return {"result": to_json(_AT_ONCE[method](base, params))}
        if method not in _LONG:
            raise EngineFailed(f"the knowledge base cannot {method!r}")
        if missing := [key for key in _NEEDS.get(method, ("by",)) if key not in params]:
            raise KeyError(missing[0])
        return {"ticket": clerk.give(lambda: to_json(_LONG[method](base, params, blob)))}


_NEEDS = {
    "add": ("source", "by"),
    "vectors": ("texts",),
    "amend": ("key", "metadata", "by"),
    "remove": ("key", "by"),
    "decide": ("key", "accept", "by"),
    "evaluate": ("release", "by"),
    "approve": ("release", "by"),
    "publish": ("release", "by"),
}


def open_base(
    home: Path,
    model_dir: Path,
    settings: KnowledgeSettings,
    answers: Answers | None = None,
    suites: SuiteChoice | None = None,
) -> KnowledgeBase:
    """A base, not yet open, with the real embedder. Raises ModelFileError."""
    from workers.engines.embedder import Embedder  # pulls in the model runtime: only where it is needed

    return KnowledgeBase(home, settings, Embedder(model_dir), answers=answers, suites=suites)
