"""The knowledge base under load: publishing 10,000 passages, and searches before, meanwhile and after.

    python -m scripts.bench_knowledge --passages 10000 --json knowledge.json
    python -m scripts.bench_knowledge --passages 100000 --change 10000 --queries 500

Documents are made up from a seed: words drawn by Zipf's law, so that BM25 has common and rare ones to deal with.
Their vectors are made up as well (embedding 100,000 passages takes a quarter of an hour and is not what is measured
here); a question's own vector is made by the real model, so a search takes the time that a caller waits for.

Phases: ``idle`` nothing else happens; ``publishing`` a file of ``--change`` passages is taken in, its vectors are
entered, and it is proposed, reviewed, published and rolled back, while questions go on being asked. The base runs in a
worker process and is asked over its socket, as by a call; "the search itself" is the part within the worker.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import sys
import tempfile
import time
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from contracts.clock import MonotonicClock
from contracts.errors import CallwrightError
from contracts.worker import Job, Reply
from knowledge.base import KnowledgeBase
from knowledge.client import KnowledgeClient
from knowledge.engine import KnowledgeEngine
from knowledge.settings import KnowledgeSettings
from scripts.latency_report import machine
from scripts.stats import percentile, summary
from workers.engines.embedder import Embedder
from workers.pool import WorkerPool
from workers.settings import WorkersSettings

BY = "benchmark"
VOCABULARY = 20_000
WORDS_A_PASSAGE = 70
PASSAGES_A_DOCUMENT = 10
A_FILE = 10_000
FOUND = 5
STEPS = ("add", "vectors and review", "publish", "index", "rollback")
TURNS = 6
"""Said before a question; its names are looked for."""
GAP_S = 0.05
"""Between questions, as from 20 turns a second."""


class MadeUpVectors:
    """The real model for questions; for passages, which are longer, a direction drawn from a digest of the text."""

    def __init__(self, real: Embedder, longest_question: int) -> None:
        self._real = real
        self._longest = longest_question
        self.spent_s = 0.0

    def embed(self, texts: list[str]) -> NDArray[np.float32]:
        if all(len(text) <= self._longest for text in texts):
            return self._real.embed(texts)
        began = time.perf_counter()
        rows = []
        for text in texts:
            seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")
            row = np.random.default_rng(seed).standard_normal(self._real.dimension, dtype=np.float32)
            rows.append(row / np.linalg.norm(row))
        self.spent_s += time.perf_counter() - began
        return np.stack(rows)


class MadeUpEngine(KnowledgeEngine):
    """The knowledge engine as a worker has it, but for MadeUpVectors; ``spent`` tells how long making those took."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__(options)
        self._model = Path(options["model_dir"])
        self._home_folder = Path(options["home"])
        self._vectors: MadeUpVectors | None = None

    def make_base(self) -> KnowledgeBase:
        """With made-up vectors for passages."""
        self._vectors = MadeUpVectors(Embedder(self._model), longest_question=200)
        return KnowledgeBase(self._home_folder, KnowledgeSettings(), self._vectors)

    def run(self, method: str, params: Mapping[str, Any], blob: bytes, job: Job) -> Reply:
        """As KnowledgeEngine."""
        if method == "spent" and self._vectors is not None:
            return Reply({}, zlib.compress(json.dumps({"s": self._vectors.spent_s}).encode()))
        return super().run(method, params, blob, job)


class Writer:
    """Made-up documents and questions over one vocabulary."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        letters = np.array(list("bcdfghklmnprstvz")), np.array(list("aeiou"))
        sounds = [a + b for a in letters[0] for b in letters[1]]
        made: dict[str, None] = {}
        while len(made) < VOCABULARY:
            made["".join(self._random.choice(sounds, size=self._random.integers(2, 5)))] = None
        self._words = np.array(list(made))
        weights = 1.0 / np.arange(1, VOCABULARY + 1)
        self._weights = weights / weights.sum()

    def file(self, name: str, passages: int) -> bytes:
        """A JSON list of documents that is cut into about so many passages, one a section."""
        documents = []
        for number in range(max(1, passages // PASSAGES_A_DOCUMENT)):
            sections = [
                f"## {self._line(3)}\n\n" + " ".join(f"{self._line(WORDS_A_PASSAGE // 7)}." for _ in range(7))
                for _ in range(min(passages, PASSAGES_A_DOCUMENT))
            ]
            documents.append({"id": f"{name}{number}", "title": self._line(4), "content": "\n\n".join(sections)})
        return json.dumps(documents).encode()

    def question(self) -> str:
        """Two common and three rarer words."""
        rare = self._random.choice(self._words[200:], size=3, p=self._weights[200:] / self._weights[200:].sum())
        return " ".join([*self._random.choice(self._words[:200], size=2), *rare])

    def talk(self, turns: int) -> list[str]:
        """What was said before."""
        return [self._line(12) for _ in range(turns)]

    def _line(self, words: int) -> str:
        return " ".join(self._random.choice(self._words, size=words, p=self._weights)).capitalize()


class Asker:
    """Asks questions until told to stop, as a call does: over the worker's socket. Keeps what each took, in
    milliseconds, and how much of it was spent in the search itself."""

    def __init__(self, client: KnowledgeClient, writer: Writer) -> None:
        self._client = client
        self._questions = [writer.question() for _ in range(2000)]
        self._talk = writer.talk(200)
        self.took_ms: list[float] = []
        self.within_ms: list[float] = []
        self.releases: list[tuple[float, str]] = []
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Asker:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _run(self) -> None:
        for at, question in enumerate(self._questions * 100):
            await asyncio.sleep(GAP_S)
            talk = self._talk[at % len(self._talk) :][:TURNS]
            began = time.perf_counter()
            deadline = MonotonicClock().now() + 60.0
            evidence = await self._client.search(question, limit=FOUND, deadline=deadline, talk=talk)
            self.took_ms.append((time.perf_counter() - began) * 1000)
            self.within_ms.append(evidence.compute_s * 1000)
            self.releases.append((time.perf_counter(), evidence.release))


async def run(options: argparse.Namespace, home: Path, console: Console) -> dict[str, Any]:
    """All phases in one folder."""
    writer = Writer(options.seed)
    settings = {"home": str(home), "model_dir": str(options.model)}
    engine = {"name": "knowledge", "engine": "scripts.bench_knowledge:MadeUpEngine", "options": settings}
    worker = {"name": "knowledge", "threads": 1, "engines": [engine | {"arbitrated": False}]}
    pool = WorkerPool(WorkersSettings.model_validate({"workers": [worker]}))
    await pool.start()
    try:
        client = KnowledgeClient(pool)
        await pool.wait_ready("knowledge", deadline=MonotonicClock().now() + 120)
        stats = await client.stats()
        filled_s = 0.0 if stats.live_passages >= options.passages else await fill(client, writer, options, console)
        console.print(f"{(await client.stats()).live_passages} passages published; waiting until Chroma holds them")
        await indexed(client)
        async with Asker(client, writer) as idle:
            await asyncio.sleep(options.queries * (GAP_S + 0.01))
        change = writer.file("c", options.change)
        async with Asker(client, writer) as asker:
            steps = await publish_change(client, change)
            marks = dict(zip(STEPS, steps.pop("marks"), strict=True))
            swapped = marks["publish"]
            await asyncio.sleep(1.0)
        newest = (await client.releases())[0].release
        seen = next((at for at, release in asker.releases if at > swapped and release == newest), float("nan"))
        return {
            "machine": machine(),
            "cores": os.cpu_count(),
            "load": os.getloadavg(),
            "passages": options.passages,
            "change": options.change,
            "first_publish_s": round(filled_s, 2),
            "idle_ms": summary(idle.took_ms[5:]),
            "idle_search_itself_ms": summary(idle.within_ms[5:]),
            "publishing_ms": summary(asker.took_ms),
            "publishing_search_itself_ms": summary(asker.within_ms),
            "publishing_p95_ms": by_step(asker, marks),
            "seen_after_ms": round((seen - swapped) * 1000, 1),
            **steps,
        }
    finally:
        await pool.close()


async def indexed(client: KnowledgeClient) -> None:
    """Wait until Chroma holds everything."""
    while (await client.stats()).pending:  # noqa: ASYNC110 - the worker has no event to wait for
        await asyncio.sleep(0.5)


async def fill(client: KnowledgeClient, writer: Writer, options: argparse.Namespace, console: Console) -> float:
    """Take in and publish what is live before the change; seconds of the publishing."""
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("filling", total=options.passages)
        for at in range(0, options.passages, A_FILE):
            size = min(A_FILE, options.passages - at)
            await client.add(writer.file(f"f{at}-", size), f"file{at}.json", by=BY)
            progress.advance(task, size)
    began = time.perf_counter()
    await client.publish((await client.propose(by=BY)).release, by=BY, despite="a benchmark")
    return time.perf_counter() - began


def by_step(asker: Asker, begins: Mapping[str, float]) -> dict[str, float]:
    """p95 of the searches that ended in each step."""
    ends = [*list(begins.values())[1:], float("inf")]
    pairs = [(at, took) for (at, _), took in zip(asker.releases, asker.took_ms, strict=True)]
    inside = {
        name: [took for at, took in pairs if begin <= at < end]
        for (name, begin), end in zip(begins.items(), ends, strict=True)
    }
    return {name: round(percentile(took, 95), 1) for name, took in inside.items() if took}


async def publish_change(client: KnowledgeClient, change: bytes) -> dict[str, Any]:
    """Take in, propose, publish, roll back; seconds of each step, and the moments when they began."""
    spent = float((await client.ask("spent"))["s"])
    marks = [time.perf_counter()]

    def mark() -> float:
        marks.append(time.perf_counter())
        return round(marks[-1] - marks[-2], 3)

    await client.add(change, "change.json", by=BY)
    found: dict[str, Any] = {"add_s": mark()}
    proposed = await client.propose(by=BY)
    found["vectors_and_review_s"] = mark()
    await client.publish(proposed.release, by=BY, despite="a benchmark")
    found["publish_s"] = mark()
    found["beyond_embedding_s"] = round(marks[-1] - marks[0] - (float((await client.ask("spent"))["s"]) - spent), 2)
    await indexed(client)
    found["index_s"] = mark()
    await client.rollback(by=BY)
    found["rollback_s"] = mark()
    found["marks"] = marks[:5]
    return found


def show(found: dict[str, Any], console: Console) -> None:
    """Tables for people."""
    table = Table("phase", "questions", "p50", "p95", "p99", "max", title=f"search, ms, {found['passages']} passages")
    for phase in ("idle", "idle_search_itself", "publishing", "publishing_search_itself"):
        row = found[f"{phase}_ms"]
        p95 = f"{row['p95']:.1f} [{row['p95_interval'][0]:.1f}–{row['p95_interval'][1]:.1f}]"
        name, others = phase.replace("_", " "), [f"{row[key]:.1f}" for key in ("p50", "p99", "max")]
        table.add_row(name, str(row["n"]), others[0], p95, *others[1:])
    console.print(table)
    steps = Table("step", "s", "search p95, ms", title=f"publishing {found['change']} passages")
    for key in ("add_s", "vectors_and_review_s", "publish_s", "beyond_embedding_s", "index_s", "rollback_s"):
        name = key.removesuffix("_s").replace("_", " ")
        steps.add_row(name, f"{found[key]:.3f}", str(found["publishing_p95_ms"].get(name, "")))
    console.print(steps)
    console.print(f"the first question after the swap saw it {found['seen_after_ms']:.0f} ms later")


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--passages", type=int, default=10_000, help="passages that are live before the change")
    parser.add_argument("--change", type=int, default=10_000, help="passages that are published meanwhile")
    parser.add_argument("--queries", type=int, default=300, help="questions while idle")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--home", type=Path, help="folder for the base, filled only once; else a temporary one")
    models = Path(os.environ.get("CALLWRIGHT_MODELS") or Path.home() / ".cache" / "callwright")
    parser.add_argument("--model", type=Path, default=models / "minilm", help="folder of the embedding model")
    parser.add_argument("--json", type=Path, help="write the figures there")
    options = parser.parse_args(arguments)
    console = Console()
    try:
        if options.home is not None:
            found = asyncio.run(run(options, options.home, console))
        else:
            with tempfile.TemporaryDirectory(prefix="callwright-bench-") as folder:
                found = asyncio.run(run(options, Path(folder), console))
    except CallwrightError as error:
        print(f"bench_knowledge: {error}", file=sys.stderr)
        return error.exit_code
    show(found, console)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
