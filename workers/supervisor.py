"""Keeps one worker alive and knows what it has been asked.

::

    starting ──ready──► ready ──end of stream / no pulse / overrun──► restarting ──backoff──► starting …
        └──failed──► (first start: the error goes to start();  later: restarting again)

A request that comes while a replacement is on its way waits for it, as long as its deadline allows.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import psutil
import structlog

from contracts.clock import Clock
from contracts.errors import EngineFailed, ModelFileError, WorkerBusy, WorkerDied, WorkerError
from contracts.worker import Absence, Reply, Urgency
from workers.arbiter import Arbiter
from workers.asked import Asked, load_error, worker_error
from workers.presence import Attendance
from workers.process import WorkerProcess
from workers.pulse import Pulse, is_stopped
from workers.settings import WorkerSettings, WorkersSettings
from workers.status import PoolEvent, WorkerStatus
from workers.wire import Message, WireError

log = structlog.get_logger()


@dataclass(slots=True)
class _Life:
    """One process, from spawn to end."""

    process: WorkerProcess
    pulse: Pulse
    loaded: asyncio.Future[float]
    why: str = ""
    asked: dict[int, Asked] = field(default_factory=dict)


class Supervisor:
    """One configured worker: its process, its replacement, its pending requests."""

    def __init__(
        self,
        settings: WorkerSettings,
        pool: WorkersSettings,
        arbiter: Arbiter,
        clock: Clock,
        on_event: Callable[[PoolEvent], None],
    ) -> None:
        self.name = settings.name
        self.state = "new"
        self._settings, self._pool = settings, pool
        self._arbiter, self._clock, self._on_event = arbiter, clock, on_event
        self._numbers = itertools.count(1)
        self._admitted: set[Asked] = set()
        self._concurrent: set[str] = set()
        """Engines that compute several requests at once."""
        self._life: _Life | None = None
        self._ready = asyncio.Event()
        self._attendance = Attendance()
        self._waiting = 0
        self._task: asyncio.Task[None] | None = None
        self._restarts = 0
        self._load_s = 0.0
        self._why = ""

    # ---------------------------------------------------------------- life

    async def start(self) -> None:
        """Spawn, load, and from then on keep it alive. Raises what kept the first process from loading."""
        life = await self._spawn()
        self._task = asyncio.create_task(self._keep(life), name=f"worker-{self.name}")

    async def close(self) -> None:
        """End the process for good."""
        self.state = "closed"
        self._wake()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        life, self._life = self._life, None
        if life is not None:
            life.process.send({"t": "stop"})
            await life.process.reap(grace_s=1.0)
            self._bury(life, "the pool was closed")

    async def until_ready(self) -> None:
        """Wait for the process, or its replacement, to be loaded. Raises WorkerDied when the pool is closed."""
        while self.state != "ready":
            if self.state == "closed":
                raise WorkerDied(f"worker {self.name!r} is closed")
            await self._ready.wait()

    async def until_back(self, deadline: float) -> None:
        """Wait for a replacement that is on its way; at once if there is none to wait for. Raises WorkerDied."""
        if self.state not in ("starting", "restarting") or self._attendance.vain or self._task is None:
            return
        if self._waiting >= self._pool.queue_bound:
            raise WorkerBusy(f"{self._waiting} requests wait for worker {self.name!r} to be back")
        self._waiting += 1
        try:
            async with asyncio.timeout(max(0.0, deadline - self._clock.now())):
                await self._ready.wait()
        except TimeoutError:
            raise WorkerDied(f"worker {self.name!r} was not back in time") from None
        finally:
            self._waiting -= 1

    def absence(self) -> Absence | None:
        """None while it takes requests."""
        return self._attendance.absence(self._clock.now())

    def _wake(self) -> None:
        """Whoever waits for the process shall look at its state."""
        self._ready.set()
        self._ready.clear()

    def status(self) -> WorkerStatus:
        """What a doctor wants to know."""
        pid = self._life.process.pid if self._life is not None else 0
        try:
            rss = psutil.Process(pid).memory_info().rss if pid else 0
        except psutil.NoSuchProcess:
            rss = 0
        names = tuple(engine.name for engine in self._settings.engines)
        pending = len(self._admitted) + self._waiting
        return WorkerStatus(self.name, self.state, pid, self._restarts, rss, pending, self._load_s, names, self._why)

    async def _spawn(self) -> _Life:
        self.state = "starting"
        self._attendance.left(self._clock.now())
        holder: list[_Life] = []
        process = WorkerProcess(self._settings, lambda message: self._hear(holder[0], message))
        pulse = Pulse(self._pool.heartbeat_s, self._pool.hang_timeout_s, lambda: is_stopped(process.pid))
        life = _Life(process, pulse, asyncio.get_running_loop().create_future())
        holder.append(life)
        self._life = life
        async with contextlib.AsyncExitStack() as undo:
            undo.push_async_callback(self._give_up, life)
            await process.open()
            process.send({"t": "hello", "queue_bound": self._pool.queue_bound, "engines": self._engines()})
            self._load_s = await self._loaded(life)
            undo.pop_all()
        self.state = "ready"
        self._attendance.came(self._clock.now())
        life.pulse.heard()
        self._ready.set()
        log.info("worker.started", worker=self.name, pid=process.pid, load_s=round(self._load_s, 3))
        self._on_event(PoolEvent("started", self.name, load_s=self._load_s))
        return life

    async def _give_up(self, life: _Life) -> None:
        """It did not start."""
        self._life = None
        await life.process.reap()
        self._bury(life, "it did not start")

    async def _loaded(self, life: _Life) -> float:
        """Seconds that loading took. An engine may keep its process from answering meanwhile, so silence is no sign."""
        closed = asyncio.create_task(life.process.closed.wait())
        until = self._clock.now() + self._pool.start_timeout_s
        try:
            while not life.loaded.done() and not closed.done():
                left = until - self._clock.now()
                if left <= 0:
                    raise WorkerDied(f"worker {self.name!r} was not loaded after {self._pool.start_timeout_s:g} s")
                if life.pulse.stopped():
                    raise WorkerDied(f"worker {self.name!r} was stopped while loading")
                beat = min(left, self._pool.hang_timeout_s)
                await asyncio.wait((life.loaded, closed), timeout=beat, return_when=asyncio.FIRST_COMPLETED)
        finally:
            closed.cancel()
        if life.loaded.done():
            return life.loaded.result()
        raise WorkerDied(f"worker {self.name!r} {await life.process.reap(grace_s=1.0)} while loading")

    async def _keep(self, life: _Life) -> None:
        backoff = self._pool.restart_backoff_s
        while True:
            born = self._clock.now()
            await self._watch(life)
            self._ready.clear()
            self.state = "restarting"
            self._attendance.left(self._clock.now())
            known = life.why or life.process.broken
            if known:  # its askers go elsewhere at once: a killed process takes its time to give its memory back
                self._lost(life, known)
            ended = await life.process.reap()
            if not known:
                self._lost(life, ended)
            if self._clock.now() - born >= self._pool.restart_reset_s:
                backoff = self._pool.restart_backoff_s
            while True:
                await asyncio.sleep(backoff)
                backoff = min(max(backoff * 2, 0.05), self._pool.restart_backoff_max_s)
                self._restarts += 1
                try:
                    life = await self._spawn()
                    break
                except (WorkerError, ModelFileError, OSError) as error:
                    self.state, self._why = "restarting", str(error)
                    self._attendance.failed()
                    self._wake()
                    log.error("worker.restart_failed", worker=self.name, why=str(error))

    async def _watch(self, life: _Life) -> None:
        """Returns when the process has ended or has been killed because it hangs."""
        while not life.process.closed.is_set():
            life.why = life.why or life.pulse.beat()
            if life.why:
                life.process.kill()
                return
            life.process.send({"t": "ping"})
            try:
                async with asyncio.timeout(self._pool.heartbeat_s):
                    await life.process.closed.wait()
            except TimeoutError:
                continue

    def _lost(self, life: _Life, why: str) -> None:
        self._why = why
        log.error("worker.lost", worker=self.name, why=why)
        self._bury(life, why)
        self._on_event(PoolEvent("lost", self.name, why=why))

    def _bury(self, life: _Life, why: str) -> None:
        for asked in tuple(life.asked.values()):
            self._finish(life, asked, WorkerDied(f"worker {self.name!r}: {why}"))

    def _engines(self) -> list[dict[str, Any]]:
        threads = self._settings.threads
        return [
            {"name": e.name, "engine": e.engine, "options": {"threads": threads, **e.options}}
            for e in self._settings.engines
        ]

    # ---------------------------------------------------------------- requests

    def admit(self, urgency: Urgency, deadline: float, stream_bound: int) -> Asked:
        """Take a request in. Raises WorkerDied while there is no process, WorkerBusy when the queue is full."""
        if self.state != "ready":
            raise WorkerDied(f"worker {self.name!r} is {self.state}")
        if len(self._admitted) >= self._pool.queue_bound:
            raise WorkerBusy(f"worker {self.name!r} has {len(self._admitted)} unfinished requests")
        asked = Asked(next(self._numbers), urgency, deadline, asyncio.Queue(stream_bound + 1))
        self._admitted.add(asked)
        return asked

    async def acquire(self, asked: Asked, engine: str, pausable: bool) -> None:
        """Wait for the cores. Raises DeadlineExceeded."""
        asked.burst = await self._arbiter.acquire(
            asked.urgency,
            deadline=asked.deadline,
            place=self.name,
            pausable=pausable,
            shared=engine in self._concurrent,
            pause=lambda: self._tell(asked, "pause"),
            resume=lambda: self._tell(asked, "resume"),
        )

    def send_request(self, asked: Asked, engine: str, method: str, params: Mapping[str, Any], blob: bytes) -> None:
        """Give it to the process. Raises WorkerDied if that is gone, EngineFailed if it cannot be encoded."""
        life = self._life
        if self.state != "ready" or life is None:
            raise WorkerDied(f"worker {self.name!r} is {self.state}")
        header = {"t": "request", "id": asked.id, "engine": engine, "method": method, "params": dict(params)}
        try:
            life.process.send({**header, "deadline": asked.deadline, "priority": int(asked.urgency.priority)}, blob)
        except WireError as error:
            raise EngineFailed(f"{engine}.{method}: {error}") from error
        life.asked[asked.id] = asked
        asked.sent = True
        asked.urgency.on_raise(lambda priority: self._tell(asked, "priority", priority=int(priority)))

    def forget(self, asked: Asked) -> None:
        """It was never sent, or has been answered: free its place in the queue and the cores."""
        self._admitted.discard(asked)
        if asked.burst is not None:
            self._arbiter.release(asked.burst)

    def withdraw(self, asked: Asked) -> None:
        """The asker has left. The cores stay taken until the worker's last word."""
        if asked in self._admitted and not asked.left:
            asked.left = True
            self._tell(asked, "cancel")

    def _tell(self, asked: Asked, what: str, **more: int) -> None:
        if self._life is not None and asked.id in self._life.asked:
            self._life.process.send({"t": what, "id": asked.id, **more})

    def _finish(self, life: _Life, asked: Asked, last: tuple[Reply, bool] | WorkerError) -> None:
        life.asked.pop(asked.id, None)
        self.forget(asked)
        self._put(asked, last)

    def _put(self, asked: Asked, item: tuple[Reply, bool] | WorkerError) -> None:
        if asked.left:
            return
        if asked.replies.qsize() < asked.replies.maxsize - 1 or not isinstance(item, tuple) or item[1]:
            if not asked.replies.full():
                asked.replies.put_nowait(item)
            return
        self.withdraw(asked)
        asked.replies.put_nowait(WorkerBusy("partial results were not read in time"))

    # ---------------------------------------------------------------- messages

    def _hear(self, life: _Life, message: Message) -> None:
        life.pulse.heard()
        header = message.header
        kind = header.get("t")
        if kind in ("partial", "final", "error", "paused"):
            asked = life.asked.get(header["id"])
            if asked is not None:
                self._hear_of(life, asked, kind, message)
        elif kind == "pong":
            if header["overrun_s"] > self._pool.overrun_s:
                life.why = f"a request overran its deadline by {header['overrun_s']:.1f} s"
        elif kind in ("loading", "loaded"):
            if header.get("concurrent"):
                self._concurrent.add(header["engine"])
            self._on_event(PoolEvent(kind, self.name, header["engine"], load_s=header.get("load_s", 0.0)))
        elif kind == "ready" and not life.loaded.done():
            life.loaded.set_result(header["load_s"])
        elif kind == "failed" and not life.loaded.done():
            where = f"engine {header['engine']!r} of worker {self.name!r}"
            life.loaded.set_exception(load_error(header["error"], f"{where}: {header['message']}"))

    def _hear_of(self, life: _Life, asked: Asked, kind: str, message: Message) -> None:
        header = message.header
        if kind == "paused":
            if asked.burst is not None:
                self._arbiter.paused(asked.burst)
        elif kind == "error":
            self._finish(life, asked, worker_error(header["error"], header["message"]))
        else:
            item = (Reply(header["body"], message.blob), kind == "final")
            if kind == "final":
                self._finish(life, asked, item)
            else:
                self._put(asked, item)
