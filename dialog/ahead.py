"""Thinking while listening: what the caller has probably asked is looked up, prefilled and answered ahead.

::

    caller    ███████████████████████████▁▁▁▁▁▁▁▁▁▁▁▁
    words        ┤how do I    ┤how do I reset   ┤how do I reset my password (settled)
                  │            └ retrieve ─ prefill evidence   │
                  └ too little yet                             └ the whole answer, kept back ··│ its first clause made
                                                                                               │
    the turn ends with these words: let go ────────────────────────────────────────────────────┘
    the caller goes on, or other words came: it never was
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from contracts.clock import Clock
from contracts.errors import WorkerError
from contracts.worker import Priority, Urgency
from dialog.budget import TurnBudget
from dialog.cascade import KNOWLEDGE, Cascade
from dialog.misheard import doubted
from dialog.outcome import Found, Outcome, Question, Result, Voice
from dialog.settings import BudgetSettings

FEWEST_WORDS = 3
"""A question of fewer is not looked up before it is over: "how do" finds anything."""


@dataclass(slots=True)
class Curtain:
    """A voice that keeps back what it is given until it is lifted. ``first`` is told of the first sentence at once."""

    first: Callable[[str], None]
    urgency: Urgency = field(default_factory=lambda: Urgency(Priority.SPECULATION))
    _to: Voice | None = None
    _kept: list[Callable[[Voice], None]] = field(default_factory=list)
    _told: bool = False

    @property
    def voice(self) -> Voice:
        """What the cascade gets."""

        def speak(sentence: str) -> None:
            if self._to is None and not self._told:
                self._told = True
                self.first(sentence)
            self._give(lambda to: to.speak(sentence))

        return Voice(
            speak,
            lambda stage, at: self._give(lambda to: to.mark(stage, at)),
            lambda kind, body: self._give(lambda to: to.record(kind, body)),
            self.urgency,
        )

    def lift(self, to: Voice) -> None:
        """Everything so far goes to ``to``, in order; everything later directly."""
        kept, self._kept, self._to = self._kept, [], to
        self.urgency.raise_to(Priority.ANSWER)
        for act in kept:
            act(to)

    def _give(self, act: Callable[[Voice], None]) -> None:
        if self._to is not None:
            act(self._to)
        else:
            self._kept.append(act)


@dataclass(slots=True)
class Answered:
    """An answer begun before the turn was over."""

    question: Question
    budget: TurnBudget
    curtain: Curtain
    work: asyncio.Task[Outcome]


class Ahead:
    """What one call has done ahead. ``rehearse`` makes the sound of a sentence's beginning without saying it."""

    def __init__(self, cascade: Cascade, budget: BudgetSettings, clock: Clock, rehearse: Callable[[str], None]) -> None:
        self._cascade = cascade
        self._settings = budget
        self._clock = clock
        self._rehearse = rehearse
        self._question: Question | None = None
        self._looking: asyncio.Task[Found] | None = None
        self._preparing: asyncio.Task[None] | None = None
        self._answered: Answered | None = None

    def heard(self, question: Question) -> None:
        """Words so far: have the evidence, and what the likely rung needs, by the time the caller stops."""
        self._drop_answer()
        if _few(question) or self._knows(question):
            return
        self.forget()
        self._look_up(question)
        self._preparing = asyncio.create_task(self._prepare(question))
        self._preparing.add_done_callback(swallow)

    def settled(self, question: Question) -> None:
        """All the words, if the caller says nothing more: answer them, and keep the answer back."""
        if self._answered is not None and same(self._answered.question, question):
            return
        self._drop_answer()
        if _few(question):
            return
        if not self._knows(question):
            self.forget()
            self._look_up(question)
        self._stop(self._preparing)
        self._preparing = None
        budget = TurnBudget(self._settings, self._clock.now())
        curtain = Curtain(self._rehearse)
        work = asyncio.create_task(self._answer(question, budget, curtain.voice))
        work.add_done_callback(swallow)
        self._answered = Answered(question, budget, curtain, work)

    def take(self, question: Question) -> Answered | None:
        """The answer that was begun for just this question, if one was and nothing went wrong; it is given away."""
        answered, self._answered = self._answered, None
        if answered is None:
            return None
        if _failed(answered.work) or not same(answered.question, question):
            self._stop(answered.work)
            return None
        return answered

    async def found(self, question: Question) -> Found | None:
        """The evidence that was looked up for just this question, if it was."""
        looking = self._looking
        if looking is None or not self._knows(question):
            return None
        if not looking.done() and self._cascade.presence.absence(KNOWLEDGE) is not None:
            return None  # whoever asks in earnest knows what to do meanwhile
        result = (await asyncio.gather(looking, return_exceptions=True))[0]
        return result if isinstance(result, Found) else None

    def forget(self) -> None:
        """Drop everything; it leaves no trace. Harmless twice."""
        self._drop_answer()
        self._stop(self._looking)
        self._stop(self._preparing)
        self._looking = self._preparing = self._question = None

    def _look_up(self, question: Question) -> None:
        self._question = question
        self._looking = asyncio.create_task(self._cascade.retrieve(question))
        self._looking.add_done_callback(swallow)

    def _knows(self, question: Question) -> bool:
        return self._looking is not None and self._question is not None and same(self._question, question)

    async def _prepare(self, question: Question) -> None:
        found = await self.found(question)
        if found is None:
            return
        try:
            sentence = await self._cascade.prepare(question, found)
        except WorkerError:
            return  # whoever asks in earnest will hear of it
        if sentence:
            self._rehearse(sentence)

    async def _answer(self, question: Question, budget: TurnBudget, voice: Voice) -> Outcome:
        return await self._cascade.answer(question, budget, voice, await self.found(question))

    def _drop_answer(self) -> None:
        if self._answered is not None:
            self._stop(self._answered.work)
            self._answered = None

    def _stop(self, task: asyncio.Task[Any] | None) -> None:
        if task is not None:
            task.cancel()


def same(a: Question, b: Question) -> bool:
    """Do both ask for the same words, in the same place of the conversation, recognised about as well?"""
    alike = _words(a.text) == _words(b.text) and a.before == b.before and a.history == b.history
    return alike and abs(a.confidence - b.confidence) < 0.1 and doubted(a.words) == doubted(b.words)


def swallow(task: asyncio.Task[Any]) -> None:
    """A withdrawn task's outcome is nobody's business, but it must be looked at once."""
    if not task.cancelled():
        task.exception()


def _failed(work: asyncio.Task[Outcome]) -> bool:
    """Did it end in trouble? Then it is tried again, now that somebody waits."""
    if not work.done():
        return False
    return work.cancelled() or work.exception() is not None or work.result().result is Result.TROUBLE


def _words(text: str) -> list[str]:
    return [word.strip(".,!?;: ") for word in text.lower().split()]


def _few(question: Question) -> bool:
    return len(question.text.split()) < FEWEST_WORDS
