"""`callwright audit`, `callwright retention` and `callwright callers`: what is kept, how long, and the proof."""

from __future__ import annotations

import getpass
import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import sqlalchemy as sa
import typer
from rich.console import Console
from rich.table import Table

from operations.audit import AuditLog
from operations.erasing import Erased, Eraser, today
from operations.records import Records
from operations.settings import RetentionSettings
from operations.verifying import faults, heads

_SHOWN = 50


@dataclass(slots=True, frozen=True)
class Kept:
    """What the commands work on."""

    engine: sa.Engine
    recordings: Path
    retention: RetentionSettings


Open = Callable[[], AbstractContextManager[Kept]]
Number = Annotated[str, typer.Argument(help="The caller's number or address, as `callwright calls list` shows it.")]


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
            wrong = list(faults(kept.engine))
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
            done = Eraser(kept.engine, kept.recordings).retain(kept.retention, today(), _me())
            _report(done, kept.engine)

    return app


def callers_app(opened: Open) -> typer.Typer:
    """`callwright callers`."""
    app = typer.Typer(help="What is kept of one caller.", no_args_is_help=True)

    @app.command(epilog="Example:  callwright callers export +15550142 --out caller.json")
    def export(number: Number, out: Annotated[Path, typer.Option(help="Write here.")]) -> None:
        """Write everything kept of a caller: calls, turns, events, hand-overs, and which recordings there are."""
        with opened() as kept:
            ids = Eraser(kept.engine, kept.recordings).of_caller(number)
            AuditLog(kept.engine).note(_me(), "caller.export", f"{len(ids)} calls")
            told = exported(kept, ids)
        out.write_text(json.dumps(told, indent=1, default=str), encoding="utf-8")
        print(f"{len(ids)} calls are in {out}")

    @app.command(epilog="Example:  callwright callers erase +15550142")
    def erase(number: Number, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
        """Erase everything kept of a caller; that it was erased, and by whom, stays."""
        with opened() as kept:
            eraser = Eraser(kept.engine, kept.recordings)
            ids = eraser.of_caller(number)
            if not ids:
                print("no call of this caller is in the record")
                return
            if not yes:
                typer.confirm(f"Erase {len(ids)} calls for good?", abort=True)
            AuditLog(kept.engine).note(_me(), "caller.erase", f"{len(ids)} calls")
            _report(eraser.forget(ids, _me(), "asked for by the caller"), kept.engine)

    return app


def exported(kept: Kept, ids: Sequence[str]) -> list[dict[str, object]]:
    """All of these calls, JSON-ready."""
    records = Records(kept.engine)
    told: list[dict[str, object]] = []
    for call_id in ids:
        recording = kept.recordings / f"{call_id}.wav"
        one = dict(records.get_call(call_id).as_json())
        told.append({**one, "recording": str(recording) if recording.exists() else ""})
    return told


def _report(done: Sequence[Erased], engine: sa.Engine) -> None:
    table = Table("class", "calls", "events emptied", "rows", "files", "left over")
    for one in done:
        table.add_row(one.what, str(one.calls), str(one.events), str(one.rows), str(one.files), str(one.left))
    console = Console(soft_wrap=True, highlight=False)
    console.print(table if done else "operations.retention keeps everything: nothing to do")
    wrong = next(faults(engine), None)
    if wrong is not None or any(one.left for one in done):
        console.print(wrong or "something is left over: see the table", style="red", markup=False)
        raise typer.Exit(1)
    console.print("the hash chain continues: `callwright audit verify`")


def _me() -> str:
    try:
        return f"{getpass.getuser()} (terminal)"
    except (KeyError, OSError):  # a container without a user of that number
        return "terminal"
