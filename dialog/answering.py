"""One turn of the caller answered: cascade and budget side by side, until something was heard.

::

    cascade   ──retrieve──decide──sentence──sentence──┐   (perhaps begun while the caller spoke: dialog/ahead.py)
    budget    ──────────────filler?─────────again?────┤ whichever owes the next sound
    mouth     ·········[ filler ]·[ answer ──────────]┘
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from contracts.engines import Transcript
from contracts.events import EventKind, Partial, Rung, TurnEnded
from dialog.ahead import Ahead, swallow
from dialog.asked import question_of
from dialog.budget import Step, TurnBudget
from dialog.byhand import Told
from dialog.conversation import Conversation
from dialog.followup import leans
from dialog.intents import classify, core_question
from dialog.measure import TurnMeasure
from dialog.outcome import Outcome, Question, Result, Voice
from dialog.services import DialogServices
from dialog.speaking import Speaking
from voice.utterance import Utterance

VOICE = "voice"
"""The synthesiser's worker."""


@dataclass(slots=True)
class Answering:
    """Answers questions of one call; holds what is under way."""

    call_id: str
    services: DialogServices
    speaking: Speaking
    conversation: Conversation
    _bridge: asyncio.Task[None] | None = None
    """A filler that was begun before the words of this turn were there."""
    _bridged_at: float = 0.0
    _bridged_until: float = 0.0
    _utterance: Utterance | None = None
    _ahead: Ahead = field(init=False)
    _news: asyncio.Event = field(init=False)

    def __post_init__(self) -> None:
        services = self.services
        self._ahead = Ahead(services.cascade, services.settings.budget, services.clock, self.speaking.rehearse)
        self._news = asyncio.Event()

    def listen(self, partial: Partial) -> None:
        """Words so far: think ahead."""
        if classify(partial.text) is not None:
            self._ahead.forget()
            return
        # The words belong to a turn that the conversation does not have yet.
        upcoming = self.conversation.turn + 1
        question = self.question(partial.text, partial, upcoming)
        if partial.settled:
            self._ahead.settled(question)
        else:
            self._ahead.heard(question)

    def bridge(self) -> None:
        """The caller has finished but the words are not there: a filler, so that the line is not dead meanwhile."""
        if self._bridge is None or self._bridge.done():
            self._bridged_at = self._bridged_until = 0.0
            self._bridge = asyncio.create_task(self._cross())
            self._bridge.add_done_callback(swallow)

    async def _cross(self) -> None:
        def started(at: float) -> None:
            self._bridged_at = at

        await self.speaking.line("filler", on_start=started)
        self._bridged_until = self.services.clock.now()

    def forget(self) -> None:
        """Drop what was done ahead."""
        self._ahead.forget()

    async def answer(self, event: TurnEnded, text: str, given: Told | None = None) -> tuple[Outcome, TurnMeasure]:
        """Answer ``text`` aloud; returns when the answer was heard or interrupted. What got none is left unsaid.

        ``given``: from this passage, which a person chose.
        """
        clock = self.services.clock
        measure = TurnMeasure(event.timings)
        barred = await self._barred(text)
        if barred is not None and (given is None or barred.stopped is not None):
            self._ahead.forget()
            return barred, measure
        self._utterance = None
        self._news.clear()

        def speak(sentence: str) -> None:
            if self._utterance is None:
                measure.mark("first_clause", clock.now())
                self._utterance = self.speaking.open()
                self._expect_sound(budget)
            self.speaking.add(self._utterance, sentence)

        def mark(stage: str, at: float) -> None:
            measure.mark(stage, at)
            self._news.set()

        voice = Voice(speak, mark, self.speaking.record)
        question = self.question(text, event.transcript)
        if not question.before:
            self.conversation.subject = question.text
        began = self._ahead.take(question) if given is None else None
        if began is not None:
            budget, work = began.budget, began.work
            measure.ahead = "answer"
            budget.began = event.timings.speech_ended
            began.curtain.lift(voice)
        else:
            budget = TurnBudget(self.services.settings.budget, event.timings.speech_ended)
            work = asyncio.create_task(self._think(question, budget, voice, measure, given))
        self._over_the_bridge(event, budget, measure)
        unwatch = self._mind_losses(budget)
        try:
            outcome = await self._wait(work, budget, measure)
            if outcome.asked == question.text:
                self.conversation.subject = question.text
            await self._hear(outcome, budget, measure)
            outcome.forsaken = outcome.result is not Result.ANSWERED and budget.forsaken
        finally:
            unwatch()
            work.cancel()
            work.add_done_callback(swallow)
            self._ahead.forget()
            if self._utterance is not None:
                self._utterance.end()
        for elapsed, step, why in budget.choices:
            self.speaking.record(EventKind.BUDGET_CHOSE, {"step": str(step), "why": why, "at_s": round(elapsed, 3)})
        return outcome, measure

    async def _barred(self, text: str) -> Outcome | None:
        """What the question's topic says before it is searched for; None: it is to be answered."""
        topics = self.services.topics
        if topics is None:
            return None
        asked, choice = core_question(text), self.conversation.choice
        whole = f"{self.conversation.subject} {asked}" if leans(asked) else asked
        if choice is not None and (choice.picked(asked) is not None or choice.both(asked)):
            whole = choice.question  # "the debit one" has no topic of its own
        topic, barred = await topics.scope(whole, self.speaking.record)
        stopped = self.services.stopped(topic) if topic else None
        if stopped is not None:
            return Outcome(Result.UNKNOWN, Rung.PREPARED, why="its topic is switched off", topic=topic, stopped=stopped)
        return barred

    async def _think(
        self, question: Question, budget: TurnBudget, voice: Voice, measure: TurnMeasure, given: Told | None
    ) -> Outcome:
        if given is not None and given.passage is not None:
            why = f"passage chosen by {given.by}"
            return await self.services.cascade.answer_from(given.passage, why, question, budget, voice)
        found = await self._ahead.found(question)
        measure.ahead = "evidence" if found is not None else ""
        return await self.services.cascade.answer(question, budget, voice, found)

    def _expect_sound(self, budget: TurnBudget) -> None:
        """The answer's first words are there: when will they be heard?"""
        now, sound_s = self.services.clock.now(), self.services.settings.budget.first_sound_s
        absence = self.services.cascade.presence.absence(VOICE)
        if absence is not None:
            budget.lost(VOICE, absence.wait_s(now) + sound_s, now, absence.since)
            self._news.set()
        else:
            budget.expects("the answer's sound", sound_s, now)

    def _mind_losses(self, budget: TurnBudget) -> Callable[[], None]:
        """Who is lost already, and who will be while this answer is owed; the result ends it."""
        cascade = self.services.cascade
        budget.disturbed = any(cascade.presence.absence(one) is not None for one in (VOICE, *cascade.workers))
        return cascade.presence.watch(lambda worker: self._lost(worker, budget))

    def _lost(self, worker: str, budget: TurnBudget) -> None:
        """A worker was lost while an answer is owed: if its sound is what is missing, a prepared sentence fills in."""
        budget.disturbed = True
        self._news.set()
        if worker == VOICE and self._utterance is not None and not self._heard:
            self._expect_sound(budget)

    def _over_the_bridge(self, event: TurnEnded, budget: TurnBudget, measure: TurnMeasure) -> None:
        """A filler that was begun while the words were late is the first of this turn."""
        bridge, self._bridge = self._bridge, None
        if bridge is None or 0.0 < self._bridged_at < event.timings.speech_ended:
            return
        measure.filler_at = self._bridged_at
        budget.filling()

        def over(_: asyncio.Task[None]) -> None:
            measure.filler_at = measure.filler_at or self._bridged_at
            budget.filled(self._bridged_until or self.services.clock.now())
            self._news.set()

        bridge.add_done_callback(over)

    def question(self, said: str, heard: Transcript | Partial, turn: int = 0) -> Question:
        """What the caller said, as the search and the cascade see it; ``turn``: the one that is coming, if it is."""
        return question_of(
            self.conversation,
            said,
            heard.confidence,
            turn=turn,
            readings=heard.readings,
            words=heard.words,
            sound=heard.sound,
        )

    async def _wait(self, work: asyncio.Task[Outcome], budget: TurnBudget, measure: TurnMeasure) -> Outcome:
        """Until the cascade is done; meanwhile silence is filled as the budget says."""
        clock = self.services.clock
        while True:
            due = budget.deadline if self._heard else min(budget.next_filler_at(), budget.owed_by)
            news = asyncio.create_task(self._news.wait())
            done, _ = await asyncio.wait(
                {work, news}, timeout=max(0.0, due - clock.now()), return_when=asyncio.FIRST_COMPLETED
            )
            news.cancel()
            if work in done:
                return work.result()
            self._news.clear()
            if self._heard:
                if clock.now() < budget.deadline:
                    continue
                return await work  # it is speaking already: the deadline is kept
            step = budget.while_waiting(clock.now())
            if step in (Step.FILLER, Step.FILLER_AGAIN):
                asyncio.create_task(self._fill(step, budget, measure)).add_done_callback(swallow)
            elif step is Step.OFFER_PERSON:
                if budget.bereft:
                    await self.speaking.cut_off()  # who waits for a person does not wait for a filler's end
                return Outcome(Result.TOO_SLOW, Rung.PREPARED, why="turn deadline passed")

    @property
    def _heard(self) -> bool:
        """The answer has begun to sound (or never will)."""
        return self._utterance is not None and (self._utterance.first_frame_at > 0.0 or self._utterance.over)

    async def _sounding(self, utterance: Utterance, budget: TurnBudget, measure: TurnMeasure) -> float:
        """When its first frame left, 0.0 if none did; a synthesiser that was lost is bridged by fillers, too."""
        clock = self.services.clock
        started = asyncio.ensure_future(utterance.started())
        while not started.done():
            self._news.clear()
            news = asyncio.ensure_future(self._news.wait())
            patience = max(0.0, min(budget.next_filler_at(), budget.owed_by) - clock.now())
            await asyncio.wait({started, news}, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
            news.cancel()
            if not started.done():
                step = budget.while_waiting(clock.now())
                if step in (Step.FILLER, Step.FILLER_AGAIN):
                    asyncio.create_task(self._fill(step, budget, measure)).add_done_callback(swallow)
                elif step is Step.OFFER_PERSON:
                    if budget.bereft:
                        await self.speaking.cut_off()  # nobody waits for a voice that may not come back
                    break  # else the utterance's own deadline is near
        return await started

    async def _fill(self, step: Step, budget: TurnBudget, measure: TurnMeasure) -> None:
        def started(at: float) -> None:
            measure.filler_at = measure.filler_at or at

        key = "filler" if step is Step.FILLER else "filler_again"
        await self.speaking.line(key, before=True, on_start=started)
        budget.filled(self.services.clock.now())
        self._news.set()

    async def _hear(self, outcome: Outcome, budget: TurnBudget, measure: TurnMeasure) -> None:
        """Wait for the answer to be played; record what was heard and how long each stage took.

        An answer of which no sound could be made is none: it ends as trouble.
        """
        utterance = self._utterance
        if utterance is None:
            return
        utterance.end()
        measure.answer_at = await self._sounding(utterance, budget, measure)
        measure.mark("first_audio", measure.answer_at)
        passages = tuple((passage.passage_id, passage.title) for passage in outcome.passages)
        self.speaking.record(EventKind.TURN_MEASURED, {**measure.body(str(outcome.rung)), "models": outcome.models})
        played = await utterance.finished()
        self.speaking.said(
            utterance, outcome.text, played, outcome.rung, passages=passages, why=outcome.why, topic=outcome.topic
        )
        if not played.first_frame_at and (played.failed or budget.forsaken):
            outcome.result, outcome.why = Result.TROUBLE, "no sound could be made of the answer"
