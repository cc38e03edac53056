"""A local language model by llama.cpp, with the beginnings of prompts kept in its KV cache.

Prefill is what a turn would spend most of its time on (258 tokens: 1.7 s at 0.5 B), so only what differs from an
earlier prompt is evaluated. The cache has a few *slots* (sequences)::

    pinned  [system prompt of the bank]                      option ``prefixes``, evaluated (or read) at load
    slot 1  [system prompt][passage A][question][answer]     shares the first cells with the pinned one
    slot 2  [system prompt][passage B][question so far]      another call, or speculation

A prompt takes over the longest common beginning of any slot, in a slot of its own: the least recently used one.
"""

from __future__ import annotations

import hashlib
import itertools
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from contracts.errors import EngineFailed
from contracts.worker import Job, Reply
from workers.engines.files import model_path
from workers.engines.llama_context import LlamaContext, Logits
from workers.engines.pieces import StopFilter


@dataclass(slots=True, frozen=True)
class LlamaOptions:
    """``path``: a GGUF. ``n_ctx``: KV cells shared by all slots. ``slots``: prompts remembered at once.

    ``chunk_tokens``: prompt tokens evaluated between two checkpoints. ``prefixes``: name → beginning of prompts to
    keep for good; ``state_dir``: where their KV state is saved, so that the next start need not evaluate them.
    ``top_k`` applies when the temperature is above 0. ``mmap``: llama.cpp repacks most weights into memory of its own,
    so a mapped file stays resident beside the copy (1.9 GB instead of 1.3 for a 1.5 B model); it only loads sooner.
    """

    path: str
    threads: int = 2
    n_ctx: int = 4096
    slots: int = 4
    chunk_tokens: int = 64
    prefixes: Mapping[str, str] = field(default_factory=dict)
    state_dir: str = ""
    top_k: int = 40
    mmap: bool = False


@dataclass(slots=True)
class _Slot:
    sequence: int
    pinned: bool = False
    tokens: list[int] = field(default_factory=list)
    used: int = 0


class LlamaEngine:
    """contracts.worker.Engine: methods ``generate`` and ``prefill``; params as contracts.engines.GenerationRequest."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._path = model_path(options)
        self._options = LlamaOptions(**options)
        self._turn = itertools.count(1)

    def load(self) -> None:
        """Load the model, then evaluate or read the pinned prefixes."""
        options = self._options
        sequences = options.slots + len(options.prefixes)
        self._context = LlamaContext(
            self._path,
            n_ctx=options.n_ctx,
            threads=options.threads,
            sequences=sequences,
            batch=options.chunk_tokens,
            mmap=options.mmap,
        )
        self._slots = [_Slot(number, pinned=number >= options.slots) for number in range(sequences)]
        for slot, text in zip(self._slots[options.slots :], options.prefixes.values(), strict=True):
            self._pin(slot, text)
        warm = self._slots[0]
        self._evaluate(warm, self._context.tokenize("Hello") or [0], None)
        self._clear(warm)

    def run(self, method: str, params: Mapping[str, Any], blob: bytes, job: Job) -> Reply:
        """``generate``: partials {text, logprob}, then {generation: {…}}. ``prefill``: {prompt, cached}_tokens."""
        if method not in ("generate", "prefill"):
            raise EngineFailed(f"llama has no method {method!r}")
        began = time.monotonic()
        tokens = self._context.tokenize(str(params["prompt"]))
        room = int(params.get("max_tokens", 0))
        if not tokens:
            raise EngineFailed("the prompt is empty")
        if len(tokens) + room > self._options.n_ctx:
            raise EngineFailed(f"prompt of {len(tokens)} + answer of {room} tokens exceed n_ctx {self._options.n_ctx}")
        slot, cached = self._take(tokens)
        self._make_room(slot, len(tokens) - cached + room)
        self._evaluate(slot, tokens[cached:], job)
        if method == "prefill":
            counts = {"prompt_tokens": len(tokens), "cached_tokens": cached}
            return Reply({**counts, "compute_s": time.monotonic() - began})
        return self._generate(slot, params, job, cached, began)

    def _generate(self, slot: _Slot, params: Mapping[str, Any], job: Job, cached: int, began: float) -> Reply:
        prompt_tokens, generated, first_s, stop = len(slot.tokens), 0, 0.0, "length"
        stops = StopFilter(params.get("stop", ()))
        temperature, rng = float(params.get("temperature", 0.0)), np.random.default_rng(int(params.get("seed", 0)))
        limit = int(params["max_tokens"])
        while generated < limit:
            job.checkpoint()
            token, logprob = choose(self._context.logits(), temperature, self._options.top_k, rng)
            if self._context.ends(token):
                stop = "end"
                break
            generated += 1
            first_s = first_s or time.monotonic() - began
            for text, score in stops.feed(self._context.piece(token), logprob):
                job.emit({"text": text, "logprob": score})
            if stops.stopped:
                stop = "stop"
                break
            if generated < limit:
                self._evaluate(slot, [token], None)
        for text, score in stops.finish():
            job.emit({"text": text, "logprob": score})
        generation = {
            "prompt_tokens": prompt_tokens,
            "cached_tokens": cached,
            "generated_tokens": generated,
            "first_token_s": first_s,
            "total_s": time.monotonic() - began,
            "stop": stop,
        }
        return Reply({"generation": generation})

    def _take(self, tokens: Sequence[int]) -> tuple[_Slot, int]:
        """The slot for a prompt, holding the longest known beginning of it. The last token is always evaluated anew."""
        best = max(self._slots, key=lambda s: (common(s.tokens, tokens), not s.pinned))
        cached = min(common(best.tokens, tokens), len(tokens) - 1)
        # Continued in place if nothing of the slot would be lost but its last token, else shared with another slot.
        if best.pinned or len(best.tokens) > cached + 1:
            free = [slot for slot in self._slots if not slot.pinned and slot is not best]
            target = min(free, key=lambda s: s.used) if free else best
            if target is not best:
                self._context.copy(best.sequence, target.sequence, cached)
                target.tokens = list(best.tokens[:cached])
                best = target
        self._context.truncate(best.sequence, cached)
        del best.tokens[cached:]
        best.used = next(self._turn)
        return best, cached

    def _make_room(self, slot: _Slot, needed: int) -> None:
        """Forget the slots used longest ago until ``needed`` more cells are free. Shared cells count twice: safe."""
        others = sorted((s for s in self._slots if s is not slot and s.tokens), key=lambda s: (s.pinned, s.used))
        while others and sum(len(s.tokens) for s in self._slots) + needed > self._options.n_ctx:
            self._clear(others.pop(0))

    def _evaluate(self, slot: _Slot, tokens: Sequence[int], job: Job | None) -> None:
        for start in range(0, len(tokens), self._context.batch):
            if job is not None:
                job.checkpoint()
            chunk = tokens[start : start + self._context.batch]
            try:
                self._context.decode(chunk, len(slot.tokens), slot.sequence)
            except EngineFailed:
                self._clear(slot)
                raise
            slot.tokens.extend(chunk)

    def _clear(self, slot: _Slot) -> None:
        self._context.truncate(slot.sequence, 0)
        slot.tokens.clear()

    def _pin(self, slot: _Slot, text: str) -> None:
        tokens = self._context.tokenize(text)
        file = self._state_file(text)
        if file is not None and file.is_file() and self._context.restore(slot.sequence, tokens, file):
            slot.tokens = tokens
            return
        self._evaluate(slot, tokens, None)
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            scratch = file.with_suffix(".part")
            self._context.save(slot.sequence, tokens, scratch)
            scratch.replace(file)

    def _state_file(self, text: str) -> Path | None:
        """One file per model file and text; another model, or a changed prompt, never finds a stale one."""
        if not self._options.state_dir:
            return None
        stat = self._path.stat()
        key = f"{self._path.resolve()}\0{stat.st_size}\0{stat.st_mtime_ns}\0{text}"
        return Path(self._options.state_dir).expanduser() / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.kv"


def common(left: Sequence[int], right: Sequence[int]) -> int:
    """Length of the common beginning."""
    for number, (a, b) in enumerate(zip(left, right, strict=False)):
        if a != b:
            return number
    return min(len(left), len(right))


def choose(logits: Logits, temperature: float, top_k: int, rng: np.random.Generator) -> tuple[int, float]:
    """A token and the natural log of its probability under the model itself (temperature 1), whatever chose it."""
    if temperature <= 0:
        token = int(logits.argmax())
    else:
        top = np.argpartition(logits, -top_k)[-top_k:] if top_k < len(logits) else np.arange(len(logits))
        scaled = (logits[top] - logits[top].max()).astype(np.float64) / temperature
        weights = np.exp(scaled)
        token = int(top[rng.choice(len(top), p=weights / weights.sum())])
    peak = float(logits.max())
    return token, float(logits[token]) - peak - float(np.log(np.exp(logits - peak).sum()))
