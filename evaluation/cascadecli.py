"""``callwright cascade``: fit what decides where a question goes, on an owner's documents and questions, and try it."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from contracts.configfile import load_yaml
from contracts.errors import ConfigError
from dialog.settings import CascadeFile
from dialog.topicfeatures import Floats
from dialog.topicfit import FOLDS, TARGET_ERROR, Examples, fit_topics
from dialog.topics import TopicModel, TopicsFile, load_topics, save_topics
from dialog.words import Thesaurus
from evaluation.fitfile import fit_data, write
from evaluation.intents import OUTSIDE, Labelled, batches, embedded, read_all
from evaluation.marks import percent
from knowledge.settings import KnowledgeSettings
from workers.engines.embedder import Embedder
from workers.manifest import ModelStore, load_manifest

FILE = "topics.yaml"
Embed = Callable[[Sequence[str]], Floats]


def make_app(models: Callable[[], Path], home: Callable[[], Path], cascade: Callable[[], Path]) -> typer.Typer:
    """The sub-app. ``models``: folder of the model files; ``home``: where the topics go if no other file is named;
    ``cascade``: the settings' thresholds file."""
    app = typer.Typer(help="Fit what decides where a question goes.", no_args_is_help=True)

    def embedder() -> Embedder:
        return Embedder(ModelStore(load_manifest(), models()).folder(KnowledgeSettings().model), threads=2)

    @app.command(epilog="Example:  callwright cascade fit ../shared/data --thresholds configs/cascade.yaml")
    def fit(
        data: Annotated[Path, typer.Argument(help="Folder with bases of documents, as docs/evaluation.md says.")],
        thresholds: Annotated[Path | None, typer.Option(help="File to renew; the settings' own if left out.")] = None,
        seed: Annotated[int, typer.Option(help="Of the questions made from the documents, and of folds.")] = 1,
    ) -> None:
        """Fit when evidence answers, and renew the thresholds file: its version, data, date and target error."""
        console, path = Console(soft_wrap=True), thresholds or cascade()
        now = load_yaml(path, CascadeFile)
        words = Thesaurus(now.synonyms, now.generic_words)
        with tempfile.TemporaryDirectory(prefix="callwright-fit-") as work:
            fitted = fit_data(data, models(), Path(work), words, seed, console.print)
        write(path, fitted)
        console.print(f"{path}: least {fitted.least}, sure {fitted.sure}: {fitted.target_error}")

    @app.command(epilog="Example:  callwright cascade topics questions.csv --target-error 0.015 --out topics.yaml")
    def topics(
        files: Annotated[
            list[Path], typer.Argument(help="CSV (text,category) or JSON (parts of [text, topic]); topic oos: none.")
        ],
        out: Annotated[
            Path | None, typer.Option(help=f"Thresholds file; {FILE} in the home folder if left out.")
        ] = None,
        target_error: Annotated[
            float, typer.Option(min=0.0001, max=0.5, help="Share of in-scope questions taken for out-of-scope.")
        ] = TARGET_ERROR,
        seed: Annotated[int, typer.Option(help="Of folds and random features.")] = 1,
    ) -> None:
        """Learn topics from questions; write a thresholds file that says on what, when and for which error."""
        path = out or home() / FILE
        path.parent.mkdir(parents=True, exist_ok=True)
        _show(fit_files(files, path, embedder().embed, target_error, seed), path)

    @app.command(epilog='Example:  callwright cascade topic "my card has not come yet"')
    def topic(
        texts: Annotated[list[str], typer.Argument(help="Questions, as callers ask them.")],
        fitted: Annotated[
            Path | None, typer.Option("--topics", help=f"Thresholds file; {FILE} in the home folder if left out.")
        ] = None,
    ) -> None:
        """Say which topic a question belongs to."""
        model, _ = load_topics(fitted or home() / FILE)
        table = Table("question", "topic", "score", "strangeness", f"limit {model.threshold:.2f}")
        for text, found in zip(texts, model.judge(texts, embedder().embed(texts)), strict=True):
            verdict = "[yellow]out of scope[/]" if found.outside else "in scope"
            table.add_row(text, found.name, f"{found.score:.2f}", f"{found.strangeness:.2f}", verdict)
        Console().print(table)

    return app


def fit_files(files: Sequence[Path], path: Path, embed: Embed, target_error: float, seed: int) -> TopicsFile:
    """Fit on these files and write ``path`` and the weights beside it. Raises ConfigError."""
    digests = {file.name: hashlib.sha256(file.read_bytes()).hexdigest()[:16] for file in files if file.is_file()}
    cases = read_all(files)
    inside = [one for one in cases if one.topic != OUTSIDE]
    outside = [one for one in cases if one.topic == OUTSIDE]
    with Progress(console=Console(stderr=True), transient=True) as progress:
        steps = batches(len(inside)) + batches(len(outside)) + FOLDS + 1
        bar = progress.add_task("fitting", total=steps)

        def step() -> None:
            progress.advance(bar)

        vectors = embedded(inside, embed, step)
        examples = Examples([one.text for one in inside], vectors, [one.topic for one in inside])
        fitted = fit_topics(examples, target_error=target_error, seed=seed, advance=step)
        noticed = _noticed(fitted.model, outside, embedded(outside, embed, step))
    weights = fitted.model.packed()
    record = TopicsFile(
        version=_version_after(path),
        fitted_at=datetime.now(UTC).replace(microsecond=0),
        fitted_on=digests,
        target_error=target_error,
        threshold=fitted.model.threshold,
        examples=len(inside),
        topics=len(fitted.model.names),
        outside_examples=len(outside),
        held_out_top1=round(fitted.top1, 4),
        held_out_false_alarm=round(fitted.false_alarm, 4),
        outside_recall=noticed,
        embedder=KnowledgeSettings().model,
        weights=path.with_suffix(".npz").name,
        weights_sha256=hashlib.sha256(weights).hexdigest(),
    )
    save_topics(weights, record, path)
    return record


def _noticed(model: TopicModel, outside: Sequence[Labelled], vectors: Floats) -> float | None:
    if not outside:
        return None
    judged = model.judge([one.text for one in outside], vectors)
    return round(sum(one.outside for one in judged) / len(judged), 4)


def _version_after(path: Path) -> int:
    """One more than the file that is replaced; 1 if there is none that can be read."""
    try:
        return load_topics(path)[1].version + 1
    except ConfigError:
        return 1


def _show(record: TopicsFile, path: Path) -> None:
    console = Console(soft_wrap=True)
    console.print(f"{path}: version {record.version}, {record.topics} topics from {record.examples} questions")
    console.print(
        f"  held out: right topic {percent(record.held_out_top1)}, "
        f"false alarms {percent(record.held_out_false_alarm)} (target {percent(record.target_error)})"
    )
    if record.outside_recall is not None:
        console.print(
            f"  out-of-scope questions noticed: {percent(record.outside_recall)} of {record.outside_examples}"
        )
