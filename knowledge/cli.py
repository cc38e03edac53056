"""``callwright knowledge``: add, list, search and remove documents from a terminal.

The commands know nothing of servers: they get an api.KnowledgeAccess from a factory.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from contracts.errors import CallwrightError
from knowledge.api import KnowledgeAccess, Outcome, document_json, evidence_json
from knowledge.documents import find_files, load_file

AccessFactory = Callable[[], AbstractContextManager[KnowledgeAccess]]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

_POLL_S = 0.2
_INDEXING_S = 600.0


def make_app(access: AccessFactory, max_bytes: Callable[[], int]) -> typer.Typer:
    """The sub-app. ``access`` opens the base (locally, or through the running server) for one command;
    ``max_bytes`` is the limit of a document. Both are called only when a command runs."""
    app = typer.Typer(help="Add, list, search and remove the documents that answers stand on.", no_args_is_help=True)

    @app.command(epilog="Example: callwright knowledge add configs/demo/knowledge fees.md")
    def add(
        paths: Annotated[list[Path], typer.Argument(help="Markdown or text files, or folders of them.")],
        as_json: AsJson = False,
    ) -> None:
        """Take in documents. A document of the same name is replaced; an unchanged one costs nothing."""
        with _one_line_errors(), access() as base:
            refused = _add_all(base, paths, max_bytes(), as_json)
        if refused:
            raise typer.Exit(1)

    @app.command("list", epilog="Example: callwright knowledge list --json")
    def list_documents(as_json: AsJson = False) -> None:
        """Show the documents in the base."""
        with _one_line_errors(), access() as base:
            _show_documents(base, as_json)

    @app.command(epilog='Example: callwright knowledge search "when are you open on saturday" --limit 3')
    def search(
        text: Annotated[str, typer.Argument(help="A question, as a caller would ask it.")],
        limit: Annotated[int, typer.Option(min=1, max=50, help="How many passages.")] = 5,
        context: Annotated[list[str] | None, typer.Option(help="An earlier turn of the caller (repeatable).")] = None,
        as_json: AsJson = False,
    ) -> None:
        """Find the passages for a question, with their scores."""
        with _one_line_errors(), access() as base:
            _show_evidence(base, text, limit, context or [], as_json)

    @app.command(epilog="Example: callwright knowledge remove fees.md")
    def remove(keys: Annotated[list[str], typer.Argument(help="Sources or ids, as `list` shows them.")]) -> None:
        """Take documents out of the base."""
        with _one_line_errors(), access() as base:
            for key in keys:
                removed = base.remove(key)
                Console().print(f"removed {removed.source} ({removed.passages} passages)", markup=False)

    return app


@contextmanager
def _one_line_errors() -> Iterator[None]:
    try:
        yield
    except CallwrightError as error:
        print(f"callwright: {error}", file=sys.stderr)
        raise typer.Exit(error.exit_code) from error


def _add_all(base: KnowledgeAccess, paths: list[Path], max_bytes: int, as_json: bool) -> int:
    """Add everything, going on after refusals; returns how many there were."""
    results: list[dict[str, Any]] = []
    refused: list[str] = []
    files: list[tuple[Path, str]] = []
    for path in paths:
        try:
            files.extend(find_files(path))
        except CallwrightError as error:
            refused.append(str(error))
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        reading = progress.add_task("documents", total=len(files))
        for path, source in files:
            try:
                added = base.add(load_file(path, source, max_bytes=max_bytes), source)
                results.append({**document_json(added.document), "outcome": added.outcome.value})
            except CallwrightError as error:
                refused.append(str(error))
            progress.advance(reading)
        _watch_indexing(base, progress)
    if as_json:
        print(json.dumps({"documents": results, "refused": refused}, indent=2))
    else:
        counts = {kind: sum(one["outcome"] == kind for one in results) for kind in Outcome}
        summary = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count) or "nothing added"
        Console().print(f"{summary}; {sum(one['passages'] for one in results)} passages", markup=False)
    for line in refused:
        print(f"callwright: {line}", file=sys.stderr)
    return len(refused)


def _watch_indexing(base: KnowledgeAccess, progress: Progress) -> None:
    """Follow the vectors being made; the documents are safe already, so giving up loses nothing."""
    stats = base.stats()
    if not stats.pending:
        return
    task = progress.add_task("vectors", total=stats.pending)
    until = time.monotonic() + _INDEXING_S
    total = stats.pending
    while stats.pending and time.monotonic() < until:
        time.sleep(_POLL_S)
        stats = base.stats()
        progress.update(task, completed=total - stats.pending)


def _show_documents(base: KnowledgeAccess, as_json: bool) -> None:
    found = base.list_documents()
    stats = base.stats()
    if as_json:
        print(json.dumps({"documents": [document_json(one) for one in found], "stats": asdict(stats)}, indent=2))
        return
    table = Table("source", "title", "id", "tags", "added")
    table.add_column("passages", justify="right")
    for one in found:
        table.add_row(one.source, one.title, one.document_id, ", ".join(one.tags), one.added_at[:16], str(one.passages))
    state = f"{stats.documents} documents, {stats.passages} passages"
    if stats.pending:
        state += f", {stats.pending} still without vectors"
    if stats.degraded:
        state += f"; degraded: {stats.degraded}"
    console = Console()
    console.print(table)
    console.print(state, markup=False)


def _show_evidence(base: KnowledgeAccess, text: str, limit: int, context: list[str], as_json: bool) -> None:
    evidence = base.search(text, limit=limit, context=context)
    if as_json:
        print(json.dumps(evidence_json(evidence), indent=2))
        return
    table = Table(show_lines=True)
    table.add_column("cosine", justify="right")
    table.add_column("words", justify="right")
    table.add_column("document", overflow="fold")
    table.add_column("passage", overflow="fold")
    for one in evidence.passages:
        where = one.title if not one.heading else f"{one.title} › {one.heading}"
        table.add_row(f"{one.score:.3f}", f"{one.lexical:.3f}", where, one.text)
    console = Console()
    console.print(table) if evidence.passages else console.print("nothing found")
    degraded = f"; degraded: {evidence.degraded}" if evidence.degraded else ""
    console.print(f"margin {evidence.margin:.3f}, {evidence.compute_s * 1000:.0f} ms{degraded}", markup=False)
