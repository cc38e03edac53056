"""`callwright callbacks`: promises to call somebody back, listed and closed at this machine."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from escalation.numbers import link_of
from escalation.redact import redact
from operations.audit import AuditLog, at_terminal
from operations.callbacks import Callback, CallbackOutcome, Callbacks

Opened = Callable[[], AbstractContextManager[tuple[Callbacks, AuditLog]]]
MAX_NOTE = 2000


def make_app(opened: Opened) -> typer.Typer:
    """The sub-app; ``opened`` is called only when a command runs."""
    app = typer.Typer(help="Promises to call somebody back.", no_args_is_help=True)

    @app.command("list", epilog="Example:  callwright callbacks list --all")
    def list_them(
        every: Annotated[bool, typer.Option("--all", help="Done and expired ones too.")] = False,
        as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    ) -> None:
        """Show whom to call back, the oldest first. This is noted in the audit: it shows numbers."""
        now = datetime.now(UTC)
        with opened() as (callbacks, audit):
            found = callbacks.to_do() + (callbacks.past(500) if every else [])
            audit.note(at_terminal(), "callbacks.list", f"{len(found)} callbacks")
        if as_json:
            print(json.dumps([{**asdict(one), "state": one.state(now)} for one in found], default=str, indent=1))
        elif not found:
            print("nobody is to be called back")
        else:
            Console().print(_table(found, now))

    @app.command(epilog="Example:  callwright callbacks claim 3f2a91c0 --by ann")
    def claim(
        ticket: Annotated[str, typer.Argument(help="As `callbacks list` shows it.")],
        by: Annotated[str, typer.Option(help="Who will call: an account of the pages; without it, this user.")] = "",
    ) -> None:
        """Take one, so that nobody else calls too; print the number and a link that telephone programs open."""
        holder = by.strip() or at_terminal()
        with opened() as (callbacks, audit):
            one = callbacks.get(ticket)
            audit.note(holder, "callback.claim", ticket, call_id=one.call_id)
            callbacks.claim(ticket, holder)
        print(f"{one.caller}  {link_of(one.caller)}")

    @app.command(epilog='Example:  callwright callbacks close 3f2a91c0 --outcome reached --note "wanted a new card"')
    def close(
        ticket: Annotated[str, typer.Argument(help="As `callbacks list` shows it.")],
        outcome: Annotated[CallbackOutcome, typer.Option(help="How it ended.")] = CallbackOutcome.REACHED,
        note: Annotated[str, typer.Option(help="For the record; numbers and names are taken out.")] = "",
    ) -> None:
        """Close one, whoever holds it."""
        by = at_terminal()
        with opened() as (callbacks, audit):
            one = callbacks.get(ticket)
            audit.note(by, "callback.close", f"{ticket} {outcome}", call_id=one.call_id)
            callbacks.close(ticket, by, outcome, redact(note[:MAX_NOTE]), anyones=True)
        print(f"callback {ticket} is closed: {outcome}")

    return app


def _table(found: list[Callback], now: datetime) -> Table:
    table = Table("ticket", "call", "reason", "wanted (UTC)", "state", "who", "outcome")
    for one in found:
        when = f"{one.wanted_at:%Y-%m-%d %H:%M}"
        reason = str(one.reason).replace("_", " ")
        table.add_row(
            one.ticket, one.caller, reason, when, str(one.state(now)), one.closed_by or one.holder, one.outcome
        )
    return table
