"""What runs inside a worker process: ``python -m workers.host --fd N``.

::

    reader thread   wire ──► request: into the heap    cancel/pause/resume: mark the job    ping: pong at once
    main thread     load engines ──► heap: most urgent job ──► engine.run ──► final or error ──► wire
                                                         └───► engine.admit (it batches) ──► engine.step, step, …

The main thread is the engine thread, so engines may assume one thread. An engine that batches (BatchEngine) has all its
requests at once and computes them step by step; any other has one request at a time, between two steps. The reader
answers pings while the engine computes; a process that is stopped or deadlocked in the interpreter does not, and is
killed by the pool.

Messages in: hello, request, cancel, pause, resume, priority, ping, stop. Messages out: loading, loaded, ready, failed,
partial, final, error, paused, pong. The first message is ``hello`` with the engines to load.
"""

from __future__ import annotations

import argparse
import ctypes
import importlib
import os
import signal
import socket
import threading
import time
from collections.abc import Mapping
from typing import Any, cast

from contracts.errors import (
    CallwrightError,
    EngineFailed,
    ModelFileError,
    WorkerBusy,
    WorkerError,
)
from contracts.worker import BatchEngine, Engine, Priority, Reply
from workers.jobs import HostJob, JobQueue
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


class Host:
    """One worker process from inside."""

    def __init__(self, wire: BlockingWire) -> None:
        self._wire = wire
        self._engines: dict[str, Engine] = {}
        self._batching: dict[str, BatchEngine] = {}
        self._queue = JobQueue(bound=1)
        self._inbox: list[Message] = []

    def main(self) -> None:
        """Load, then serve until the parent goes away or says stop; returns only if loading fails."""
        hello = self._hello()
        self._queue = JobQueue(bound=int(hello["queue_bound"]))
        threading.Thread(target=self._read, name="reader", daemon=True).start()
        if not self._load(hello["engines"]):
            return
        while True:
            seen = self._queue.marks
            while (job := self._queue.take()) is not None:
                self._serve(job)
            busy = [self._step(name) for name in self._batching]
            if not any(busy):
                self._queue.wait(seen)

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
                engine = _construct(spec["engine"], spec["options"])
                engine.load()
            except (CallwrightError, *ENGINE_FAULTS) as error:
                self._wire.send({"t": "failed", "engine": name, **_describe(error)})
                return False
            loaded = {"t": "loaded", "engine": name, "load_s": time.monotonic() - began}
            if getattr(engine, "concurrent", False):
                self._batching[name] = cast("BatchEngine", engine)
                loaded["concurrent"] = True
            else:
                self._engines[name] = cast("Engine", engine)
            self._wire.send(loaded)
        self._wire.send({"t": "ready", "load_s": time.monotonic() - started})
        return True

    def _serve(self, job: HostJob) -> None:
        """Run one job, or hand it to its engine; a known failure fails the request, any other one the process too."""
        try:
            reply = self._run(job)
        except (CallwrightError, *ENGINE_FAULTS) as error:
            self._done(job, error)
        except BaseException as error:
            self._done(job, error)
            raise
        else:
            if reply is not None:
                self._done(job, reply)

    def _run(self, job: HostJob) -> Reply | None:
        batching = self._batching.get(job.engine)
        if batching is not None:
            job.poll()  # drops what expired or was withdrawn in the queue
            batching.admit(job.method, job.params, job.blob, job, lambda outcome: self._done(job, outcome))
            return None
        job.checkpoint()
        engine = self._engines.get(job.engine)
        if engine is None:
            raise EngineFailed(f"no engine {job.engine!r} in this worker")
        return engine.run(job.method, job.params, job.blob, job)

    def _step(self, name: str) -> bool:
        """One step of an engine that batches; if it fails, so do all requests that were in it."""
        try:
            return self._batching[name].step()
        except (CallwrightError, *ENGINE_FAULTS) as error:
            self._abandon(name, error)
            return False
        except BaseException as error:
            self._abandon(name, error)
            raise

    def _abandon(self, name: str, error: BaseException) -> None:
        self._batching[name].abandon()
        for job in [job for job in self._queue.begun.values() if job.engine == name]:
            self._done(job, error)

    def _done(self, job: HostJob, outcome: Reply | BaseException) -> None:
        if isinstance(outcome, BaseException):
            self._finish(job, {"t": "error", **_describe(outcome)})
            return
        try:
            self._finish(job, {"t": "final", "body": outcome.body}, outcome.blob)
        except WireError as error:
            self._finish(job, {"t": "error", **_describe(error)})

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
            marked = self._queue.mark(int(message.header["id"]), kind)
            if marked is not None and marked.engine in self._batching and kind != "resume":
                self._batching[marked.engine].interrupt()
        elif kind == "priority":
            self._queue.raise_to(int(message.header["id"]), Priority(message.header["priority"]))
        elif kind == "ping":
            self._wire.send({"t": "pong", "overrun_s": self._queue.overrun_s()})
        elif kind == "stop":
            os._exit(0)


def _construct(spec: str, options: Mapping[str, Any]) -> Engine | BatchEngine:
    module, _, name = spec.partition(":")
    return cast("Engine | BatchEngine", getattr(importlib.import_module(module), name)(options))


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
