"""From the draft to what callers hear: the differences, the review, approval, publishing and the way back."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from console.library import Library
from console.permissions import Permission
from console.web import NavItem, Visit, Web
from contracts.errors import CallwrightError, ReleaseUnknown
from knowledge.api import ReleaseInfo, ReleaseState

DRAFT = "/draft"
HOME = "/releases"
_AT_ONCE_S = 4.0
"""A review that takes no longer is shown at once; a longer one is looked after by the page."""

_NO_REPORT: dict[str, Any] = {"objections": [], "documents": {}, "questions": {}, "checks": {}}
"""What is shown of a release whose process died before it was reviewed."""
_NO_SUITES: dict[str, Any] = {"state": "", "failures": [], "intervals": {}, "notes": [], "seconds": 0.0, "error": ""}


@dataclass(slots=True)
class Review:
    """A proposal under way; one at a time."""

    by: str
    work: asyncio.Task[ReleaseInfo]

    @property
    def failure(self) -> str:
        """Why there is no release; empty while it runs or if there is one."""
        error = self.work.exception() if self.work.done() and not self.work.cancelled() else None
        return str(error) if error is not None else ""


@dataclass(slots=True)
class Releases:
    """The pages of draft and releases."""

    web: Web
    library: Library
    review: Review | None = None

    def routes(self) -> list[Route]:
        """Their addresses."""
        web, read, edit = self.web, Permission.KNOWLEDGE_READ, Permission.KNOWLEDGE_EDIT
        approve, back = Permission.KNOWLEDGE_APPROVE, Permission.KNOWLEDGE_ROLLBACK
        web.nav += [NavItem(DRAFT, "Draft", read), NavItem(HOME, "Releases", read)]
        return [
            web.get(DRAFT, self.draft, read),
            web.post(f"{DRAFT}/propose", self.propose, edit, home=DRAFT),
            web.post(f"{DRAFT}/revert", self.revert, edit, home=DRAFT),
            web.get(HOME, self.overview, read),
            web.post(f"{HOME}/rollback", self.rollback, back, home=HOME),
            web.get(f"{HOME}/{{name}}", self.release, read),
            web.post(f"{HOME}/evaluate", self.evaluate, edit, home=HOME),
            web.post(f"{HOME}/approve", self.approve, approve, home=HOME),
            web.post(f"{HOME}/publish", self.publish, approve, home=HOME),
        ]

    async def draft(self, visit: Visit) -> Response:
        """How the draft differs from what callers hear."""
        changes = await self.library(lambda base: base.draft())
        stats = await self.library(lambda base: base.stats())
        running = self.review is not None and not self.review.work.done()
        failure = self.review.failure if self.review is not None else ""
        if self.review is not None and not running:
            if not failure and not self.review.work.cancelled():
                self.web.say(visit, f"{self.review.work.result().release} is reviewed; see Releases.")
            self.review = None
        return self.web.page(
            visit, "draft.html", changes=changes, stats=stats, review=self.review if running else None, failure=failure
        )

    async def propose(self, visit: Visit) -> Response:
        """Freeze the draft and review it; shown when it is done."""
        if self.review is not None and not self.review.work.done():
            return self.web.back(visit, DRAFT, f"{self.review.by} is having the draft reviewed already.", kind="info")
        note = visit.field("note", 300)
        await self.web.note(visit, "knowledge.propose", note)
        work = asyncio.ensure_future(self.library(lambda base: base.propose(by=visit.by, note=note)))
        self.review = Review(visit.by, work)
        await asyncio.wait({work}, timeout=_AT_ONCE_S)
        if not work.done():
            return self.web.back(visit, DRAFT)
        self.review = None
        return self.web.back(visit, f"{HOME}/{work.result().release}", "Frozen and reviewed.")

    async def revert(self, visit: Visit) -> Response:
        """Throw the draft's changes away."""
        await self.web.note(visit, "knowledge.revert")
        await self.library(lambda base: base.revert(by=visit.by))
        return self.web.back(visit, DRAFT, "The draft is what callers hear.")

    async def overview(self, visit: Visit) -> Response:
        """All releases, and who did what."""
        found = await self.library(lambda base: base.releases())
        changes = await self.library(lambda base: base.changes())
        return self.web.page(visit, "releases.html", found=found, changes=changes[:30])

    async def release(self, visit: Visit) -> Response:
        """A release and its review."""
        info = await self._find(visit.request.path_params["name"])
        again = any(
            one.release == info.release and one.state is ReleaseState.SUPERSEDED
            for one in await self.library(lambda base: base.releases())
        )
        return self.web.page(
            visit,
            "release.html",
            info=info,
            report={**_NO_REPORT, **info.report},
            again=again,
            suites=_NO_SUITES | info.report.get("suites", {}),
        )

    async def evaluate(self, visit: Visit) -> Response:
        """Begin to ask the suites about a release; its page shows how far they are."""
        name, models = visit.field("release", 20), visit.field("models", 5) == "yes"
        await self.web.note(visit, "knowledge.evaluate", f"{name}{' with models' if models else ''}")
        return await self._moved(visit, name, "evaluate", "being asked about, behind all calls", models=models)

    async def approve(self, visit: Visit) -> Response:
        """A second person's word."""
        name = visit.field("release", 20)
        await self.web.note(visit, "knowledge.approve", name)
        return await self._moved(visit, name, "approve", "approved")

    async def publish(self, visit: Visit) -> Response:
        """Make it what callers hear."""
        name, despite = visit.field("release", 20), visit.field("despite", 300)
        await self.web.note(visit, "knowledge.publish", f"{name} despite: {despite}" if despite else name)
        return await self._moved(
            visit, name, "publish", "live: callers hear it from their next turn on", despite=despite
        )

    async def rollback(self, visit: Visit) -> Response:
        """Back to the release before, or to a named one, at once."""
        name = visit.field("release", 20)
        await self.web.note(visit, "knowledge.rollback", name or "the one before")
        info = await self.library(lambda base: base.rollback(by=visit.by, release=name))
        return self.web.back(visit, HOME, f"{info.release} is live again. The draft keeps its changes.")

    async def _moved(self, visit: Visit, name: str, how: str, said: str, **given: Any) -> Response:
        """``how``: the method of KnowledgeAccess that does it; ``given``: its further arguments."""
        info = await self._find(name)
        here = f"{HOME}/{info.release}"
        try:
            await self.library(lambda base: getattr(base, how)(info.release, by=visit.by, **given))
        except CallwrightError as error:
            return self.web.back(visit, here, str(error), kind="error")
        return self.web.back(visit, here, f"{info.release} is {said}.")

    async def _find(self, name: str) -> ReleaseInfo:
        found = await self.library(lambda base: base.releases())
        for one in found:
            if one.release == name:
                return one
        raise ReleaseUnknown(f"there is no release {name[:20]}")
