"""Puts together what callers can have done: the owner's OpenAPI file, the allow-list, the tasks; and checks it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import httpx
import typer
from rich.console import Console

from contracts.errors import ConfigError
from dialog.tools.desk import Counter
from dialog.tools.tasks import TaskBook
from operations.tools.capture import HttpPayments
from operations.tools.client import HttpTools
from operations.tools.settings import ToolSettings
from operations.tools.spec import complaints, load_routes
from server.settings import OperatorSettings, project_path


def make_counter(settings: ToolSettings) -> Counter | None:
    """None when tools are off. Raises ConfigError for files that cannot be read or do not fit each other."""
    if not settings.enabled:
        return None
    tools, book = _parts(settings)
    if faults := [*book.faults(tools.operations), *_unpayable(settings, book)]:
        raise ConfigError(f"{settings.tasks}: {faults[0]}; `callwright tools check` lists all that is wrong")
    return Counter(book, tools, payments=_payments(settings))


def _payments(settings: ToolSettings) -> HttpPayments | None:
    return HttpPayments(settings.capture) if settings.capture.url is not None and not settings.dry_run else None


def _unpayable(settings: ToolSettings, book: TaskBook) -> list[str]:
    """Tasks whose keyed-in numbers have nowhere to go."""
    if settings.capture.url is not None:
        return []
    return [f"task {name}: has 'secure' slots, and tools.capture.url is not given" for name in book.captures]


def _parts(settings: ToolSettings) -> tuple[HttpTools, TaskBook]:
    if settings.openapi is None or settings.tasks is None or settings.base_url is None:
        raise ConfigError("tools: openapi, tasks and base_url have to be given; see docs/tools.md")
    routes = load_routes(project_path(settings.openapi), settings.allow)
    return HttpTools(settings, routes), TaskBook.load(project_path(settings.tasks))


def problems(settings: ToolSettings) -> Iterator[str]:
    """Everything that is wrong, one line each. Raises ConfigError for a file that cannot be read."""
    tools, book = _parts(settings)
    yield from complaints(load_routes(project_path(_given(settings)), settings.allow))
    yield from book.faults(tools.operations)
    yield from _unpayable(settings, book)
    used = {task.look for task in book.file.tasks.values()} | {task.act for task in book.file.tasks.values()}
    used |= {book.file.identity.operation} if book.file.identity is not None else set()
    yield from (f"tools.allow: no task uses {name!r}" for name in tools.operations if name not in used)
    if (fault := asyncio.run(_reached(str(settings.base_url), settings.timeout_s))) is not None:
        yield fault
    if settings.capture.url is not None:
        settings.capture.bearer()
        if (fault := asyncio.run(_reached(str(settings.capture.url), settings.capture.timeout_s))) is not None:
            yield fault.replace("tools.base_url", "tools.capture.url")


def _given(settings: ToolSettings) -> Path:
    assert settings.openapi is not None
    return settings.openapi


async def _reached(url: str, timeout_s: float) -> str | None:
    """None if anything at all answers there."""
    try:
        async with httpx.AsyncClient(timeout=timeout_s, trust_env=False) as client:
            await client.get(url)
    except httpx.HTTPError as error:
        return f"tools.base_url: nothing answers at {url} ({type(error).__name__}); start the service or correct it"
    return None


def make_app(load: Callable[[], OperatorSettings]) -> typer.Typer:
    """`callwright tools`."""
    app = typer.Typer(help="Actions on the owner's systems.", no_args_is_help=True)

    @app.callback()
    def common() -> None:
        """Actions on the owner's systems."""

    @app.command(epilog="Example:  callwright --config configs/demo.yaml tools check")
    def check(
        offline: Annotated[bool, typer.Option(help="Do not ask whether the service answers.")] = False,
    ) -> None:
        """List the operations that are allowed, and say what is wrong with them and with the tasks that use them."""
        settings = load().tools
        tools, book = _parts(settings)
        console = Console(soft_wrap=True, highlight=False)
        mode = "" if settings.enabled else " (off: tools.enabled is false)"
        console.print(f"{settings.base_url}{mode}" + (" (dry run: writes are not sent)" if settings.dry_run else ""))
        for name, operation in sorted(tools.operations.items()):
            console.print(f"  {operation.effect:5} {name}({', '.join(sorted(operation.inputs))})", markup=False)
        if settings.capture.url is not None:
            console.print(f"  keys  {settings.capture.url} (secure capture)", markup=False)
        for name, task in book.file.tasks.items():
            steps = [*task.slots, *(["identity"] if task.identity else []), *filter(None, [task.look])]
            steps += [f"keys({', '.join(task.secure)})"] * bool(task.secure) + [task.act] * bool(task.act)
            console.print(f"  task  {name}: {' → '.join(steps)}", markup=False)
        found = [line for line in problems(settings) if not (offline and "nothing answers at" in line)]
        for line in found:
            console.print(f"[red]wrong[/] {line}")
        if found:
            raise typer.Exit(1)
        console.print("[green]nothing wrong[/]")

    return app
