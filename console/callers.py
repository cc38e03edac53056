"""What is kept of one caller: looked up by number, handed out as a ZIP, erased. Each step is in the audit before it is
done, without the number.

::

    number ─► what is kept ─┬─► ZIP
                            └─► reason ─► number once more ─► erased ─► what went, and a look whether anything is left
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import sqlalchemy as sa
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from console.control import MediaProcessSilent, ask
from console.permissions import Permission
from console.settings import ConsoleSettings
from console.web import Visit, Web
from contracts.errors import CallwrightError
from escalation.handover import REASONS
from operations.callerfile import CallerFile, Folders
from operations.callers import Caller, find_caller, same_caller
from operations.erasing import Eraser
from operations.verifying import heads

CALLERS = "/callers"
_MAX_NUMBER = 256
_MAX_WHY = 300
_BLOCK = 1 << 18


class ErasureRefused(CallwrightError):
    """Nothing was erased; says why and what to do."""


@dataclass(slots=True)
class CallerPages:
    """Its pages, which History leads to. A number is never in an address: browsers and proxies keep these."""

    web: Web
    engine: sa.Engine
    settings: ConsoleSettings
    control: Path
    folders: Folders

    def routes(self) -> list[Route]:
        """Their addresses."""
        web, read, erase = self.web, Permission.CALLERS_READ, Permission.CALLERS_ERASE
        return [
            web.get(CALLERS, self.ask, read),
            web.post(CALLERS, self.found, read, home=CALLERS),
            web.post(f"{CALLERS}/export", self.export, read, home=CALLERS),
            web.post(f"{CALLERS}/erase", self.erase, erase, home=CALLERS),
        ]

    async def ask(self, visit: Visit) -> Response:
        """Whose?"""
        return self.web.page(visit, "callers.html", caller=None, held=())

    async def found(self, visit: Visit) -> Response:
        """What is kept."""
        caller = await self._caller(visit, "caller.search")
        held = await run_in_threadpool(self._file().held, caller)
        return self.web.page(visit, "callers.html", caller=caller, held=held, reasons=REASONS, most_why=_MAX_WHY)

    async def export(self, visit: Visit) -> Response:
        """All of it."""
        caller = await self._caller(visit, "caller.export")
        file = await run_in_threadpool(self._zip, caller)
        name = f"caller-{''.join(one for one in caller.masked if one.isalnum()) or 'one'}.zip"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return StreamingResponse(_blocks(file), media_type="application/zip", headers=headers)

    async def erase(self, visit: Visit) -> Response:
        """Asks once more; with the number given again, erases."""
        why, again = visit.field("why", _MAX_WHY), visit.field("again", _MAX_NUMBER)
        if not why:
            raise ErasureRefused("say why it is to be erased: the reason is kept with the proof")
        caller = await self._caller(visit, "caller.erase" if again else "caller.search")
        if obstacle := await run_in_threadpool(self._file().obstacle, caller, await self._live()):
            raise ErasureRefused(f"nothing was erased: {obstacle}")
        if not again:
            held = await run_in_threadpool(self._file().held, caller)
            return self.web.page(visit, "caller_erase.html", caller=caller, held=held, why=why)
        if not same_caller(again, caller.number) and not same_caller(caller.number, again):
            raise ErasureRefused("nothing was erased: the number that you typed is another one")
        eraser = Eraser(self.engine, self.folders.recordings, self.folders.webhook)
        done = await run_in_threadpool(eraser.forget, caller.calls, visit.by, why)
        left = await run_in_threadpool(self._file().traces, caller)
        ends = await run_in_threadpool(heads, self.engine)
        return self.web.page(visit, "caller_erased.html", caller=caller, done=done, left=left, ends=ends)

    async def _caller(self, visit: Visit, action: str) -> Caller:
        """Who is meant; written down before anything of them is shown."""
        caller = await run_in_threadpool(find_caller, self.engine, visit.field("number", _MAX_NUMBER))
        await self.web.note(visit, action, f"{caller.masked}: {len(caller.calls)} calls")
        return caller

    async def _live(self) -> set[str]:
        try:
            answer = await ask(self.control, "calls", self.settings.control_timeout_s)
        except MediaProcessSilent as error:
            raise ErasureRefused(
                "nothing was erased: the operator does not say which calls are up; try again, or with the operator "
                "stopped `callwright callers erase`"
            ) from error
        return {str(one["call_id"]) for one in answer["calls"]}

    def _file(self) -> CallerFile:
        return CallerFile(self.engine, self.folders)

    def _zip(self, caller: Caller) -> IO[bytes]:
        """In a file without a name: whatever happens, nothing of it is left."""
        file = tempfile.TemporaryFile()  # noqa: SIM115 - closed when it is sent
        self._file().write_zip(caller, file)
        file.seek(0)
        return file


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while block := file.read(_BLOCK):
            yield block
