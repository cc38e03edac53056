"""The record for those who need a small piece of it: hand-overs for the conversation, the database for the commands."""

from __future__ import annotations

import asyncio

from operations.records import Records

from contracts.handoff import HandoffRecord


class HandoffKeeper:
    """dialog.ports.HandoffStore over the record; writes in a thread, so that a locked database stops no call."""

    def __init__(self, records: Records) -> None:
        self._records = records

    async def save(self, record: HandoffRecord) -> None:
        """Keep it. Raises RecordError or DeviceFull."""
        await asyncio.to_thread(self._records.save_handoff, record)
