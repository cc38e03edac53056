"""`callwright callers`: what is kept of one caller, shown, written out, erased."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from operations.audit import AuditLog, at_terminal
from operations.callerfile import CallerFile, as_json
from operations.callers import Caller, find_caller
from operations.keeping_cli import Kept, Open, report

Number = Annotated[str, typer.Argument(help="The caller's number or address, as `callwright calls list` shows it.")]


def callers_app(opened: Open) -> typer.Typer:
    """`callwright callers`."""
    app = typer.Typer(help="What is kept of one caller.", no_args_is_help=True)

    @app.command(epilog="Example:  callwright callers show +15550142")
    def show(number: Number) -> None:
        """Say what is kept of a caller."""
        with opened() as kept:
            caller = _find(kept, number, "caller.search")
            held = CallerFile(kept.engine, kept.folders).held(caller)
        whole = (Column("call", no_wrap=True), Column("began (UTC)", no_wrap=True))
        table = Table(*whole, "turns", "recording", "person", "callbacks", "unsent briefings")
        for one in held:
            began = f"{one.began:%Y-%m-%d %H:%M}" if one.began else "—"
            told = (str(one.turns), "yes" if one.recorded else "no", one.reason.replace("_", " "), str(one.callbacks))
            table.add_row(one.call_id, began, *told, str(one.briefings))
        Console().print(table if held else "nothing is kept of this caller")

    @app.command(epilog="Example:  callwright callers export +15550142 --out caller.zip")
    def export(
        number: Number, out: Annotated[Path, typer.Option(help="Write here: .zip with sound, or .json without.")]
    ) -> None:
        """Write everything kept of a caller: calls, turns, events, hand-overs, callbacks, recordings."""
        with opened() as kept:
            caller = _find(kept, number, "caller.export")
            file = CallerFile(kept.engine, kept.folders)
            with open(out, "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as target:
                if out.suffix == ".json":
                    target.write(as_json(file.told(caller.calls)).encode())
                else:
                    file.write_zip(caller, target)
        print(f"{len(caller.calls)} calls are in {out}, which only you can read")

    @app.command(epilog='Example:  callwright callers erase +15550142 --why "asked in writing on 3 May"')
    def erase(
        number: Number,
        why: Annotated[str, typer.Option(help="For the record; numbers are taken out.")] = "asked for by the caller",
        yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    ) -> None:
        """Erase everything kept of a caller; that it was erased, by whom and why, stays."""
        with opened() as kept:
            file = CallerFile(kept.engine, kept.folders)
            caller = _find(kept, number, "caller.search")
            if not caller.calls:
                print("nothing is kept of this caller")
                return
            if obstacle := file.obstacle(caller, kept.live()):
                print(obstacle)
                raise typer.Exit(1)
            if not yes:
                typer.confirm(f"Erase {len(caller.calls)} calls for good?", abort=True)
            AuditLog(kept.engine).note(at_terminal(), "caller.erase", _told(caller))
            report(kept.eraser.forget(caller.calls, at_terminal(), why), kept.engine)
            for line in (left := file.traces(caller)):
                print(f"still there: {line}")
            if left:
                raise typer.Exit(1)
            print("looked for in every table and file: nothing of this caller is left")

    return app


def _find(kept: Kept, number: str, action: str) -> Caller:
    """Who is meant; written down, without the number, before anything is shown."""
    caller = find_caller(kept.engine, number)
    AuditLog(kept.engine).note(at_terminal(), action, _told(caller))
    return caller


def _told(caller: Caller) -> str:
    return f"{caller.masked}: {len(caller.calls)} calls"
