"""`callwright rules`: the hand-over rules proved by the examples beside them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from escalation.rules import RuleBook
from server.control_client import ask


def make_app(rules: Callable[[], Path], control: Callable[[], Path]) -> typer.Typer:
    """``rules`` gives the rule file of the settings, ``control`` the operator's socket, when a command runs."""
    app = typer.Typer(help="The rules that hand a caller to a person.", no_args_is_help=True)

    @app.command(epilog="Example:  callwright rules test configs/rules.yaml")
    def test(
        file: Annotated[Path | None, typer.Argument(help="A rule file; without it, that of the settings.")] = None,
    ) -> None:
        """Run the examples beside each rule, without the classifier; exit code 1 if one does not do what it says."""
        path = file or rules()
        book = RuleBook.load(path)
        wrong = book.check_examples()
        table = Table("priority", Column("rule", no_wrap=True), Column("reason", no_wrap=True), "fires", "quiet", "")
        for rule in book.rules:
            failed = sum(line.startswith(f"{rule.id}: ") for line in wrong)
            counts = (str(len(rule.examples.fires)), str(len(rule.examples.quiet)))
            checked = rule.examples.fires or rule.examples.quiet
            mark = f"[red]{failed} wrong[/]" if failed else "[green]ok[/]" if checked else "[dim]no examples[/]"
            table.add_row(str(rule.priority), rule.id, str(rule.reason), *counts, mark)
        console = Console(soft_wrap=True)
        console.print(table)
        for line in wrong:
            console.print(line, style="red", markup=False, highlight=False)
        console.print(f"{path}: version {book.version}, digest {book.digest[:12]}", highlight=False)
        if wrong:
            raise typer.Exit(1)

    @app.command(epilog="Example:  callwright rules reload")
    def reload() -> None:
        """Let the running operator read its rule file now; calls that begin afterwards have the new rules."""
        told = asyncio.run(ask(control(), "reload_rules"))
        print(f"{told['file']}: version {told['version']}, digest {told['digest']}, is used by new calls")

    return app
