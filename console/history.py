"""Calls that were: found by what was said, who called, why a person was needed, and when."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from console.permissions import Permission
from console.web import NavItem, Visit, Web
from operations.records import Records

HISTORY = "/history"
_SHOWN = 50
_NUMBER = re.compile(r"\d[\d ().-]{3,}\d")
"""What may be a telephone number: whoever wants to be forgotten is not kept in the audit."""


@dataclass(slots=True)
class History:
    """Its page. Searching in words is reading them: it is in the audit."""

    web: Web
    records: Records

    def routes(self) -> list[Route]:
        """Its address."""
        read = Permission.TRANSCRIPTS_READ
        self.web.nav.append(NavItem(HISTORY, "History", read))
        return [self.web.get(HISTORY, self.history, read)]

    async def history(self, visit: Visit) -> Response:
        """The newest that fit."""
        text, escalated, until = visit.query("q", 200), bool(visit.query("escalated", 5)), visit.query("until", 10)
        before = _end_of(until)
        if text:
            await self.web.note(visit, "history.search", _NUMBER.sub("[number]", text))
        rows = await run_in_threadpool(
            self.records.list_calls, limit=_SHOWN + 1, before=before, text=text, escalated=escalated
        )
        return self.web.page(
            visit, "history.html", rows=rows[:_SHOWN], more=len(rows) > _SHOWN, text=text, escalated=escalated,
            until=until,
        )  # fmt: skip


def _end_of(day: str) -> datetime | None:
    """The moment after a day (UTC); None for no day. Raises HTTPException 400."""
    try:
        return datetime.combine(date.fromisoformat(day) + timedelta(days=1), time(), UTC) if day else None
    except (ValueError, OverflowError) as error:
        raise HTTPException(400, "until is a day such as 2026-01-31") from error
