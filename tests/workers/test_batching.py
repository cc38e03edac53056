"""An engine that computes several requests at once, in a real process, through the pool and the arbiter."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest

from contracts.errors import DeadlineExceeded, EngineFailed
from contracts.worker import Priority, Reply, Urgency
from workers.pool import WorkerPool
from workers.settings import WorkersSettings

HERE = str(Path(__file__).parent)
LONG = 30.0


def worker(name: str, engine: str, *more: str) -> dict[str, Any]:
    kinds = {"batch": "workers_batch_engine:BatchTestEngine", "plain": "workers_test_engines:TestEngine"}
    engines = [{"name": one, "engine": kinds[one.split("_")[0]]} for one in (engine, *more)]
    return {"name": name, "engines": engines, "threads": 1, "env": {"PYTHONPATH": HERE}}


@pytest.fixture
async def pool() -> AsyncIterator[WorkerPool]:
    workers = [worker("one", "batch"), worker("two", "plain"), worker("three", "batch_mixed", "plain_mixed")]
    found = WorkerPool(WorkersSettings.model_validate({"workers": workers, "slice_s": 0.05}))
    await found.start()
    yield found
    await found.close()


def count(
    pool: WorkerPool,
    to: int = 10**9,
    *,
    engine: str = "batch",
    seconds: float = LONG,
    priority: Priority = Priority.ANSWER,
) -> AsyncIterator[Reply]:
    return pool.stream(engine, "count", {"to": to}, deadline=time.monotonic() + seconds, priority=priority)


async def close(stream: AsyncIterator[Reply]) -> None:
    await cast("Any", stream).aclose()


async def until_together(stream: AsyncIterator[Reply], how_many: int) -> None:
    async for reply in stream:
        if reply.body["together"] == how_many:
            return


async def test_requests_to_an_engine_that_batches_are_computed_in_the_same_steps(pool: WorkerPool) -> None:
    streams = [count(pool) for _ in range(3)]
    async with asyncio.timeout(LONG):
        await asyncio.gather(*(until_together(stream, 3) for stream in streams))
        await close(streams[1])
        await until_together(streams[0], 2)
    assert [reply.body async for reply in count(pool, 3)][-1] == {"done": True}
    await close(streams[0])
    await close(streams[2])


async def test_each_request_ends_at_its_own_deadline(pool: WorkerPool) -> None:
    long, short = count(pool), count(pool, seconds=0.3)
    await until_together(long, 1)
    with pytest.raises(DeadlineExceeded):
        async for _ in short:
            pass
    async with asyncio.timeout(LONG):
        await until_together(long, 1)
    await close(long)


async def test_something_urgent_stops_all_of_them_and_they_go_on_afterwards(pool: WorkerPool) -> None:
    streams = [count(pool), count(pool, priority=Priority.SPECULATION)]
    async with asyncio.timeout(LONG):
        await asyncio.gather(*(until_together(stream, 2) for stream in streams))
        urgent = pool.stream("plain", "spin", {}, deadline=time.monotonic() + LONG, priority=Priority.FIRST_AUDIO)
        await anext(urgent)  # it has the cores, so both stand still; what they had sent is still to be read
        quiet = []
        for stream in streams:
            waiting = asyncio.ensure_future(anext(stream))
            while (await asyncio.wait({waiting}, timeout=0.1))[0]:
                waiting = asyncio.ensure_future(anext(stream))
            quiet.append(waiting)
        await close(urgent)
        seen = [(await waiting).body for waiting in quiet]
        assert seen[0]["interrupts"] >= 2
        await until_together(streams[0], 2)
        for stream in streams:
            await close(stream)


async def test_a_request_that_becomes_urgent_is_so_for_its_engine_and_for_the_cores(pool: WorkerPool) -> None:
    urgency = Urgency(Priority.SPECULATION)
    async with asyncio.timeout(LONG):
        deadline = time.monotonic() + LONG
        guess = pool.stream("batch", "count", {}, deadline=deadline, priority=urgency)
        assert (await anext(guess)).body["priority"] == Priority.SPECULATION
        other = pool.stream("plain", "spin", {}, deadline=deadline, priority=Priority.FINAL_RECOGNITION)
        await anext(other)
        urgency.raise_to(Priority.FIRST_AUDIO)  # now it is the other one that has to stand still
        async for reply in guess:
            if reply.body["priority"] == Priority.FIRST_AUDIO:
                break
        urgency.raise_to(Priority.BACKGROUND)
        assert urgency.priority is Priority.FIRST_AUDIO
        await close(guess)
        await close(other)


async def test_equally_urgent_workers_take_turns_though_others_keep_joining(pool: WorkerPool) -> None:
    async with asyncio.timeout(LONG):
        streams = [count(pool), count(pool)]
        await asyncio.gather(*(until_together(stream, 2) for stream in streams))
        ask = pool.request("plain", "count", {"to": 5}, deadline=time.monotonic() + LONG, priority=Priority.ANSWER)
        assert (await ask).body == {"done": True}
        assert pool.status()[0].pending == 2, "they had not ended, they gave way"
        for stream in streams:
            await close(stream)


async def test_a_step_that_fails_fails_its_requests_and_the_worker_lives_on(pool: WorkerPool) -> None:
    stream = count(pool)
    await until_together(stream, 1)
    with pytest.raises(EngineFailed, match="RuntimeError: the engine's own words"):
        await pool.request("batch", "boom", {}, deadline=time.monotonic() + LONG, priority=Priority.ANSWER)
    with pytest.raises(EngineFailed, match="the engine's own words"):
        async for _ in stream:
            pass
    with pytest.raises(EngineFailed, match="no method dance"):
        await pool.request("batch", "dance", {}, deadline=time.monotonic() + LONG, priority=Priority.ANSWER)
    assert [reply.body async for reply in count(pool, 2)][-1] == {"done": True}
    assert all(status.restarts == 0 and status.pending == 0 for status in pool.status())


async def test_an_engine_of_the_ordinary_kind_has_its_turn_in_the_same_process(pool: WorkerPool) -> None:
    async with asyncio.timeout(LONG):
        body = [reply.body async for reply in count(pool, 20, engine="batch_mixed")]
        assert body[-1] == {"done": True}
        deadline = time.monotonic() + LONG
        reply = await pool.request("plain_mixed", "echo", {"a": 1}, deadline=deadline, priority=Priority.ANSWER)
        assert reply.body["pid"] == body[0]["pid"]
