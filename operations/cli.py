"""`callwright calls`: list, show and export the calls of the record."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from operations.records import Records
from operations.transcript import calls_table, render_call

RecordsFactory = Callable[[], AbstractContextManager[Records]]


class Format(StrEnum):
    """Of an export."""

    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"


def make_app(open_records: RecordsFactory) -> typer.Typer:
    """The sub-app; ``open_records`` is called only when a command runs."""
    app = typer.Typer(help="Look at the calls in the record.", no_args_is_help=True)

    @app.command("list", epilog="Example:  callwright calls list --limit 10")
    def list_calls(
        limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, newest first.")] = 20,
        as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    ) -> None:
        """Show the newest calls."""
        with open_records() as records:
            rows = records.list_calls(limit=limit)
        if as_json:
            print(json.dumps(rows, default=str, indent=1))
        else:
            Console().print(calls_table(rows) if rows else "no calls yet")

    @app.command(epilog="Example:  callwright calls show 3f2a91")
    def show(
        call_id: Annotated[str, typer.Argument(help="Our id, a beginning of it, or the SIP Call-ID.")],
        as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    ) -> None:
        """Print a call as a transcript with timings."""
        with open_records() as records:
            record = records.get_call(call_id)
        if as_json:
            print(json.dumps(record.as_json(), indent=1))
            return
        console = Console(highlight=False, soft_wrap=True)
        for line in render_call(record):
            console.print(line)

    @app.command(epilog="Example:  callwright calls export --all --format jsonl --out calls.jsonl")
    def export(
        call_id: Annotated[str | None, typer.Argument(help="A call's id.")] = None,
        every: Annotated[bool, typer.Option("--all", help="All calls, oldest first.")] = False,
        form: Annotated[Format, typer.Option("--format", help="json, jsonl or csv (one line a turn).")] = Format.JSON,
        out: Annotated[Path | None, typer.Option(help="Write here instead of to the terminal.")] = None,
    ) -> None:
        """Write calls with turns, escalations and events."""
        if (call_id is None) == (not every):
            raise typer.BadParameter("give a call's id, or --all")
        with open_records() as records:
            ids = records.call_ids() if every else [str(call_id)]
            found = [records.get_call(one).as_json() for one in ids]
        text = _format(found, form)
        if out is None:
            print(text, end="")
        else:
            out.write_text(text, encoding="utf-8")

    return app


def _format(found: list[dict[str, object]], form: Format) -> str:
    if form is Format.JSON:
        return json.dumps(found, indent=1) + "\n"
    if form is Format.JSONL:
        return "".join(json.dumps(one) + "\n" for one in found)
    columns = ["call_id", "turn", "asked_at", "caller_text", "confidence", "heard", "rung", "response_latency_s"]
    target = io.StringIO()
    writer = csv.DictWriter(target, columns, extrasaction="ignore")
    writer.writeheader()
    for one in found:
        turns = one["turns"]
        assert isinstance(turns, list)
        for turn in turns:
            writer.writerow({key: _harmless(value) for key, value in turn.items()})
    return target.getvalue()


def _harmless(value: object) -> object:
    """A cell that a spreadsheet will not run as a formula: callers choose these words."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
