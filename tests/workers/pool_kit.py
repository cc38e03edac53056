"""A pool over the test engines, and how it is asked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

from contracts.worker import Priority, Reply
from workers.pool import PoolEvent, WorkerPool
from workers.settings import WorkersSettings

HERE = str(Path(__file__).parent)
LONG = 30.0


def engine(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "engine": "workers_test_engines:TestEngine", **more}


def worker(name: str, *engines: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "engines": engines, "threads": 1, "env": {"PYTHONPATH": HERE}}


@asynccontextmanager
async def running(
    *workers: dict[str, Any], on_event: Callable[[PoolEvent], None] | None = None, **more: Any
) -> AsyncIterator[WorkerPool]:
    settings = WorkersSettings.model_validate({"workers": workers, **more})
    pool = WorkerPool(settings, on_event=on_event)
    await pool.start()
    try:
        yield pool
    finally:
        await pool.close()


def ask(pool: WorkerPool, method: str, *, to: str = "a", seconds: float = LONG, **params: Any) -> Any:
    return pool.request(to, method, params, deadline=time.monotonic() + seconds, priority=Priority.ANSWER)


def begin(
    pool: WorkerPool, method: str, *, to: str = "a", seconds: float = LONG, priority: Priority = Priority.ANSWER
) -> AsyncIterator[Reply]:
    return pool.stream(to, method, {}, deadline=time.monotonic() + seconds, priority=priority)


async def close(stream: AsyncIterator[Reply]) -> None:
    await cast("Any", stream).aclose()


async def until(condition: Callable[[], bool]) -> None:
    """Give the event loop its turn until something has happened; the test's own timeout is the limit."""
    async with asyncio.timeout(LONG):
        while not condition():  # noqa: ASYNC110 - the condition is in the kernel or another process
            await asyncio.sleep(0.01)
