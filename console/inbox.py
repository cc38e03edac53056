"""The inbox of escalations: who needs a person, who has taken it, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from console.permissions import Permission
from console.timeline import masked
from console.web import NavItem, Visit, Web
from escalation.handover import REASONS
from escalation.redact import redact
from operations.cases import MAX_TAGS, CaseOutcome, Cases

INBOX = "/inbox"
_TAG_CHARS = 40
_CLOSED_SHOWN = 50


@dataclass(slots=True)
class Inbox:
    """Its pages."""

    web: Web
    cases: Cases

    @classmethod
    def over(cls, web: Web, engine: sa.Engine) -> Inbox:
        """Over a record."""
        return cls(web, Cases(engine))

    def routes(self) -> list[Route]:
        """Their addresses."""
        web, take = self.web, Permission.HANDOFFS_TAKE
        web.nav.append(NavItem(INBOX, "Inbox", take))
        return [
            web.get(INBOX, self.inbox, take),
            web.get(f"{INBOX}/{{call_id}}", self.case, take),
            web.post(f"{INBOX}/{{call_id}}/claim", self.claim, take, home=INBOX),
            web.post(f"{INBOX}/{{call_id}}/release", self.release, take, home=INBOX),
            web.post(f"{INBOX}/{{call_id}}/close", self.close, take, home=INBOX),
        ]

    async def inbox(self, visit: Visit) -> Response:
        """Open ones, the longest waiting first; closed ones below. No words of callers."""
        cases = await run_in_threadpool(self.cases.inbox)
        known: dict[str, Any] = {
            "waiting": [one for one in reversed(cases) if one.open],
            "closed": [one for one in cases if not one.open][:_CLOSED_SHOWN],
            "reasons": REASONS,
            "who": _who(visit),
        }
        if visit.request.headers.get("hx-request"):
            return self.web.part(visit, "inbox_now.html", **known)
        return self.web.page(visit, "inbox.html", **known)

    async def case(self, visit: Visit) -> Response:
        """One with its briefing; the transcript for whoever holds it or may read transcripts."""
        call_id = _call_id(visit)
        await self.web.note(visit, "handoff.view", call_id, call_id=call_id)
        case = await run_in_threadpool(self.cases.get, call_id)
        words = case.holder == visit.by or visit.may(Permission.TRANSCRIPTS_READ)
        return self.web.page(
            visit, "case.html", case=case, reasons=REASONS, words=words, outcomes=list(CaseOutcome), most=MAX_TAGS,
            who=str if words else masked,
        )  # fmt: skip

    async def claim(self, visit: Visit) -> Response:
        """Take it."""
        call_id = _call_id(visit)
        await self.web.note(visit, "handoff.claim", call_id, call_id=call_id)
        await run_in_threadpool(self.cases.claim, call_id, visit.by)
        return self.web.back(visit, f"{INBOX}/{call_id}", "It is yours.")

    async def release(self, visit: Visit) -> Response:
        """Give it back."""
        call_id = _call_id(visit)
        await self.web.note(visit, "handoff.release", call_id, call_id=call_id)
        await run_in_threadpool(self.cases.release, call_id, visit.by)
        return self.web.back(visit, INBOX, "It is free for others again.")

    async def close(self, visit: Visit) -> Response:
        """It is done: outcome, tags, a note (redacted)."""
        call_id, outcome = _call_id(visit), visit.field("outcome", 40)
        if outcome not in set(CaseOutcome):
            raise HTTPException(400, "say how it ended")
        tags = list(dict.fromkeys(redact(one.strip())[:_TAG_CHARS] for one in visit.field("tags").split(",")))
        note = redact(visit.field("note"))
        await self.web.note(visit, "handoff.close", outcome, call_id=call_id)
        kept = [one for one in tags if one]
        await run_in_threadpool(self.cases.close, call_id, visit.by, CaseOutcome(outcome), kept, note)
        return self.web.back(visit, INBOX, "Closed.")


def _call_id(visit: Visit) -> str:
    return str(visit.request.path_params["call_id"])[:128]


def _who(visit: Visit) -> object:
    return str if visit.may(Permission.TRANSCRIPTS_READ) else masked
