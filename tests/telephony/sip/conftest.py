"""A SipServer in a process of its own (the library allows one runtime per process), spoken to as any peer would."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]


class BotProcess:
    """scripts/peers/sip_bot.py, running; ``seen`` holds every event that it reported."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.port = 0
        self.seen: list[dict[str, Any]] = []

    async def event(self, name: str, timeout_s: float = 20.0) -> dict[str, Any]:
        """The next event of that name."""
        assert self.process.stdout is not None
        async with asyncio.timeout(timeout_s):
            while line := await self.process.stdout.readline():
                self.seen.append(json.loads(line))
                if self.seen[-1]["event"] == name:
                    return self.seen[-1]
        raise AssertionError(f"the bot ended before {name!r}; seen {self.seen}")

    async def health(self) -> dict[str, Any]:
        """Threads, descriptors, tasks and the beat, now."""
        self.process.send_signal(signal.SIGUSR1)
        return await self.event("health")

    async def idle(self, timeout_s: float = 10.0) -> dict[str, Any]:
        """The health once no call is left: a handler ends a moment after its call."""
        async with asyncio.timeout(timeout_s):
            while (health := await self.health())["active"]:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        return health

    async def stop(self) -> None:
        """Close at once."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGINT)
        try:
            async with asyncio.timeout(15):
                assert self.process.stdout is not None
                while await self.process.stdout.readline():
                    pass
                await self.process.wait()
        except TimeoutError:
            self.process.kill()
            await self.process.wait()


StartBot = Callable[..., Awaitable[BotProcess]]


@pytest.fixture
async def start_bot() -> AsyncIterator[StartBot]:
    """Start bots with command line arguments; all are stopped afterwards."""
    bots: list[BotProcess] = []

    async def start(*arguments: str) -> BotProcess:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "scripts.peers.sip_bot",
            *arguments,
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
        )
        bot = BotProcess(process)
        bots.append(bot)
        bot.port = (await bot.event("ready"))["port"]
        return bot

    yield start
    for bot in bots:
        await bot.stop()
