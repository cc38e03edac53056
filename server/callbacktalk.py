"""A callback made from a browser: one stream of the control socket for whoever holds the ticket.

::

    console ── {"op": "callback_talk", "ticket", "by"} ─► {"ok": true, "role": ""} ─► pieces of contracts.soundline
               words ─► {"do": "person"}: dial now | {"do": "leave"} | {"do": "here"}
                     ◄─ {"role": "calling" | "person"} · {"over": true, "error": why not, or how it ended}

Nothing is dialled before the page has its microphone: nobody is called by a person who cannot talk.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import structlog

from contracts.clock import Clock
from contracts.errors import LegError
from contracts.leg import HangupReason
from contracts.soundline import LineBroken
from dialog.person import PersonLine
from server.callingback import LOST, CallingBack, Wanted
from server.seats import Line, pieces
from telephony.browser import BrowserLeg
from telephony.ticker import MediaTicker

log = structlog.get_logger()
_ROLES = {"calling": "calling", "reached": "person"}


class CallbackStream:
    """The operation ``callback_talk``."""

    def __init__(self, calling: CallingBack, ticker: MediaTicker, clock: Clock, lost_after_s: float) -> None:
        self._calling = calling
        self._ticker = ticker
        self._clock = clock
        self._lost_after_s = lost_after_s

    async def __call__(
        self, request: Mapping[str, Any], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Until either has hung up, or nobody was reached. Raises CallUnknown, LegError."""
        line = Line(writer)

        def told(step: str, status: str) -> None:
            if step in _ROLES:
                line.words(role=_ROLES[step])
            elif step == "not reached":
                line.words(error=f"nobody was reached ({status})" if status else "nobody was reached")

        wanted = await self._calling.wanted(request, told)
        leg, person = BrowserLeg(wanted.by, line, self._ticker, self._clock), self._calling.person()
        writer.write(json.dumps({"ok": True, "role": ""}).encode() + b"\n")
        await leg.answer(person)
        making: asyncio.Task[None] | None = None
        why = LOST
        try:
            async for piece in pieces(reader, self._lost_after_s):
                if isinstance(piece, bytes):
                    leg.receive(piece)
                elif piece.get("do") == "leave":
                    why = "hung up"
                    break
                elif piece.get("do") == "person" and making is None:
                    making = self._begin(wanted, person, leg)
        except LineBroken as error:
            log.warning("callback.line_broken", ticket=wanted.ticket.ticket, why=str(error))
        except LegError as error:
            line.words(error=str(error))
        finally:
            leg.lost(HangupReason.OPERATOR, why)
            if making is not None:
                await asyncio.wait({making})

    def _begin(self, wanted: Wanted, person: PersonLine, leg: BrowserLeg) -> asyncio.Task[None]:
        """Raises LegError."""
        making = self._calling.begin(wanted, person)
        making.add_done_callback(lambda _: leg.lost(HangupReason.OPERATOR, "the callback is over"))
        return making
