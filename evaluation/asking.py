"""The cascade with its real models, asked one question at a time, without a call around it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from contracts.clock import Clock, MonotonicClock
from contracts.configfile import load_yaml
from contracts.engines import Evidence, Generation, GenerationRequest, LanguageModel, Rereader, Resemblance, Token
from contracts.errors import EngineFailed
from contracts.events import EventKind
from dialog.budget import TurnBudget
from dialog.cascade import Cascade
from dialog.gate import GroundingGate
from dialog.outcome import Outcome, Question, Result, Voice
from dialog.prompts import Prompts
from dialog.rehearing import Rehearing
from dialog.router import Decision, Route, Router
from dialog.settings import BudgetSettings, CascadeFile, DialogSettings
from workers.clients import LlamaModel
from workers.manifest import ModelStore, load_manifest
from workers.pool import WorkerPool
from workers.settings import EngineSettings, WorkerSettings, WorkersSettings

ROOT = Path(__file__).parents[1]
CASCADE = ROOT / "configs" / "cascade.yaml"
NAME = "the bank"
MODELS = {"small": "qwen-0.5b", "large": "qwen-1.5b"}
"""What a fresh installation runs."""
PATIENCE_S = 120.0
"""Quality is measured here, not time: a slow machine changes no answer."""
CONFIDENCE = 0.9
"""Of the recognition of a typed question."""


@dataclass(slots=True, frozen=True)
class Reply:
    """What a caller would have heard. ``model_s``: seconds that language models worked on it; ``asked``: which."""

    outcome: Outcome
    spoken: tuple[str, ...]
    model_s: float
    asked: tuple[str, ...]
    events: tuple[tuple[EventKind, dict[str, Any]], ...] = ()

    @property
    def answered(self) -> bool:
        """Was anything said of the matter? Otherwise: "I don't know that" and the offer of a person."""
        return self.outcome.result is Result.ANSWERED


@dataclass(slots=True)
class _Timed:
    """A language model that counts the seconds it works."""

    model: LanguageModel
    name: str
    spent_s: float = 0.0
    asked: list[str] = field(default_factory=list)

    async def generate(self, request: GenerationRequest, *, deadline: float) -> AsyncIterator[Token | Generation]:
        self.asked.append(self.name)
        begun = time.monotonic()
        try:
            async for piece in self.model.generate(request, deadline=deadline):
                yield piece
        finally:
            self.spent_s += time.monotonic() - begun

    async def prefill(self, prompt: str, *, deadline: float) -> None:
        await self.model.prefill(prompt, deadline=deadline)


class Searches(Protocol):
    """What is asked for evidence: a base in this process, or one release of it."""

    def search(
        self, query_text: str, *, limit: int, release: str = "", talk: Sequence[str] = (), readings: Sequence[str] = ()
    ) -> Evidence:
        """As KnowledgeBase.search."""
        ...

    def resembling(self, text: str, release: str = "") -> Sequence[Resemblance]:
        """As KnowledgeBase.resembling."""
        ...


@dataclass(slots=True, frozen=True)
class _Searched:
    """contracts.engines.Retriever and NameFinder on a base in this process."""

    base: Searches

    async def search(
        self, query: str, *, limit: int, deadline: float, release: str = "", talk: Sequence[str] = (),
        readings: Sequence[str] = (),
    ) -> Evidence:  # fmt: skip
        return self.base.search(query, limit=limit, release=release, talk=talk, readings=readings)

    async def resembling(self, text: str, *, release: str, deadline: float) -> tuple[Resemblance, ...]:
        return tuple(self.base.resembling(text, release))


class LargeOnly(Router):
    """The same evidence and the same gate, but the large model words every answer."""

    def decide(self, question: str, evidence: Evidence, confidence: float) -> Decision:
        """See Router.decide."""
        decision = super().decide(question, evidence, confidence)
        if decision.route in (Route.EXTRACTIVE, Route.SMALL):
            return replace(decision, route=Route.LARGE, extract=None, sure=False, why="the large model answers all")
        return decision


class Cascades:
    """Puts questions through whole cascades with these models, one question after the other."""

    def __init__(
        self,
        settings: DialogSettings,
        prompts: Prompts,
        small: LanguageModel,
        large: LanguageModel | None,
        clock: Clock,
    ) -> None:
        self.settings = settings
        self.prompts = prompts
        self.clock = clock
        self.small = _Timed(small, "small")
        self.large = _Timed(large, "large") if large is not None else None
        self.rereader: Rereader | None = None
        """Who has heard the questions; None: they are typed."""

    async def ask(
        self,
        asked: str | Question,
        base: Searches,
        thresholds: CascadeFile,
        router: type[Router] = Router,
    ) -> Reply:
        """The whole cascade for one question, typed or heard. Raises WorkerError if a worker cannot be had at all."""
        question = Question(asked, CONFIDENCE) if isinstance(asked, str) else asked
        searched = _Searched(base)
        rehearing = Rehearing(searched, self.rereader, thresholds.rehearing) if self.rereader is not None else None
        gate = GroundingGate(thresholds)
        cascade = Cascade(
            self.settings, router(thresholds, gate), gate, self.prompts, searched, self.small, self.large, self.clock,
            rehearing=rehearing,
        )  # fmt: skip
        spoken: list[str] = []
        events: list[tuple[EventKind, dict[str, Any]]] = []
        voice = Voice(spoken.append, lambda stage, at: None, lambda kind, body: events.append((kind, body)))
        models = [one for one in (self.small, self.large) if one is not None]
        for model in models:
            model.spent_s = 0.0
            model.asked.clear()
        outcome = await cascade.answer(question, TurnBudget(self.settings.budget, self.clock.now()), voice)
        spent_s = sum(model.spent_s for model in models)
        who = tuple(name for model in models for name in model.asked)
        return Reply(outcome, tuple(spoken), spent_s, who, tuple(events))


class Models(Cascades):
    """The worker processes with both language models; shared by any number of cascades, one after the other.

    ``files``: rung → model file; without them those of a fresh installation, in ``folder``. ``large`` may be missing.
    ``name``: who answers.
    """

    def __init__(self, folder: Path, work: Path, files: Mapping[str, Path] | None = None, name: str = NAME) -> None:
        settings = patient()
        prompts = Prompts(ROOT / settings.prompts, name, settings)
        if files is None:
            store = ModelStore(load_manifest(ROOT / "configs" / "models.yaml"), folder)
            files = {rung: store.path(model, "model.gguf") for rung, model in MODELS.items()}
        engines = {
            rung: EngineSettings(
                name=rung,
                engine="workers.engines.llama:LlamaEngine",
                options={
                    "path": str(file),
                    "n_ctx": 4096,
                    "prefixes": {"system": prompts.prefixes[rung]},
                    "state_dir": str(work / "kv"),
                },
            )
            for rung, file in files.items()
        }
        workers = tuple(WorkerSettings(name=rung, threads=2, engines=(one,)) for rung, one in engines.items())
        clock = MonotonicClock()
        self.pool = WorkerPool(WorkersSettings(workers=workers), clock=clock)
        large = LlamaModel(self.pool, "large") if "large" in engines else None
        super().__init__(settings, prompts, LlamaModel(self.pool, "small"), large, clock)

    async def __aenter__(self) -> Self:
        await self.pool.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.pool.close()


class WithoutModels(Cascades):
    """No language model is asked: what would be handed to one ends in trouble, and its reply says that it was."""

    def __init__(self) -> None:
        settings = patient()
        super().__init__(settings, Prompts(ROOT / settings.prompts, NAME, settings), _Nobody(), None, MonotonicClock())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


class _Nobody:
    """A language model that is not there."""

    name = "nobody"

    async def generate(self, request: GenerationRequest, *, deadline: float) -> AsyncIterator[Token | Generation]:
        raise EngineFailed("no language model is asked here")
        yield  # makes it a generator

    async def prefill(self, prompt: str, *, deadline: float) -> None:
        pass


def patient() -> DialogSettings:
    """Settings under which nothing is too slow, and no answer is remembered."""
    budget = BudgetSettings(turn_deadline_s=PATIENCE_S, retrieval_s=PATIENCE_S)
    return DialogSettings(budget=budget, remembered_answers=0)


def shipped() -> CascadeFile:
    """The thresholds as they stand in configs/cascade.yaml."""
    return load_yaml(CASCADE, CascadeFile)


def without_model(reply: Reply) -> bool:
    """Was it dealt with by words that stand in a document, or by the offer of a person, with no model asked?"""
    return not reply.asked
