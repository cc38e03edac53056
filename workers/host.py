"""What runs inside a worker process: ``python -m workers.host --fd N``.

::

    reader thread   wire ──► request: into the heap    cancel/pause/resume: mark the job    ping: pong at once
    main thread     load engines ──► heap: most urgent job ──► engine.run ──► final or error ──► wire

The main thread is the engine thread, so engines may assume one thread. The reader answers pings while the engine
computes; a process that is stopped or deadlocked in the interpreter does not, and is killed by the pool.

Messages in: hello, request, cancel, pause, resume, ping, stop. Messages out: loading, loaded, ready, failed, partial,
final, error, paused, pong. The first message is ``hello`` with the engines to load.
"""

from __future__ import annotations

import argparse
import ctypes
import heapq
import importlib
import itertools
import os
import signal
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from contracts.errors import (
    CallwrightError,
    Cancelled,
    DeadlineExceeded,
    EngineFailed,
    ModelFileError,
    WorkerBusy,
    WorkerError,
)
from contracts.worker import Engine, Priority, Reply
from workers.wire import BlockingWire, Message, WireError

ENGINE_FAULTS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    BufferError,
    ImportError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
)
"""What an engine may raise and stay usable. Anything else ends the process, and the pool replaces it."""

_PR_SET_PDEATHSIG = 1


class HostJob:
    """A request inside the worker; implements contracts.worker.Job. Marked from the reader thread."""

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

    def checkpoint(self) -> None:
        """Raise Cancelled or DeadlineExceeded if the work is no longer wanted; stand still while paused."""
        if self._pause_asked:
            self._stand_still()
        if self._cancelled:
            raise Cancelled("withdrawn by the asker")
        if time.monotonic() > self.deadline:
            raise DeadlineExceeded("the deadline passed while the engine computed")

    def emit(self, body: Mapping[str, Any], blob: bytes = b"") -> None:
        """Send a partial result."""
        self._wire.send({"t": "partial", "id": self.id, "body": body}, blob)

    def mark(self, what: str) -> None:
        """Note a cancel, pause or resume; obeyed at the next checkpoint."""
        with self._changed:
            if what == "cancel":
                self._cancelled = True
            else:
                self._pause_asked = what == "pause"
            self._changed.notify_all()

    def overrun_s(self, now: float) -> float:
        """Seconds past the deadline; 0 while there is time."""
        return max(0.0, now - self.deadline)

    def _stand_still(self) -> None:
        self._wire.send({"t": "paused", "id": self.id})
        with self._changed:
            self._changed.wait_for(
                lambda: self._cancelled or not self._pause_asked, timeout=max(0.0, self.deadline - time.monotonic())
            )


@dataclass(slots=True)
class _Queue:
    """The bounded heap of waiting jobs, and the one that runs."""

    bound: int
    changed: threading.Condition = field(default_factory=threading.Condition)
    heap: list[tuple[int, int, HostJob]] = field(default_factory=list)
    jobs: dict[int, HostJob] = field(default_factory=dict)
    running: HostJob | None = None
    order: itertools.count[int] = field(default_factory=itertools.count)

    def put(self, job: HostJob) -> None:
        with self.changed:
            if len(self.heap) >= self.bound:
                raise WorkerBusy(f"{self.bound} requests are waiting for this worker")
            heapq.heappush(self.heap, (job.priority, next(self.order), job))
            self.jobs[job.id] = job
            self.changed.notify()

    def take(self) -> HostJob:
        with self.changed:
            self.changed.wait_for(lambda: bool(self.heap))
            self.running = heapq.heappop(self.heap)[2]
            return self.running

    def done(self, job: HostJob) -> None:
        with self.changed:
            self.running = None
            self.jobs.pop(job.id, None)

    def mark(self, number: int, what: str) -> None:
        with self.changed:
            job = self.jobs.get(number)
        if job is not None:
            job.mark(what)

    def overrun_s(self) -> float:
        with self.changed:
            return self.running.overrun_s(time.monotonic()) if self.running is not None else 0.0


class Host:
    """One worker process from inside."""

    def __init__(self, wire: BlockingWire) -> None:
        self._wire = wire
        self._engines: dict[str, Engine] = {}
        self._queue = _Queue(bound=1)
        self._inbox: list[Message] = []

    def main(self) -> None:
        """Load, then serve until the parent goes away or says stop; returns only if loading fails."""
        hello = self._hello()
        self._queue = _Queue(bound=int(hello["queue_bound"]))
        threading.Thread(target=self._read, name="reader", daemon=True).start()
        if not self._load(hello["engines"]):
            return
        while True:
            self._serve(self._queue.take())

    def _hello(self) -> Mapping[str, Any]:
        while not self._inbox:
            messages = self._wire.receive()
            if messages is None:
                raise SystemExit(0)
            self._inbox += messages
        return self._inbox.pop(0).header

    def _load(self, wanted: list[dict[str, Any]]) -> bool:
        started = time.monotonic()
        for spec in wanted:
            name, began = spec["name"], time.monotonic()
            self._wire.send({"t": "loading", "engine": name})
            try:
                self._engines[name] = _construct(spec["engine"], spec["options"])
                self._engines[name].load()
            except (CallwrightError, *ENGINE_FAULTS) as error:
                self._wire.send({"t": "failed", "engine": name, **_describe(error)})
                return False
            self._wire.send({"t": "loaded", "engine": name, "load_s": time.monotonic() - began})
        self._wire.send({"t": "ready", "load_s": time.monotonic() - started})
        return True

    def _serve(self, job: HostJob) -> None:
        """Run one job; a known kind of failure fails the request, any other one the process as well."""
        try:
            reply = self._run(job)
        except (CallwrightError, *ENGINE_FAULTS) as error:
            self._finish(job, {"t": "error", **_describe(error)})
        except BaseException as error:
            self._finish(job, {"t": "error", **_describe(error)})
            raise
        else:
            try:
                self._finish(job, {"t": "final", "body": reply.body}, reply.blob)
            except WireError as error:
                self._finish(job, {"t": "error", **_describe(error)})

    def _run(self, job: HostJob) -> Reply:
        job.checkpoint()  # drops what expired or was withdrawn in the queue
        engine = self._engines.get(job.engine)
        if engine is None:
            raise EngineFailed(f"no engine {job.engine!r} in this worker")
        return engine.run(job.method, job.params, job.blob, job)

    def _finish(self, job: HostJob, header: dict[str, Any], blob: bytes = b"") -> None:
        # Sent before the job is forgotten: a cancel that arrives in between must find it or be harmless.
        self._wire.send({**header, "id": job.id}, blob)
        self._queue.done(job)

    def _read(self) -> None:
        """The reader thread. The process ends with the connection: without a parent nobody needs it."""
        try:
            messages: list[Message] | None = self._inbox
            while messages is not None:
                for message in messages:
                    self._take(message)
                messages = self._wire.receive()
        except (OSError, WireError) as error:
            os.write(2, f"worker: connection lost: {error}\n".encode())
        os._exit(0)

    def _take(self, message: Message) -> None:
        kind = message.header.get("t")
        if kind == "request":
            job = HostJob(message, self._wire)
            try:
                self._queue.put(job)
            except WorkerBusy as error:
                self._wire.send({"t": "error", "id": job.id, **_describe(error)})
        elif kind in ("cancel", "pause", "resume"):
            self._queue.mark(int(message.header["id"]), kind)
        elif kind == "ping":
            self._wire.send({"t": "pong", "overrun_s": self._queue.overrun_s()})
        elif kind == "stop":
            os._exit(0)


def _construct(spec: str, options: Mapping[str, Any]) -> Engine:
    module, _, name = spec.partition(":")
    return cast("Engine", getattr(importlib.import_module(module), name)(options))


def _describe(error: BaseException) -> dict[str, str]:
    """An error as two strings; the pool turns them into the same class again."""
    if isinstance(error, WorkerError | ModelFileError):
        return {"error": type(error).__name__, "message": str(error)}
    return {"error": EngineFailed.__name__, "message": f"{type(error).__name__}: {error}"}


def _be_a_child(parent: int) -> None:
    """Die with the parent, and leave Ctrl-C to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # The signal is bound to the parent's *thread* that forked; the end of the stream covers the other cases.
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        raise SystemExit(0)


def main() -> None:
    """Entry point of the process."""
    parser = argparse.ArgumentParser(prog="workers.host", description="A model process; started by the pool.")
    parser.add_argument("--fd", type=int, required=True, help="inherited socket to the pool")
    parser.add_argument("--parent", type=int, required=True, help="process id of the pool")
    parser.add_argument("--nice", type=int, default=0)
    arguments = parser.parse_args()
    _be_a_child(arguments.parent)
    if arguments.nice:
        os.nice(arguments.nice)
    with socket.socket(fileno=arguments.fd) as sock:
        sock.setblocking(True)
        sock.set_inheritable(False)
        Host(BlockingWire(sock)).main()


if __name__ == "__main__":
    main()
