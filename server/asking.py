"""Questions in writing through the real cascade and gate, for whoever keeps the documents. They change nothing.

Calls go first: models are asked at background priority, one question at a time, so many a minute. The cascade is one
of its own, over the same models, thresholds and live release: it remembers no answers and learns no pace, so that what
is tried out here is never heard, or timed, in a call. Each person holds a conversation of their own, as a caller does:
"and on Saturday?" leans on the question before, and what was asked back can be answered. It is forgotten after a
quarter of an hour.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from contracts.clock import Clock
from contracts.engines import LanguageModel, Passage, Retriever
from contracts.errors import CallwrightError, WorkerBusy
from contracts.events import EventKind, Rung
from contracts.worker import Priority, Urgency
from dialog.asked import question_of
from dialog.budget import TurnBudget
from dialog.cascade import Cascade
from dialog.conversation import Conversation
from dialog.gate import GroundingGate
from dialog.outcome import Voice
from dialog.prompts import Prompts
from dialog.router import Router
from dialog.settings import CascadeFile, DialogSettings
from dialog.words import content
from knowledge.passages import sentences

PER_MINUTE = 20
MOST_TURNS = 20
"""Of one conversation."""
MOST_TALKS = 50
"""Conversations that are remembered at a time."""
IDLE_S = 900.0
_PATIENCE_S = 45.0
"""At background priority a model may wait for many calls."""


class QuestionRefused(CallwrightError):
    """A question that cannot be tried out."""


@dataclass(slots=True)
class Talk:
    """One person's conversation, as it is remembered."""

    at: float
    conversation: Conversation = field(default_factory=Conversation)
    turns: list[dict[str, str]] = field(default_factory=list)


class Asking:
    """The control socket's ``ask``. One for the operator."""

    def __init__(
        self,
        settings: DialogSettings,
        thresholds: CascadeFile,
        prompts: Prompts,
        search: Retriever,
        small: LanguageModel,
        large: LanguageModel | None,
        clock: Clock,
    ) -> None:
        budget = settings.budget.model_copy(update={"turn_deadline_s": _PATIENCE_S, "retrieval_s": 10.0})
        patient = settings.model_copy(update={"budget": budget, "remembered_answers": 0})
        self._settings = patient
        self._gate = GroundingGate(thresholds)
        self._make: Callable[[], Cascade] = lambda: Cascade(
            patient, Router(thresholds, self._gate), self._gate, prompts, search, small, large, clock
        )
        self._clock = clock
        self._asked: list[float] = []
        self._busy = False
        self._talks: OrderedDict[str, Talk] = OrderedDict()

    async def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """``text``; ``who`` asks, and goes on with their conversation unless ``fresh``; nobody has none.

        Raises QuestionRefused, WorkerBusy, WorkerError.
        """
        text, who = (" ".join(str(request.get(key, "")).split()) for key in ("text", "who"))
        most = self._settings.max_question_chars
        if not text or len(text) > most:
            raise QuestionRefused(f"ask something, in at most {most} letters")
        now = self._clock.now()
        self._asked = [at for at in self._asked if at > now - 60.0]
        if self._busy:
            raise WorkerBusy("another question is being tried out; ask again in a moment")
        if len(self._asked) >= PER_MINUTE:
            raise WorkerBusy(f"{PER_MINUTE} questions a minute may be tried out; ask again in a moment")
        self._asked.append(now)
        self._busy = True
        try:
            return {"result": await self._answer(text, self._talk(who, now, fresh=bool(request.get("fresh"))))}
        finally:
            self._busy = False

    def _talk(self, who: str, now: float, *, fresh: bool) -> Talk:
        """What was said before, or nothing. Raises QuestionRefused."""
        for name in [name for name, one in self._talks.items() if one.at < now - IDLE_S]:
            del self._talks[name]
        if not who:
            return Talk(now)
        talk = Talk(now) if fresh or who not in self._talks else self._talks.pop(who)
        if len(talk.turns) >= MOST_TURNS:
            raise QuestionRefused(f"{MOST_TURNS} turns are remembered at most; begin anew")
        talk.at = now
        self._talks[who] = talk
        while len(self._talks) > MOST_TALKS:
            self._talks.popitem(last=False)
        return talk

    async def _answer(self, text: str, talk: Talk) -> dict[str, Any]:
        began = time.perf_counter()
        cascade = self._make()
        spoken: list[str] = []
        decisions: list[dict[str, Any]] = []
        verdicts: list[dict[str, Any]] = []

        def speak(sentence: str) -> None:
            spoken.append(sentence)
            verdicts.append({"sentence": sentence, "passed": True, "own": False, "unsupported": []})

        def record(kind: EventKind, body: dict[str, Any]) -> None:
            if kind is EventKind.CASCADE_DECIDED:
                decisions.append(body)
            elif kind is EventKind.GATE_REJECTED:
                verdicts.append(
                    {"sentence": body["sentence"], "passed": False, "own": False, "unsupported": body["unsupported"]}
                )

        voice = Voice(speak, lambda stage, at: None, record, Urgency(Priority.BACKGROUND))
        conversation, before = talk.conversation, list(talk.turns)
        conversation.caller(text)
        question = question_of(conversation, text, 1.0)
        if not question.before:
            conversation.subject = question.text
        found = await cascade.retrieve(question)
        budget = TurnBudget(self._settings.budget, self._clock.now())
        outcome = await cascade.answer(question, budget, voice, found)
        if outcome.asked == question.text:
            conversation.subject = question.text
        answer = " ".join(spoken) or outcome.text
        conversation.took(outcome, poorly=False)
        conversation.operator(answer, str(outcome.rung))
        talk.turns.append({"said": text, "answer": answer, "result": str(outcome.result)})
        if outcome.rung is Rung.EXTRACTIVE:  # spoken as it stands: there is nothing for the gate to hold against it
            for one in verdicts:
                one["own"] = True
        cited = {one.passage_id for one in outcome.passages}
        return {
            "asked": outcome.asked or text,
            "result": str(outcome.result),
            "rung": str(outcome.rung),
            "why": outcome.why,
            "answer": answer,
            "before": before,
            "verdicts": verdicts,
            "decision": decisions[0] if decisions else {},
            "models": outcome.models,
            "release": found.evidence.release,
            "degraded": found.evidence.degraded,
            "total_s": round(time.perf_counter() - began, 3),
            "passages": [
                {
                    **asdict(one),
                    "cited": one.passage_id in cited,
                    "stands": standing(spoken, one) if one.passage_id in cited else [],
                }
                for one in found.evidence.passages
            ],
        }


def standing(spoken: Sequence[str], passage: Passage) -> list[str]:
    """The sentences of a passage on which what was spoken stands: for each, the one that shares most words. Pure."""
    own = [one for line in passage.text.splitlines() for one in sentences(line)]
    found: list[str] = []
    for said in spoken:
        words = set(content(said))
        best = max(own, key=lambda one: len(words & set(content(one))), default="")
        if best and words & set(content(best)) and best not in found:
            found.append(best)
    return found
