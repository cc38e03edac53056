"""The cascade: from a question to spoken sentences by the cheapest rung that can stand behind them.

::

    retrieve ─► router ─┬─► extractive ──────────────────────────────┐
                        ├─► small model ─► gate ─► sentence ─► mouth │ Outcome
                        │       └ nothing passes / NOT IN DOCUMENT   │
                        ├─► large model ─► gate ─► sentence ─► mouth │
                        └─► unknown: say so, offer a person ─────────┘

Nothing a model wrote is heard before the gate has passed it. Nobody waits for a lost worker while another rung can
answer sooner (dialog/ladder.py); what cannot be answered ends in an Outcome, never in an exception.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import replace
from typing import Any

from contracts.clock import Clock
from contracts.engines import Evidence, Generation, LanguageModel, Passage, Retriever
from contracts.errors import WorkerError
from contracts.events import EventKind, Rung
from contracts.worker import AllPresent, Presence
from dialog.attempt import Attempt
from dialog.budget import Step, TurnBudget
from dialog.extractive import Extract
from dialog.gate import GroundingGate
from dialog.ground import ground_of, leading
from dialog.intents import split_clauses
from dialog.ladder import Ladder, lost_since
from dialog.outcome import Found, Outcome, Question, Result, Voice
from dialog.pace import Pace
from dialog.prompts import Prompts
from dialog.rehearing import Rehearing
from dialog.remembered import Answer, LookedUp, Remembered
from dialog.router import Decision, Route, Router, Weighed, decision_body
from dialog.settings import DialogSettings
from knowledge.passages import sentences

KNOWLEDGE = "knowledge"
"""The knowledge base's worker; the models' are named as their rungs."""


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
        presence: Presence | None = None,
        rehearing: Rehearing | None = None,
    ) -> None:
        self.presence = presence or AllPresent()
        self._settings = settings
        self._router = router
        self._gate = gate
        self._prompts = prompts
        self._search = search
        self._rehearing = rehearing
        self._models_by_rung = {Rung.SMALL: small} | ({Rung.LARGE: large} if large is not None else {})
        self.workers = (KNOWLEDGE, *map(str, self._models_by_rung))
        self._clock = clock
        first = {small.name: settings.budget.small_needs_s}
        if large is not None:
            first[large.name] = settings.budget.large_needs_s
        self.pace = Pace(first)
        names = [(rung, one.name) for rung, one in self._models_by_rung.items()]
        self._ladder = Ladder(names, self.pace, self.presence)
        self._remembered = Remembered(settings.remembered_answers)
        self._looked_up = LookedUp(settings.remembered_answers, settings.found_kept_s)

    def poorly_understood(self, confidence: float) -> bool:
        """Recognition confidence 0..1: too low to rely on?"""
        return self._router.poor(confidence)

    async def retrieve(self, question: Question, patience_s: float = 0.0, release: str = "") -> Found:
        """Evidence for a question, of the live ``release`` or a certain one; ``patience_s`` if not the usual.

        Raises WorkerError if the base cannot be asked.
        """
        deadline = self._clock.now() + (patience_s or self._settings.budget.retrieval_s)

        async def search(text: str, release: str) -> Evidence:
            return await self._search.search(
                text,
                limit=self._settings.passages,
                deadline=deadline,
                release=release,
                talk=question.talk,
                readings=question.readings,
            )

        alone = await search(question.text, release)
        said = self._router.understood(question.text, alone, question.words)
        if said != question.text:
            alone = await search(said, alone.release)
        alone = self._router.ranked(said, alone)
        found = Found(said, alone)
        if question.before:
            asked = f"{question.before} {said}"
            joined = await search(asked, alone.release)
            joined = self._router.ranked(asked, joined)
            if self._router.joins(said, alone, joined):
                found = Found(asked, joined, joined=True)
        if question.meant is not None:
            found = replace(found, evidence=leading(found.evidence, question.meant.document_id))
        if self._rehearing is not None and not found.joined:
            found = await self._rehearing.found(question, found, self._router, search, deadline)
        if not release:
            self._looked_up.put(question, found, self._clock.now())
        return found

    async def suggest(
        self, question: Question, patience_s: float, most: int, *, weak: bool = False
    ) -> tuple[Found, list[Weighed]]:
        """What of the evidence is worth showing to a person; ``weak``: all of it. Raises WorkerError."""
        found = await self.retrieve(question, patience_s)
        return found, self._router.best_of(found.asked, found.evidence, most, weak=weak)

    async def answer(self, question: Question, budget: TurnBudget, voice: Voice, found: Found | None = None) -> Outcome:
        """Answer, sentence by sentence, through ``voice``. ``found``: if it was already fetched for these words."""
        if found is None:
            try:
                found = await self._look_up(question, budget, voice)
            except WorkerError as error:
                return Outcome(Result.TROUBLE, Rung.PREPARED, why=f"knowledge base: {type(error).__name__}")
        voice.mark("retrieved", self._clock.now())
        # A small model mixes what was said before into an answer that does not need it ("Linda's branch hours …").
        said = question.text
        question = replace(question, text=found.asked, history=question.history if found.joined else ())
        outcome = await self._route(question, found.evidence, budget, voice)
        outcome.asked = found.asked if found.joined else said
        return outcome

    async def answer_from(
        self, passage: Passage, why: str, question: Question, budget: TurnBudget, voice: Voice
    ) -> Outcome:
        """As ``answer``, from a passage that a person chose: if no model says it well, its own sentences are said."""
        voice.mark("retrieved", self._clock.now())
        evidence, decision = Evidence(question.text, (passage,)), self._router.bound(question.text, passage, why)
        voice.record(EventKind.CASCADE_DECIDED, decision_body(decision, evidence, question))
        if decision.route is Route.EXTRACTIVE and decision.extract is not None:
            outcome = self._extractive(decision, decision.extract, voice)
        else:
            outcome = await self._models(question, decision, evidence, budget, voice)
        outcome.topic = passage.title
        return outcome

    async def _look_up(self, question: Question, budget: TurnBudget, voice: Voice) -> Found:
        """Evidence; if the base's worker is lost: what was found lately, else a filler at once, then its replacement.

        Raises WorkerError.
        """
        limits = self._settings.budget
        if self.presence.absence(KNOWLEDGE) is None:
            try:
                return await self.retrieve(question)
            except WorkerError as error:
                if not error.retryable or budget.left(self._clock.now()) < limits.small_needs_s:
                    raise
        now = self._clock.now()
        known = self._looked_up.get(question, now)
        if known is not None:
            budget.instead(f"{KNOWLEDGE} is lost; this was looked up a moment ago", now)
            return known
        absence = self.presence.absence(KNOWLEDGE)
        wait_s = absence.wait_s(now) if absence is not None else limits.recovery_s
        self._miss(KNOWLEDGE, wait_s + limits.small_needs_s, budget, voice)
        return await self.retrieve(question, limits.recovery_s)

    def _miss(self, what: str, seconds: float, budget: TurnBudget, voice: Voice) -> None:
        """A worker is lost; the caller hears a filler now, not when the silence has become long."""
        now = self._clock.now()
        budget.lost(what, seconds + self._settings.budget.first_sound_s, now, lost_since(self.presence, what))
        voice.mark("lost", now)

    async def prepare(self, question: Question, found: Found) -> str:
        """What may be done for a question whose last words are still being said.

        The first sentence of an answer that needs no model; or "", and the model that will be asked has read all of
        its prompt but the question. Raises WorkerError when it cannot be asked.
        """
        decision = self._router.decide(found.asked, found.evidence, 1.0)
        if (choice := self._router.choice(found.asked, found.evidence, decision, question.settled)) is not None:
            return choice.sentence if choice.told(question.subject) is None else ""
        match decision.route:
            case Route.EXTRACTIVE if decision.extract is not None:
                return next(iter(sentences(decision.extract.text)), "")
            case Route.SMALL | Route.LARGE:
                now = self._clock.now()
                rung = self._ladder.climb(self._usual(decision), now)[0][0]
                model = self._models_by_rung[rung]
                history = question.history if found.joined else ()
                known = self._remembered.get(found.asked, ground_of(found.evidence), history)
                if known is not None:
                    return known.sentences[0]
                if self._ladder.candidate(rung, now).away_s:
                    return ""
                ground, large = ground_of(found.evidence), rung is Rung.LARGE
                prompt = self._prompts.beginning(ground, history, found.asked, strict=large)
                await model.prefill(prompt, deadline=now + self._settings.budget.turn_deadline_s)
        return ""

    async def read(self, text: str, known: Container[tuple[str, ...]]) -> tuple[str, ...]:
        """Have the small model read what it would be given for a question, so that it need not when one is asked.

        The passages' ids; none is read if there is no evidence, or these passages are ``known``. Raises WorkerError.
        """
        evidence = (await self.retrieve(Question(text, 1.0))).evidence
        if not evidence.passages:
            return ()
        ground = ground_of(evidence)
        ids = tuple(one.passage_id for one in ground)
        if ids not in known:
            deadline = self._clock.now() + self._settings.budget.turn_deadline_s
            await self._models_by_rung[Rung.SMALL].prefill(self._prompts.beginning(ground), deadline=deadline)
        return ids

    async def _route(self, question: Question, evidence: Evidence, budget: TurnBudget, voice: Voice) -> Outcome:
        decision = self._router.decide(question.text, evidence, question.confidence)
        choice = self._router.choice(question.text, evidence, decision, question.settled)
        if choice is not None and (told := choice.told(question.subject)) is not None:
            question = replace(question, text=choice.meaning(told), meant=told, subject="")
            return await self._route(question, leading(evidence, told.document_id), budget, voice)
        if choice is not None:
            body = decision_body(decision, evidence, question)
            body |= {"rung": str(Result.CLARIFY), "readings": [one.name for one in choice.readings]}
            voice.record(EventKind.CASCADE_DECIDED, body)
            why = f"two readings; {decision.why}"
            return Outcome(Result.CLARIFY, Rung.PREPARED, choice.sentence, why=why, choice=choice)
        if decision.route is Route.UNKNOWN:
            decision, evidence = await self._by_clause(question, decision, evidence)
        voice.record(EventKind.CASCADE_DECIDED, decision_body(decision, evidence, question))
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
            alone = replace(question, text=part, before="", readings=(), sound="")
            try:
                found = await self.retrieve(alone, release=evidence.release)
            except WorkerError:
                break
            verdict = self._router.decide(found.asked, found.evidence, question.confidence)
            if verdict.route is not Route.UNKNOWN and verdict.score > (best[0].score if best[0] is not decision else 0):
                best = (verdict, found.evidence)
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
        passages = ground_of(evidence)
        known = self._remembered.get(question.text, passages, question.history)
        if known is not None:
            return self._as_before(known, decision, passages, voice)
        now = self._clock.now()
        ladder, why = self._ladder.climb(self._usual(decision), now)
        if why:
            budget.instead(why, now)
            self._miss(str(self._usual(decision)[0]), self._ladder.candidate(ladder[0], now).needs_s, budget, voice)
        outcome = Outcome(Result.TOO_SLOW, Rung.PREPARED, why="no time for a model")
        models: list[dict[str, Any]] = []
        rejected, rescued = 0, False
        own = decision.extract if decision.sure else None
        while ladder:
            rung, *ladder = ladder
            if not self._begin(rung, own, budget, voice):
                break
            model = self._models_by_rung[rung]
            attempt = Attempt(self._gate, question.text, passages, voice, self._clock)
            try:
                await self._ask(rung, question, attempt, budget, voice)
                outcome = attempt.outcome(rung, f"{decision.why}; {model.name}")
            except WorkerError as error:
                outcome = Outcome(Result.TROUBLE, rung, why=f"{model.name}: {type(error).__name__}")
                if not (rescued or attempt.spoken or own):
                    rescued, ladder = True, self._rescue(rung, error, ladder, budget)
            rejected += attempt.rejected
            models += attempt.costs
            if attempt.spoken:
                if not budget.bereft:  # else some of it was waiting for a worker
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

    def _begin(self, rung: Rung, own: Extract | None, budget: TurnBudget, voice: Voice) -> bool:
        """Is there time to ask that model? Then the budget knows what to expect."""
        now, limits = self._clock.now(), self._settings.budget
        candidate, name = self._ladder.candidate(rung, now), self._models_by_rung[rung].name
        needs = candidate.needs_s
        if own is not None and self._late(needs, budget, now):
            budget.cheaper(f"{name} needs {needs:.1f} s; the passage has a sentence of its own", now)
            return False
        if candidate.away_s:
            self._miss(str(rung), needs, budget, voice)
        else:
            budget.expects(name, needs + limits.first_sound_s, now)
        if budget.may_begin(name, needs, now, Step.CHEAPER if own else Step.OFFER_PERSON) is not Step.GO_ON:
            return False
        voice.mark("decided", now)
        return True

    def _rescue(self, failed: Rung, error: WorkerError, rest: list[Rung], budget: TurnBudget) -> list[Rung]:
        """A model failed before it said anything: who is asked now, once, and after that."""
        now = self._clock.now()
        candidate = self._ladder.rescue(failed, error.retryable, now)
        if candidate is None:
            return rest
        budget.instead(f"{failed}: {type(error).__name__}; {candidate.told}", now)
        if error.retryable:
            needs_s = candidate.needs_s + self._settings.budget.first_sound_s
            budget.lost(str(failed), needs_s, now, lost_since(self.presence, str(failed)))
        return [candidate.rung, *(rung for rung in rest if rung is not candidate.rung)]

    def _as_before(self, known: Answer, decision: Decision, passages: Sequence[Passage], voice: Voice) -> Outcome:
        voice.mark("decided", self._clock.now())
        for sentence in known.sentences:
            voice.speak(sentence)
        why = f"{decision.why}; answered before, on the same evidence"
        return Outcome(Result.ANSWERED, known.rung, " ".join(known.sentences), tuple(passages[:1]), why)

    def _usual(self, decision: Decision) -> list[Rung]:
        """Who is asked while all are there."""
        rungs = list(self._models_by_rung)
        return rungs[-1:] if decision.route is Route.LARGE else rungs

    def _late(self, needs: float, budget: TurnBudget, now: float) -> bool:
        """Would the caller hear the model's first words later than silence is good for?"""
        limits = self._settings.budget
        return now + needs + limits.first_sound_s - budget.began > limits.filler_beyond_s

    async def _ask(self, rung: Rung, question: Question, attempt: Attempt, budget: TurnBudget, voice: Voice) -> None:
        """The model's answer; one that had begun to speak as it was lost is asked to go on, if there is time."""
        try:
            await self._generate(rung, question, attempt, budget, voice)
        except WorkerError as error:
            now = self._clock.now()
            candidate = self._ladder.candidate(rung, now)
            if not error.retryable or not attempt.spoken or budget.left(now) < candidate.needs_s:
                raise
            budget.instead(f"{type(error).__name__} in mid-answer; {candidate.told}", now)
            await self._generate(rung, question, attempt, budget, voice)

    async def _generate(
        self, rung: Rung, question: Question, attempt: Attempt, budget: TurnBudget, voice: Voice
    ) -> None:
        model, large = self._models_by_rung[rung], rung is Rung.LARGE
        request = self._prompts.answer(question.text, attempt.passages, question.history, strict=large)
        attempt.begin()
        stream = model.generate(replace(request, urgency=voice.urgency), deadline=budget.deadline)
        async for piece in stream:
            if isinstance(piece, Generation):
                attempt.finished(model.name, piece)
                return
            budget.writing()
            if not attempt.take(piece.text):
                await stream.aclose()  # type: ignore[attr-defined]
                return
