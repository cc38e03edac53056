from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest

from contracts.errors import (
    ConfigError,
    DeadlineExceeded,
    WorkerBusy,
    WorkerDied,
)
from tests.workers.pool_kit import HERE, LONG, ask, begin, engine, running, until, worker
from workers.pool import PoolEvent

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


async def test_a_killed_worker_fails_its_requests_and_is_replaced() -> None:
    events: list[PoolEvent] = []
    async with running(worker("one", engine("a")), on_event=events.append) as pool:
        stream = begin(pool, "spin")
        pid = (await anext(stream)).body["pid"]
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(WorkerDied, match="SIGKILL"):
            await anext(stream)
        reply = await ask(pool, "echo")
        assert reply.body["pid"] != pid
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
    async with running(worker("one", engine("a")), hang_timeout_s=2.0) as pool:  # less, and a busy machine looks hung
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
    async with running(worker("one", engine("a")), hang_timeout_s=LONG, overrun_s=0.2) as pool:
        with pytest.raises(DeadlineExceeded):
            await ask(pool, "stuck", seconds=0.2)
        await until(lambda: pool.status()[0].restarts == 1 and pool.ready())
        assert "overran" in pool.status()[0].why
        assert (await ask(pool, "echo")).body["params"] == {}


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
