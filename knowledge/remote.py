"""api.KnowledgeAccess over anything that carries a method, its parameters and a file to the engine and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from contracts.engines import DocumentInfo, Evidence
from knowledge.api import LIVE, Added, Change, DocumentChange, DocumentText, Held, ReleaseInfo, Stats, from_json

Ask = Callable[[str, Mapping[str, Any], bytes], Any]
"""(method, params, blob) → the JSON result."""


class RemoteKnowledge:
    """Implements api.KnowledgeAccess; blocking."""

    def __init__(self, ask: Ask) -> None:
        self._carry = ask

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
        """The best passages of a release."""
        asked = self._ask(
            "search",
            query=query,
            limit=limit,
            context=list(context),
            release=release,
            talk=list(talk),
            readings=list(readings),
        )
        return from_json(Evidence, asked)

    def add(self, data: bytes, source: str, *, by: str) -> list[Added]:
        """Take the documents of one file into the draft."""
        return from_json(list[Added], self._carry("add", {"source": source, "by": by}, data))

    def list_documents(self, release: str | None = None) -> list[DocumentInfo]:
        """All documents of a release, or of the draft."""
        return from_json(list[DocumentInfo], self._ask("list", release=release))

    def text(self, key: str, release: str | None = None) -> DocumentText:
        """A document of a release, or of the draft, with its text."""
        return from_json(DocumentText, self._ask("text", key=key, release=release))

    def amend(self, key: str, metadata: Mapping[str, Any], *, by: str, body: str | None = None) -> Added:
        """Other metadata, or another text, for a document of the draft."""
        return from_json(Added, self._ask("amend", key=key, metadata=dict(metadata), by=by, body=body))

    def remove(self, key: str, *, by: str) -> list[DocumentInfo]:
        """Take a document or a file out of the draft."""
        return from_json(list[DocumentInfo], self._ask("remove", key=key, by=by))

    def held(self) -> list[Held]:
        """Quarantined documents."""
        return from_json(list[Held], self._ask("held"))

    def decide(self, key: str, *, accept: bool, by: str) -> DocumentInfo:
        """Accept or reject a quarantined document."""
        return from_json(DocumentInfo, self._ask("decide", key=key, accept=accept, by=by))

    def draft(self) -> list[DocumentChange]:
        """How the draft differs from the live release."""
        return from_json(list[DocumentChange], self._ask("draft"))

    def revert(self, *, by: str) -> None:
        """Make the draft equal to the live release."""
        self._ask("revert", by=by)

    def propose(self, *, by: str, note: str = "", now: bool = False) -> ReleaseInfo:
        """Freeze the draft as a release, check and evaluate it."""
        return from_json(ReleaseInfo, self._ask("propose", by=by, note=note, now=now))

    def evaluate(self, release: str, *, by: str, models: bool = False) -> ReleaseInfo:
        """Begin to ask the suites about a release."""
        return from_json(ReleaseInfo, self._ask("evaluate", release=release, by=by, models=models))

    def approve(self, release: str, *, by: str) -> ReleaseInfo:
        """Approve a proposed release."""
        return from_json(ReleaseInfo, self._ask("approve", release=release, by=by))

    def publish(self, release: str, *, by: str, despite: str = "") -> ReleaseInfo:
        """Make a release the live one."""
        return from_json(ReleaseInfo, self._ask("publish", release=release, by=by, despite=despite))

    def rollback(self, *, by: str, release: str = "") -> ReleaseInfo:
        """Back to the release before, or to a named one."""
        return from_json(ReleaseInfo, self._ask("rollback", by=by, release=release))

    def releases(self) -> list[ReleaseInfo]:
        """All releases, newest first."""
        return from_json(list[ReleaseInfo], self._ask("releases"))

    def changes(self) -> list[Change]:
        """Who did what, the latest first."""
        return from_json(list[Change], self._ask("changes"))

    def stats(self) -> Stats:
        """How much is there."""
        return from_json(Stats, self._ask("stats"))

    def vectors(self, texts: Sequence[str]) -> list[str]:
        """What texts mean."""
        return from_json(list[str], self._ask("vectors", texts=list(texts)))

    def rebuild(self) -> None:
        """Make the vector index again."""
        self._ask("rebuild")

    def _ask(self, method: str, **params: Any) -> Any:
        return self._carry(method, params, b"")
