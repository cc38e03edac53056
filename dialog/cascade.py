"""The cascade: from a question to spoken sentences by the cheapest rung that can stand behind them.

::

    retrieve ─► router ─┬─► extractive ──────────────────────────────┐
                        ├─► small model ─► gate ─► sentence ─► mouth │ Outcome
                        │       └ nothing passes / NOT IN DOCUMENT   │
                        ├─► large model ─► gate ─► sentence ─► mouth │
                        └─► unknown: say so, offer a person ─────────┘

Nothing a model wrote is heard before the gate has passed it. A worker that dies is asked once more if time allows;
what cannot be answered ends in an Outcome, never in an exception.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from contracts.clock import Clock
from contracts.engines import Evidence, Generation, LanguageModel, Passage, Retriever
from contracts.errors import WorkerError
from contracts.events import EventKind, Rung
from dialog.attempt import Attempt
from dialog.budget import Step, TurnBudget
from dialog.extractive import Extract
from dialog.gate import GroundingGate
from dialog.intents import split_clauses
from dialog.outcome import Found, Outcome, Question, Result, Voice
from dialog.pace import Pace
from dialog.prompts import Prompts
from dialog.remembered import Answer, Remembered
from dialog.router import Decision, Route, Router
from dialog.settings import DialogSettings
from knowledge.passages import sentences

T = TypeVar("T")


class Cascade:
    """Shared by all calls; holds no state of any."""

    def __init__(
        self,
        settings: DialogSettings,
        router: Router,
        gate: GroundingGate,
        prompts: Prompts,
        search: Retriever,
        small: LanguageModel,
        large: LanguageModel | None,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._router = router
        self._gate = gate
        self._prompts = prompts
        self._search = search
        self._small = small
        self._large = large
        self._clock = clock
        first = {small.name: settings.budget.small_needs_s}
        if large is not None:
            first[large.name] = settings.budget.large_needs_s
        self.pace = Pace(first)
        self._remembered = Remembered(settings.remembered_answers)

    def poorly_understood(self, confidence: float) -> bool:
        """Recognition confidence 0..1: too low to rely on?"""
        return self._router.poor(confidence)

    async def retrieve(self, question: Question, patience_s: float = 0.0, release: str = "") -> Found:
        """Evidence for a question, of the live ``release`` or a certain one; ``patience_s`` if not the usual.

        Raises WorkerError if the base cannot be asked.
        """
        deadline = self._clock.now() + (patience_s or self._settings.budget.retrieval_s)
        limit = self._settings.passages
        alone = await self._search.search(question.text, limit=limit, deadline=deadline, release=release)
        if not question.before:
            return Found(question.text, alone)
        asked = f"{question.before} {question.text}"
        joined = await self._search.search(asked, limit=limit, deadline=deadline, release=alone.release)
        if self._router.joins(question.text, alone, joined):
            return Found(asked, joined, joined=True)
        return Found(question.text, alone)

    async def answer(self, question: Question, budget: TurnBudget, voice: Voice, found: Found | None = None) -> Outcome:
        """Answer, sentence by sentence, through ``voice``. ``found``: if it was already fetched for these words."""
        if found is None:
            try:
                again = partial(self.retrieve, question, self._settings.budget.recovery_s)
                found = await self._again(
                    partial(self.retrieve, question), budget, partial(self._lost, budget, voice), again
                )
            except WorkerError as error:
                return Outcome(Result.TROUBLE, Rung.PREPARED, why=f"knowledge base: {type(error).__name__}")
        voice.mark("retrieved", self._clock.now())
        # A small model mixes what was said before into an answer that does not need it ("Linda's branch hours …").
        question = replace(question, text=found.asked, history=question.history if found.joined else ())
        outcome = await self._route(question, found.evidence, budget, voice)
        outcome.asked = found.asked
        return outcome

    async def prepare(self, question: Question, found: Found) -> str:
        """What may be done for a question whose last words are still being said.

        The first sentence of an answer that needs no model; or "", and the model that will be asked has read all of
        its prompt but the question. Raises WorkerError when it cannot be asked.
        """
        decision = self._router.decide(found.asked, found.evidence, 1.0)
        match decision.route:
            case Route.EXTRACTIVE if decision.extract is not None:
                return next(iter(sentences(decision.extract.text)), "")
            case Route.SMALL | Route.LARGE:
                large = decision.route is Route.LARGE and self._large is not None
                model = self._large if large and self._large is not None else self._small
                history = question.history if found.joined else ()
                known = self._remembered.get(found.asked, _ground(found.evidence), history)
                if known is not None:
                    return known.sentences[0]
                prompt = self._prompts.beginning(_ground(found.evidence), history, found.asked, strict=large)
                await model.prefill(prompt, deadline=self._clock.now() + self._settings.budget.turn_deadline_s)
        return ""

    async def _route(self, question: Question, evidence: Evidence, budget: TurnBudget, voice: Voice) -> Outcome:
        decision = self._router.decide(question.text, evidence, question.confidence)
        if decision.route is Route.UNKNOWN:
            decision, evidence = await self._by_clause(question, decision, evidence)
        voice.record(EventKind.CASCADE_DECIDED, _decision_body(decision, evidence, question))
        match decision.route:
            case Route.REPEAT:
                return Outcome(Result.REPEAT, Rung.PREPARED, why=decision.why)
            case Route.UNKNOWN:
                return Outcome(Result.UNKNOWN, Rung.PREPARED, why=decision.why)
            case Route.EXTRACTIVE if decision.extract is not None:
                outcome = self._extractive(decision, decision.extract, voice)
            case _:
                outcome = await self._models(question, decision, evidence, budget, voice)
        outcome.topic = evidence.passages[0].title
        return outcome

    async def _by_clause(self, question: Question, decision: Decision, evidence: Evidence) -> tuple[Decision, Evidence]:
        """A turn of several clauses that finds nothing as a whole: the one that finds most is the question."""
        parts = [part for part in split_clauses(question.text) if len(part.split()) >= 3]
        if len(parts) < 2:
            return decision, evidence
        best = (decision, evidence)
        for part in parts[:4]:
            alone = replace(question, text=part, before="")
            try:
                found = (await self.retrieve(alone, release=evidence.release)).evidence
            except WorkerError:
                break
            verdict = self._router.decide(part, found, question.confidence)
            if verdict.route is not Route.UNKNOWN and verdict.score > (best[0].score if best[0] is not decision else 0):
                best = (verdict, found)
        return best

    def _extractive(self, decision: Decision, extract: Extract, voice: Voice) -> Outcome:
        voice.mark("decided", self._clock.now())
        for sentence in sentences(extract.text):
            voice.speak(sentence)
        return Outcome(Result.ANSWERED, Rung.EXTRACTIVE, extract.text, (extract.passage,), decision.why)

    async def _models(
        self, question: Question, decision: Decision, evidence: Evidence, budget: TurnBudget, voice: Voice
    ) -> Outcome:
        """Small, then large; each only if the budget has room; the last word is what the gate let through."""
        passages = _ground(evidence)
        known = self._remembered.get(question.text, passages, question.history)
        if known is not None:
            return self._as_before(known, decision, passages, voice)
        ladder = self._ladder(decision)
        outcome = Outcome(Result.TOO_SLOW, Rung.PREPARED, why="no time for a model")
        models: list[dict[str, Any]] = []
        rejected, asked_small = 0, False
        own = decision.extract if decision.sure else None
        while ladder:
            (rung, model), *ladder = ladder
            asked_small = asked_small or rung is Rung.SMALL
            needs = self.pace.expected(model.name)
            now = self._clock.now()
            if own is not None and self._late(needs, budget, now):
                budget.cheaper(f"{model.name} needs {needs:.1f} s; the passage has a sentence of its own", now)
                break
            if budget.may_begin(model.name, needs, now, Step.CHEAPER if own else Step.OFFER_PERSON) is not Step.GO_ON:
                break
            budget.expects(model.name, needs + self._settings.budget.first_sound_s, now)
            voice.mark("decided", now)
            attempt = Attempt(self._gate, question.text, passages, voice, self._clock)
            ask = partial(self._generate, model, question, attempt, budget, voice)
            try:
                # A lost small model is back in 1 s, sooner than the large one has read the prompt. For a lost large one
                # nobody waits: it is as slow to come back as it is to answer, and the small one is there.
                alone = rung is Rung.SMALL and own is None
                await self._again(ask, budget, partial(self._lost, budget, voice, attempt, alone=alone))
            except WorkerError as error:
                outcome = Outcome(Result.TROUBLE, rung, why=f"{model.name}: {type(error).__name__}")
                if rung is Rung.LARGE and not asked_small:
                    budget.cheaper(f"{model.name}: {type(error).__name__}", self._clock.now())
                    ladder = [(Rung.SMALL, self._small)]
            else:
                outcome = attempt.outcome(rung, f"{decision.why}; {model.name}")
            rejected += attempt.rejected
            models += attempt.costs
            if attempt.spoken:
                self.pace.learn(model.name, attempt.spoke_at - attempt.began_at)
                outcome = attempt.outcome(rung, f"{decision.why}; {model.name}")
                if attempt.whole:
                    answer = Answer(tuple(attempt.spoken), rung)
                    self._remembered.put(question.text, passages, question.history, answer)
                break
            if own is not None:
                break  # the passage's own sentence is here: the caller need not wait for the large model
        if outcome.result is not Result.ANSWERED and own is not None:
            # No model found grounded words in time, but the passage has some of its own.
            outcome = self._extractive(decision, own, voice)
            outcome.why = f"{decision.why}; no model said it better"
        outcome.rejected, outcome.models = rejected, models
        return outcome

    def _as_before(self, known: Answer, decision: Decision, passages: Sequence[Passage], voice: Voice) -> Outcome:
        voice.mark("decided", self._clock.now())
        for sentence in known.sentences:
            voice.speak(sentence)
        why = f"{decision.why}; answered before, on the same evidence"
        return Outcome(Result.ANSWERED, known.rung, " ".join(known.sentences), tuple(passages[:1]), why)

    def _ladder(self, decision: Decision) -> list[tuple[Rung, LanguageModel]]:
        ladder: list[tuple[Rung, LanguageModel]] = [(Rung.SMALL, self._small)]
        if self._large is not None:
            ladder.append((Rung.LARGE, self._large))
            if decision.route is Route.LARGE:
                return ladder[1:]
        return ladder

    def _late(self, needs: float, budget: TurnBudget, now: float) -> bool:
        """Would the caller hear the model's first words later than silence is good for?"""
        limits = self._settings.budget
        return now + needs + limits.first_sound_s - budget.began > limits.filler_beyond_s

    async def _generate(
        self, model: LanguageModel, question: Question, attempt: Attempt, budget: TurnBudget, voice: Voice
    ) -> None:
        large = model is self._large
        request = self._prompts.answer(question.text, attempt.passages, question.history, strict=large)
        attempt.begin()
        stream = model.generate(replace(request, urgency=voice.urgency), deadline=budget.deadline)
        async for piece in stream:
            if isinstance(piece, Generation):
                attempt.finished(model.name, piece)
                return
            if not attempt.take(piece.text):
                await stream.aclose()  # type: ignore[attr-defined]
                return

    async def _again(
        self,
        work: Callable[[], Awaitable[T]],
        budget: TurnBudget,
        lost: Callable[[], bool],
        again: Callable[[], Awaitable[T]] | None = None,
    ) -> T:
        """``work``, and once more (as ``again``) if that may succeed, there is time, and ``lost`` wants it."""
        try:
            return await work()
        except WorkerError as error:
            left = budget.left(self._clock.now())
            if not error.retryable or left < self._settings.budget.small_needs_s or not lost():
                raise
        return await (again or work)()

    def _lost(self, budget: TurnBudget, voice: Voice, attempt: Attempt | None = None, *, alone: bool = True) -> bool:
        """A worker failed. Should it be asked again? If nobody else can answer, or if its answer has been begun.

        What takes its place is not there at once: the caller hears a filler now, not when the silence has become long.
        """
        begun = attempt is not None and bool(attempt.spoken)
        if not begun:
            now = self._clock.now()
            budget.expects("after a lost worker a second try", self._settings.budget.recovery_s, now)
            voice.mark("lost", now)
        return alone or begun


def _ground(evidence: Evidence) -> tuple[Passage, ...]:
    """What a model gets to read: the best passage and the next one of the same document."""
    best = evidence.passages[0]
    return tuple(one for one in evidence.passages[:4] if one.document_id == best.document_id)[:2]


def _decision_body(decision: Decision, evidence: Evidence, question: Question) -> dict[str, Any]:
    return {
        "rung": str(decision.route),
        "why": decision.why,
        "score": round(decision.score, 3),
        "margin": round(decision.margin, 3),
        "coverage": round(decision.coverage, 3),
        "confidence": round(question.confidence, 3),
        "passage_ids": [passage.passage_id for passage in evidence.passages[:3]],
        "documents": list(dict.fromkeys(passage.title for passage in evidence.passages[:3])),
        "degraded": evidence.degraded,
    }
