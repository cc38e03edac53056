"""The wall of live calls, a call's page, and what a supervisor may do to a call that is up.

The wall comes from the media process and holds no words; a call's page comes from the record, refreshed while it is up.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import Route

from console.control import MediaProcessSilent, ask
from console.permissions import Permission
from console.playback import recording_of
from console.settings import ConsoleSettings
from console.timeline import masked, timeline
from console.web import NavItem, Visit, Web
from contracts.errors import CallUnknown, LegError, WorkerError
from operations.cases import Cases
from operations.records import Records

CALLS = "/calls"
MAX_ID = 128
MAX_QUERY = 300
"""Letters of a search in the documents."""
_VIEW_S = 600.0
"""One look at a call that is refreshed every second is written down once in so long."""
_VIEWS = 1000


@dataclass(slots=True)
class Calls:
    """The pages of calls."""

    web: Web
    records: Records
    settings: ConsoleSettings
    control: Path
    cases: Cases
    _views: OrderedDict[tuple[str, str], float] = field(default_factory=OrderedDict)

    def routes(self) -> list[Route]:
        """Their addresses."""
        web, watch, act = self.web, Permission.CALLS_WATCH, Permission.CALLS_ACT
        web.nav.append(NavItem(CALLS, "Calls", watch))
        return [
            web.get(CALLS, self.wall, watch),
            web.get(f"{CALLS}/now", self.wall_now, watch),
            web.get(f"{CALLS}/{{call_id}}", self.call, None),
            web.get(f"{CALLS}/{{call_id}}/now", self.call_now, None),
            web.post(f"{CALLS}/{{call_id}}/end", self.end, act, home=CALLS),
            web.post(f"{CALLS}/{{call_id}}/pull", self.pull, act, home=CALLS),
            web.post(f"{CALLS}/{{call_id}}/tell", self.tell, act, home=CALLS),
            web.get(f"{CALLS}/{{call_id}}/passages", self.passages, act),
            web.post(f"{CALLS}/{{call_id}}/use", self.use, act, home=CALLS),
        ]

    async def wall(self, visit: Visit) -> Response:
        """All calls that are up."""
        return self.web.page(visit, "wall.html", **await self._wall(visit))

    async def wall_now(self, visit: Visit) -> Response:
        """The same without the frame, for every second."""
        return self.web.part(visit, "wall_now.html", **await self._wall(visit))

    async def _wall(self, visit: Visit) -> dict[str, Any]:
        calls = await self.live()
        for one in calls or ():
            one["caller"] = _caller(visit, one["caller"])
        return {"calls": calls}

    async def live(self, **which: str) -> list[dict[str, Any]] | None:
        """Calls that are up, of the media process; None: it does not answer."""
        try:
            answer = await ask(self.control, "calls", self.settings.control_timeout_s, **which)
        except MediaProcessSilent:
            return None
        found: list[dict[str, Any]] = answer["calls"]
        return found

    async def call(self, visit: Visit) -> Response:
        """One call, up or over: who said what, from where, how fast."""
        return await self._call(visit, part=False)

    async def call_now(self, visit: Visit) -> Response:
        """The same without the frame, for every second while it is up."""
        return await self._call(visit, part=True)

    async def _call(self, visit: Visit, *, part: bool) -> Response:
        if not visit.may(Permission.TRANSCRIPTS_READ) and not visit.may(Permission.CALLS_WATCH):
            return self.web.error(visit, 403, "your roles include neither transcripts nor the wall of calls")
        record = await run_in_threadpool(self.records.get_call, _call_id(visit))
        own = record.call["call_id"]
        words = visit.may(Permission.TRANSCRIPTS_READ) or await run_in_threadpool(self._looks_after, own, visit)
        if words:
            await self._view(visit, own, again=part)
        live = await self.live(call_id=own) if record.call["ended_at"] is None else []
        caller = record.call["caller"]
        entries = timeline(record, words=words)
        known: dict[str, Any] = {
            "call": {**record.call, "caller": caller if words else masked(caller)},
            "entries": entries,
            "suggested": next((one for one in reversed(entries) if one.passages), None) if live else None,
            "live": live[0] if live else None,
            "silent": live is None,
            "words": words,
            "recording": visit.may(Permission.TRANSCRIPTS_READ)
            and recording_of(self.control.parent / "recordings", own) is not None,
        }
        if part:
            return self.web.part(visit, "call_now.html", **known)
        return self.web.page(visit, "call.html", **known)

    def _looks_after(self, call_id: str, visit: Visit) -> bool:
        """Whoever has the hand-over of a call reads along, what is suggested to them included."""
        if not visit.may(Permission.HANDOFFS_TAKE):
            return False
        try:
            case = self.cases.get(call_id)
        except CallUnknown:
            return False
        return case.open and case.holder == visit.by

    async def _view(self, visit: Visit, call_id: str, *, again: bool) -> None:
        """Write down that this person reads this transcript; a page that refreshes itself is one view."""
        key, now = (visit.session.digest, call_id), time.monotonic()
        if again and now - self._views.get(key, -_VIEW_S) < _VIEW_S:
            return
        await self.web.note(visit, "transcript.view", call_id, call_id=call_id)
        self._views[key] = now
        self._views.move_to_end(key)
        while len(self._views) > _VIEWS:
            self._views.popitem(last=False)

    async def end(self, visit: Visit) -> Response:
        """Goodbye, and hang up."""
        return await self._act(visit, "end", "The caller hears a goodbye, then the call ends.")

    async def pull(self, visit: Visit) -> Response:
        """To a person, by the usual way of a hand-over."""
        return await self._act(visit, "pull", "The caller is being put through to a person.")

    async def tell(self, visit: Visit) -> Response:
        """What the operator shall say next, word for word."""
        said = "The operator says it instead of its next answer."
        return await self._act(visit, "tell", said, text=visit.field("text"))

    async def passages(self, visit: Visit) -> Response:
        """What the documents say to a supervisor's words, to be given to the operator."""
        call_id, query = _call_id(visit), visit.query("q", MAX_QUERY)
        found: list[dict[str, Any]] = []
        if query:
            answer = await ask(
                self.control, "find_passages", self.settings.control_timeout_s, call_id=call_id, query=query
            )
            found = answer["passages"]
        known: dict[str, Any] = {"call_id": call_id, "query": query, "found": found, "most": MAX_QUERY}
        if visit.request.headers.get("hx-request"):
            return self.web.part(visit, "passages_now.html", **known)
        return self.web.page(visit, "passages.html", **known)

    async def use(self, visit: Visit) -> Response:
        """The next question is answered from this passage."""
        said = "The caller's next question is answered from this passage."
        more = {"query": visit.field("q", MAX_QUERY), "passage_id": visit.field("passage_id", 200)}
        return await self._act(visit, "use", said, **more)

    async def _act(self, visit: Visit, action: str, said: str, **more: str) -> Response:
        call_id = _call_id(visit)
        await self.web.note(visit, f"call.{action}", call_id, call_id=call_id)
        page = f"{CALLS}/{call_id}"
        fields = {"call_id": call_id, "by": visit.by, **more}
        try:
            await ask(self.control, f"{action}_call", self.settings.control_timeout_s, **fields)
        except (LegError, WorkerError) as error:
            return self.web.back(visit, page, str(error), kind="error")
        return self.web.back(visit, page, said)


def _call_id(visit: Visit) -> str:
    return str(visit.request.path_params["call_id"])[:MAX_ID]


def _caller(visit: Visit, caller: str) -> str:
    """Who calls, for those who may also read what they say; others see its end."""
    return caller if visit.may(Permission.TRANSCRIPTS_READ) else masked(caller)
