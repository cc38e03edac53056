"""Requests inside a worker process: each as its engine sees it, and the queue of those that wait."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from contracts.errors import Cancelled, DeadlineExceeded, WorkerBusy
from contracts.worker import Priority
from workers.wire import BlockingWire, Message

_PAST_S = 0.001
"""A paused request is looked at so long after its deadline: a moment before, it would not be late yet."""


class HostJob:
    """A request inside the worker: contracts.worker.Job and BatchJob. Marked from the reader thread."""

    def __init__(self, request: Message, wire: BlockingWire) -> None:
        header = request.header
        self.id = int(header["id"])
        self.engine = str(header["engine"])
        self.method = str(header["method"])
        self.params: Mapping[str, Any] = header["params"]
        self.priority = Priority(header["priority"])
        self.deadline = float(header["deadline"])
        self.blob = request.blob
        self._wire = wire
        self._changed = threading.Condition()
        self._cancelled = False
        self._pause_asked = False
        self._pause_told = False

    def checkpoint(self) -> None:
        """Raise Cancelled or DeadlineExceeded if the work is no longer wanted; stand still while paused."""
        while not self.poll():
            with self._changed:
                self._changed.wait_for(
                    lambda: self._cancelled or not self._pause_told, timeout=max(0.0, self.deadline - time.monotonic())
                )

    def poll(self) -> bool:
        """The same without standing still: False while paused."""
        if self._cancelled:
            raise Cancelled("withdrawn by the asker")
        if time.monotonic() > self.deadline:
            raise DeadlineExceeded("the deadline passed while the engine computed")
        with self._changed:
            paused, tell = self._pause_asked, self._pause_asked and not self._pause_told
            self._pause_told = paused
        if tell:
            self._wire.send({"t": "paused", "id": self.id})
        return not paused

    def emit(self, body: Mapping[str, Any], blob: bytes = b"") -> None:
        """Send a partial result."""
        self._wire.send({"t": "partial", "id": self.id, "body": body}, blob)

    def mark(self, what: str) -> None:
        """Note a cancel, pause or resume; obeyed at the next checkpoint."""
        with self._changed:
            if what == "cancel":
                self._cancelled = True
            else:
                # Each pause is answered, also one that follows a resume which the engine has not seen.
                self._pause_asked, self._pause_told = what == "pause", False
            self._changed.notify_all()

    def overrun_s(self, now: float) -> float:
        """Seconds past the deadline; 0 while there is time."""
        return max(0.0, now - self.deadline)


@dataclass(slots=True)
class JobQueue:
    """The bounded heap of waiting jobs, and those that were begun."""

    bound: int
    changed: threading.Condition = field(default_factory=threading.Condition)
    heap: list[tuple[int, int, HostJob]] = field(default_factory=list)
    jobs: dict[int, HostJob] = field(default_factory=dict)
    begun: dict[int, HostJob] = field(default_factory=dict)
    order: itertools.count[int] = field(default_factory=itertools.count)
    marks: int = 0

    def put(self, job: HostJob) -> None:
        with self.changed:
            if len(self.jobs) > self.bound:
                raise WorkerBusy(f"{self.bound} requests are waiting for this worker")
            heapq.heappush(self.heap, (job.priority, next(self.order), job))
            self.jobs[job.id] = job
            self.changed.notify()

    def wait(self, seen: int) -> None:
        """Until there is a job to begin, a mark after number ``seen``, or the deadline of a begun job."""
        with self.changed:
            until = min((job.deadline for job in self.begun.values()), default=None)
            timeout = None if until is None else max(0.0, until - time.monotonic()) + _PAST_S
            self.changed.wait_for(lambda: bool(self.heap) or self.marks != seen, timeout)

    def take(self) -> HostJob | None:
        """The most urgent job that waits, now begun; None if none does."""
        with self.changed:
            if not self.heap:
                return None
            job = heapq.heappop(self.heap)[2]
            self.begun[job.id] = job
            return job

    def done(self, job: HostJob) -> None:
        with self.changed:
            self.begun.pop(job.id, None)
            self.jobs.pop(job.id, None)

    def raise_to(self, number: int, priority: Priority) -> None:
        """A job has become more urgent. One that waits keeps its place among the others."""
        with self.changed:
            job = self.jobs.get(number)
            if job is not None:
                job.priority = min(job.priority, priority)

    def mark(self, number: int, what: str) -> HostJob | None:
        with self.changed:
            job = self.jobs.get(number)
            if job is not None:
                job.mark(what)
                self.marks += 1
                self.changed.notify()
            return job

    def overrun_s(self) -> float:
        with self.changed:
            return max((job.overrun_s(time.monotonic()) for job in self.begun.values()), default=0.0)
