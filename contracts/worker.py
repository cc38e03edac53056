"""How an engine lives in a worker process, and how anybody asks it for something.

An engine is named ``package.module:Class`` in the settings, so that workers/ need not know the rooms whose engines it
runs. Messages are JSON objects with one optional blob of bytes. Deadlines are CLOCK_MONOTONIC seconds, which all
processes of a machine share.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Literal, Protocol

from contracts.errors import WorkerError


class Priority(IntEnum):
    """Who gets the cores first (lower is sooner); see the design's core arbiter."""

    FIRST_AUDIO = 0
    FINAL_RECOGNITION = 1
    ANSWER = 2
    SPECULATION = 3
    PARTIAL_RECOGNITION = 4
    BACKGROUND = 5


class Urgency:
    """How urgent a request is: its priority, which may be raised while it waits or runs (a guess that proves right)."""

    def __init__(self, priority: Priority) -> None:
        self.priority = priority
        self._tell: list[Callable[[Priority], None]] = []

    def raise_to(self, priority: Priority) -> None:
        """Let whoever waits with it or computes it know; never lowered."""
        if priority < self.priority:
            self.priority = priority
            for tell in tuple(self._tell):
                tell(priority)

    def on_raise(self, tell: Callable[[Priority], None]) -> None:
        """Be told of each raise from now on."""
        self._tell.append(tell)


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


class BatchJob(Protocol):
    """A request as an engine sees it that computes several at once. ``priority`` may rise while it runs."""

    @property
    def priority(self) -> int:
        """A Priority, of all requests the engine has: it chooses among them itself."""
        ...

    def poll(self) -> bool:
        """Call before each unit of work: raises Cancelled or DeadlineExceeded; False while paused; never waits."""
        ...

    def emit(self, body: Mapping[str, Any], blob: bytes = b"") -> None:
        """Send a partial result."""
        ...


Done = Callable[[Reply | WorkerError], None]
"""Takes a request's last message, or what it failed with."""


class BatchEngine(Protocol):
    """An engine that computes several requests at once, step by step. All but interrupt() is called on one thread."""

    concurrent: Literal[True]

    def load(self) -> None:
        """Load and warm up. Raises ModelFileError or EngineFailed."""
        ...

    def admit(self, method: str, params: Mapping[str, Any], blob: bytes, job: BatchJob, done: Done) -> None:
        """Take a request in; ``done`` is called once, in a later step(). Raises what makes it impossible to serve."""
        ...

    def step(self) -> bool:
        """One unit of work for the requests that may run; False if there was nothing to do."""
        ...

    def interrupt(self) -> None:
        """From any thread: a request was paused or withdrawn, so end the step soon."""
        ...

    def abandon(self) -> None:
        """Forget all requests; nothing is owed to them any more."""
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
        priority: Priority | Urgency,
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
        priority: Priority | Urgency,
    ) -> AsyncIterator[Reply]:
        """Partial results, then the final message. Closing the iterator cancels the work."""
        ...


@dataclass(slots=True, frozen=True)
class Absence:
    """A worker that cannot answer now. ``since`` and ``back_at`` are monotonic seconds.

    ``back_at`` is when its replacement is expected, infinity if that is unknown.
    """

    since: float
    back_at: float

    def wait_s(self, now: float) -> float:
        """Seconds until it is expected back."""
        return max(0.0, self.back_at - now)


class Presence(Protocol):
    """Who of the workers is there: what dialog needs to know to ask somebody else at once."""

    def absence(self, worker: str) -> Absence | None:
        """None while the worker of that name takes requests."""
        ...

    def watch(self, on_loss: Callable[[str], None]) -> Callable[[], None]:
        """Be told of each worker that is lost, by name, on the event loop; the result ends it."""
        ...


class AllPresent:
    """contracts.worker.Presence where engines are not in workers: nobody is ever away."""

    def absence(self, worker: str) -> Absence | None:
        """Never."""
        return None

    def watch(self, on_loss: Callable[[str], None]) -> Callable[[], None]:
        """Nothing to tell."""
        return lambda: None
