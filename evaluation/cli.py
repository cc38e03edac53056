"""``callwright evaluate``: the suites on a folder of data, as a table, JSON and a page."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from contracts.errors import ConfigError
from evaluation.about import described, machine
from evaluation.marks import Marks, load_marks
from evaluation.page import page
from evaluation.runner import Ran, Request, State, run_suites
from evaluation.scorecard import as_json, rows_of
from evaluation.suites import SUITES

COMMAND = "evaluate"
EPILOG = (
    "Example:  callwright evaluate --data ../shared/data --suite retrieval,routing --html scorecard.html\n\n"
    "Exit codes: 0 measured; 1 a suite failed, one that was named could not run, or with --strict a mark was missed; "
    "2 wrong arguments."
)
_COLOURS = {State.FAILED: "red", State.LEFT_OUT: "yellow", State.ABSENT: "yellow"}


def make_command(models: Callable[[], Path]) -> Callable[..., None]:
    """The command's function. ``models`` gives the folder of the model files, when the command runs."""

    def evaluate(
        data: Annotated[Path, typer.Option(help="Folder with the data; docs/evaluation.md says how it is laid out.")],
        fit: Annotated[
            Path | None, typer.Option(help="Another such folder, from which alone is learned. Else: five folds.")
        ] = None,
        suite: Annotated[str, typer.Option(help=f"Some of {','.join(SUITES)}. Else: all whose files are there.")] = "",
        json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
        html: Annotated[Path | None, typer.Option(help="Write a page with the failures to read here.")] = None,
        limit: Annotated[int | None, typer.Option(min=1, help="At most so many cases of a kind: a quick look.")] = None,
        seed: Annotated[int, typer.Option(help="Of every choice by chance.")] = 1,
        strict: Annotated[bool, typer.Option(help="A missed mark is a failure too.")] = False,
    ) -> None:
        """Measure finding, routing, grounding and safety on files, and write a scorecard."""
        names = chosen(suite)
        marks = load_marks()
        console = Console(soft_wrap=True)
        request = Request(data, fit, models(), seed, limit)
        about = _about(request)
        ran = _with_bar(names, request)
        about["files"] = described(data, [need for one in ran if one.outcome for need in one.needs])
        show(ran, marks, console)
        if json_file is not None:
            json_file.write_text(json.dumps(as_json(ran, marks, about), indent=1) + "\n", encoding="utf-8")
        if html is not None:
            html.write_text(page(ran, marks, about), encoding="utf-8")
        if code := exit_code(ran, marks, named=bool(suite), strict=strict):
            raise typer.Exit(code)

    return evaluate


def chosen(words: str) -> list[str]:
    """ "routing,retrieval" → names of suites, in their own order; "" → all. Raises ConfigError."""
    wanted = [word.strip() for word in words.split(",") if word.strip()]
    for word in wanted:
        if word not in SUITES:
            raise ConfigError(f"there is no suite {word!r}; there are: {', '.join(SUITES)}")
    return [name for name in SUITES if not wanted or name in wanted]


def exit_code(ran: Sequence[Ran], marks: Marks, *, named: bool, strict: bool) -> int:
    """See EPILOG. ``named``: the suites were asked for by name."""
    if not any(one.state is State.DONE for one in ran):
        return 1
    lost = any(one.state is State.FAILED or (named and one.state is not State.DONE) for one in ran)
    return int(lost or (strict and any(row.reached is False for row in rows_of(ran, marks))))


def show(ran: Sequence[Ran], marks: Marks, console: Console) -> None:
    """The figures as a table, then what did not run."""
    table = Table(box=SIMPLE, padding=(0, 1, 0, 0))
    table.add_column("figure", overflow="fold", min_width=29)
    for title in ("measured", "95 % interval", "cases"):
        table.add_column(title, no_wrap=True)
    table.add_column("mark", overflow="fold")
    for row in rows_of(ran, marks):
        verdict = {True: "[green]✓[/]", False: "[red]✗[/]", None: " "}[row.reached]
        cases = "" if row.cases is None else str(row.cases)
        mark = f"{verdict} {row.mark.words()}"
        table.add_row(f"{row.suite}.{row.figure}", row.shown, row.interval_shown, cases, mark)
    if table.row_count:
        console.print(table)
    for one in ran:
        if one.state is not State.DONE:
            colour = _COLOURS[one.state]
            console.print(f"[{colour}]{one.name}: {one.state}[/] – {escape(one.why)}", highlight=False)


def _with_bar(names: Sequence[str], request: Request) -> list[Ran]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bars: dict[str, TaskID] = {}

        def advance(name: str, done: int, of: int) -> None:
            if name not in bars:
                bars[name] = progress.add_task(name, total=of)
            progress.update(bars[name], completed=done, total=of)

        return run_suites(names, SUITES, request, advance)


def _about(request: Request) -> dict[str, Any]:
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "data": str(request.data.absolute()),
        "fit": str(request.fit.absolute()) if request.fit is not None else None,
        "seed": request.seed,
        "limit": request.limit,
        "machine": machine(),
    }
