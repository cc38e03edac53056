"""Puts the rooms together for one configuration: workers, voice, dialog. No network, no calls yet."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from contracts.clock import Clock
from contracts.configfile import load_yaml
from contracts.dialling import Dialler
from contracts.errors import ConfigError, WorkerError
from contracts.events import EventSink
from contracts.switch import Switch
from contracts.worker import Priority
from dialog.cascade import Cascade
from dialog.gate import GroundingGate
from dialog.lines import Lines
from dialog.ports import HandoffStore, TicketStore
from dialog.prompts import Prompts
from dialog.rehearing import Rehearing
from dialog.risks import Risks
from dialog.router import Router
from dialog.scoping import Topics
from dialog.services import DialogServices
from dialog.settings import CascadeFile
from dialog.topics import TopicModel, load_topics
from dialog.waitingline import WaitingLine
from escalation.hours import unknown as unknown_hours
from escalation.plan import Plans
from escalation.risk import RiskFile
from escalation.rules import RuleBook
from knowledge.client import KnowledgeClient
from server.asking import Asking
from server.engines import store_of, workers_of
from server.settings import OperatorSettings, project_path
from server.tools import make_counter
from voice import holdmusic
from voice.bystander import bystander_ear
from voice.clauses import split
from voice.mouth import Mouth
from voice.phrases import PhraseCache
from voice.vad import SileroModel
from workers.clients import LlamaModel, PiperSynthesiser, SmartTurnJudge, WhisperRecogniser
from workers.pool import PoolEvent, WorkerPool

log = structlog.get_logger()
WARM_S = 60.0
TOPICS = "topics.yaml"
"""In the home folder: where `callwright cascade topics` puts what it fitted."""


@dataclass(slots=True)
class Engines:
    """The models and what asks them; shared by all calls."""

    pool: WorkerPool
    vad: SileroModel
    recogniser: WhisperRecogniser
    judge: SmartTurnJudge
    synthesiser: PiperSynthesiser
    small: LlamaModel
    large: LlamaModel | None
    knowledge: KnowledgeClient
    phrases: PhraseCache


def make_engines(
    settings: OperatorSettings, prompts: Prompts, clock: Clock, on_event: Callable[[PoolEvent], None]
) -> Engines:
    """Not started. Raises ConfigError or ModelFileError."""
    choice = settings.engines
    store = store_of(choice, settings.models_dir, project_path(choice.manifest))
    cascade = project_path(settings.dialog.cascade)
    workers = workers_of(choice, store, settings.home_dir, settings.knowledge, prompts.prefixes, cascade, settings.name)
    pool = WorkerPool(workers, on_event=on_event, clock=clock)
    phrases = settings.voice.phrases.model_copy(update={"directory": settings.home_dir / "phrases"})
    return Engines(
        pool=pool,
        vad=SileroModel(store.path(choice.vad, "model.onnx")),
        recogniser=WhisperRecogniser(pool),
        judge=SmartTurnJudge(pool),
        synthesiser=PiperSynthesiser(pool),
        small=LlamaModel(pool, "small", choice.small),
        large=LlamaModel(pool, "large", choice.large) if choice.large else None,
        knowledge=KnowledgeClient(pool, clock=clock),
        phrases=PhraseCache(phrases, choice.voice),
    )


def make_prompts(settings: OperatorSettings) -> Prompts:
    """Raises ConfigError."""
    return Prompts(project_path(settings.dialog.prompts), settings.name, settings.dialog)


def make_dialog(
    settings: OperatorSettings,
    engines: Engines,
    prompts: Prompts,
    sink: EventSink,
    handoffs: HandoffStore,
    clock: Clock,
    switch: Switch,
    dialler: Dialler | None = None,
) -> DialogServices:
    """The conversation's shared parts. Raises ConfigError for rules, lines, thresholds or targets that do not fit."""
    files = settings.dialog
    rules_path = project_path(settings.escalation.rules)
    lines_path = project_path(files.lines)
    cascade_path = project_path(files.cascade)
    thresholds = load_yaml(cascade_path, CascadeFile)
    rules = RuleBook.load(rules_path)
    check_targets(rules, settings, rules_path)
    gate = GroundingGate(thresholds)
    cascade = Cascade(
        files, Router(thresholds, gate), gate, prompts, engines.knowledge, engines.small, engines.large, clock,
        presence=engines.pool,
        rehearing=Rehearing(engines.knowledge, engines.recogniser, thresholds.rehearing),
    )  # fmt: skip
    risk_path = None if settings.escalation.risk is None else project_path(settings.escalation.risk)
    risks = None
    if risk_path is not None:
        risks = Risks(load_yaml(risk_path, RiskFile), engines.pool, clock, settings.escalation.risk_wait_s)
    topics_path = topics_file(settings)
    topics = None
    if topics_path is not None:
        topics = Topics(load_fitted(topics_path, settings.knowledge.model), engines.pool, clock, files.topics)
    paths = (rules_path, risk_path, lines_path, cascade_path, topics_path)
    read = [path for path in paths if path is not None]
    tools = settings.tools
    if tools.enabled:
        read += [project_path(path) for path in (tools.openapi, tools.tasks) if path is not None]
    unhurried = engines.recogniser.at(Priority.PARTIAL_RECOGNITION)
    return DialogServices(
        settings=files,
        escalation=settings.escalation,
        cascade=cascade,
        rules=rules,
        lines=Lines.load(lines_path, settings.name),
        sink=sink,
        handoffs=handoffs,
        clock=clock,
        clauses=settings.voice.mouth.clauses,
        config_digest=settings.digest(*read, *prompts.files),
        plans=Plans(files.targets, settings.escalation.trunks, settings.escalation.hours),
        switch=switch,
        risks=risks,
        topics=topics,
        counter=make_counter(tools),
        dialler=dialler,
        slow_voice=PiperSynthesiser(engines.pool, length_scale=settings.voice.mouth.slow_scale),
        person_voice=lambda: Mouth(settings.voice, engines.synthesiser, clock, phrase_cache=engines.phrases),
        person_ear=lambda emit: bystander_ear(settings.voice, engines.vad, unhurried, clock, emit),
    )


def topics_file(settings: OperatorSettings) -> Path | None:
    """What was fitted for live calls; None if nothing was, or it is off."""
    wanted = settings.dialog.topics
    if not wanted.enabled:
        return None
    if wanted.file is not None:
        return project_path(wanted.file)
    usual = settings.home_dir / TOPICS
    return usual if usual.is_file() else None


def load_fitted(path: Path, embedder: str) -> TopicModel:
    """Raises ConfigError for a damaged file, or one that was fitted with another embedder."""
    model, record = load_topics(path)
    if record.embedder != embedder:
        raise ConfigError(
            f"{path}: fitted with {record.embedder}, but the knowledge base embeds with {embedder};"
            " run `callwright cascade topics` again"
        )
    return model


async def make_line(settings: OperatorSettings, clock: Clock, sink: EventSink, tickets: TicketStore) -> WaitingLine:
    """The queue for people at the desk, with its music. Raises ConfigError for a file that is none."""
    queue = settings.escalation.queue
    if queue.music is None:
        music = await asyncio.to_thread(holdmusic.made, queue.music_db)
    else:
        music = await asyncio.to_thread(holdmusic.load, project_path(queue.music), queue.music_db)
    return WaitingLine(queue, clock, sink, tickets, music, settings.escalation.hours)


def make_asking(settings: OperatorSettings, engines: Engines, prompts: Prompts, clock: Clock) -> Asking:
    """For questions in writing, beside all calls. Raises ConfigError."""
    files = settings.dialog
    thresholds = load_yaml(project_path(files.cascade), CascadeFile)
    return Asking(files, thresholds, prompts, engines.knowledge, engines.small, engines.large, clock)


def check_targets(rules: RuleBook, settings: OperatorSettings, path: Path) -> None:
    """Raises ConfigError for a rule that leads to nobody the settings know."""
    known = ", ".join(sorted(settings.dialog.targets))
    unknown = sorted(rules.targets - set(settings.dialog.targets))
    if unknown:
        raise ConfigError(f"{path}: target {unknown[0]!r} is not in dialog.targets of the settings ({known})")
    named = [one.hours for plan in settings.dialog.targets.values() for one in plan]
    if wrong := unknown_hours(named, settings.escalation.hours):
        raise ConfigError(f"dialog.targets: {wrong}")
    for trunk in settings.escalation.trunks:
        unknown = sorted(set(trunk.targets) - set(settings.dialog.targets))
        if unknown:
            raise ConfigError(f"escalation.trunks: target {unknown[0]!r} is not in dialog.targets ({known})")


async def warm(engines: Engines, services: DialogServices, prompts: Prompts, clock: Clock) -> None:
    """Prepared sentences as sound, and the system prompt in the models' caches: the first caller waits for nothing."""
    spoken = [
        *services.lines.every(),
        *(text for rule in services.rules.rules for text in (rule.say, rule.alone) if text),
        *(split(rule.say, services.clauses)[0] for rule in services.rules.rules if rule.say),  # before a blind REFER
    ]
    if services.risks is not None:
        await services.risks.learn()
    if services.counter is not None:
        spoken += services.counter.book.spoken()
    missing = await engines.phrases.prepare(spoken, engines.synthesiser, clock, WARM_S)
    if missing:
        log.warning("warm.phrases_missing", count=len(missing))
    for name, model in (("small", engines.small), ("large", engines.large)):
        if model is None:
            continue
        try:
            await model.prefill(prompts.prefixes[name], deadline=clock.now() + WARM_S)
        except WorkerError as error:
            log.warning("warm.prefill_failed", model=model.name, error=str(error))
