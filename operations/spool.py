"""A file that takes events while the database cannot: one JSON object a line, synced before it counts."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import structlog
from pydantic import TypeAdapter, ValidationError

from operations.chain import Stored

log = structlog.get_logger()
_ADAPTER = TypeAdapter(Stored)


class Spool:
    """Append-only until cleared. A half-written last line (power cut, disk full) is never read as an event."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._depth = 0
        try:
            self._depth = len(self.read())
        except OSError as error:
            log.error("spool.unreadable", path=str(path), detail=str(error))

    @property
    def depth(self) -> int:
        """Events in the file."""
        return self._depth

    def write(self, group: Sequence[Stored]) -> None:
        """Append and sync. Raises OSError; then nothing of the group counts."""
        text = b"".join(_ADAPTER.dump_json(stored) + b"\n" for stored in group)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("ab") as file:
            start = file.tell()
            if start and not self._ends_whole():
                text = b"\n" + text
            try:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            except OSError:
                os.ftruncate(file.fileno(), start)
                raise
        self._depth += len(group)

    def _ends_whole(self) -> bool:
        with self._path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) == b"\n"

    def read(self) -> list[Stored]:
        """All whole events, in order. Raises OSError."""
        if not self._path.exists():
            return []
        stored = []
        for line in self._path.read_bytes().split(b"\n"):
            if not line:
                continue
            try:
                stored.append(_ADAPTER.validate_json(line))
            except ValidationError:
                log.error("spool.broken_line", path=str(self._path), bytes=len(line))
        return stored

    def clear(self) -> None:
        """Empty the file: everything in it is in the database."""
        self._path.unlink(missing_ok=True)
        self._depth = 0
