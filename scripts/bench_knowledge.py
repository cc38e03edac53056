"""The knowledge base under load: publishing 10,000 passages, and searches before, meanwhile and after.

    python -m scripts.bench_knowledge --passages 10000 --json knowledge.json
    python -m scripts.bench_knowledge --passages 100000 --change 10000 --queries 500

Documents are made up from a seed: words drawn by Zipf's law, so that BM25 has common and rare ones to deal with.
Their vectors are made up as well (embedding 100,000 passages takes a quarter of an hour and is not what is measured
here); a question's own vector is made by the real model, so a search takes the time that a caller waits for.

Phases: ``idle`` nothing else happens; ``publishing`` a file of ``--change`` passages is taken in, its vectors are
entered, and it is proposed, reviewed, published and rolled back, while questions go on being asked.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from contracts.errors import CallwrightError
from knowledge.base import KnowledgeBase
from knowledge.settings import KnowledgeSettings
from scripts.latency_report import machine
from scripts.stats import summary
from workers.engines.embedder import Embedder

BY = "benchmark"
VOCABULARY = 20_000
WORDS_A_PASSAGE = 70
PASSAGES_A_DOCUMENT = 10
A_FILE = 10_000
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
    """Asks questions in a thread of its own until told to stop; keeps what each took, in milliseconds."""

    def __init__(self, base: KnowledgeBase, writer: Writer) -> None:
        self._base = base
        self._questions = [writer.question() for _ in range(2000)]
        self._talk = writer.talk(200)
        self.took_ms: list[float] = []
        self.releases: list[tuple[float, str]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Asker:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        for at, question in enumerate(self._questions * 100):
            if self._stop.wait(GAP_S):
                return
            talk = self._talk[at % len(self._talk) :][:TURNS]
            began = time.perf_counter()
            evidence = self._base.search(question, talk=talk)
            self.took_ms.append((time.perf_counter() - began) * 1000)
            self.releases.append((time.perf_counter(), evidence.release))


def run(options: argparse.Namespace, home: Path, console: Console) -> dict[str, Any]:
    """All phases in one folder."""
    writer = Writer(options.seed)
    embedder = MadeUpVectors(Embedder(options.model), longest_question=200)
    base = KnowledgeBase(home, KnowledgeSettings(), embedder)
    base.open()
    try:
        filled_s = 0.0 if base.stats().live_passages >= options.passages else fill(base, writer, options, console)
        console.print(f"{base.stats().live_passages} passages published; waiting until Chroma holds them")
        base.wait_indexed(3600)
        with Asker(base, writer) as asker:
            asker._stop.wait(options.queries * (GAP_S + 0.01))
        idle = summary(asker.took_ms[5:])
        change = writer.file("c", options.change)
        with Asker(base, writer) as asker:
            steps = publish_change(base, change, embedder)
            swapped = steps.pop("swapped_at")
        newest = base.releases()[0].release
        seen = next((at for at, release in asker.releases if at > swapped and release == newest), float("nan"))
        return {
            "machine": machine(),
            "cores": os.cpu_count(),
            "passages": base.stats().live_passages,
            "change": options.change,
            "first_publish_s": round(filled_s, 2),
            "idle_ms": idle,
            "publishing_ms": summary(asker.took_ms),
            "seen_after_ms": round((seen - swapped) * 1000, 1),
            **steps,
        }
    finally:
        base.close()


def fill(base: KnowledgeBase, writer: Writer, options: argparse.Namespace, console: Console) -> float:
    """Take in and publish what is live before the change; seconds of the publishing."""
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("filling", total=options.passages)
        for at in range(0, options.passages, A_FILE):
            size = min(A_FILE, options.passages - at)
            base.add(writer.file(f"f{at}-", size), f"file{at}.json", by=BY)
            progress.advance(task, size)
    began = time.perf_counter()
    base.publish(base.propose(by=BY).release, by=BY, despite="a benchmark")
    return time.perf_counter() - began


def publish_change(base: KnowledgeBase, change: bytes, embedder: MadeUpVectors) -> dict[str, float]:
    """Take in, propose, publish, roll back; seconds of each step, and the moment of the swap."""
    spent = embedder.spent_s
    marks = [time.perf_counter()]

    def mark() -> float:
        marks.append(time.perf_counter())
        return round(marks[-1] - marks[-2], 3)

    base.add(change, "change.json", by=BY)
    found = {"add_s": mark()}
    proposed = base.propose(by=BY)
    found["vectors_and_review_s"] = mark()
    base.publish(proposed.release, by=BY, despite="a benchmark")
    found["publish_s"] = mark()
    found["swapped_at"] = marks[-1] - found["publish_s"]
    found["beyond_embedding_s"] = round(marks[-1] - marks[0] - (embedder.spent_s - spent), 2)
    base.wait_indexed(3600)
    found["index_s"] = mark()
    base.rollback(by=BY)
    found["rollback_s"] = mark()
    return found


def show(found: dict[str, Any], console: Console) -> None:
    """Tables for people."""
    table = Table("phase", "questions", "p50", "p95", "p99", "max", title=f"search, ms, {found['passages']} passages")
    for phase in ("idle", "publishing"):
        row = found[f"{phase}_ms"]
        p95 = f"{row['p95']:.1f} [{row['p95_interval'][0]:.1f}–{row['p95_interval'][1]:.1f}]"
        table.add_row(phase, str(row["n"]), f"{row['p50']:.1f}", p95, f"{row['p99']:.1f}", f"{row['max']:.1f}")
    console.print(table)
    steps = Table("step", "s", title=f"publishing {found['change']} passages")
    for key in ("add_s", "vectors_and_review_s", "publish_s", "beyond_embedding_s", "index_s", "rollback_s"):
        steps.add_row(key.removesuffix("_s").replace("_", " "), f"{found[key]:.3f}")
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
            found = run(options, options.home, console)
        else:
            with tempfile.TemporaryDirectory(prefix="callwright-bench-") as folder:
                found = run(options, Path(folder), console)
    except CallwrightError as error:
        print(f"bench_knowledge: {error}", file=sys.stderr)
        return error.exit_code
    show(found, console)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
