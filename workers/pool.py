"""The asking side: all workers of the machine behind one contracts.worker.WorkerClient."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from contracts.clock import Clock, MonotonicClock
from contracts.errors import ConfigError, DeadlineExceeded, WorkerError
from contracts.worker import Absence, Priority, Reply, Urgency
from workers.arbiter import Arbiter
from workers.asked import Asked
from workers.settings import EngineSettings, WorkersSettings
from workers.status import PoolEvent, WorkerStatus
from workers.supervisor import Supervisor

__all__ = ["PoolEvent", "WorkerPool", "WorkerStatus"]


class WorkerPool:
    """Starts and supervises the worker processes and routes requests to them by engine name.

    Lives on one event loop, which must run in the main thread or outlive its workers: the kernel kills them with the
    thread that started them. ``on_event`` is told of every loading, start and loss, and must not raise.
    """

    def __init__(
        self,
        settings: WorkersSettings,
        *,
        on_event: Callable[[PoolEvent], None] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._clock = clock or MonotonicClock()
        self._arbiter = Arbiter(settings.bursts, self._clock, slice_s=settings.slice_s)
        self._settings = settings
        self._on_event = on_event or _ignore
        self._watchers: list[Callable[[str], None]] = []
        self._workers: list[Supervisor] = []
        self._routes: dict[str, tuple[Supervisor, EngineSettings, bool]] = {}
        for worker in settings.workers:
            supervisor = Supervisor(worker, settings, self._arbiter, self._clock, self._tell)
            self._workers.append(supervisor)
            # A paused burst holds its worker's only thread, so it must not stand in the way of an engine that does
            # not ask for the cores.
            may_pause = all(engine.arbitrated for engine in worker.engines)
            for engine in worker.engines:
                self._routes[engine.name] = (supervisor, engine, may_pause and engine.pausable)

    async def start(self) -> None:
        """Start all workers and wait until every engine is loaded.

        Raises ModelFileError, EngineFailed or WorkerDied, naming worker and engine, after stopping the others.
        """
        try:
            async with asyncio.TaskGroup() as group:
                for worker in self._workers:
                    group.create_task(worker.start())
        except BaseExceptionGroup as group_error:
            await self.close()
            raise _first(group_error) from None
        except asyncio.CancelledError:
            await self.close()
            raise

    async def close(self) -> None:
        """End all workers; pending requests get WorkerDied. Harmless if repeated."""
        await asyncio.gather(*(worker.close() for worker in self._workers))

    def ready(self) -> bool:
        """True when every worker can take requests."""
        return all(worker.state == "ready" for worker in self._workers)

    def status(self) -> tuple[WorkerStatus, ...]:
        """One line per worker, for /readyz, metrics and ``callwright check``."""
        return tuple(worker.status() for worker in self._workers)

    def absence(self, worker: str) -> Absence | None:
        """None while the worker of that name takes requests. Raises ConfigError if there is none of that name."""
        for one in self._workers:
            if one.name == worker:
                return one.absence()
        raise ConfigError(f"no worker {worker!r}; there are: {', '.join(one.name for one in self._workers)}")

    def watch(self, on_loss: Callable[[str], None]) -> Callable[[], None]:
        """``on_loss`` is told of each lost worker by name and must not raise; the result ends it."""
        self._watchers.append(on_loss)
        return lambda: self._watchers.remove(on_loss)

    def _tell(self, event: PoolEvent) -> None:
        self._on_event(event)
        if event.kind == "lost":
            for watcher in tuple(self._watchers):
                watcher(event.worker)

    async def wait_ready(self, engine: str, *, deadline: float) -> None:
        """Return when the engine's worker can take a request. Raises DeadlineExceeded."""
        worker = self._route(engine)[0]
        try:
            async with asyncio.timeout(max(0.0, deadline - self._clock.now())):
                await worker.until_ready()
        except TimeoutError:
            raise DeadlineExceeded(f"worker of {engine!r} was not back before the deadline") from None

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
        """The final answer; partial results are dropped. Raises WorkerError subclasses."""
        last = Reply()
        async for reply in self.stream(engine, method, params, blob=blob, deadline=deadline, priority=priority):
            last = reply
        return last

    async def stream(
        self,
        engine: str,
        method: str,
        params: Mapping[str, Any],
        *,
        blob: bytes = b"",
        deadline: float,
        priority: Priority | Urgency,
    ) -> AsyncIterator[Reply]:
        """Partial results, then the final message as the last item. Raises WorkerError subclasses.

        Leaving early (closing the iterator, cancelling the task, the deadline) cancels the work. The cores count as
        taken until the worker says that it has stopped. A worker that is being replaced is waited for (if the engine is
        ``awaited``); whoever is told WorkerDied may therefore ask again at once.
        """
        worker, settings, pausable = self._route(engine)
        if settings.awaited:
            await worker.until_back(deadline)
        urgency = priority if isinstance(priority, Urgency) else Urgency(priority)
        asked = worker.admit(urgency, deadline, self._settings.stream_bound)
        try:
            async with asyncio.timeout(max(0.0, deadline - self._clock.now())):
                if settings.arbitrated:
                    await worker.acquire(asked, engine, pausable)
                worker.send_request(asked, engine, method, params, blob)
        except TimeoutError:
            raise DeadlineExceeded(f"{engine}.{method}: deadline passed before it began") from None
        finally:
            if not asked.sent:
                worker.forget(asked)
        try:
            while True:
                reply, final = await self._next(asked, engine, method)
                yield reply
                if final:
                    return
        finally:
            worker.withdraw(asked)

    async def _next(self, asked: Asked, engine: str, method: str) -> tuple[Reply, bool]:
        try:
            async with asyncio.timeout(max(0.0, asked.deadline - self._clock.now())):
                item = await asked.replies.get()
        except TimeoutError:
            raise DeadlineExceeded(f"{engine}.{method}: deadline passed") from None
        if isinstance(item, WorkerError):
            raise item
        return item

    def _route(self, engine: str) -> tuple[Supervisor, EngineSettings, bool]:
        if engine not in self._routes:
            raise ConfigError(f"no worker has an engine {engine!r}; there are: {', '.join(sorted(self._routes))}")
        return self._routes[engine]


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """One error to show: the first start that failed; the rest were cancelled because of it."""
    first = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


def _ignore(event: PoolEvent) -> None:
    return None
