"""A call's recording on its page: for whoever may read its words, in ranges, each listening in the audit.

What must not be kept was silenced before the file was written (docs/safety.md), so nothing is hidden here by role but
the whole.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from console.permissions import Permission
from console.web import Visit, Web
from contracts.errors import CallUnknown
from operations.records import Records

_LISTENING_S = 600.0
"""A player asks for many ranges of one file: one entry in the audit for so long."""
_KEPT = 1000


@dataclass(slots=True)
class Playback:
    """Its address. ``folder``: where recordings are."""

    web: Web
    records: Records
    folder: Path
    _heard: OrderedDict[tuple[str, str], float] = field(default_factory=OrderedDict)

    def routes(self) -> list[Route]:
        """``/calls/ID/recording``."""
        return [self.web.get("/calls/{call_id}/recording", self.play, Permission.TRANSCRIPTS_READ)]

    async def play(self, visit: Visit) -> Response:
        """The WAV file, or the range that is asked for (RFC 9110, 14)."""
        record = await run_in_threadpool(self.records.get_call, str(visit.request.path_params["call_id"])[:128])
        call_id = str(record.call["call_id"])
        path = recording_of(self.folder, call_id)
        if path is None:
            raise CallUnknown("there is no recording of this call")
        await self._note(visit, call_id)
        return FileResponse(path, media_type="audio/wav")

    async def _note(self, visit: Visit, call_id: str) -> None:
        key, now = (visit.session.digest, call_id), time.monotonic()
        if now - self._heard.get(key, -_LISTENING_S) < _LISTENING_S:
            return
        await self.web.note(visit, "recording.play", call_id, call_id=call_id)
        self._heard[key] = now
        while len(self._heard) > _KEPT:
            self._heard.popitem(last=False)


def recording_of(folder: Path, call_id: str) -> Path | None:
    """The file, if there is one."""
    path = folder / f"{Path(call_id).name}.wav"
    return path if path.is_file() else None
