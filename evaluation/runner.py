"""Runs suites one after the other, each in a process of its own, and says of each what became of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path

from contracts.errors import ConfigError
from evaluation.about import ROOT, matching
from evaluation.child import RESULT, Order, outcome_of
from evaluation.contract import Outcome
from evaluation.suites import suite_at

MAX_ERROR_CHARS = 2000


class State(StrEnum):
    """What became of a suite."""

    DONE = "done"
    FAILED = "failed"
    LEFT_OUT = "left out"
    """Files that it needs are not in the data."""
    ABSENT = "not available"
    """It cannot be loaded here."""


@dataclass(slots=True, frozen=True)
class Request:
    """Where to measure. See contract.Occasion."""

    data: Path
    fit: Path | None
    models: Path
    seed: int = 1
    limit: int | None = None


@dataclass(slots=True, frozen=True)
class Ran:
    """One suite's end. ``why``: the reason, unless it is done."""

    name: str
    state: State
    why: str = ""
    outcome: Outcome | None = None
    seconds: float = 0.0
    title: str = ""
    needs: tuple[str, ...] = ()


def run_suites(
    names: Iterable[str],
    suites: Mapping[str, str],
    request: Request,
    advance: Callable[[str, int, int], None] = lambda name, done, of: None,
) -> list[Ran]:
    """``names`` of ``suites`` (name → ``module:Class``), in that order. Raises ConfigError for no folder."""
    for folder in (request.data, request.fit):
        if folder is not None and not folder.is_dir():
            raise ConfigError(f"{folder}: no such folder; give one that is laid out like docs/evaluation.md says")
    return [_run(name, suites[name], request, partial(advance, name)) for name in names]


def _run(name: str, spec: str, request: Request, advance: Callable[[int, int], None]) -> Ran:
    try:
        suite = suite_at(spec)
    except ImportError as error:
        return Ran(name, State.ABSENT, str(error))
    needs = tuple(suite.needs)
    missing = [need for need in needs if not matching(request.data, need)]
    if missing:
        lacks = ", ".join(need.replace("|", " or ") for need in missing)
        return Ran(name, State.LEFT_OUT, f"{request.data} has no {lacks}", title=suite.title, needs=needs)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix=f"callwright-{name}-") as folder:
        outcome, why = _in_child(spec, request, Path(folder), advance)
    spent = time.monotonic() - began
    state = State.DONE if outcome is not None else State.FAILED
    return Ran(name, state, why, outcome, spent, suite.title, needs)


def _in_child(
    spec: str, request: Request, folder: Path, advance: Callable[[int, int], None]
) -> tuple[Outcome | None, str]:
    work, log, result = folder / "work", folder / "log", folder / RESULT
    work.mkdir()
    reading, writing = os.pipe()
    order = Order(
        spec=spec,
        data=request.data.absolute(),
        fit=request.fit.absolute() if request.fit is not None else None,
        models=request.models,
        work=work,
        result=result,
        seed=request.seed,
        limit=request.limit,
        progress_fd=writing,
    )
    with log.open("wb") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "evaluation.child"],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=(writing,),
            env=os.environ | {"PYTHONPATH": os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", "")))},
        )
        os.close(writing)
        try:
            assert child.stdin is not None
            child.stdin.write(order.model_dump_json().encode())
            child.stdin.close()
            with os.fdopen(reading) as progress:
                for line in progress:
                    done, _, of = line.partition(" ")
                    advance(int(done), int(of))
            child.wait()
        finally:
            if child.poll() is None:
                child.kill()
                child.wait()
    if child.returncode != 0 or not result.is_file():
        return None, f"its process ended with {child.returncode}: {_tail(log)}"
    found = json.loads(result.read_text(encoding="utf-8"))
    return (outcome_of(found["outcome"]), "") if "outcome" in found else (None, str(found["error"]))


def _tail(log: Path) -> str:
    """The last words of a log: where a traceback says what happened."""
    with log.open("rb") as source:
        size = source.seek(0, os.SEEK_END)
        source.seek(max(0, size - MAX_ERROR_CHARS))
        return source.read().decode("utf-8", "replace").strip() or "no words"
