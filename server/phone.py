"""The call button, as the media process sees it: one stream of the control socket for each caller in a browser.

::

    console ── {"op": "phone", "by"} ─► {"ok": true, "call_id"} ─► pieces of contracts.soundline, both ways
               words ─► {"do": "key", "key": "0"…} | {"do": "leave"} | {"do": "here"}      ◄─ {"over": true}
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import structlog

from contracts.clock import Clock
from contracts.leg import HangupReason, LegHandler
from contracts.soundline import LineBroken
from server.seats import Line, pieces
from telephony.browser import BrowserLeg
from telephony.ticker import MediaTicker

log = structlog.get_logger()


class PhoneStream:
    """The operation ``phone``."""

    def __init__(self, handler: LegHandler, ticker: MediaTicker, clock: Clock, lost_after_s: float) -> None:
        self._handler = handler
        self._ticker = ticker
        self._clock = clock
        self._lost_after_s = lost_after_s

    async def __call__(
        self, request: Mapping[str, Any], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """A call, from the first word to the last."""
        leg = BrowserLeg(str(request["by"]), Line(writer), self._ticker, self._clock)
        writer.write(json.dumps({"ok": True, "call_id": leg.info.call_id}).encode() + b"\n")
        serving = asyncio.ensure_future(self._handler(leg))
        why = "connection lost"
        try:
            async for piece in pieces(reader, self._lost_after_s):
                if isinstance(piece, bytes):
                    leg.receive(piece)
                elif piece.get("do") == "key":
                    leg.press(str(piece.get("key", "")))
                elif piece.get("do") == "leave":
                    why = "hung up"
                    break
        except LineBroken as error:
            log.warning("phone.line_broken", call_id=leg.info.call_id, why=str(error))
        finally:
            leg.lost(HangupReason.CALLER, why)
            await serving
