from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import psutil
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


async def test_a_killed_worker_fails_its_requests_and_is_replaced_within_seconds() -> None:
    events: list[PoolEvent] = []
    async with running(worker("one", engine("a")), on_event=events.append) as pool:
        stream = begin(pool, "spin")
        pid = (await anext(stream)).body["pid"]
        os.kill(pid, signal.SIGKILL)
        began = time.monotonic()
        with pytest.raises(WorkerDied, match="SIGKILL"):
            await anext(stream)
        reply = await ask(pool, "echo")
        assert reply.body["pid"] != pid
        assert time.monotonic() - began < 10
        assert pool.status()[0].restarts == 1
    kinds = [(e.kind, e.worker) for e in events if e.kind in ("lost", "started")]
    assert kinds == [("started", "one"), ("lost", "one"), ("started", "one")]


async def test_a_stopped_worker_is_noticed_before_the_hang_timeout_and_replaced() -> None:
    async with running(worker("one", engine("a")), hang_timeout_s=LONG) as pool:
        stream = begin(pool, "spin")
        pid = (await anext(stream)).body["pid"]
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(WorkerDied, match="stopped"):
            await anext(stream)
        assert (await ask(pool, "echo")).body["pid"] != pid


async def test_a_worker_that_says_nothing_is_hung_whatever_the_kernel_says() -> None:
    async with running(worker("one", engine("a")), hang_timeout_s=0.5) as pool:
        stream = begin(pool, "deadlock")
        pid = (await anext(stream)).body["pid"]
        with pytest.raises(WorkerDied, match="hung"):
            await anext(stream)
        assert (await ask(pool, "echo")).body["pid"] != pid


async def test_a_request_waits_for_a_replacement_no_longer_than_its_deadline(tmp_path: Path) -> None:
    flag = tmp_path / "slow"
    async with running(worker("one", engine("a", options={"slow_if_exists": str(flag)}))) as pool:
        flag.touch()
        os.kill(pool.status()[0].pid, signal.SIGKILL)
        await until(lambda: not pool.ready())
        with pytest.raises(WorkerDied, match="not back in time"):
            await ask(pool, "echo", seconds=0.2)
        waiting = asyncio.create_task(ask(pool, "echo"))
        await until(lambda: pool.status()[0].pending == 1)
        flag.unlink()
        assert (await waiting).body["params"] == {}


async def test_no_more_requests_wait_for_a_replacement_than_may_be_queued(tmp_path: Path) -> None:
    flag = tmp_path / "slow"
    slow = worker("one", engine("a", options={"slow_if_exists": str(flag)}))
    async with running(slow, queue_bound=1) as pool:
        flag.touch()
        os.kill(pool.status()[0].pid, signal.SIGKILL)
        await until(lambda: not pool.ready())
        waiting = asyncio.create_task(ask(pool, "echo"))
        await until(lambda: pool.status()[0].pending == 1)
        with pytest.raises(WorkerBusy):
            await ask(pool, "echo")
        flag.unlink()
        assert (await waiting).body["params"] == {}


async def test_nobody_waits_for_a_worker_that_cannot_be_replaced(tmp_path: Path) -> None:
    flag = tmp_path / "broken"
    broken = worker("one", engine("a", options={"die_if_exists": str(flag)}))
    async with running(broken, restart_backoff_s=0.05, restart_backoff_max_s=LONG) as pool:
        flag.touch()
        os.kill(pool.status()[0].pid, signal.SIGKILL)
        await until(lambda: not pool.ready())
        with pytest.raises(WorkerDied, match="restarting"):
            await ask(pool, "echo")


async def test_closing_the_pool_ends_the_wait_for_a_replacement(tmp_path: Path) -> None:
    flag = tmp_path / "slow"
    async with running(worker("one", engine("a", options={"slow_if_exists": str(flag)}))) as pool:
        flag.touch()
        os.kill(pool.status()[0].pid, signal.SIGKILL)
        await until(lambda: not pool.ready())
        waiting = asyncio.create_task(ask(pool, "echo"))
        ready = asyncio.create_task(pool.wait_ready("a", deadline=time.monotonic() + LONG))
        await until(lambda: pool.status()[0].pending == 1)
        await pool.close()
        for task in (waiting, ready):
            with pytest.raises(WorkerDied, match="closed"):
                await task


async def test_an_engine_that_never_comes_back_is_killed_after_its_deadline() -> None:
    async with running(worker("one", engine("a")), hang_timeout_s=1.0, overrun_s=0.2) as pool:
        with pytest.raises(DeadlineExceeded):
            await ask(pool, "stuck", seconds=0.2)
        await until(lambda: pool.status()[0].restarts == 1 and pool.ready())
        assert "overran" in pool.status()[0].why
        assert (await ask(pool, "echo")).body["params"] == {}


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


async def test_a_worker_that_fails_to_restart_is_tried_again_until_it_can(tmp_path: Path) -> None:
    flag = tmp_path / "broken"
    async with running(
        worker("one", engine("a", options={"die_if_exists": str(flag)})),
        restart_backoff_max_s=0.2,
    ) as pool:
        flag.touch()
        os.kill(pool.status()[0].pid, signal.SIGKILL)
        await until(lambda: pool.status()[0].restarts >= 2)
        assert "status 7" in pool.status()[0].why
        flag.unlink()
        await pool.wait_ready("a", deadline=time.monotonic() + LONG)
        assert (await ask(pool, "echo")).body["params"] == {}


async def test_something_urgent_pauses_what_runs_and_it_goes_on_afterwards() -> None:
    async with running(worker("one", engine("a")), worker("two", engine("b"))) as pool:
        slow = pool.stream("a", "count", {"to": 1000}, deadline=time.monotonic() + LONG, priority=Priority.SPECULATION)
        first = (await anext(slow)).body
        urgent = pool.request("b", "echo", {}, deadline=time.monotonic() + LONG, priority=Priority.FIRST_AUDIO)
        assert (await urgent).body["params"] == {}
        assert [first, *[reply.body async for reply in slow]][-1] == {"done": True}


async def test_a_worker_that_dies_with_the_cores_gives_them_back() -> None:
    async with running(worker("one", engine("a")), worker("two", engine("b"))) as pool:
        spinning = begin(pool, "spin")
        pid = (await anext(spinning)).body["pid"]
        waiting = asyncio.create_task(ask(pool, "echo", to="b"))
        await until(lambda: pool.status()[1].pending == 1)
        os.kill(pid, signal.SIGKILL)
        assert (await waiting).body["params"] == {}
        with pytest.raises(WorkerDied):
            await anext(spinning)


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


PARENT = """
import asyncio, json, sys
from workers.pool import WorkerPool
from workers.settings import WorkersSettings

async def main():
    pool = WorkerPool(WorkersSettings.model_validate(json.loads(sys.argv[1])))
    await pool.start()
    print("pid", pool.status()[0].pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_a_worker_does_not_outlive_a_parent_that_is_killed_even_while_stopped() -> None:
    settings = json.dumps({"workers": [worker("one", engine("a"))]})
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, settings, stdout=asyncio.subprocess.PIPE, cwd=Path(HERE).parent.parent
    )
    assert parent.stdout is not None
    try:
        words = (await parent.stdout.readuntil(b"pid ")) + await parent.stdout.readline()
        child = psutil.Process(int(words.split()[-1]))
        child.suspend()
    finally:
        parent.kill()
        await parent.wait()
    await until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


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


async def test_who_is_lost_and_until_when_is_told_and_what_is_useless_late_does_not_wait(tmp_path: Path) -> None:
    flag = tmp_path / "slow"
    lost: list[str] = []
    slow = worker("one", engine("a", options={"slow_if_exists": str(flag)}), engine("b", awaited=False))
    async with running(slow, worker("two", engine("c"))) as pool:
        unwatch = pool.watch(lost.append)
        assert pool.absence("one") is None
        flag.touch()
        os.kill(pool.status()[0].pid, signal.SIGKILL)
        await until(lambda: lost == ["one"])
        absence = pool.absence("one")
        assert absence is not None
        assert 0.0 < absence.back_at - absence.since < LONG
        assert pool.absence("two") is None
        with pytest.raises(WorkerDied):
            await ask(pool, "echo", to="b")
        assert pool.absence("one") is not None
        flag.unlink()
        await pool.wait_ready("a", deadline=time.monotonic() + LONG)
        assert pool.absence("one") is None
        unwatch()
        with pytest.raises(ConfigError, match="there are: one, two"):
            pool.absence("three")
