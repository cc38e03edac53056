"""A local language model by llama.cpp that serves many requests at once in one context (continuous batching).

Each step() evaluates one batch: a token for every request that is decoding, and a chunk of the prompts that wait
(workers.engines.llama_batch decides). A new request joins at the next step; a withdrawn, late or paused one is left out
of it. Prefill is what a turn would spend most of its time on (258 tokens: 1.7 s at 0.5 B), so only what no sequence and
no saved state holds is evaluated (workers.engines.llama_cache).
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from contracts.errors import EngineFailed, WorkerError
from contracts.worker import BatchJob, Done, Job, Reply
from workers.engines.files import model_path
from workers.engines.llama_batch import Share, next_in, plan, to_displace
from workers.engines.llama_cache import KvCache
from workers.engines.llama_context import LlamaContext, Row
from workers.engines.llama_lane import Lane
from workers.engines.llama_sample import Sampler


@dataclass(slots=True, frozen=True)
class LlamaOptions:
    """``path``: a GGUF. ``n_ctx``: KV cells shared by all sequences. ``slots``: requests computed at once, and prompts
    remembered when idle.

    ``chunk_tokens``: the most tokens of one step; from 16 to 128 a token takes as long, and a step that is cut short is
    lost. ``prefixes``: name → beginning of prompts to keep for good; ``state_dir``: where their KV state is saved, so
    that the next start need not evaluate them. ``state_bytes``: host memory for the states of prompts pushed out of a
    slot, if they have at least ``state_tokens`` of their own.
    ``draft_tokens``: the most tokens guessed from the prompt in a step at temperature 0 (0: none; an answer that an
    equal request has had is always tried), with no more than ``draft_rows`` decoded tokens in it altogether.
    ``patience``: steps for which a prompt lets shorter ones go first. ``top_k`` applies when the temperature is above
    0. ``flash``: flash attention; its KV states are also copied faster.
    ``mmap``: llama.cpp repacks most weights into memory of its own, so a mapped file stays resident beside the copy
    (1.9 GB instead of 1.3 for a 1.5 B model); it only loads sooner.
    """

    path: str
    threads: int = 2
    n_ctx: int = 4096
    slots: int = 8
    chunk_tokens: int = 24
    prefixes: Mapping[str, str] = field(default_factory=dict)
    state_dir: str = ""
    state_bytes: int = 128_000_000
    state_tokens: int = 32
    draft_tokens: int = 0
    draft_rows: int = 8
    patience: int = 8
    top_k: int = 40
    flash: bool = True
    mmap: bool = False


class LlamaEngine:
    """contracts.worker.BatchEngine: ``generate`` and ``prefill``, params as contracts.engines.GenerationRequest."""

    concurrent = True

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._path = model_path(options)
        self._options = LlamaOptions(**options)
        self._numbers = itertools.count(1)
        self._lanes: list[Lane] = []
        self._abortable = False

    def load(self) -> None:
        """Load the model, then evaluate or read the pinned prefixes."""
        options = self._options
        self._context = LlamaContext(
            self._path,
            n_ctx=options.n_ctx,
            threads=options.threads,
            sequences=options.slots + len(options.prefixes) + 1,
            batch=options.chunk_tokens,
            mmap=options.mmap,
            flash=options.flash,
        )
        self._sampler = Sampler(self._context.vocabulary, options.top_k)
        self._cache = KvCache(
            self._context,
            slots=options.slots,
            pinned=len(options.prefixes),
            state_bytes=options.state_bytes,
            state_tokens=options.state_tokens,
        )
        for slot, text in zip(self._cache.pinned, options.prefixes.values(), strict=True):
            self._cache.evaluated(slot, self._pin(slot.sequence, text))
        warm = self._context.tokenize("Hello") or [0]
        self._context.decode([Row(warm[0], 0, 0, True)])
        self._context.truncate(0, 0)

    # ---------------------------------------------------------------- requests

    def admit(self, method: str, params: Mapping[str, Any], blob: bytes, job: BatchJob, done: Done) -> None:
        """``generate``: partials {text, logprob}, then {generation: {…}}. ``prefill``: {prompt, cached}_tokens.

        ``done`` is called once, in a later step(). Raises EngineFailed for what can never be served.
        """
        if method not in ("generate", "prefill"):
            raise EngineFailed(f"llama has no method {method!r}")
        tokens = self._context.tokenize(str(params["prompt"]))
        if not tokens:
            raise EngineFailed("the prompt is empty")
        lane = Lane(next(self._numbers), tokens, params if method == "generate" else None, job, done)
        self._cache.check(tokens, lane.limit)
        self._lanes.append(lane)

    def step(self) -> bool:
        """One batch for the requests that may run; False if there was nothing to do (none, or all are paused)."""
        self._context.rearm()
        self._abortable = True
        ready = [lane for lane in tuple(self._lanes) if self._may_run(lane)]
        self._seat(ready)
        seated = [lane for lane in ready if lane.slot is not None]
        for lane in seated:
            if not lane.decoding:
                self._cache.catch_up(lane.owned, lane.tokens)
        shares = plan(
            [lane.wish(lane.guess()) for lane in seated],
            chunk=self._options.chunk_tokens,
            patience=self._options.patience,
            draft_rows=self._options.draft_rows,
        )
        if not shares:
            return False
        lanes = {lane.number: lane for lane in seated}
        self._compute([(lanes[share.number], share) for share in shares])
        for lane in self._lanes:
            lane.waited = 0 if lane.decoding else lane.waited + 1
        return True

    def interrupt(self) -> None:
        """From any thread: somebody was paused or withdrawn, so look at the requests soon.

        A step of prompt tokens (0.1 s and more) is cut short and repeated later; one of decoded tokens is soon over.
        """
        if self._abortable:
            self._context.interrupt()

    def abandon(self) -> None:
        """Forget all requests without a word: the caller has told them why."""
        for lane in self._lanes:
            if lane.slot is not None:
                self._cache.forget(lane.slot)
        self._lanes.clear()

    def run(self, method: str, params: Mapping[str, Any], blob: bytes, job: Job) -> Reply:
        """One request alone, with its caller's thread. Raises what the request fails with."""
        outcome: list[Reply | WorkerError] = []
        self.admit(method, params, blob, _Alone(job), outcome.append)
        while not outcome:
            self.step()
        if isinstance(outcome[0], WorkerError):
            raise outcome[0]
        return outcome[0]

    # ---------------------------------------------------------------- a step

    def _may_run(self, lane: Lane) -> bool:
        try:
            return lane.job.poll()
        except WorkerError as error:
            self._end(lane, error)
            return False

    def _seat(self, ready: Sequence[Lane]) -> None:
        """Give sequences to those that wait, taking them from less urgent ones if need be."""
        while True:
            waiting = {lane.number: lane for lane in ready if lane.slot is None and lane in self._lanes}
            comer = next_in([lane.wish() for lane in waiting.values()])
            if comer is None:
                return
            lane = waiting[comer.number]
            follow = self._cache.continuation(lane.tokens) if lane.generated == 0 else []
            slot = self._cache.take(lane.tokens, lane.limit - lane.generated)
            while slot is None:
                live = {one.number: one for one in self._lanes if one.slot is not None}
                victim = to_displace([one.wish() for one in live.values()], comer)
                if victim is None:
                    return
                self._unseat(live[victim.number])
                slot = self._cache.take(lane.tokens, lane.limit - lane.generated)
            lane.seat(slot, follow, self._options.draft_tokens)
            if not lane.generates and lane.pending <= 1:
                self._end(lane, lane.prefilled())  # only the last token is not held, and it is always evaluated anew

    def _unseat(self, lane: Lane) -> None:
        if lane.slot is not None:
            self._cache.release(lane.slot)
            lane.slot = None

    def _compute(self, parts: Sequence[tuple[Lane, Share]]) -> None:
        """Evaluate the shares, then read the tokens that come out."""
        rows: list[Row] = []
        outputs: list[tuple[Lane, list[int], int]] = []
        for lane, share in parts:
            slot = lane.owned
            start = len(slot.tokens)
            lane.draft = lane.draft[: share.draft]
            tokens = lane.tokens[start : start + share.tokens] + lane.draft
            # Logits are wanted after the last known token and after each guessed one.
            complete = start + share.tokens == len(lane.tokens)
            first = share.tokens - 1 if complete and lane.generates else len(tokens)
            outputs.append((lane, tokens, len(rows) + share.tokens - 1 if complete else -1))
            rows += [Row(token, start + i, slot.sequence, i >= first) for i, token in enumerate(tokens)]
        self._abortable = any(not lane.decoding for lane, _ in parts)
        try:
            kept = self._context.decode(rows)
        except EngineFailed as error:
            for lane, _ in parts:
                self._end(lane, error, forget=True)
            return
        finally:
            self._abortable = False
        for lane, tokens, first in outputs if kept else ():
            self._cache.evaluated(lane.owned, tokens)
            if first >= 0:
                self._advance(lane, first)

    def _advance(self, lane: Lane, row: int) -> None:
        """The prompt, or another token, is evaluated; its logits and those of the drafts after it are at ``row``."""
        if not lane.generates:
            self._end(lane, lane.prefilled())
            return
        accepted, evaluated = 0, len(lane.owned.tokens) - len(lane.draft)
        while not lane.stop:
            token, logprob = self._sampler.choose(self._context.logits(row + accepted), lane.temperature, lane.rng)
            if self._context.ends(token):
                lane.stop = "end"
            else:
                lane.take(token, self._context.piece(token), logprob)
            if accepted >= len(lane.draft) or lane.draft[accepted] != token:
                break
            accepted += 1
        if lane.draft and lane.lookup is not None:
            lane.lookup.judged(len(lane.draft), accepted)
        self._cache.truncate(lane.owned, evaluated + accepted)
        if lane.stop:
            self._end(lane, lane.generation())

    def _end(self, lane: Lane, outcome: Reply | WorkerError, *, forget: bool = False) -> None:
        self._lanes.remove(lane)
        if lane.slot is not None:
            (self._cache.forget if forget else self._cache.release)(lane.slot)
            lane.slot = None
        lane.done(outcome)

    # ---------------------------------------------------------------- pinned prefixes

    def _pin(self, sequence: int, text: str) -> list[int]:
        tokens = self._context.tokenize(text)
        file = self._state_file(text)
        if file is not None and file.is_file() and self._context.restore(sequence, tokens, file):
            return tokens
        for start in range(0, len(tokens), self._context.batch):
            chunk = tokens[start : start + self._context.batch]
            self._context.decode([Row(token, start + i, sequence, False) for i, token in enumerate(chunk)])
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            scratch = file.with_suffix(".part")
            self._context.save(sequence, tokens, scratch)
            scratch.replace(file)
        return tokens

    def _state_file(self, text: str) -> Path | None:
        """One file per model file, layout and text; another model, or a changed prompt, never finds a stale one."""
        if not self._options.state_dir:
            return None
        stat = self._path.stat()
        key = f"{self._path.resolve()}\0{stat.st_size}\0{stat.st_mtime_ns}\0{self._options.flash}\0{text}"
        return Path(self._options.state_dir).expanduser() / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.kv"


class _Alone:
    """A Job that may stand still, as a BatchJob."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self.priority = 0
        self.emit: Callable[..., None] = job.emit

    def poll(self) -> bool:
        """Waits while paused: there is nothing else to do."""
        self._job.checkpoint()
        return True
