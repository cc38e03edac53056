"""What a call's session is doing just now: one thing at a time, and a new thing replaces it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from contracts.errors import LegClosed
from dialog.speaking import Speaking


class Work:
    """Of one call. ``on_fault`` is told of errors that nobody else catches; what the caller does is none."""

    def __init__(self, name: str, speaking: Speaking, on_fault: Callable[[BaseException, bool], None]) -> None:
        """``on_fault(error, current)``: ``current`` when nothing else has been begun since."""
        self._name = name
        self._speaking = speaking
        self._on_fault = on_fault
        self._task: asyncio.Task[None] | None = None

    @property
    def idle(self) -> bool:
        """Nothing is under way."""
        return self._task is None or self._task.done()

    def start(self, work: Coroutine[Any, Any, object]) -> None:
        """Begin something to say or do; what was under way is withdrawn."""
        previous = self._task
        self._task = asyncio.create_task(self._after(previous, work), name=self._name)
        self._task.add_done_callback(self._done)

    def drop(self) -> None:
        """Withdraw what is under way, without waiting until it is."""
        if self._task is not None:
            self._task.cancel()

    async def stop(self) -> None:
        """Withdraw what is under way."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _after(self, previous: asyncio.Task[None] | None, work: Coroutine[Any, Any, object]) -> None:
        try:
            if previous is not None and not previous.done():
                previous.cancel()
                await asyncio.wait({previous})
                await self._speaking.cut_off()
        except asyncio.CancelledError:
            work.close()
            raise
        await work

    def _done(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or (error := task.exception()) is None or isinstance(error, LegClosed):
            return
        self._on_fault(error, self._task is task)
