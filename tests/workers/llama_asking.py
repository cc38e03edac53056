"""Requests to the language-model engine in this process, with a small real model."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from contracts.errors import WorkerError
from contracts.worker import Priority, Reply
from workers.engines.llama import LlamaEngine

MODELS = Path(os.environ.get("CALLWRIGHT_MODELS", "~/.cache/callwright")).expanduser()
SYSTEM = "<|im_start|>system\nYou are a bank operator. Answer briefly.<|im_end|>\n"
PATTERNS = (
    "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,",
    "31, 32, 33, 34, 35, 36, 37, 38,",
    "a, b, c, d, e, f, g,",
    "1950, 1951, 1952, 1953, 1954,",
)
"""How they go on is beyond doubt, so that it is the same however a step is put together: other kernels compute a batch
than a single token, and their rounding differs."""


class Asked:
    """A request as the worker host makes it: its text so far, and how it ended."""

    def __init__(self, engine: LlamaEngine, method: str, params: Mapping[str, Any], priority: Priority) -> None:
        self.priority: int = priority
        self.text = ""
        self.logprobs: list[float] = []
        self.outcome: Reply | WorkerError | None = None
        self.paused = False
        self.fails: WorkerError | None = None
        self.on_token: Callable[[], None] = lambda: None
        engine.admit(method, params, b"", self, self.done)

    def poll(self) -> bool:
        if self.fails is not None:
            raise self.fails
        return not self.paused

    def emit(self, body: Mapping[str, Any], blob: bytes = b"") -> None:
        self.text += body["text"]
        self.logprobs.append(body["logprob"])
        self.on_token()

    def done(self, outcome: Reply | WorkerError) -> None:
        assert self.outcome is None
        self.outcome = outcome

    @property
    def generation(self) -> dict[str, Any]:
        assert isinstance(self.outcome, Reply)
        return dict(self.outcome.body["generation"])


def chat(question: str) -> str:
    return f"{SYSTEM}<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n"


def load(**more: Any) -> LlamaEngine:
    engine = LlamaEngine({"path": str(MODELS / "smollm2-135m/model.gguf"), "threads": 1, "n_ctx": 768, **more})
    engine.load()
    return engine


def ask(
    engine: LlamaEngine, prompt: str, *, priority: Priority = Priority.ANSWER, max_tokens: int = 24, **more: Any
) -> Asked:
    return Asked(engine, "generate", {"prompt": prompt, "max_tokens": max_tokens, **more}, priority)


def prefill(engine: LlamaEngine, prompt: str) -> Asked:
    return Asked(engine, "prefill", {"prompt": prompt}, Priority.SPECULATION)


def finish(engine: LlamaEngine) -> None:
    while engine.step():
        pass


def answer(engine: LlamaEngine, prompt: str, **more: Any) -> Asked:
    asked = ask(engine, prompt, **more)
    finish(engine)
    return asked


def alone() -> list[str]:
    """How the model continues each pattern when it is asked nothing else."""
    found = [answer(load(), pattern) for pattern in PATTERNS]
    assert min(logprob for one in found for logprob in one.logprobs) > -0.7
    return [one.text for one in found]
