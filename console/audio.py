"""Sound between a browser and a call: relays a WebSocket to a stream of the media process, and knows nothing of sound.

::

    browser ── WebSocket: 640 bytes or {"do": …} ──► this process ── contracts.soundline ──► media process
            ◄───────── 640 bytes or {"role": …} ────              ◄────────────────────────

The media process never meets a stranger's browser, and calls go on if this process dies: it then hears that the seat
is empty. Everything that a person does is in the audit before it is passed on.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from console.accounts import Session
from console.calls import CALLS, MAX_ID
from console.control import stream
from console.permissions import Permission
from console.settings import ConsoleSettings
from console.web import Web
from contracts.audio import FRAME_BYTES
from contracts.errors import CallwrightError, RecordError
from contracts.soundline import LineBroken, Pieces, object_of, sound, words

MAX_MESSAGE = 2048
"""Bytes of one WebSocket message: 20 ms of sound are 640."""
MAX_PER_S = 150
"""Messages a second; sound is 50, and a browser that was held up sends what has gathered."""
_LOOK_S = 10.0
"""How often it is looked whether the person is still signed in, and may."""
_READ = 8192
POLICY = 1008
"""WebSocket close code: not allowed (RFC 6455, 7.4.1)."""
_ACTIONS = {
    "listen": "call.listen",
    "whisper": "call.whisper",
    "barge": "call.barge",
    "person": "call.take_over",
    "back": "call.give_back",
    "leave": "call.leave",
}
"""What a browser may ask for, and how it is called in the audit."""
Passed = Callable[[dict[str, Any]], Awaitable[dict[str, Any] | None]]
"""Given words of a browser: what of them is passed on; None: nothing."""


class Barred(CallwrightError):
    """This browser may not have a line."""


@dataclass(slots=True)
class Lines:
    """Open lines of browsers, by who; bounded."""

    most: int
    each: int
    _open: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def taken(self, who: str) -> Iterator[None]:
        """While a line is open. Raises Barred."""
        if self._open.total() >= self.most:
            raise Barred(f"{self.most} lines are open already: no more than that")
        if self._open[who] >= self.each:
            raise Barred(f"you have {self.each} lines open already: close another page first")
        self._open[who] += 1
        try:
            yield
        finally:
            self._open[who] -= 1
            if not self._open[who]:
                del self._open[who]


@dataclass(slots=True)
class Audio:
    """The WebSockets of the desk."""

    web: Web
    settings: ConsoleSettings
    control: Path
    _lines: Lines = field(init=False)

    def __post_init__(self) -> None:
        self._lines = Lines(self.settings.audio_lines, self.settings.audio_lines_each)

    def routes(self) -> list[WebSocketRoute]:
        """Their addresses."""
        return [WebSocketRoute(f"{CALLS}/{{call_id}}/audio", self.seat)]

    async def seat(self, websocket: WebSocket) -> None:
        """A place in a call for a supervisor: begins by listening."""
        session = await self.web.session_of(websocket)
        if session is None or not ours(websocket) or not may(session):
            await websocket.close(POLICY)  # before it is accepted: the browser gets a 403
            return
        by, call_id = session.account.name, str(websocket.path_params["call_id"])[:MAX_ID]

        async def note(action: str) -> None:
            await run_in_threadpool(self.web.audit.note, by, action, call_id, call_id=call_id)

        async def passed(said: dict[str, Any]) -> dict[str, Any] | None:
            do = str(said.get("do", ""))
            if do == "here":
                return {"do": do}
            if do not in _ACTIONS:
                return None
            await note(_ACTIONS[do])
            return {"do": do}

        async def still() -> bool:
            now = await self.web.session_of(websocket)
            return now is not None and may(now)

        request = {"call_id": call_id, "by": by}
        await self.relay(websocket, by, "seat", request, passed, still, begin=lambda: note(_ACTIONS["listen"]))

    async def relay(
        self,
        websocket: WebSocket,
        who: str,
        op: str,
        request: dict[str, Any],
        passed: Passed,
        still: Callable[[], Awaitable[bool]],
        begin: Callable[[], Awaitable[None]],
    ) -> None:
        """Open the stream ``op`` and pass on both ways until one side ends. Errors are said, then the socket closes."""
        await websocket.accept()
        with contextlib.suppress(WebSocketDisconnect):
            try:
                with self._lines.taken(who):
                    await begin()
                    answer, reader, writer = await stream(self.control, op, self.settings.control_timeout_s, **request)
                    await websocket.send_json({key: value for key, value in answer.items() if key != "ok"})
                    await _both(websocket, reader, writer, passed, still)
            except (CallwrightError, ConnectionError) as error:
                said = str(error) if isinstance(error, CallwrightError) else "the operator is gone"
                await websocket.send_json({"error": said, "over": True})
            if websocket.client_state is WebSocketState.CONNECTED:
                await websocket.close()


async def _both(
    websocket: WebSocket,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    passed: Passed,
    still: Callable[[], Awaitable[bool]],
) -> None:
    ways = [
        asyncio.create_task(_from_browser(websocket, writer, passed)),
        asyncio.create_task(_to_browser(websocket, reader)),
        asyncio.create_task(_while(still)),
    ]
    try:
        done, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        writer.close()
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
    for way in done:
        way.result()


async def _from_browser(websocket: WebSocket, writer: asyncio.StreamWriter, passed: Passed) -> None:
    second, count = 0, 0
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            return
        now = int(time.monotonic())
        second, count = now, count + 1 if now == second else 1
        if count > MAX_PER_S:
            raise Barred("too many messages in a second")
        pcm = message.get("bytes")
        if pcm is not None and len(pcm) == FRAME_BYTES:
            writer.write(sound(pcm))
        elif text := message.get("text"):
            try:
                said = await passed(object_of(text))
            except LineBroken as error:
                raise Barred(str(error)) from error
            if said is not None:
                writer.write(words(said))
        await writer.drain()


async def _to_browser(websocket: WebSocket, reader: asyncio.StreamReader) -> None:
    cut = Pieces()
    while data := await reader.read(_READ):
        for piece in cut.feed(data):
            if isinstance(piece, bytes):
                await websocket.send_bytes(piece)
            else:
                await websocket.send_json(piece)


async def _while(still: Callable[[], Awaitable[bool]]) -> None:
    while await _as_far_as_known(still):  # noqa: ASYNC110 - another process signs people out
        await asyncio.sleep(_LOOK_S)
    raise Barred("you are signed out, or your roles have changed")


async def _as_far_as_known(still: Callable[[], Awaitable[bool]]) -> bool:
    try:
        return await still()
    except RecordError:
        return True  # nobody is cut off from a caller because the record cannot be asked just now


def may(session: Session) -> bool:
    """Supervisors."""
    return Permission.CALLS_ACT in session.account.permissions


def ours(websocket: WebSocket) -> bool:
    """Did a page of ours open it? Browsers let any page open a WebSocket to anywhere, cookies included."""
    origin = urlsplit(websocket.headers.get("origin", ""))
    return origin.scheme in ("http", "https") and origin.netloc == websocket.headers.get("host", "")
