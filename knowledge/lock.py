"""One owner: a file that a single process holds for as long as it has the base open.

Two writers on one Chroma folder destroy it, and a second reader never sees new documents. The kernel lets the lock go
when its holder dies, however it dies.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from contracts.errors import KnowledgeError


class OwnerLock:
    """An exclusive lock on a file, which names its holder's process id for people."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def acquire(self, wait_s: float = 0.0) -> None:
        """Take the lock, trying for ``wait_s`` seconds. Raises KnowledgeError that names the holder."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        until = time.monotonic() + wait_s
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() >= until:
                    holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
                    os.close(descriptor)
                    raise KnowledgeError(
                        f"another process (pid {holder}) has the knowledge base open ({self.path}); "
                        "ask the running server, or stop it first"
                    ) from error
                time.sleep(0.05)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Let go; harmless if not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
