"""Promises to call somebody back: who takes which, and how it ended. Numbers for who takes one or may read calls."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

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


@dataclass(slots=True)
class CallbackPages:
    """Its pages."""

    web: Web
    callbacks: Callbacks
    settings: ConsoleSettings
    control: Path

    @classmethod
    def over(cls, web: Web, engine: sa.Engine, settings: ConsoleSettings, control: Path) -> CallbackPages:
        """Over a record and a control socket."""
        return cls(web, Callbacks(engine), settings, control)

    def routes(self) -> list[Route]:
        """Their addresses."""
        web, take = self.web, Permission.HANDOFFS_TAKE
        web.nav.append(NavItem(CALLBACKS, "Callbacks", take))
        return [
            web.get(CALLBACKS, self.listed, take),
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
        known |= await self._made(visit.by)
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

    async def _made(self, by: str) -> dict[str, Any]:
        """What the operator can do, and has done; nothing while it does not answer."""
        try:
            found = await ask(self.control, "callback_calls", self.settings.control_timeout_s, by=by)
        except MediaProcessSilent:
            return {"can": False, "reach": "", "calls": {}}
        return {name: found[name] for name in ("can", "reach", "calls")}

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
        return await run_in_threadpool(self.callbacks.get, str(visit.request.path_params["ticket"])[:32])


def _shown(visit: Visit, one: Callback, now: datetime) -> dict[str, Any]:
    whole = one.holder == visit.by or visit.may(Permission.TRANSCRIPTS_READ)
    return {
        "one": one,
        "caller": one.caller if whole else masked(one.caller),
        "link": link_of(one.caller) if one.holder == visit.by else "",
        "state": str(one.state(now)),
    }
