"""The language-model engine under several calls at once. Prints tables, writes JSON.

    python -m scripts.bench_llama                          # the small model, all measurements
    python -m scripts.bench_llama --model qwen-1.5b --strict --json large.json
    python -m scripts.bench_llama --only together cancel --at-once 1 4
    python -m scripts.bench_llama --only lookup --draft-tokens 3 7

Everything goes through a real worker process, the wire and the arbiter, with prompts that configs/prompts makes of the
demo bank's documents.

  together   1, 2, 4, 8 requests at once against the same ones in turn: tokens/s of all, time to first token
             since all were asked, processor time, fairness (most tokens of a request over fewest, at half of the time)
  prefix     time to first token: only the system prompt is held, the passage was prefilled, the whole prompt is held
  restore    the same for a passage that was pushed out of its sequence: from host memory, and evaluated anew
  cancel     from the asker's leaving to the worker's last word, while decoding and while evaluating a prompt
  lookup     tokens/s with drafts from the prompt, share of drafted tokens that were accepted, answers that differ
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import psutil
import structlog
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from contracts.engines import Generation, GenerationRequest
from contracts.errors import CallwrightError
from scripts.latency_report import machine
from scripts.llama_prompts import grounded
from scripts.stats import summary
from workers.clients import LlamaModel
from workers.pool import WorkerPool
from workers.settings import WorkersSettings

PATIENCE_S = 120.0
Measurement = Callable[["Bench"], Awaitable[dict[str, Any]]]


@dataclass(slots=True)
class Run:
    """One request: when each piece of its text came (seconds after it was asked), and what it cost."""

    asked_at: float
    times: list[float] = field(default_factory=list)
    text: str = ""
    generation: Generation | None = None


class Bench:
    """A model in a worker process, and the prompts to ask it."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.prefix, self.requests = grounded(strict=options.strict)

    @asynccontextmanager
    async def model(self, **more: Any) -> AsyncIterator[tuple[WorkerPool, LlamaModel]]:
        """The model alone, with engine options."""
        path = self.options.models / self.options.model / "model.gguf"
        engine = {
            "name": "model",
            "engine": "workers.engines.llama:LlamaEngine",
            "options": {"path": str(path), "prefixes": {"system": self.prefix}, **more},
        }
        workers = [{"name": "model", "threads": self.options.threads, "engines": [engine]}]
        pool = WorkerPool(WorkersSettings.model_validate({"workers": workers, "queue_bound": 64}))
        await pool.start()
        try:
            yield pool, LlamaModel(pool, "model")
        finally:
            await pool.close()


async def ask(model: LlamaModel, request: GenerationRequest) -> Run:
    """The answer, with its times."""
    run = Run(time.monotonic())
    async for item in model.generate(request, deadline=run.asked_at + PATIENCE_S):
        if isinstance(item, Generation):
            run.generation = item
        else:
            run.times.append(time.monotonic() - run.asked_at)
            run.text += item.text
    return run


def first_token(runs: Sequence[Run], since: float | None = None) -> dict[str, Any]:
    """Seconds to the first piece of text, after each was asked or after one moment for all."""
    return summary([run.times[0] + run.asked_at - (since or run.asked_at) for run in runs if run.times])


@dataclass(slots=True)
class Meter:
    """Time and processor time of the worker since it was made: the latter hardly depends on what else runs."""

    pool: WorkerPool
    began: float = field(default_factory=time.monotonic)
    cpu_began: float = 0.0

    def __post_init__(self) -> None:
        self.cpu_began = self._cpu()

    def read(self, runs: Sequence[Run]) -> dict[str, Any]:
        """Tokens of all runs, and what they took."""
        took, cpu = time.monotonic() - self.began, self._cpu() - self.cpu_began
        tokens = sum(run.generation.generated_tokens for run in runs if run.generation is not None)
        return {
            "tokens": tokens,
            "tokens_per_s": round(tokens / took, 1),
            "took_s": round(took, 2),
            "cpu_s": round(cpu, 2),
        }

    def _cpu(self) -> float:
        times = psutil.Process(self.pool.status()[0].pid).cpu_times()
        return float(times.user + times.system)


def fairness(runs: Sequence[Run], at: float) -> float:
    """Most pieces of a run over the fewest of one, among those that still go on at a moment (monotonic seconds)."""
    counts = [sum(run.asked_at + one <= at for one in run.times) for run in runs if run.asked_at + run.times[-1] >= at]
    return round(max(1, *counts) / max(1, min(counts)), 2) if counts else 1.0


async def together(bench: Bench) -> dict[str, Any]:
    """N at once against one after the other, with a fresh process for each, so that nothing is held."""
    found = {}
    for count in bench.options.at_once:
        # Without stop strings all answers are of nearly equal length, and the batch keeps its size.
        chosen = [replace(one, max_tokens=bench.options.tokens, stop=()) for one in bench.requests[:count]]
        async with bench.model() as (pool, model):
            meter = Meter(pool)
            runs = list(await asyncio.gather(*(ask(model, request) for request in chosen)))
            even = fairness(runs, (meter.began + time.monotonic()) / 2)
            at_once = {**meter.read(runs), "first_token_s": first_token(runs), "fairness": even}
        async with bench.model() as (pool, model):
            meter = Meter(pool)
            runs = [await ask(model, request) for request in chosen]
            in_turn = {**meter.read(runs), "first_token_s": first_token(runs, meter.began)}
        found[str(count)] = {"at_once": at_once, "in_turn": in_turn}
    return found


async def prefix(bench: Bench) -> dict[str, Any]:
    """What held beginnings save."""
    chosen = [replace(one, max_tokens=4) for one in bench.requests[: bench.options.prompts]]
    runs: dict[str, list[Run]] = {"system_held": [], "passage_held": [], "all_held": []}
    async with bench.model() as (_, model):
        for request in chosen:
            runs["system_held"].append(await ask(model, request))
            runs["all_held"].append(await ask(model, request))
    async with bench.model() as (_, model):
        for request in chosen:
            passage = request.prompt[: request.prompt.rindex("Caller:")]
            await model.prefill(passage, deadline=time.monotonic() + PATIENCE_S)
            runs["passage_held"].append(await ask(model, request))
    return {name: {"first_token_s": first_token(some), "evaluated": evaluated(some)} for name, some in runs.items()}


def evaluated(runs: Sequence[Run]) -> float:
    """Mean prompt tokens that had to be evaluated."""
    counts = [run.generation.prompt_tokens - run.generation.cached_tokens for run in runs if run.generation]
    return round(sum(counts) / max(1, len(counts)), 1)


async def restore(bench: Bench) -> dict[str, Any]:
    """Ask all, with so few sequences that each passage is pushed out, then ask all again."""
    chosen = [replace(one, max_tokens=4) for one in bench.requests[: bench.options.prompts]]
    found = {}
    for name, state_bytes in (("from_host_memory", 256_000_000), ("evaluated_anew", 0)):
        async with bench.model(slots=2, state_bytes=state_bytes) as (_, model):
            for request in chosen:
                await ask(model, request)
            runs = [await ask(model, request) for request in chosen]
        found[name] = {"first_token_s": first_token(runs), "evaluated": evaluated(runs)}
    return found


async def cancel(bench: Bench) -> dict[str, Any]:
    """How soon the cores are free again."""
    taken: dict[str, list[float]] = {"decoding": [], "evaluating": []}
    async with bench.model() as (pool, model):
        for number, request in enumerate(bench.requests[: bench.options.prompts]):
            stream = model.generate(replace(request, max_tokens=200, stop=()), deadline=time.monotonic() + PATIENCE_S)
            for _ in range(3 + number % 3):
                await anext(stream)
            taken["decoding"].append(await _left(pool, cast("Any", stream).aclose))
            # Never asked before, so that there is a prompt to evaluate; left at another moment each time.
            fresh = replace(request, prompt=request.prompt.replace("Caller:", f"Caller {number}:") * 2)
            asking = asyncio.ensure_future(ask(model, fresh))
            await asyncio.sleep(0.05 + 0.037 * number)
            asking.cancel()
            taken["evaluating"].append(await _left(pool, partial(asyncio.wait, {asking})))
    return {name: {"last_word_s": summary(times)} for name, times in taken.items()}


async def _left(pool: WorkerPool, leave: Callable[[], Awaitable[Any]]) -> float:
    began = time.monotonic()
    await leave()
    while pool.status()[0].pending:  # noqa: ASYNC110 - what is waited for happens in another process
        await asyncio.sleep(0.001)
    return time.monotonic() - began


async def lookup(bench: Bench) -> dict[str, Any]:
    """Drafts of each length against none, the same prompts to each in turn."""
    found, plain = {}, list[Run]()
    for draft in (0, *bench.options.draft_tokens):
        async with bench.model(draft_tokens=draft, draft_rows=max(8, draft + 1)) as (pool, model):
            meter = Meter(pool)
            runs = [await ask(model, request) for request in bench.requests[: bench.options.prompts]]
            cpu_s = meter.read(runs)["cpu_s"]
        plain = plain or runs
        costs = [run.generation for run in runs if run.generation is not None]
        took = sum(one.total_s - one.first_token_s for one in costs)
        drafted, accepted = sum(one.drafted_tokens for one in costs), sum(one.accepted_tokens for one in costs)
        found[str(draft)] = {
            "tokens_per_s": round(sum(one.generated_tokens - 1 for one in costs) / took, 1),
            "cpu_s": cpu_s,
            "drafted": drafted,
            "accepted_share": round(accepted / drafted, 3) if drafted else None,
            "answers_that_differ": sum(a.text != b.text for a, b in zip(plain, runs, strict=True)),
        }
    return found


MEASUREMENTS: dict[str, Measurement] = {
    "together": together,
    "prefix": prefix,
    "restore": restore,
    "cancel": cancel,
    "lookup": lookup,
}


def show(name: str, found: dict[str, Any], console: Console) -> None:
    """One measurement as a table: a row per case, a column per figure."""
    rows = {}
    for case, figures in found.items():
        parts = figures.items() if name == "together" else (("", figures),)
        for part, one in parts:
            flat: dict[str, Any] = {}
            for key, value in one.items():
                if isinstance(value, dict):
                    flat |= {f"{key} {at}": value.get(at) for at in ("p50", "p95")}
                else:
                    flat[key] = value
            rows[f"{case} {part}".strip()] = flat
    columns = list(dict.fromkeys(key for flat in rows.values() for key in flat))
    table = Table(name, *columns)
    for case, flat in rows.items():
        table.add_row(case, *("" if flat.get(key) is None else str(flat[key]) for key in columns))
    console.print(table)


async def run(options: argparse.Namespace) -> int:
    """The benchmark; the exit code."""
    console, bench = Console(), Bench(options)
    found: dict[str, Any] = {"machine": machine(), "model": options.model, "threads": options.threads}
    with Progress(console=console) as progress:
        task = progress.add_task(options.model, total=len(options.only))
        for name in options.only:
            progress.update(task, description=f"{options.model}: {name}")
            found[name] = await MEASUREMENTS[name](bench)
            show(name, found[name], progress.console)
            progress.advance(task)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, default=Path("~/.cache/callwright").expanduser(), help="model folder")
    parser.add_argument("--model", default="qwen-0.5b", help="a folder in it")
    parser.add_argument("--strict", action="store_true", help="the large model's prompts")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", nargs="+", choices=tuple(MEASUREMENTS), default=list(MEASUREMENTS))
    parser.add_argument("--at-once", nargs="+", type=int, default=[1, 2, 4, 8], help="requests at once")
    parser.add_argument("--tokens", type=int, default=32, help="tokens of each answer in `together`")
    parser.add_argument("--prompts", type=int, default=8, help="prompts of the other measurements, 24 at most")
    parser.add_argument("--draft-tokens", nargs="+", type=int, default=[3, 7])
    parser.add_argument("--json", type=Path)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    try:
        return asyncio.run(run(parser.parse_args(arguments)))
    except CallwrightError as error:
        print(f"bench_llama: {error}", file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
