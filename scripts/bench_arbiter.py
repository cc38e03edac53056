"""Does the core arbiter keep engines from slowing each other? Recognition, decoding, synthesis: in turn and together.

    python -m scripts.bench_arbiter
    python -m scripts.bench_arbiter --rounds 7 --small qwen-0.5b --json arbiter.json --png arbiter.png
    python -m scripts.bench_arbiter --without            # also with no arbiter: what it is there for

The same work is done three ways, round after round in changed order: one engine after the other; all three at once
under the arbiter; and (``--without``) all at once, each with all cores and no arbiter. The loss is the time together
divided by the time in turn, less one. Threads wait as in the operator (workers/process.py).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from contracts.clock import MonotonicClock
from contracts.engines import Generation, GenerationRequest
from contracts.errors import CallwrightError
from scripts.latency_report import machine
from scripts.stats import summary
from server.settings import ROOT
from workers.clients import LlamaModel, PiperSynthesiser, WhisperRecogniser
from workers.manifest import ModelStore, load_manifest
from workers.pool import WorkerPool
from workers.settings import EngineSettings, WorkerSettings, WorkersSettings

SENTENCES = (
    "The branch on Harbour Street is open from nine to five, and on Saturday until noon.",
    "A replacement card takes five working days, and there is no charge for it.",
    "You can change the delivery address in the app, or say it to me now.",
)
PATIENCE_S = 120.0
IN_TURN, TOGETHER, WITHOUT = "in turn", "together", "together, no arbiter"


@dataclass(slots=True, frozen=True)
class Bench:
    """Engines behind one pool, and the sound that is recognised."""

    recogniser: WhisperRecogniser
    model: LlamaModel
    synthesiser: PiperSynthesiser
    sound: bytes


def settings_of(store: ModelStore, options: argparse.Namespace, bursts: int) -> WorkersSettings:
    """One worker process for each engine, each with all cores; ``bursts`` may compute at once."""

    def worker(name: str, engine: str, **more: Any) -> WorkerSettings:
        return WorkerSettings(
            name=name, threads=options.threads, engines=(EngineSettings(name=name, engine=engine, options=more),)
        )

    return WorkersSettings(
        bursts=bursts,
        workers=(
            worker("whisper", "workers.engines.whisper:WhisperEngine", path=str(store.folder(options.whisper))),
            worker(
                "small", "workers.engines.llama:LlamaEngine",
                path=str(store.path(options.small, "model.gguf")), n_ctx=1024,
            ),
            worker("piper", "workers.engines.piper:PiperEngine", path=str(store.path(options.voice, "voice.onnx"))),
        ),
    )  # fmt: skip


async def spoken(synthesiser: PiperSynthesiser) -> bytes:
    """A few seconds of speech, by the engine itself."""
    deadline = time.monotonic() + PATIENCE_S
    chunks = [chunk.pcm async for chunk in synthesiser.synthesise(SENTENCES[0], deadline=deadline, first=False)]
    return b"".join(chunks)


def works(bench: Bench, amount: int) -> dict[str, Callable[[], Awaitable[None]]]:
    """The three kinds of work; ``amount`` scales all of them."""

    async def recognise() -> None:
        for _ in range(4 * amount):
            await bench.recogniser.transcribe(bench.sound, deadline=time.monotonic() + PATIENCE_S, final=True)

    async def decode() -> None:
        for number in range(amount):
            prompt = (
                f"<|im_start|>user\n{number}. Tell a long story about a harbour.<|im_end|>\n<|im_start|>assistant\n"
            )
            request = GenerationRequest(prompt, max_tokens=48)
            async for piece in bench.model.generate(request, deadline=time.monotonic() + PATIENCE_S):
                assert isinstance(piece, Generation) or piece.text

    async def synthesise() -> None:
        for number in range(6 * amount):
            text = SENTENCES[number % len(SENTENCES)]
            async for _ in bench.synthesiser.synthesise(text, deadline=time.monotonic() + PATIENCE_S, first=False):
                pass

    return {"recognition": recognise, "decoding": decode, "synthesis": synthesise}


async def timed(work: Callable[[], Awaitable[None]]) -> float:
    """Seconds it took."""
    began = time.monotonic()
    await work()
    return time.monotonic() - began


async def measure(options: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """All rounds."""
    store = ModelStore(load_manifest(ROOT / "configs" / "models.yaml"), options.models)
    modes = {TOGETHER: 1} | ({WITHOUT: 3} if options.without else {})
    pools = {
        mode: WorkerPool(settings_of(store, options, bursts), clock=MonotonicClock()) for mode, bursts in modes.items()
    }
    benches: dict[str, Bench] = {}
    shares: list[dict[str, float]] = []
    seconds: dict[str, list[float]] = {IN_TURN: [], **{mode: [] for mode in modes}}
    try:
        for mode, pool in pools.items():
            await pool.start()
            synthesiser = PiperSynthesiser(pool, "piper")
            sound = await spoken(synthesiser)
            benches[mode] = Bench(WhisperRecogniser(pool), LlamaModel(pool, "small"), synthesiser, sound)
        task = progress.add_task("rounds", total=options.rounds)
        order = random.Random(options.seed)
        for _ in range(options.rounds):
            for mode in order.sample([*seconds], len(seconds)):
                if mode == IN_TURN:
                    parts = {name: await timed(work) for name, work in works(benches[TOGETHER], options.amount).items()}
                    shares.append(parts)
                    seconds[mode].append(sum(parts.values()))
                else:
                    together = works(benches[mode], options.amount)
                    began = time.monotonic()
                    await asyncio.gather(*(work() for work in together.values()))
                    seconds[mode].append(time.monotonic() - began)
            progress.advance(task)
    finally:
        for pool in pools.values():
            await pool.close()
    return report(seconds, shares)


def report(seconds: dict[str, list[float]], shares: Sequence[dict[str, float]]) -> dict[str, Any]:
    """The figures as JSON: seconds by mode, loss of each round against the same round in turn."""
    in_turn = seconds[IN_TURN]
    losses = {
        mode: [together / alone - 1 for together, alone in zip(times, in_turn, strict=True)]
        for mode, times in seconds.items()
        if mode != IN_TURN
    }
    return {
        "machine": machine(),
        "seconds": {
            mode: {**summary(times), "all": [round(one, 3) for one in times]} for mode, times in seconds.items()
        },
        "loss": {mode: {**summary(found), "all": [round(one, 4) for one in found]} for mode, found in losses.items()},
        "parts_s": {name: summary([one[name] for one in shares]) for name in shares[0]},
    }


def show(found: dict[str, Any], console: Console) -> None:
    """The figures as a table."""
    table = Table("", "rounds", "seconds p50", "95 % interval", "loss p50", "95 % interval", title="the same work")
    for mode, figures in found["seconds"].items():
        loss = found["loss"].get(mode)
        low, high = figures["p50_interval"]
        lost = [f"{loss['p50']:+.1%}", "–".join(f"{one:+.1%}" for one in loss["p50_interval"])] if loss else ["", ""]
        table.add_row(mode, str(figures["n"]), str(figures["p50"]), f"{low}–{high}", *lost)
    console.print(table)
    parts = ", ".join(f"{name} {figures['p50']} s" for name, figures in found["parts_s"].items())
    console.print(f"in turn: {parts}; load before: {found['machine']['load_before']}")
    loss = found["loss"][TOGETHER]["p50"]
    console.print(f"loss under the arbiter {loss:+.1%}, mark 15 %: {'reached' if loss <= 0.15 else 'missed'}")


def draw(found: dict[str, Any], target: Path) -> None:
    """Seconds of every round, by mode."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 3), dpi=110)
    for row, figures in enumerate(found["seconds"].values()):
        axes.barh(row, figures["p50"], color="tab:blue" if row == 0 else "tab:orange", alpha=0.6)
        axes.plot(figures["all"], [row] * len(figures["all"]), "k.", markersize=4)
    axes.set_yticks(range(len(found["seconds"])), list(found["seconds"]))
    axes.set_xlabel("seconds for the same recognition, decoding and synthesis (dots: rounds)")
    axes.invert_yaxis()
    figure.tight_layout()
    figure.savefig(target)
    plt.close(figure)


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--amount", type=int, default=2, help="work of each round, times 1.5 s or so")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 2)
    parser.add_argument("--whisper", default="whisper-base")
    parser.add_argument("--small", default="qwen-0.5b")
    parser.add_argument("--voice", default="piper-joe")
    parser.add_argument("--models", type=Path, default=Path.home() / ".cache" / "callwright")
    parser.add_argument("--without", action="store_true", help="also all at once with no arbiter")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--png", type=Path)
    options = parser.parse_args(arguments)
    console = Console()
    try:
        with Progress(console=console) as progress:
            found = asyncio.run(measure(options, progress))
    except CallwrightError as error:
        print(f"bench_arbiter: {error}", file=sys.stderr)
        return error.exit_code
    show(found, console)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))
    if options.png:
        draw(found, options.png)
    return 0


if __name__ == "__main__":
    sys.exit(main())
