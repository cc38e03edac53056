"""What can be asked of the knowledge base, and how it looks as JSON: shared by engine, client and command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Protocol, TypeVar, cast

from pydantic import TypeAdapter

from contracts.engines import DocumentInfo, Evidence
from contracts.errors import (
    DeviceFull,
    DocumentRefused,
    DocumentUnknown,
    KnowledgeError,
    ReleaseRefused,
    ReleaseUnknown,
)
from knowledge.injection import Suspicion

ShapeT = TypeVar("ShapeT")
LIVE = ""
"""Names the live release, wherever a release is asked for."""


class Outcome(StrEnum):
    """What adding a document did to the draft."""

    ADDED = "added"
    REPLACED = "replaced"
    UNCHANGED = "unchanged"
    HELD = "held"
    """Quarantined: it holds what looks like instructions to a language model."""


@dataclass(slots=True, frozen=True)
class Added:
    """A document is in the draft (or held), safely on disk; callers hear of it once a release holds it."""

    document: DocumentInfo
    outcome: Outcome
    suspicions: tuple[Suspicion, ...] = ()


@dataclass(slots=True, frozen=True)
class Held:
    """A document that waits for a person."""

    document: DocumentInfo
    suspicions: tuple[Suspicion, ...]


@dataclass(slots=True, frozen=True)
class DocumentText:
    """A document with its canonical text (Markdown)."""

    document: DocumentInfo
    body: str


@dataclass(slots=True, frozen=True)
class Stats:
    """State of the base. ``documents`` and ``passages`` are those of the draft; ``pending``: passages whose vectors are
    still to be made or entered; ``degraded``: an index is down; ``release``: the live one, and ``live_since`` in
    ISO 8601; both empty before the first."""

    documents: int
    passages: int
    pending: int
    degraded: str = ""
    release: str = ""
    live_since: str = ""
    live_passages: int = 0
    held: int = 0


@dataclass(slots=True, frozen=True)
class DocumentChange:
    """A difference between two releases, or the live one and the draft. ``kind``: added, changed, removed."""

    kind: str
    source: str
    title: str


class ReleaseState(StrEnum):
    """Where a release stands."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    LIVE = "live"
    SUPERSEDED = "superseded"


@dataclass(slots=True, frozen=True)
class ReleaseInfo:
    """A release. ``report``: what ``knowledge.review`` found when it was proposed."""

    release: str
    state: ReleaseState
    passages: int
    note: str
    proposed_at: str
    proposed_by: str
    approved_at: str = ""
    approved_by: str = ""
    report: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True, frozen=True)
class Change:
    """Who did what, when."""

    at: str
    by: str
    action: str
    what: str


class KnowledgeAccess(Protocol):
    """The base as the command line sees it: opened here, or reached through a running server.

    ``by`` is the name of who does it. Releases are named r0001, r0002 …; an empty name is the live one. Methods raise
    KnowledgeError subclasses, or WorkerError subclasses when a server stands between.
    """

    def search(
        self,
        query: str,
        *,
        limit: int,
        context: Sequence[str] = (),
        release: str = LIVE,
        talk: Sequence[str] = (),
        readings: Sequence[str] = (),
    ) -> Evidence:
        """The best passages of a release for a question.

        ``context``: the caller's earlier turns, oldest first, for a question that leans on them. ``talk``: what both
        sides have said before, oldest first, for the names in it; without it those in ``context`` count. ``readings``:
        what the recogniser understood instead, best first. Raises ReleaseUnknown when it is no longer ready.
        """
        ...

    def add(self, data: bytes, source: str, *, by: str) -> list[Added]:
        """Take the documents of one file into the draft. Raises DocumentRefused."""
        ...

    def list_documents(self, release: str | None = None) -> list[DocumentInfo]:
        """All documents of a release, or of the draft (None), by source."""
        ...

    def text(self, key: str, release: str | None = None) -> DocumentText:
        """A document of a release, or of the draft (None), with its text. Raises DocumentUnknown."""
        ...

    def amend(self, key: str, metadata: Mapping[str, Any], *, by: str, body: str | None = None) -> Added:
        """Other metadata (``knowledge.metadata``), all of it, for a document of the draft; ``body``: another text too.

        Raises DocumentUnknown, DocumentRefused.
        """
        ...

    def remove(self, key: str, *, by: str) -> list[DocumentInfo]:
        """Take a document (source or id) or a whole file out of the draft. Raises DocumentUnknown."""
        ...

    def held(self) -> list[Held]:
        """Quarantined documents."""
        ...

    def decide(self, key: str, *, accept: bool, by: str) -> DocumentInfo:
        """Accept or reject a quarantined document. Raises DocumentUnknown."""
        ...

    def draft(self) -> list[DocumentChange]:
        """How the draft differs from the live release."""
        ...

    def revert(self, *, by: str) -> None:
        """Make the draft equal to the live release."""
        ...

    def propose(self, *, by: str, note: str = "", now: bool = False) -> ReleaseInfo:
        """Freeze the draft as a release, check and evaluate it. Waits until all vectors are made, unless ``now``.

        Raises ReleaseRefused.
        """
        ...

    def evaluate(self, release: str, *, by: str, models: bool = False) -> ReleaseInfo:
        """Begin to ask the evaluation's suites about a release; ``report["suites"]`` says how far they are, and at last
        what came of it. ``models``: have language models word the answers.

        Raises ReleaseRefused while others are being asked, ReleaseUnknown.
        """
        ...

    def approve(self, release: str, *, by: str) -> ReleaseInfo:
        """Approve a proposed release. Raises ReleaseRefused, ReleaseUnknown."""
        ...

    def publish(self, release: str, *, by: str, despite: str = "") -> ReleaseInfo:
        """Make a release the live one; ``despite``: the reason for overruling its checks.

        Raises ReleaseRefused, ReleaseUnknown.
        """
        ...

    def rollback(self, *, by: str, release: str = "") -> ReleaseInfo:
        """Back to the release before, or to a named one. Raises ReleaseRefused, ReleaseUnknown."""
        ...

    def releases(self) -> list[ReleaseInfo]:
        """All releases, newest first."""
        ...

    def changes(self) -> list[Change]:
        """Who did what, the latest first."""
        ...

    def stats(self) -> Stats:
        """How much is there, and whether all of it is indexed."""
        ...

    def vectors(self, texts: Sequence[str]) -> list[str]:
        """What texts mean, as vectors of length 1: little-endian float16 in base64, one for each text."""
        ...

    def rebuild(self) -> None:
        """Throw the vector index away and make it again, in the background."""
        ...


def to_json(value: Any) -> Any:
    """Dataclasses, and lists of them, as JSON values."""
    if isinstance(value, list):
        return [to_json(one) for one in value]
    return _adapter(type(value)).dump_python(value, mode="json")


def from_json(shape: type[ShapeT], body: Any) -> ShapeT:
    """The reverse of to_json."""
    return cast(ShapeT, _adapter(shape).validate_python(body))


_ADAPTERS: dict[Any, TypeAdapter[Any]] = {}


def _adapter(shape: Any) -> TypeAdapter[Any]:
    if shape not in _ADAPTERS:
        _ADAPTERS[shape] = TypeAdapter(shape)
    return _ADAPTERS[shape]


def evidence_json(evidence: Evidence) -> dict[str, Any]:
    """Evidence as JSON."""
    return asdict(evidence)


def evidence_from(body: Mapping[str, Any]) -> Evidence:
    """Evidence from its JSON."""
    return from_json(Evidence, body)


def document_json(info: DocumentInfo) -> dict[str, Any]:
    """A DocumentInfo as JSON."""
    return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(info).items()}


_ERRORS: dict[str, type[Exception]] = {
    kind.__name__: kind
    for kind in (KnowledgeError, DocumentRefused, DocumentUnknown, ReleaseRefused, ReleaseUnknown, DeviceFull)
}


def error_json(error: Exception) -> dict[str, Any]:
    """A knowledge error as the body of a reply, so that it keeps its type on the way out of a worker."""
    return {"error": type(error).__name__, "message": str(error)}


def raise_error(body: Mapping[str, Any]) -> None:
    """Raise what error_json wrote; nothing if the body is no error."""
    if "error" in body:
        raise _ERRORS.get(str(body["error"]), KnowledgeError)(str(body.get("message", "")))
