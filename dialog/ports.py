"""What a conversation needs of the rooms around it, as shapes."""

from __future__ import annotations

from typing import Protocol

from contracts.handoff import HandoffRecord


class HandoffStore(Protocol):
    """Where hand-overs are kept."""

    async def save(self, record: HandoffRecord) -> None:
        """Keep it, replacing an earlier one of the same call. Raises RecordError or DeviceFull."""
        ...
