"""Passages for a person who talks with the caller: what the documents say to each of the caller's turns. Never spoken.

::

    turn.caller, by hand ─► the search of an answer, no model ─► strong enough, about it ─► desk.suggested ─► page
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from contracts.engines import Transcript
from contracts.errors import WorkerError
from contracts.events import EventKind, TurnEnded
from dialog.conversation import Conversation
from dialog.intents import classify, core_question
from dialog.outcome import Question
from dialog.router import Weighed
from dialog.services import DialogServices
from dialog.speaking import Speaking
from dialog.words import content

log = structlog.get_logger()
QUOTE_CHARS = 320
"""Of a passage that are shown; its document is linked."""
MOST_FOUND = 5
"""Passages that a supervisor's search shows."""


def shown(one: Weighed) -> dict[str, object]:
    """As the record and the page have it."""
    passage = one.passage
    quote = one.quote or passage.text
    short = quote if len(quote) <= QUOTE_CHARS else quote[:QUOTE_CHARS].rsplit(" ", 1)[0] + " …"
    return {
        "passage_id": passage.passage_id,
        "title": passage.title,
        "heading": passage.heading,
        "source": passage.source,
        "quote": " ".join(short.split()),
        "strength": round(one.strength, 2),
    }


@dataclass(slots=True)
class Suggesting:
    """Of one call. ``question``: Answering's way to make a question of a turn."""

    services: DialogServices
    speaking: Speaking
    conversation: Conversation
    question: Callable[[str, Transcript], Question]
    _task: asyncio.Task[None] | None = None
    _last: list[str] = field(default_factory=list)
    """Passages that were shown last: the same ones again would say nothing."""

    def heard(self, event: TurnEnded, text: str) -> None:
        """The caller said so to a person. The search of an earlier turn is given up: its moment has passed."""
        if not self.services.settings.assist.suggest or classify(text) is not None or not content(core_question(text)):
            return
        self.close()
        self._task = asyncio.create_task(self._suggest(self.question(text, event.transcript)), name="suggesting")

    async def find(self, text: str) -> list[Weighed]:
        """What the documents say to a supervisor's words, weak evidence too. Raises WorkerError."""
        text = " ".join(text.split())[: self.services.settings.max_question_chars]
        patience_s = self.services.settings.assist.patience_s
        _, found = await self.services.cascade.suggest(Question(text, 1.0), patience_s, MOST_FOUND, weak=True)
        return found

    def close(self) -> None:
        """Nobody needs them any more."""
        if self._task is not None:
            self._task.cancel()

    async def _suggest(self, question: Question) -> None:
        services = self.services
        settings, began = services.settings.assist, services.clock.now()
        try:
            search, found = await services.cascade.suggest(question, settings.patience_s, settings.passages)
        except WorkerError as error:
            log.warning("suggesting.failed", error=str(error), kind=type(error).__name__)
            return
        ids = [one.passage.passage_id for one in found]
        if not found or ids == self._last:
            return
        self._last, self.conversation.subject = ids, search.asked
        took_ms = round((services.clock.now() - began) * 1000, 1)
        body = {"asked": search.asked, "took_ms": took_ms, "release": search.evidence.release}
        self.speaking.record(EventKind.DESK_SUGGESTED, {**body, "passages": [shown(one) for one in found]})
