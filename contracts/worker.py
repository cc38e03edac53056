"""How an engine lives in a worker process, and how anybody asks it for something.

An engine is named ``package.module:Class`` in the settings, so that workers/ need not know the rooms whose engines it
runs. Messages are JSON objects with one optional blob of bytes. Deadlines are CLOCK_MONOTONIC seconds, which all
processes of a machine share.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Protocol


class Priority(IntEnum):
    """Who gets the cores first (lower is sooner); see the design's core arbiter."""

    FIRST_AUDIO = 0
    FINAL_RECOGNITION = 1
    ANSWER = 2
    SPECULATION = 3
    PARTIAL_RECOGNITION = 4
    BACKGROUND = 5


@dataclass(slots=True, frozen=True)
class Reply:
    """One message from an engine."""

    body: Mapping[str, Any] = field(default_factory=dict)
    blob: bytes = b""


class Job(Protocol):
    """A request as its engine sees it, inside the worker."""

    deadline: float

    def checkpoint(self) -> None:
        """Call between units of work (a token, a chunk): raises Cancelled or DeadlineExceeded; waits while paused."""
        ...

    def emit(self, body: Mapping[str, Any], blob: bytes = b"") -> None:
        """Send a partial result."""
        ...


class Engine(Protocol):
    """A model or index inside a worker. Constructed with its options; methods run on one thread, one at a time."""

    def load(self) -> None:
        """Load and warm up. Raises ModelFileError or EngineFailed."""
        ...

    def run(self, method: str, params: Mapping[str, Any], blob: bytes, job: Job) -> Reply:
        """Do one request, emitting partial results; the return value is the last message."""
        ...


class WorkerClient(Protocol):
    """The asking side, in the media process; one for all workers."""

    async def request(
        self,
        engine: str,
        method: str,
        params: Mapping[str, Any],
        *,
        blob: bytes = b"",
        deadline: float,
        priority: Priority,
    ) -> Reply:
        """One answer. Raises WorkerError subclasses. Cancelling the task cancels the work."""
        ...

    def stream(
        self,
        engine: str,
        method: str,
        params: Mapping[str, Any],
        *,
        blob: bytes = b"",
        deadline: float,
        priority: Priority,
    ) -> AsyncIterator[Reply]:
        """Partial results, then the final message. Closing the iterator cancels the work."""
        ...
