"""Promises to call somebody back: who takes which, and how it ended. Numbers for who takes one or may read calls.

Whoever holds one calls with their own telephone, has the operator ring it, or talks from the page of the ticket.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.websockets import WebSocket

from console.audio import POLICY, Audio, ours
from console.control import MediaProcessSilent, ask
from console.permissions import Permission
from console.settings import ConsoleSettings
from console.timeline import masked
from console.web import NavItem, Visit, Web
from escalation.handover import REASONS
from escalation.numbers import link_of
from escalation.redact import redact
from operations.callbacks import Callback, CallbackOutcome, Callbacks

CALLBACKS = "/callbacks"
MAX_TICKET = 32
_KEPT = frozenset({"person", "leave", "here"})
"""What the browser of whoever calls back may say: call them, hang up, I am here."""


@dataclass(slots=True)
class CallbackPages:
    """Its pages."""

    web: Web
    callbacks: Callbacks
    settings: ConsoleSettings
    control: Path
    audio: Audio

    @classmethod
    def over(cls, web: Web, engine: sa.Engine, settings: ConsoleSettings, control: Path, audio: Audio) -> CallbackPages:
        """Over a record and a control socket."""
        return cls(web, Callbacks(engine), settings, control, audio)

    def routes(self) -> list[BaseRoute]:
        """Their addresses."""
        web, take = self.web, Permission.HANDOFFS_TAKE
        web.nav.append(NavItem(CALLBACKS, "Callbacks", take))
        return [
            web.get(CALLBACKS, self.listed, take),
            web.get(f"{CALLBACKS}/{{ticket}}", self.talk, take),
            WebSocketRoute(f"{CALLBACKS}/{{ticket}}/audio", self.line),
            web.post(f"{CALLBACKS}/{{ticket}}/claim", self.claim, take, home=CALLBACKS),
            web.post(f"{CALLBACKS}/{{ticket}}/call", self.call, take, home=CALLBACKS),
            web.post(f"{CALLBACKS}/{{ticket}}/release", self.release, take, home=CALLBACKS),
            web.post(f"{CALLBACKS}/{{ticket}}/close", self.close, take, home=CALLBACKS),
        ]

    async def listed(self, visit: Visit) -> Response:
        """To do, the oldest first; done and expired below."""
        await self.web.note(visit, "callbacks.view")
        now = datetime.now(UTC)
        to_do = await run_in_threadpool(self.callbacks.to_do)
        past = await run_in_threadpool(self.callbacks.past)
        known: dict[str, Any] = {"reasons": REASONS, "outcomes": list(CallbackOutcome), "me": visit.by}
        known |= await self._made(visit.by, to_do)
        return self.web.page(
            visit, "callbacks.html", to_do=[_shown(visit, one, now) for one in to_do],
            past=[_shown(visit, one, now) for one in past], **known,
        )  # fmt: skip

    async def claim(self, visit: Visit) -> Response:
        """Mine: the number is shown from now on."""
        one = await self._one(visit)
        await self.web.note(visit, "callback.claim", one.ticket, call_id=one.call_id)
        await run_in_threadpool(self.callbacks.claim, one.ticket, visit.by)
        return self.web.back(visit, CALLBACKS, "It is yours: call them, then say how it ended.")

    async def call(self, visit: Visit) -> Response:
        """My telephone rings, then theirs."""
        one, reach = await self._one(visit), visit.field("reach", 200)
        await self.web.note(visit, "callback.call", f"{one.ticket} {reach}", call_id=one.call_id)
        timeout_s = self.settings.control_timeout_s
        await ask(self.control, "callback_call", timeout_s, by=visit.by, ticket=one.ticket, reach=reach)
        return self.web.back(visit, CALLBACKS, "Your telephone rings: press 1 there, and they are called.")

    async def talk(self, visit: Visit) -> Response:
        """The page on which whoever has taken a ticket calls from their browser; others are sent back."""
        one, now = await self._one(visit), datetime.now(UTC)
        if one.holder != visit.by or one.closed_at is not None:
            return self.web.back(visit, CALLBACKS, "This callback is not yours: take it first.", kind="error")
        await self.web.note(visit, "callback.view", one.ticket, call_id=one.call_id)
        known: dict[str, Any] = {"reasons": REASONS, "outcomes": list(CallbackOutcome)}
        known |= await self._made(visit.by, [one])
        return self.web.page(visit, "callback.html", each=_shown(visit, one, now), one=one, **known)

    async def line(self, websocket: WebSocket) -> None:
        """Calling the ticket's number from a browser: the media process asks whose the ticket is."""
        session = await self.web.session_of(websocket)
        if session is None or not ours(websocket) or Permission.HANDOFFS_TAKE not in session.account.permissions:
            await websocket.close(POLICY)
            return
        by, ticket = session.account.name, str(websocket.path_params["ticket"])[:MAX_TICKET]

        async def begin() -> None:
            await run_in_threadpool(self.web.audit.note, by, "callback.call", f"{ticket} browser")

        async def passed(said: dict[str, Any]) -> dict[str, Any] | None:
            do = str(said.get("do", ""))
            return {"do": do} if do in _KEPT else None

        async def still() -> bool:
            now = await self.web.session_of(websocket)
            return now is not None and Permission.HANDOFFS_TAKE in now.account.permissions

        await self.audio.relay(websocket, by, "callback_talk", {"ticket": ticket, "by": by}, passed, still, begin)

    async def _made(self, by: str, which: Sequence[Callback]) -> dict[str, Any]:
        """What the operator can do, and what it did for these: of the record, and what is not there yet."""
        calls = await run_in_threadpool(self.callbacks.attempts, which)
        try:
            found = await ask(self.control, "callback_calls", self.settings.control_timeout_s, by=by)
        except MediaProcessSilent:
            return {"can": False, "phones": False, "reach": "", "calls": calls}
        return {name: found[name] for name in ("can", "phones", "reach")} | {"calls": calls | found["calls"]}

    async def release(self, visit: Visit) -> Response:
        """Anybody's again."""
        one = await self._one(visit)
        await self.web.note(visit, "callback.release", one.ticket, call_id=one.call_id)
        await run_in_threadpool(self.callbacks.release, one.ticket, visit.by)
        return self.web.back(visit, CALLBACKS, "It is free for others again.")

    async def close(self, visit: Visit) -> Response:
        """Done: outcome and a note (redacted)."""
        one, outcome = await self._one(visit), visit.field("outcome", 40)
        if outcome not in set(CallbackOutcome):
            raise HTTPException(400, "say how it ended")
        await self.web.note(visit, "callback.close", f"{one.ticket} {outcome}", call_id=one.call_id)
        note = redact(visit.field("note"))
        await run_in_threadpool(self.callbacks.close, one.ticket, visit.by, CallbackOutcome(outcome), note)
        return self.web.back(visit, CALLBACKS, "Closed.")

    async def _one(self, visit: Visit) -> Callback:
        return await run_in_threadpool(self.callbacks.get, str(visit.request.path_params["ticket"])[:MAX_TICKET])


def _shown(visit: Visit, one: Callback, now: datetime) -> dict[str, Any]:
    whole = one.holder == visit.by or visit.may(Permission.TRANSCRIPTS_READ)
    return {
        "one": one,
        "caller": one.caller if whole else masked(one.caller),
        "link": link_of(one.caller) if one.holder == visit.by else "",
        "state": str(one.state(now)),
    }
