"""The cascade with a real language model in a real worker process: whatever it says, only the passage is heard."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from contracts.clock import MonotonicClock
from contracts.configfile import load_yaml
from contracts.events import EventKind
from dialog.budget import TurnBudget
from dialog.cascade import Cascade
from dialog.facts import facts
from dialog.gate import GroundingGate
from dialog.outcome import Outcome, Question, Result, Voice
from dialog.prompts import Prompts
from dialog.router import Router
from dialog.settings import BudgetSettings, CascadeFile, DialogSettings
from tests.dialog.kit import BALANCE, HOURS, ROOT, Finds
from workers.clients import LlamaModel
from workers.pool import WorkerPool
from workers.settings import EngineSettings, WorkerSettings, WorkersSettings

MODEL = Path(os.environ.get("CALLWRIGHT_MODELS") or Path.home() / ".cache" / "callwright") / "smollm2-135m/model.gguf"
WHY = "Why is my available balance different from my current balance?"


@pytest.mark.models
async def test_what_a_real_small_model_says_is_heard_only_as_far_as_the_passage_says_it() -> None:
    settings = DialogSettings(budget=BudgetSettings(turn_deadline_s=60.0))
    thresholds = load_yaml(ROOT / "configs" / "cascade.yaml", CascadeFile)
    gate = GroundingGate(thresholds)
    prompts = Prompts(ROOT / "configs" / "prompts", "Test Bank", settings)
    engine = EngineSettings(
        name="small",
        engine="workers.engines.llama:LlamaEngine",
        options={"path": str(MODEL), "n_ctx": 1024, "prefixes": {"system": prompts.prefix}},
    )
    clock = MonotonicClock()
    pool = WorkerPool(WorkersSettings(workers=(WorkerSettings(name="small", engines=(engine,)),)), clock=clock)
    await pool.start()
    try:
        model = LlamaModel(pool, "small", "smollm2-135m")
        search = Finds([HOURS, BALANCE])
        cascade = Cascade(settings, Router(thresholds, gate), gate, prompts, search, model, None, clock)
        spoken: list[str] = []
        events: list[EventKind] = []

        def record(kind: EventKind, body: dict[str, Any]) -> None:
            events.append(kind)

        voice = Voice(spoken.append, lambda stage, at: None, record)
        outcome: Outcome = await cascade.answer(Question(WHY, 0.9), TurnBudget(settings.budget, clock.now()), voice)
    finally:
        await pool.close()
    assert outcome.result in (Result.ANSWERED, Result.NOT_GROUNDED, Result.UNKNOWN)
    assert events[0] is EventKind.CASCADE_DECIDED
    assert (outcome.result is Result.ANSWERED) == bool(spoken)
    assert facts(" ".join(spoken)) <= facts(f"{BALANCE.title}. {BALANCE.text}")
