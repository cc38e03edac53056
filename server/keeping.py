"""Retention in the running operator: at its start and once a day, beside the calls."""

from __future__ import annotations

import asyncio

import structlog

from contracts.errors import RecordError
from operations.erasing import Eraser, today
from operations.settings import OperationsSettings

log = structlog.get_logger()
_DAY_S = 86_400.0


class Keeping:
    """One for the operator. What could not be erased is logged, and tried again the next day."""

    def __init__(self, eraser: Eraser, settings: OperationsSettings, callbacks_days: float) -> None:
        self._eraser = eraser
        self._callbacks_days = callbacks_days
        self._settings = settings
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Now, and from now on."""
        await self._run()
        self._task = asyncio.create_task(self._daily(), name="retention")

    async def close(self) -> None:
        """No more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _daily(self) -> None:
        while True:
            await asyncio.sleep(_DAY_S)
            await self._run()

    async def _run(self) -> None:
        try:
            done = await asyncio.to_thread(
                self._eraser.retain, self._settings.kept, today(), callbacks_days=self._callbacks_days
            )
        except RecordError as error:
            log.error("retention.failed", error=str(error))
            return
        for one in done:
            tell = log.error if one.left else log.info
            tell("retention.done", what=str(one.what), calls=one.calls, files=one.files, left=one.left)
