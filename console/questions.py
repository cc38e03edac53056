"""Trying questions out: what a search finds, what the operator would say; and what callers asked in vain."""

from __future__ import annotations

import base64
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa
from markupsafe import Markup, escape
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import Route

from console.control import ask
from console.grouping import Vectors, by_meaning, group
from console.library import Library
from console.limits import RateLimit
from console.permissions import Permission
from console.settings import ConsoleSettings
from console.web import NavItem, Visit, Web
from contracts.errors import CallwrightError
from knowledge.query import content_words
from operations.gaps import Unanswered, unanswered

ASK = "/ask"
GAPS = "/gaps"
LONGEST = 600
_FOUND = 8
_PER_MINUTE = 12
_VECTORS = 100
"""Asked for at a time."""
_REMEMBERED = 5000


class TooManyQuestions(CallwrightError):
    """One person tries out more questions than the models should be asked."""


@dataclass(slots=True, frozen=True)
class Gap:
    """Callers' questions that ask the same; ``text`` stands for all."""

    text: str
    asked: tuple[Unanswered, ...]

    @property
    def last(self) -> datetime:
        """When it was asked last."""
        return max(one.at for one in self.asked)


@dataclass(slots=True)
class Questions:
    """The pages of questions."""

    web: Web
    library: Library
    settings: ConsoleSettings
    engine: sa.Engine
    control: Path
    _known: dict[str, Vectors] = field(default_factory=dict)
    _rate: RateLimit = field(default_factory=lambda: RateLimit(_PER_MINUTE, 60.0))

    def routes(self) -> list[Route]:
        """Their addresses."""
        web, read = self.web, Permission.KNOWLEDGE_READ
        web.nav += [NavItem(ASK, "Ask it", read), NavItem(GAPS, "Gaps", Permission.GAPS_READ)]
        return [
            web.get(ASK, self.search, read),
            web.post(ASK, self.ask, read, home=ASK),
            web.get(GAPS, self.gaps, Permission.GAPS_READ),
        ]

    async def search(self, visit: Visit) -> Response:
        """What a search finds, of the live release or a named one."""
        text, release = visit.query("q", LONGEST), visit.query("release", 20)
        found = None
        if text:
            found = await self.library(lambda base: base.search(text, limit=_FOUND, release=release))
        return await self._page(visit, text, release, found=found, answer=None)

    async def ask(self, visit: Visit) -> Response:
        """What the operator would say, from where, and what the gate let through; it remembers this person's turns."""
        text, fresh = visit.field("q", LONGEST), bool(visit.field("fresh", 5))
        now = time.monotonic()
        if self._rate.wait_s(visit.by, now) > 0:
            raise TooManyQuestions(f"{_PER_MINUTE} questions a minute; calls need the models too")
        self._rate.use(visit.by, now)
        given = {"text": text, "who": visit.by, "fresh": fresh}
        answer = (await ask(self.control, "ask", self.settings.ask_timeout_s, **given))["result"]
        for one in answer["passages"]:
            one["html"] = highlighted(one["text"], one["stands"])
        return await self._page(visit, text, "", found=None, answer=answer)

    async def _page(self, visit: Visit, text: str, release: str, **known: Any) -> Response:
        releases = [one.release for one in await self.library(lambda base: base.releases())][:10]
        words = content_words(text)
        return self.web.page(
            visit,
            "ask.html",
            text=text,
            release=release,
            releases=releases,
            marked=lambda passage: highlighted_words(passage, words),
            longest=LONGEST,
            **known,
        )

    async def gaps(self, visit: Visit) -> Response:
        """Questions of real calls that found no evidence, put together."""
        since = datetime.now(UTC) - timedelta(days=self.settings.gap_days)
        await self.web.note(visit, "gaps.view")
        found = await run_in_threadpool(unanswered, self.engine, since, self.settings.gap_questions)
        said = [one for one in found if content_words(one.text)]
        vectors = await self._meanings([one.text for one in said])
        if vectors is None:
            grouped = gaps_of(said, group([one.text for one in said]))
        else:
            groups = await run_in_threadpool(by_meaning, vectors, self.settings.gap_near)
            grouped = gaps_of(said, groups)
        release, at = await self._went_live() if vectors is not None else ("", datetime.min.replace(tzinfo=UTC))
        return self.web.page(
            visit,
            "gaps.html",
            gaps=[one for one in grouped if one.last >= at],
            older=[one for one in grouped if one.last < at],
            release=release,
            days=self.settings.gap_days,
            count=len(said),
            meant=vectors is not None,
        )

    async def _went_live(self) -> tuple[str, datetime]:
        """The release that callers hear, and since when; what was asked before may be answered by now."""
        stats = await self.library(lambda base: base.stats())
        at = stats.live_since
        return stats.release, datetime.fromisoformat(at) if at else datetime.min.replace(tzinfo=UTC)

    async def _meanings(self, texts: Sequence[str]) -> Vectors | None:
        """Vectors of the questions, remembered by text; None while the knowledge base cannot be asked."""
        missing = [one for one in dict.fromkeys(texts) if one not in self._known]
        try:
            for at in range(0, len(missing), _VECTORS):
                piece = missing[at : at + _VECTORS]
                made = await self.library(lambda base, piece=piece: base.vectors(piece))  # type: ignore[misc]
                for text, packed in zip(piece, made, strict=True):
                    self._known[text] = np.frombuffer(base64.b64decode(packed), "<f2").astype(np.float32)
        except CallwrightError:
            return None
        known = [self._known[one] for one in texts]
        if len(self._known) > _REMEMBERED:
            self._known.clear()
        return np.stack(known) if known else np.zeros((0, 1), np.float32)


def gaps_of(found: Sequence[Unanswered], groups: Sequence[Sequence[int]]) -> list[Gap]:
    """Groups of questions as they came; the one of middling length stands for each."""
    made = []
    for members in groups:
        asked = tuple(found[at] for at in members)
        middle = sorted(asked, key=lambda one: len(one.text))[len(asked) // 2]
        made.append(Gap(middle.text, asked))
    return made


def highlighted(text: str, sentences: Sequence[str]) -> Markup:
    """A passage with these sentences marked. Everything in it is escaped."""
    html = escape(text)
    for one in sentences:
        html = Markup(html.replace(escape(one), Markup("<mark>{}</mark>").format(one)))
    return html


def highlighted_words(text: str, words: Sequence[str]) -> Markup:
    """A passage with the question's words marked, also inside longer ones ("wire" in "wires")."""
    made = Markup()
    for piece in text.split(" "):
        bare = piece.casefold().strip(".,;:!?()\"'")
        hit = any(bare.startswith(word[:6]) for word in words if len(word) > 2)
        made += (Markup("<mark>{}</mark> ") if hit else Markup("{} ")).format(piece)
    return made
