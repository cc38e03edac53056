"""The queue at the desk: say that you are ready, see who waits, take the next caller and talk with them here.

::

    ready ─► offered ─► POST claim (audit, the media process decides) ─► page with a seat ─► WebSocket: talking
                           └ nothing follows in connect_s: the caller is offered to others, still in their place
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.websockets import WebSocket

from console.accounts import Session
from console.audio import POLICY, Audio, ours
from console.control import MediaProcessSilent, ask
from console.permissions import Permission
from console.settings import ConsoleSettings
from console.timeline import masked
from console.web import NavItem, Visit, Web
from contracts.errors import CallUnknown, RecordError
from escalation.handover import REASONS
from operations.cases import Case, Cases, CaseTaken

QUEUE = "/queue"
MAX_ID = 256
_KEPT = frozenset({"person", "leave", "here"})
"""What the browser of an agent may ask of the seat: no listening, no barging."""


@dataclass(slots=True)
class QueuePages:
    """Its pages, and the line on which an agent talks."""

    web: Web
    cases: Cases
    settings: ConsoleSettings
    control: Path
    audio: Audio

    @classmethod
    def over(cls, web: Web, engine: sa.Engine, settings: ConsoleSettings, control: Path, audio: Audio) -> QueuePages:
        """Over a record and a control socket."""
        return cls(web, Cases(engine), settings, control, audio)

    def routes(self) -> list[BaseRoute]:
        """Their addresses."""
        web, take = self.web, Permission.HANDOFFS_TAKE
        web.nav.append(NavItem(QUEUE, "Queue", take))
        return [
            web.get(QUEUE, self.queue, take),
            web.get(f"{QUEUE}/now", self.queue_now, take),
            web.post(f"{QUEUE}/ready", self.ready, take, home=QUEUE),
            web.post(f"{QUEUE}/away", self.away, take, home=QUEUE),
            web.get(f"{QUEUE}/{{call_id}}", self.talk, take),
            web.post(f"{QUEUE}/{{call_id}}/claim", self.claim, take, home=QUEUE),
            web.post(f"{QUEUE}/{{call_id}}/release", self.release, take, home=QUEUE),
            WebSocketRoute(f"{QUEUE}/{{call_id}}/audio", self.line),
        ]

    async def queue(self, visit: Visit) -> Response:
        """Who waits, in the order of service; who is there; my own state."""
        return self.web.page(visit, "queue.html", **await self._known(visit))

    async def queue_now(self, visit: Visit) -> Response:
        """The same without the frame, every second; it shows the operator that this person is still there."""
        return self.web.part(visit, "queue_now.html", **await self._known(visit))

    async def _known(self, visit: Visit) -> dict[str, Any]:
        try:
            found = await self._ask("queue", by=visit.by)
        except MediaProcessSilent:
            return {
                "silent": True,
                "waiting": [],
                "people": [],
                "me": None,
                "skills": [],
                "phones": False,
                "opens": "",
                **_WORDS,
            }
        waiting = found["waiting"]
        for one in waiting:
            one["caller"] = one["caller"] if visit.may(Permission.TRANSCRIPTS_READ) else masked(one["caller"])
            one["mine"] = one["agent"] == visit.by
        me = next((one for one in found["people"] if one["name"] == visit.by), None)
        return {
            "silent": False, "waiting": waiting, "people": found["people"], "me": me, "skills": found["skills"],
            "phones": found["phones"], "opens": found["opens"], **_WORDS,
        }  # fmt: skip

    async def ready(self, visit: Visit) -> Response:
        """I take callers: in this browser, or at a telephone."""
        reach = visit.field("reach", 200)
        skills = [str(one) for one in visit.form.getlist("skills")][:50]
        await self.web.note(visit, "queue.ready", reach or "browser")
        await self._ask("queue_ready", by=visit.by, skills=skills, reach=reach)
        return self.web.back(visit, QUEUE, "You are ready: callers are offered to you.")

    async def away(self, visit: Visit) -> Response:
        """I take none."""
        await self.web.note(visit, "queue.away")
        await self._ask("queue_away", by=visit.by)
        return self.web.back(visit, QUEUE, "You are away: nobody is offered to you.")

    async def claim(self, visit: Visit) -> Response:
        """Mine: whoever is faster. The case in the inbox becomes mine too, if it is anybody's."""
        call_id = _call_id(visit)
        await self.web.note(visit, "queue.claim", call_id, call_id=call_id)
        answer = await self._ask("queue_claim", by=visit.by, call_id=call_id)
        try:
            await run_in_threadpool(self.cases.claim, call_id, visit.by)
        except (CallUnknown, CaseTaken, RecordError):
            pass  # the caller is what matters; the briefing is shown below if it can be read
        said = f"The caller is yours. Begin to talk within {answer['connect_s']:.0f} s, or others are asked."
        return self.web.back(visit, f"{QUEUE}/{call_id}", said)

    async def release(self, visit: Visit) -> Response:
        """Given back, or declined."""
        call_id = _call_id(visit)
        await self.web.note(visit, "queue.release", call_id, call_id=call_id)
        await self._ask("queue_release", by=visit.by, call_id=call_id)
        return self.web.back(visit, QUEUE, "The caller is offered to others.")

    async def talk(self, visit: Visit) -> Response:
        """The briefing and a seat. The words are shown to whoever has the case, or may read transcripts."""
        call_id = _call_id(visit)
        case: Case | None = None
        try:
            case = await run_in_threadpool(self.cases.get, call_id)
        except (CallUnknown, RecordError):
            pass  # not written yet, or the database is locked: talking does not need it
        words = case is not None and (case.holder == visit.by or visit.may(Permission.TRANSCRIPTS_READ))
        if words:
            await self.web.note(visit, "handoff.view", call_id, call_id=call_id)
        return self.web.page(visit, "talk.html", call_id=call_id, case=case if words else None, **_WORDS)

    async def line(self, websocket: WebSocket) -> None:
        """Talking with the caller who was claimed, and nothing else: the media process asks whose the caller is."""
        session = await self.web.session_of(websocket)
        if session is None or not ours(websocket) or not _may(session):
            await websocket.close(POLICY)
            return
        by, call_id = session.account.name, str(websocket.path_params["call_id"])[:MAX_ID]

        async def begin() -> None:
            await run_in_threadpool(self.web.audit.note, by, "queue.talk", call_id, call_id=call_id)
            await self._ask("queue_claim", by=by, call_id=call_id)

        async def passed(said: dict[str, Any]) -> dict[str, Any] | None:
            do = str(said.get("do", ""))
            return {"do": do} if do in _KEPT else None

        async def still() -> bool:
            now = await self.web.session_of(websocket)
            return now is not None and _may(now)

        request = {"call_id": call_id, "by": by, "role": "person"}
        await self.audio.relay(websocket, by, "seat", request, passed, still, begin=begin)

    async def _ask(self, op: str, **fields: Any) -> dict[str, Any]:
        return await ask(self.control, op, self.settings.control_timeout_s, **fields)


_WORDS: dict[str, Any] = {"reasons": {str(reason): words for reason, words in REASONS.items()}}


def _may(session: Session) -> bool:
    return Permission.HANDOFFS_TAKE in session.account.permissions


def _call_id(visit: Visit) -> str:
    return str(visit.request.path_params["call_id"])[:MAX_ID]
