"""What the pool tells of its workers: events as they happen, and how each one is now."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True, frozen=True)
class PoolEvent:
    """Something happened to a worker. ``kind``: loading, loaded (an engine), started, lost (the process)."""

    kind: str
    worker: str
    engine: str = ""
    why: str = ""
    load_s: float = 0.0


@dataclass(slots=True, frozen=True)
class WorkerStatus:
    """A worker as seen now. ``state``: new, starting, ready, restarting, closed; ``why``: its last end or failure."""

    name: str
    state: str
    pid: int
    restarts: int
    rss_bytes: int
    pending: int
    load_s: float
    engines: tuple[str, ...]
    why: str
