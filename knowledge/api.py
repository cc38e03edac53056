"""What can be asked of the knowledge base, and how it looks as JSON: shared by engine, client and command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Protocol

from contracts.engines import DocumentInfo, Evidence, Passage
from contracts.errors import DocumentRefused, DocumentUnknown, KnowledgeError


class Outcome(StrEnum):
    """What adding a document did."""

    ADDED = "added"
    REPLACED = "replaced"
    UNCHANGED = "unchanged"


@dataclass(slots=True, frozen=True)
class Added:
    """A document is in the base, safely on disk and found by words; its vectors follow in the background."""

    document: DocumentInfo
    outcome: Outcome


@dataclass(slots=True, frozen=True)
class Stats:
    """State of the base. ``pending``: passages whose vectors are still to be made; ``degraded``: an index is down."""

    documents: int
    passages: int
    pending: int
    degraded: str = ""


class KnowledgeAccess(Protocol):
    """The base as the command line sees it: opened here, or reached through a running server.

    Methods raise KnowledgeError subclasses, or WorkerError subclasses when a server stands between.
    """

    def search(self, query: str, *, limit: int, context: Sequence[str] = ()) -> Evidence:
        """The best passages."""
        ...

    def add(self, data: bytes, source: str) -> Added:
        """Take in one document. Raises DocumentRefused."""
        ...

    def list_documents(self) -> list[DocumentInfo]:
        """All documents, by source."""
        ...

    def remove(self, key: str) -> DocumentInfo:
        """Take out a document by source or id. Raises DocumentUnknown."""
        ...

    def stats(self) -> Stats:
        """How much is there, and whether all of it is indexed."""
        ...

    def rebuild(self) -> None:
        """Throw the vector index away and make it again, in the background."""
        ...


def document_json(info: DocumentInfo) -> dict[str, Any]:
    """A DocumentInfo as JSON."""
    return {**asdict(info), "tags": list(info.tags)}


def document_from(body: Mapping[str, Any]) -> DocumentInfo:
    """A DocumentInfo from its JSON."""
    return DocumentInfo(**{**body, "tags": tuple(body.get("tags", ()))})


def evidence_json(evidence: Evidence) -> dict[str, Any]:
    """Evidence as JSON."""
    return asdict(evidence)


def evidence_from(body: Mapping[str, Any]) -> Evidence:
    """Evidence from its JSON."""
    return Evidence(**{**body, "passages": tuple(Passage(**one) for one in body["passages"])})


_ERRORS: dict[str, type[KnowledgeError]] = {
    kind.__name__: kind for kind in (KnowledgeError, DocumentRefused, DocumentUnknown)
}


def error_json(error: KnowledgeError) -> dict[str, Any]:
    """A knowledge error as the body of a reply, so that it keeps its type on the way out of a worker."""
    return {"error": type(error).__name__, "message": str(error)}


def raise_error(body: Mapping[str, Any]) -> None:
    """Raise what error_json wrote; nothing if the body is no error."""
    if "error" in body:
        raise _ERRORS.get(str(body["error"]), KnowledgeError)(str(body.get("message", "")))
