"""The call button: talk to the operator from a page, for demonstrations and tests."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from console.audio import POLICY, Audio, ours
from console.permissions import Permission
from console.settings import ConsoleSettings
from console.signin import LOOPBACK
from console.web import SIGN_IN, NavItem, Visit, Web

PHONE = "/phone"
GUEST = "guest"
LOOPBACK_NAMES = LOOPBACK | {"localhost"}
KEYS = frozenset("0123456789*#")


@dataclass(slots=True)
class Phone:
    """Its page and its WebSocket. Everybody who is signed in may call; guests by setting, from this machine alone."""

    web: Web
    audio: Audio
    settings: ConsoleSettings

    def routes(self) -> list[BaseRoute]:
        """Their addresses."""
        self.web.nav.append(NavItem(PHONE, "Call", Permission.KNOWLEDGE_READ))
        return [Route(PHONE, self.page, methods=["GET"]), WebSocketRoute(f"{PHONE}/audio", self.line)]

    async def page(self, request: Request) -> Response:
        """The button."""
        session = await self.web.session_of(request)
        if session is not None:
            return self.web.page(Visit(request, session), "phone.html")
        if self._guest(request):
            return self.web.bare("phone.html", may=lambda name: False)
        return RedirectResponse(f"{SIGN_IN}?to={PHONE}", 303)

    async def line(self, websocket: WebSocket) -> None:
        """One call."""
        session = await self.web.session_of(websocket)
        who = session.account.name if session is not None else GUEST if self._guest(websocket) else ""
        if not who or not ours(websocket):
            await websocket.close(POLICY)
            return
        name = who if session is not None else f"{GUEST}-{secrets.token_hex(2)}"

        async def begin() -> None:
            await run_in_threadpool(self.web.audit.note, name, "phone.call")

        async def passed(said: dict[str, Any]) -> dict[str, Any] | None:
            do, key = str(said.get("do", "")), str(said.get("key", ""))
            if do == "key" and key in KEYS:
                return {"do": do, "key": key}
            return {"do": do} if do in ("here", "leave") else None

        async def still() -> bool:
            return session is None or await self.web.session_of(websocket) is not None

        await self.audio.relay(websocket, who, "phone", {"by": name}, passed, still, begin)

    def _guest(self, connection: HTTPConnection) -> bool:
        """Somebody at this machine, whom the settings let call; not a page that rebinds its name to 127.0.0.1."""
        local = connection.client is not None and connection.client.host in LOOPBACK
        named = (connection.url.hostname or "") in LOOPBACK_NAMES
        return self.settings.phone_without_sign_in and local and named
