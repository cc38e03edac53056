"""People at the desk, as the media process meets them: one stream of the control socket for each seat in a call.

::

    console ── {"op": "seat", "call_id", "by", "role"} ─► ack ─► pieces of contracts.soundline, both ways
               words ─► {"do": "listen" | "whisper" | "barge" | "person" | "back" | "leave" | "here"}
                     ◄─ {"role": …} now, {"error": …} refused, {"over": true}

Whoever says nothing for ``lost_after_s``, not even "here", is gone: a browser, the console or their machine has died.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import structlog

from contracts.errors import LegError
from contracts.seats import Role, Seat
from contracts.soundline import LineBroken, Pieces, sound, words
from dialog.byhand import ByHand
from server.desk import Desk

log = structlog.get_logger()
MAX_UNREAD = 32_000
"""Bytes that may wait for a reader who is slow: half a second of sound; then frames are left out."""
_READ = 8192
_ROLES = {str(role): role for role in (Role.LISTEN, Role.WHISPER, Role.BARGE, Role.PERSON)} | {"back": Role.LISTEN}


class Line:
    """One stream to a person: sound and words go out without waiting."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self.left_out = 0
        """Frames that the reader was too slow for."""

    def sound(self, pcm: bytes) -> None:
        """20 ms for them; on the beat, so nothing is awaited."""
        transport = self._writer.transport
        if transport.is_closing() or transport.get_write_buffer_size() > MAX_UNREAD:
            self.left_out += 1
        else:
            self._writer.write(sound(pcm))

    def words(self, **said: Any) -> None:
        """An object for them."""
        if not self._writer.transport.is_closing():
            self._writer.write(words(said))

    def over(self) -> None:
        """The call is over."""
        self.words(over=True)
        self._writer.close()


async def pieces(reader: asyncio.StreamReader, lost_after_s: float) -> AsyncIterator[bytes | dict[str, Any]]:
    """What comes, until the far end is gone. Raises LineBroken."""
    cut = Pieces()
    try:
        while True:
            async with asyncio.timeout(lost_after_s):
                data = await reader.read(_READ)
            if not data:
                return
            for piece in cut.feed(data):
                yield piece
    except (TimeoutError, ConnectionError):
        return


class SeatStream:
    """The operation ``seat``: a place in a call for somebody at the desk."""

    def __init__(self, desk: Desk, lost_after_s: float) -> None:
        self._desk = desk
        self._lost_after_s = lost_after_s

    async def __call__(
        self, request: Mapping[str, Any], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Until they leave, are gone, or the call is over. Raises CallUnknown, CallTaken, LegError."""
        byhand = self._desk.session_of(request).byhand
        role = _ROLES.get(str(request.get("role", "")), Role.LISTEN)
        line = Line(writer)
        over = asyncio.Event()

        def ended() -> None:
            over.set()
            line.over()

        seat = byhand.join(str(request["by"]), role, line.sound, ended)
        left = False
        try:
            writer.write(json.dumps({"ok": True, "role": seat.role, "holder": _holder(byhand)}).encode() + b"\n")
            async for piece in pieces(reader, self._lost_after_s):
                if isinstance(piece, bytes):
                    seat.say(piece)
                elif piece.get("do") == "leave":
                    left = True
                    break
                else:
                    self._do(byhand, seat, piece, line)
        except LineBroken as error:
            log.warning("seat.line_broken", by=seat.name, why=str(error))
        finally:
            if not over.is_set():
                byhand.leave(seat, lost=not left and seat.role is Role.PERSON)
            if line.left_out:
                log.info("seat.frames_left_out", by=seat.name, count=line.left_out)

    def _do(self, byhand: ByHand, seat: Seat, piece: Mapping[str, Any], line: Line) -> None:
        role = _ROLES.get(str(piece.get("do", "")))
        if role is None:
            return
        try:
            byhand.change(seat, role)
        except LegError as error:
            line.words(role=seat.role, holder=_holder(byhand), error=str(error))
        else:
            line.words(role=seat.role, holder=_holder(byhand))


def _holder(byhand: ByHand) -> str:
    holder = byhand.bay.holder
    return holder.name if holder is not None else ""
