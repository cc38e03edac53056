"""One turn of the caller answered: cascade and budget side by side, until something was heard.

::

    cascade   ──retrieve──decide──sentence──sentence──┐
    budget    ───────────filler?───────again?─────────┤ whichever owes the next sound
    mouth     ·········[ filler ]·[ answer ──────────]┘
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from contracts.events import EventKind, Rung, TurnEnded
from dialog.budget import Step, TurnBudget
from dialog.cascade import Found, Outcome, Question, Result, Voice
from dialog.conversation import Conversation
from dialog.followup import leans
from dialog.intents import core_question
from dialog.measure import TurnMeasure
from dialog.services import DialogServices
from dialog.speaking import Speaking
from voice.utterance import Utterance

HISTORY_LINES = 4


@dataclass(slots=True)
class Prefetched:
    """Evidence fetched on a partial transcript; good for the final one if the words are the same."""

    text: str = ""
    task: asyncio.Task[Found] | None = None


@dataclass(slots=True)
class Answering:
    """Answers questions of one call; holds what is under way."""

    call_id: str
    services: DialogServices
    speaking: Speaking
    conversation: Conversation
    prefetched: Prefetched = field(default_factory=Prefetched)
    _utterance: Utterance | None = None

    def prefetch(self, text: str) -> None:
        """Words so far: have the evidence ready by the time the caller stops."""
        asked = core_question(text)
        if len(asked.split()) < 3 or asked == self.prefetched.text:
            return
        self.forget()
        question = self._question(asked, 1.0)
        self.prefetched = Prefetched(asked, asyncio.create_task(self.services.cascade.retrieve(question)))

    def forget(self) -> None:
        """Drop prefetched evidence."""
        if self.prefetched.task is not None:
            self.prefetched.task.cancel()
            self.prefetched.task.add_done_callback(_swallow)
        self.prefetched = Prefetched()

    async def answer(self, event: TurnEnded, text: str) -> tuple[Outcome, TurnMeasure]:
        """Answer ``text`` aloud; returns when the answer was heard or interrupted. What got none is left unsaid."""
        clock = self.services.clock
        measure = TurnMeasure(event.timings)
        budget = TurnBudget(self.services.settings.budget, event.timings.speech_ended)
        self._utterance = None

        def speak(sentence: str) -> None:
            if self._utterance is None:
                measure.mark("first_clause", clock.now())
                self._utterance = self.speaking.open()
            self.speaking.add(self._utterance, sentence)

        voice = Voice(speak, lambda stage: measure.mark(stage, clock.now()), self.speaking.record)
        question = self._question(core_question(text), event.transcript.confidence)
        if not question.before:
            self.conversation.subject = question.text
        found = await self._ready_evidence(question.text)
        work = asyncio.create_task(self.services.cascade.answer(question, budget, voice, found))
        try:
            outcome = await self._wait(work, budget, measure)
            if outcome.asked == question.text:
                self.conversation.subject = question.text
            await self._hear(outcome, measure)
        finally:
            work.cancel()
            work.add_done_callback(_swallow)
            if self._utterance is not None:
                self._utterance.end()
        for elapsed, step, why in budget.choices:
            self.speaking.record(EventKind.BUDGET_CHOSE, {"step": str(step), "why": why, "at_s": round(elapsed, 3)})
        return outcome, measure

    def _question(self, text: str, confidence: float) -> Question:
        before = self.conversation.subject if leans(text) else ""
        return Question(text, confidence, before, tuple(self.conversation.recent(HISTORY_LINES)) if before else ())

    async def _ready_evidence(self, text: str) -> Found | None:
        """What was prefetched, if it was for these words and is there."""
        fetched, self.prefetched = self.prefetched, Prefetched()
        if fetched.task is None:
            return None
        if _same_words(fetched.text, text):
            result = (await asyncio.gather(fetched.task, return_exceptions=True))[0]
            return result if isinstance(result, Found) else None
        fetched.task.cancel()
        fetched.task.add_done_callback(_swallow)
        return None

    async def _wait(self, work: asyncio.Task[Outcome], budget: TurnBudget, measure: TurnMeasure) -> Outcome:
        """Until the cascade is done; meanwhile silence is filled as the budget says."""
        clock = self.services.clock
        while True:
            due = budget.deadline if self._utterance is not None else min(budget.next_filler_at(), budget.deadline)
            done, _ = await asyncio.wait({work}, timeout=max(0.0, due - clock.now()))
            if done:
                return work.result()
            if self._utterance is not None:  # it is speaking already: the deadline is kept
                return await work
            step = budget.while_waiting(clock.now())
            if step in (Step.FILLER, Step.FILLER_AGAIN):
                asyncio.create_task(self._fill(step, measure)).add_done_callback(_swallow)
            elif step is Step.OFFER_PERSON:
                return Outcome(Result.TOO_SLOW, Rung.PREPARED, why="turn deadline passed")

    async def _fill(self, step: Step, measure: TurnMeasure) -> None:
        def started(at: float) -> None:
            measure.filler_at = measure.filler_at or at

        await self.speaking.line("filler" if step is Step.FILLER else "filler_again", on_start=started)

    async def _hear(self, outcome: Outcome, measure: TurnMeasure) -> None:
        """Wait for the answer to be played; record what was heard and how long each stage took."""
        utterance = self._utterance
        if utterance is None:
            return
        utterance.end()
        measure.answer_at = await utterance.started()
        measure.mark("first_audio", measure.answer_at)
        passages = tuple((passage.passage_id, passage.title) for passage in outcome.passages)
        self.speaking.record(EventKind.TURN_MEASURED, {**measure.body(str(outcome.rung)), "models": outcome.models})
        played = await utterance.finished()
        self.speaking.said(
            utterance, outcome.text, played, outcome.rung, passages=passages, why=outcome.why, topic=outcome.topic
        )


def _same_words(a: str, b: str) -> bool:
    strip = ".,!?;: "
    return [w.strip(strip) for w in a.lower().split()] == [w.strip(strip) for w in b.lower().split()]


def _swallow(task: asyncio.Task[object]) -> None:
    """A withdrawn task's outcome is nobody's business, but it must be looked at once."""
    if not task.cancelled():
        task.exception()
