"""`callwright audit` and `callwright retention`: how long things are kept, and the proof."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass

import sqlalchemy as sa
import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from operations.audit import at_terminal
from operations.callerfile import Folders
from operations.erasing import Erased, Eraser, today
from operations.settings import RetentionSettings
from operations.verifying import Tell, faults, heads

_SHOWN = 50
_PATIENCE_S = 2.0


@dataclass(slots=True, frozen=True)
class Kept:
    """What the commands work on."""

    engine: sa.Engine
    folders: Folders
    retention: RetentionSettings
    callbacks_days: float
    """How long callbacks are kept that are over."""
    live: Callable[[], Collection[str]]
    """Ids of the calls that are up; none where no operator is running."""

    @property
    def eraser(self) -> Eraser:
        """What erases of it."""
        return Eraser(self.engine, self.folders.recordings, self.folders.webhook)


Open = Callable[[], AbstractContextManager[Kept]]


def audit_app(opened: Open) -> typer.Typer:
    """`callwright audit`."""
    app = typer.Typer(help="Prove that the record is what was written.", no_args_is_help=True)

    @app.callback()
    def group() -> None:
        """Prove that the record is what was written."""

    @app.command(epilog="Example:  callwright audit verify")
    def verify() -> None:
        """Check every link of the hash chains, every erasure and every row; exit code 1 names what was changed."""
        with opened() as kept:
            with _bar("checking") as tell:
                wrong = list(faults(kept.engine, tell))
            ends = heads(kept.engine)
        console = Console(soft_wrap=True, highlight=False)
        for line in wrong[:_SHOWN]:
            console.print(line, style="red", markup=False)
        if len(wrong) > _SHOWN:
            console.print(f"and {len(wrong) - _SHOWN} more")
        for name, (count, last) in ends.items():
            console.print(f"chain {name}: {count} entries, last {last[:16]}")
        if wrong:
            raise typer.Exit(1)
        console.print("[green]everything is as it was written[/]")

    return app


def retention_app(opened: Open) -> typer.Typer:
    """`callwright retention`."""
    app = typer.Typer(help="Erase what has been kept long enough.", no_args_is_help=True)

    @app.callback()
    def group() -> None:
        """Erase what has been kept long enough."""

    @app.command(epilog="Example:  callwright retention run")
    def run() -> None:
        """Do now what the operator does at its start and once a day; prints what went, and the proof."""
        with opened() as kept:
            days = kept.callbacks_days
            done = kept.eraser.retain(kept.retention, today(), at_terminal(), callbacks_days=days)
            report(done, kept.engine)

    return app


@contextmanager
def _bar(what: str) -> Iterator[Tell]:
    """How far it is, on stderr, once it takes longer than a person likes to wait."""
    began = time.monotonic()
    with ExitStack() as shown:
        progress = Progress(console=Console(stderr=True), transient=True)
        task = progress.add_task(what, total=None)

        def tell(done: int, total: int) -> None:
            if not progress.live.is_started and time.monotonic() - began > _PATIENCE_S:
                shown.enter_context(progress)
            progress.update(task, completed=done, total=total)

        yield tell


def report(done: Sequence[Erased], engine: sa.Engine) -> None:
    """What went and what is left over, and whether the chain holds; exit code 1 if not."""
    table = Table("class", "calls", "events emptied", "rows", "files", "left over")
    for one in done:
        table.add_row(one.what, str(one.calls), str(one.events), str(one.rows), str(one.files), str(one.left))
    console = Console(soft_wrap=True, highlight=False)
    console.print(table if done else "operations.retention keeps everything: nothing to do")
    with _bar("proving") as tell:
        wrong = next(faults(engine, tell), None)
    if wrong is not None or any(one.left for one in done):
        console.print(wrong or "something is left over: see the table", style="red", markup=False)
        raise typer.Exit(1)
    console.print("the hash chain continues: `callwright audit verify`")
