"""``callwright users``: who may sign in to the pages."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from console.accounts import Accounts
from console.permissions import Role
from operations.audit import at_terminal

AccountsFactory = Callable[[], AbstractContextManager[Accounts]]
Name = Annotated[str, typer.Argument(help="The account's name.")]
Roles = Annotated[list[Role], typer.Option("--role", help="What it is for; several may be given.")]


def make_app(open_accounts: AccountsFactory) -> typer.Typer:
    """The sub-app; ``open_accounts`` is called only when a command runs."""
    app = typer.Typer(help="Who may sign in to the pages, and as what.", no_args_is_help=True)

    @app.command(epilog="Example:  callwright users add maria --role editor --role approver")
    def add(name: Name, role: Roles) -> None:
        """Make an account; asks for its password twice (or reads one line of a pipe)."""
        with open_accounts() as accounts:
            made = accounts.add(name, _password(), role, by=at_terminal())
        Console().print(f"{made.name} may sign in as {', '.join(made.roles)}", markup=False)

    @app.command("list", epilog="Example:  callwright users list")
    def list_users() -> None:
        """Show all accounts."""
        table = Table("name", "roles", "signs in at")
        with open_accounts() as accounts:
            for one in accounts.list_accounts():
                table.add_row(one.name, ", ".join(one.roles), one.issuer or "this console")
        Console().print(table if table.row_count else "no accounts yet: callwright users add NAME --role engineer")

    @app.command(epilog="Example:  callwright users password maria")
    def password(name: Name) -> None:
        """Give an account another password; it is signed out everywhere."""
        with open_accounts() as accounts:
            accounts.set_password(name, _password(), by=at_terminal())
        Console().print(f"{name} has a new password", markup=False)

    @app.command(epilog="Example:  callwright users role maria --role supervisor")
    def role(name: Name, role: Roles) -> None:
        """Give an account these roles instead of its own; it is signed out everywhere."""
        with open_accounts() as accounts:
            accounts.set_roles(name, role, by=at_terminal())
        Console().print(f"{name} is now {', '.join(role)}", markup=False)

    @app.command(epilog="Example:  callwright users remove maria")
    def remove(name: Name) -> None:
        """Remove an account: nobody signs in with it any more; what it did stays in the record."""
        with open_accounts() as accounts:
            accounts.remove(name, by=at_terminal())
        Console().print(f"{name} is removed", markup=False)

    return app


def _password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
