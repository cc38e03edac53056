from __future__ import annotations

import asyncio
import os
import signal
import time
from typing import Any

import pytest
from pydantic import ValidationError

from contracts.errors import (
    ConfigError,
    DeadlineExceeded,
    EngineFailed,
    ModelFileError,
    WorkerBusy,
    WorkerDied,
    WorkerError,
)
from contracts.worker import Priority
from tests.workers.pool_kit import LONG, ask, begin, close, engine, running, until, worker
from workers.settings import WorkersSettings


async def test_a_request_reaches_its_engine_and_its_answer_comes_back() -> None:
    async with running(worker("one", engine("a"), engine("b"))) as pool:
        reply = await pool.request(
            "b", "echo", {"é": 1}, blob=b"abc", deadline=time.monotonic() + LONG, priority=Priority.ANSWER
        )
        assert reply.body["params"] == {"é": 1}
        assert reply.blob == b"cba"
        assert reply.body["options"] == {"threads": 1}
        assert pool.ready()
        (status,) = pool.status()
        assert status.pid == reply.body["pid"]
        assert status.rss_bytes > 1_000_000
        assert status.pending == 0
    assert not pool.ready()
    with pytest.raises(ProcessLookupError):
        os.kill(status.pid, 0)


async def test_a_stream_gives_partial_results_in_order_and_then_the_last_message() -> None:
    async with running(worker("one", engine("a"))) as pool:
        stream = pool.stream("a", "count", {"to": 50}, deadline=time.monotonic() + LONG, priority=Priority.ANSWER)
        bodies = [reply.body async for reply in stream]
    assert bodies == [*({"n": n} for n in range(50)), {"done": True}]


async def test_an_engines_exception_is_told_in_its_own_words_and_the_worker_lives_on() -> None:
    async with running(worker("one", engine("a"))) as pool:
        with pytest.raises(EngineFailed, match="RuntimeError: the engine's own words"):
            await ask(pool, "boom")
        assert (await ask(pool, "echo")).body["params"] == {}
        assert pool.status()[0].restarts == 0


async def test_an_unknown_engine_is_named_together_with_those_there_are() -> None:
    async with running(worker("one", engine("a"))) as pool:
        with pytest.raises(ConfigError, match=r"'zebra'.*there are: a"):
            await ask(pool, "echo", to="zebra")


async def test_what_is_not_json_is_refused_and_costs_nobody_else_anything() -> None:
    async with running(worker("one", engine("a"))) as pool:
        with pytest.raises(EngineFailed, match="not JSON"):
            await ask(pool, "echo", thing=object())
        assert pool.status()[0].pending == 0
        assert (await ask(pool, "echo")).body["params"] == {}


async def test_work_is_stopped_at_its_deadline() -> None:
    async with running(worker("one", engine("a"))) as pool:
        with pytest.raises(DeadlineExceeded):
            await ask(pool, "spin", seconds=0.3)
        assert (await ask(pool, "echo")).body["params"] == {}


async def test_work_whose_deadline_has_passed_is_not_begun() -> None:
    async with running(worker("one", engine("a"))) as pool:
        with pytest.raises(DeadlineExceeded):
            await ask(pool, "echo", seconds=-1)
        assert pool.status()[0].pending == 0


async def test_cancelling_the_asking_task_cancels_the_work() -> None:
    async with running(worker("one", engine("a"))) as pool:
        task = asyncio.create_task(ask(pool, "spin"))
        await until(lambda: pool.status()[0].pending == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await ask(pool, "echo")).body["params"] == {}


async def test_closing_the_iterator_cancels_the_work() -> None:
    async with running(worker("one", engine("a"))) as pool:
        stream = begin(pool, "spin")
        await anext(stream)
        await close(stream)
        await until(lambda: pool.status()[0].pending == 0)
        assert pool.status()[0].restarts == 0


async def test_a_full_queue_says_busy() -> None:
    async with running(worker("one", engine("a")), queue_bound=2) as pool:
        first, second = begin(pool, "spin"), asyncio.create_task(ask(pool, "echo"))
        await anext(first)
        await until(lambda: pool.status()[0].pending == 2)
        with pytest.raises(WorkerBusy):
            await ask(pool, "echo")
        await close(first)
        assert (await second).body["params"] == {}


async def test_a_reader_that_is_too_slow_ends_the_stream_instead_of_filling_memory() -> None:
    async with running(worker("one", engine("a")), stream_bound=4) as pool:
        stream = pool.stream("a", "count", {"to": 500}, deadline=time.monotonic() + LONG, priority=Priority.ANSWER)
        await anext(stream)
        await until(lambda: pool.status()[0].pending == 0)
        with pytest.raises(WorkerBusy):
            async for _ in stream:
                pass


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"fail": "missing"}, ModelFileError, "engine 'b' of worker 'two'.*models fetch"),
        ({"fail": "value"}, EngineFailed, "ValueError: a bad option"),
        ({"fail": "die"}, WorkerDied, "worker 'two' killed by SIGKILL while loading"),
    ],
)
async def test_one_engine_that_does_not_load_is_one_clear_error(
    options: dict[str, Any], error: type[WorkerError], words: str
) -> None:
    with pytest.raises(error, match=words):
        async with running(worker("one", engine("a")), worker("two", engine("b", options=options))):
            pass


async def test_something_urgent_pauses_what_runs_and_it_goes_on_afterwards() -> None:
    async with running(worker("one", engine("a")), worker("two", engine("b"))) as pool:
        slow = pool.stream("a", "count", {"to": 1000}, deadline=time.monotonic() + LONG, priority=Priority.SPECULATION)
        first = (await anext(slow)).body
        urgent = pool.request("b", "echo", {}, deadline=time.monotonic() + LONG, priority=Priority.FIRST_AUDIO)
        assert (await urgent).body["params"] == {}
        assert [first, *[reply.body async for reply in slow]][-1] == {"done": True}


async def test_an_engine_that_is_not_arbitrated_runs_beside_a_burst() -> None:
    async with running(worker("one", engine("a")), worker("two", engine("b", arbitrated=False))) as pool:
        spinning = begin(pool, "spin")
        await anext(spinning)
        assert (await ask(pool, "echo", to="b", seconds=10)).body["params"] == {}
        await close(spinning)


async def test_ctrl_c_is_left_to_the_parent() -> None:
    async with running(worker("one", engine("a"))) as pool:
        os.kill(pool.status()[0].pid, signal.SIGINT)
        assert (await ask(pool, "echo")).body["pid"] == pool.status()[0].pid


async def test_closing_the_pool_fails_what_is_pending() -> None:
    async with running(worker("one", engine("a"))) as pool:
        stream = begin(pool, "spin")
        await anext(stream)
        await pool.close()
        with pytest.raises(WorkerDied):
            await anext(stream)


def test_names_must_be_unique() -> None:
    with pytest.raises(ValidationError, match="engine name used twice: a"):
        WorkersSettings.model_validate({"workers": [worker("one", engine("a"), engine("a"))]})
