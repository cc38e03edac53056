"""``callwright knowledge add``: files one after the other, refusals and quarantine told, progress on standard error."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from contracts.errors import CallwrightError
from knowledge.api import Added, KnowledgeAccess, Outcome, ReleaseInfo, to_json
from knowledge.clishow import live
from knowledge.documents import find_files, load_file

_POLL_S = 0.2
_COLUMNS = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())


@dataclass(slots=True)
class AddResult:
    """What became of everything that was given."""

    added: list[Added] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    release: ReleaseInfo | None = None


def add_all(base: KnowledgeAccess, paths: list[Path], max_bytes: int, by: str) -> AddResult:
    """Add everything, going on after refusals."""
    result = AddResult()
    files: list[tuple[Path, str]] = []
    for path in paths:
        try:
            files.extend(find_files(path))
        except CallwrightError as error:
            result.refused.append(str(error))
    with Progress(*_COLUMNS, console=Console(stderr=True), transient=True) as progress:
        reading = progress.add_task("files", total=len(files))
        for path, source in files:
            try:
                result.added += base.add(load_file(path, source, max_bytes=max_bytes), source, by=by)
            except CallwrightError as error:
                result.refused.append(str(error))
            progress.advance(reading)
    watch_indexing(base)
    return result


def watch_indexing(base: KnowledgeAccess) -> None:
    """Follow the vectors being made; the documents are safe already, so giving up (Ctrl-C) loses nothing."""
    stats = base.stats()
    if not stats.pending:
        return
    with Progress(*_COLUMNS, console=Console(stderr=True), transient=True) as progress:
        total = stats.pending
        task = progress.add_task("vectors", total=total)
        while stats.pending:
            time.sleep(_POLL_S)
            stats = base.stats()
            total = max(total, stats.pending)
            progress.update(task, total=total, completed=total - stats.pending)


def show(result: AddResult, as_json: bool) -> None:
    """Counts, notices and quarantine; refusals go to standard error, a line each."""
    if as_json:
        body = {"documents": to_json(result.added), "refused": result.refused, "release": to_json(result.release)}
        print(json.dumps(body, indent=2))
    else:
        _show_words(result)
    for line in result.refused:
        print(f"callwright: {line}", file=sys.stderr)


def _show_words(result: AddResult) -> None:
    console = Console()
    counts = {kind: sum(one.outcome is kind for one in result.added) for kind in Outcome}
    summary = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count) or "nothing added"
    passages = sum(one.document.passages for one in result.added)
    console.print(f"{summary}; {passages} passages", markup=False)
    for one in result.added:
        for notice in one.document.notices:
            console.print(f"look: {one.document.source} {notice}", markup=False)
        for suspicion in one.suspicions:
            console.print(
                f"held: {one.document.source} {suspicion.why} ({suspicion.where}): {suspicion.quote!r}", markup=False
            )
    if counts[Outcome.HELD]:
        console.print(
            "held documents wait for `callwright knowledge decide SOURCE --accept` or `--reject`", markup=False
        )
    if result.release is not None:
        live(result.release)
    elif any(one.outcome in (Outcome.ADDED, Outcome.REPLACED) for one in result.added):
        console.print("callers hear of this after `callwright knowledge publish`", markup=False)


def watch_suites(base: KnowledgeAccess, info: ReleaseInfo) -> ReleaseInfo:
    """Wait, with a progress bar, until the suites that are being asked about a release are done; its state then."""
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(f"asking the suites about {info.release}", total=None)
        while (known := info.report.get("suites", {})).get("state") == "running":
            progress.update(task, completed=known["done"], total=known["of"] or None)
            time.sleep(_POLL_S)
            info = next((one for one in base.releases() if one.release == info.release), info)
    return info
