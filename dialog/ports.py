"""What a conversation needs of the rooms around it, as shapes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from contracts.engines import Evidence
from contracts.handoff import HandoffRecord


class Search(Protocol):
    """The knowledge base, asked with the conversation's context."""

    async def search(self, query: str, *, limit: int, deadline: float, context: Sequence[str] = ()) -> Evidence:
        """The best passages. Raises WorkerError."""
        ...


class HandoffStore(Protocol):
    """Where hand-overs are kept."""

    async def save(self, record: HandoffRecord) -> None:
        """Keep it, replacing an earlier one of the same call. Raises RecordError or DeviceFull."""
        ...
