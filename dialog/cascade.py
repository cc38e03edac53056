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
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from typing import Any, TypeVar

from contracts.clock import Clock
from contracts.engines import Evidence, Generation, LanguageModel, Passage, Retriever
from contracts.errors import WorkerError
from contracts.events import EventKind, Rung
from dialog.budget import Step, TurnBudget
from dialog.extractive import Extract
from dialog.gate import GroundingGate
from dialog.intents import split_clauses
from dialog.prompts import NOT_IN_DOCUMENT, Prompts, without_preamble
from dialog.router import Decision, Route, Router
from dialog.settings import DialogSettings
from knowledge.passages import sentences

T = TypeVar("T")
Record = Callable[[EventKind, dict[str, Any]], None]
Speak = Callable[[str], None]
Mark = Callable[[str], None]


class Result(StrEnum):
    """How a question ended."""

    ANSWERED = "answered"
    REPEAT = "repeat"
    UNKNOWN = "unknown"
    NOT_GROUNDED = "not_grounded"
    TROUBLE = "trouble"
    TOO_SLOW = "too_slow"


@dataclass(slots=True)
class Outcome:
    """What was answered, from where, and why so."""

    result: Result
    rung: Rung
    text: str = ""
    passages: tuple[Passage, ...] = ()
    why: str = ""
    rejected: int = 0
    models: list[dict[str, Any]] = field(default_factory=list)
    topic: str = ""
    """Title of the document that the question is about; known even when its answer could not be given."""
    asked: str = ""
    """The question that was answered: the turn, or the one before and the turn."""


@dataclass(slots=True, frozen=True)
class Question:
    """A turn as the cascade sees it.

    ``before``: the question that this one may lean on, empty if it stands by itself; ``history``: lines for the prompt
    if it does lean on it.
    """

    text: str
    confidence: float
    before: str = ""
    history: tuple[str, ...] = ()


@dataclass(slots=True, frozen=True)
class Found:
    """Evidence, and the question that it is for: the turn alone, or with the one before it."""

    asked: str
    evidence: Evidence
    joined: bool = False


@dataclass(slots=True, frozen=True)
class Voice:
    """Where the cascade's words go: ``speak`` a sentence, ``mark`` a stage's end, ``record`` an event."""

    speak: Speak
    mark: Mark
    record: Record


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

    async def retrieve(self, question: Question) -> Found:
        """Evidence for a question. Raises WorkerError when the knowledge base cannot be asked."""
        deadline = self._clock.now() + self._settings.budget.retrieval_s
        limit = self._settings.passages
        alone = await self._search.search(question.text, limit=limit, deadline=deadline)
        if not question.before:
            return Found(question.text, alone)
        asked = f"{question.before} {question.text}"
        joined = await self._search.search(asked, limit=limit, deadline=deadline)
        if self._router.joins(question.text, alone, joined):
            return Found(asked, joined, joined=True)
        return Found(question.text, alone)

    async def answer(self, question: Question, budget: TurnBudget, voice: Voice, found: Found | None = None) -> Outcome:
        """Answer, sentence by sentence, through ``voice``. ``found``: if it was already fetched for these words."""
        if found is None:
            try:
                found = await self._again(lambda: self.retrieve(question), budget)
            except WorkerError as error:
                return Outcome(Result.TROUBLE, Rung.PREPARED, why=f"knowledge base: {type(error).__name__}")
        voice.mark("retrieved")
        # A small model mixes what was said before into an answer that does not need it ("Linda's branch hours …").
        question = replace(question, text=found.asked, history=question.history if found.joined else ())
        outcome = await self._route(question, found.evidence, budget, voice)
        outcome.asked = found.asked
        return outcome

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
                found = (await self.retrieve(alone)).evidence
            except WorkerError:
                break
            verdict = self._router.decide(part, found, question.confidence)
            if verdict.route is not Route.UNKNOWN and verdict.score > (best[0].score if best[0] is not decision else 0):
                best = (verdict, found)
        return best

    def _extractive(self, decision: Decision, extract: Extract, voice: Voice) -> Outcome:
        voice.mark("decided")
        for sentence in sentences(extract.text):
            voice.speak(sentence)
        return Outcome(Result.ANSWERED, Rung.EXTRACTIVE, extract.text, (extract.passage,), decision.why)

    async def _models(
        self, question: Question, decision: Decision, evidence: Evidence, budget: TurnBudget, voice: Voice
    ) -> Outcome:
        """Small, then large; each with one retry; the last word is what the gate let through."""
        voice.mark("decided")
        ladder: list[tuple[Rung, LanguageModel]] = [(Rung.SMALL, self._small)]
        if self._large is not None:
            ladder.append((Rung.LARGE, self._large))
        if decision.route is Route.LARGE and self._large is not None:
            ladder = [ladder[1]]
        outcome = Outcome(Result.TOO_SLOW, Rung.PREPARED, why="no time for a model")
        models: list[dict[str, Any]] = []
        rejected = 0
        for rung, model in ladder:
            now = self._clock.now()
            step = budget.may_begin_large(now) if rung is Rung.LARGE else budget.may_begin_small(now)
            if step is not Step.GO_ON:
                break
            passages = _ground(evidence)
            attempt = _Attempt(self._gate, question.text, passages, voice)
            try:
                await self._again(partial(self._generate, model, question, attempt, budget), budget)
            except WorkerError as error:
                outcome = Outcome(Result.TROUBLE, rung, why=f"{model.name}: {type(error).__name__}")
            else:
                outcome = attempt.outcome(rung, f"{decision.why}; {model.name}")
            rejected += attempt.rejected
            models += attempt.costs
            if decision.sure and decision.extract is not None and not attempt.spoken:
                break  # the passage's own sentence is here: the caller need not wait for the large model
            if attempt.spoken:
                outcome = attempt.outcome(rung, f"{decision.why}; {model.name}")
                break
        if outcome.result is not Result.ANSWERED and decision.extract is not None and decision.sure:
            # No model found grounded words, but the passage has some of its own.
            outcome = self._extractive(decision, decision.extract, voice)
            outcome.why = f"{decision.why}; no model said it better"
        outcome.rejected, outcome.models = rejected, models
        return outcome

    async def _generate(self, model: LanguageModel, question: Question, attempt: _Attempt, budget: TurnBudget) -> None:
        large = model is self._large
        request = self._prompts.answer(question.text, attempt.passages, question.history, strict=large)
        attempt.begin()
        stream = model.generate(request, deadline=budget.deadline)
        async for piece in stream:
            if isinstance(piece, Generation):
                attempt.finished(model.name, piece)
                return
            if not attempt.take(piece.text):
                await stream.aclose()  # type: ignore[attr-defined]
                return

    async def _again(self, work: Callable[[], Awaitable[T]], budget: TurnBudget) -> T:
        """``work``, and once more if what failed may succeed and there is time."""
        try:
            return await work()
        except WorkerError as error:
            if not error.retryable or budget.left(self._clock.now()) < self._settings.budget.small_needs_s:
                raise
        return await work()


class _Attempt:
    """One model's answer as it grows: whole sentences go through the gate and are spoken; the rest waits."""

    def __init__(self, gate: GroundingGate, question: str, passages: Sequence[Passage], voice: Voice) -> None:
        self._gate = gate
        self._question = question
        self.passages = tuple(passages)
        self._voice = voice
        self._buffer = ""
        self._first = True
        self.spoken: list[str] = []
        self.rejected = 0
        self.declined = False
        self.costs: list[dict[str, Any]] = []

    def begin(self) -> None:
        """From the start, perhaps for the second time: what was spoken is not spoken again."""
        self._buffer = ""

    def take(self, text: str) -> bool:
        """More text; False when no more is wanted."""
        if self._first and text.strip():
            self._first = False
            self._voice.mark("first_token")
        self._buffer += text
        *whole, rest = sentences(self._buffer) or [""]
        if whole and len(whole) + len(self.spoken) >= 1:
            self._buffer = self._buffer[self._buffer.rindex(rest) :]  # with its trailing space
            return all(self._sentence(sentence) for sentence in whole)
        return not self._says_not_there()

    def finished(self, name: str, cost: Generation) -> None:
        """The model stopped by itself; what is left is a sentence if it ends like one."""
        self.costs.append(
            {
                "model": name,
                "prompt_tokens": cost.prompt_tokens,
                "cached_tokens": cost.cached_tokens,
                "generated_tokens": cost.generated_tokens,
                "first_token_s": round(cost.first_token_s, 4),
                "total_s": round(cost.total_s, 4),
            }
        )
        rest, self._buffer = self._buffer.strip(), ""
        if rest and (cost.stop != "length" or not self.spoken):
            self._sentence(rest)

    def _sentence(self, sentence: str) -> bool:
        sentence = without_preamble(sentence)
        if NOT_IN_DOCUMENT.lower() in sentence.lower():
            self.declined = True
            return False
        if sentence in self.spoken:
            return True
        verdict = self._gate.judge(sentence, self.passages, self._question)
        if verdict.passed:
            self.spoken.append(sentence)
            self._voice.speak(sentence)
            return len(self.spoken) < 3
        self.rejected += 1
        self._voice.record(
            EventKind.GATE_REJECTED,
            {
                "sentence": sentence,
                "passage_id": self.passages[0].passage_id if self.passages else "",
                "unsupported": list(verdict.unsupported),
            },
        )
        return False

    def _says_not_there(self) -> bool:
        if NOT_IN_DOCUMENT.lower() in self._buffer.lower():
            self.declined = True
        return self.declined

    def outcome(self, rung: Rung, why: str) -> Outcome:
        """What came of it."""
        if self.spoken:
            return Outcome(Result.ANSWERED, rung, " ".join(self.spoken), self.passages[:1], why)
        if self.rejected:
            return Outcome(Result.NOT_GROUNDED, rung, why=f"{why}: gate rejected")
        return Outcome(Result.UNKNOWN, rung, why=f"{why}: the model found no answer in the documents")


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
