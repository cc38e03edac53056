"""The evaluation's suites over a proposed release: asked in a process of their own, behind everything else.

::

    propose ──► begin ──► process: module named by ``SuiteChoice`` ──"done of"──► progress on the page
                                     └──outcome──► verdict by the marks, kept in the release's report

This room knows no suite: what the module asks and how it judges is its own matter. Orders go to it as JSON by standard
input; lines of JSON come back, ``{"done": n, "of": n}`` and last ``{"outcome": {"counts": {figure: [hits, cases]},
"failures": [...], "notes": [...]}}`` or ``{"error": words}``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from contracts.errors import KnowledgeError, ReleaseRefused
from knowledge.settings import SuiteSettings
from knowledge.snapshotfile import release_name

log = structlog.get_logger(__name__)

TITLES = {
    "any_hit_10": "its document is among ten found",
    "answered": "answerable questions answered",
    "unsupported": "claims that no document makes",
    "abstain": "unanswerable questions not answered",
}
"""Figures, in the order in which they are shown; the marks are SuiteMarks'."""
AT_MOST = frozenset({"unsupported"})
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}
KEPT = 100
"""Failures kept with a release."""
_ROOT = str(Path(__file__).parents[1])
_START = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); from importlib import import_module; "
    "import_module(sys.argv[1]).main()"
)
_ENDING_S = 5.0
_TAIL = 600


@dataclass(slots=True, frozen=True)
class SuiteChoice:
    """``module``: its ``main()`` is the process; ``given``: what it needs besides the release (models, thresholds)."""

    module: str
    given: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Progress:
    """How far a release's suites have come."""

    release: int
    models: bool
    done: int = 0
    of: int = 0

    def shown(self) -> dict[str, Any]:
        """As the report has it."""
        return {"state": "running", "models": self.models, "done": self.done, "of": self.of}


class Suites:
    """One release at a time. Thread-safe."""

    def __init__(self, choice: SuiteChoice | None, settings: SuiteSettings) -> None:
        self._choice = choice
        self._settings = settings
        self._guard = threading.Lock()
        self._now: Progress | None = None
        self._child: subprocess.Popen[str] | None = None
        self._thread: threading.Thread | None = None
        self._closing = False

    @property
    def there(self) -> bool:
        """Is there anybody to ask?"""
        return self._choice is not None

    @property
    def idle(self) -> bool:
        """Is none being asked about?"""
        return self._now is None

    def running(self, number: int) -> dict[str, Any] | None:
        """How far a release's have come; None if they are not being asked now."""
        now = self._now
        return now.shown() if now is not None and now.release == number else None

    def begin(
        self, number: int, order: Mapping[str, Any], models: bool, keep: Callable[[dict[str, Any]], None]
    ) -> None:
        """Ask them; ``keep`` gets what came of it, on a thread of its own. Raises ReleaseRefused."""
        if self._choice is None:
            raise ReleaseRefused("there are no suites here; ask the running operator: callwright knowledge evaluate")
        with self._guard:
            if self._now is not None:
                raise ReleaseRefused(f"the suites are being asked about {release_name(self._now.release)}; wait for it")
            self._now = Progress(number, models)
        whole = {**self._choice.given, **order, "models": models, "questions": self._settings.questions}
        whole |= {"seed": self._settings.seed, "parent": os.getpid()}
        self._thread = threading.Thread(
            target=self._run, args=(self._choice.module, whole, self._now, keep), name="knowledge-suites", daemon=True
        )
        self._thread.start()

    def wait(self, timeout_s: float) -> bool:
        """Until none is being asked about; False if that took longer."""
        if self._thread is not None:
            self._thread.join(timeout_s)
        return self.idle

    def close(self) -> None:
        """End what runs; its release then has no verdict."""
        self._closing = True
        if self._child is not None:
            self._child.kill()
        if self._thread is not None:
            self._thread.join(_ENDING_S)

    def _run(
        self, module: str, order: Mapping[str, Any], now: Progress, keep: Callable[[dict[str, Any]], None]
    ) -> None:
        began = time.monotonic()
        try:
            found = self._asked(module, order, now)
        except (OSError, ValueError) as error:
            found = {"error": f"the suites' process could not be used ({error})"}
        finally:
            self._child = None
        if not self._closing:
            found["seconds"] = round(time.monotonic() - began, 1)
            try:
                keep({"models": now.models, **found})
            except KnowledgeError as error:
                log.warning("the suites' verdict could not be kept", release=now.release, why=str(error))
        self._now = None

    def _asked(self, module: str, order: Mapping[str, Any], now: Progress) -> dict[str, Any]:
        command = [sys.executable, "-I", "-c", _START, _ROOT, module]
        with _process(command) as child:
            self._child = child
            watch = threading.Timer(self._settings.patience_s, child.kill)
            watch.daemon = True
            watch.start()
            orders, lines, complaints = child.stdin, child.stdout, child.stderr
            assert orders is not None
            assert lines is not None
            assert complaints is not None
            words: list[str] = []
            reader = threading.Thread(target=lambda: words.append(complaints.read()[-_TAIL:]), daemon=True)
            reader.start()
            orders.write(json.dumps(order))
            orders.close()
            outcome: dict[str, Any] = {}
            for line in lines:
                said = json.loads(line)
                now.done, now.of = int(said.get("done", now.done)), int(said.get("of", now.of))
                outcome = said.get("outcome") or {key: said[key] for key in ("error",) if key in said} or outcome
            child.wait()
            watch.cancel()
            reader.join(_ENDING_S)
        if not outcome:
            last = "".join(words).strip().splitlines()[-1:]
            return {"error": f"their process ended with {child.returncode} {''.join(last)}".strip()}
        return dict(outcome)


@contextmanager
def _process(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    pipe = subprocess.PIPE
    child = subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, encoding="utf-8", env=os.environ | _ONE_THREAD
    )
    try:
        yield child
    finally:
        if child.poll() is None:
            child.kill()
        child.wait()


def verdict(found: Mapping[str, Any], settings: SuiteSettings) -> dict[str, Any]:
    """What is kept of an outcome: figures with their marks, failures, notes; or the error. Pure."""
    if "error" in found:
        return {**found, "state": "failed"}
    figures = []
    for name, title in TITLES.items():
        hits, cases = found["counts"].get(name, (0, 0))
        mark = float(getattr(settings.marks, name))
        share = hits / cases if cases else None
        reached = None if share is None else share <= mark if name in AT_MOST else share >= mark
        bound = {"mark": mark, "at_most": name in AT_MOST, "reached": reached}
        figures.append({"name": name, "title": title, "share": share, "hits": hits, "cases": cases, **bound})
    rest = {key: found[key] for key in ("models", "seconds", "notes", "intervals") if key in found}
    failures = list(found.get("failures", []))
    return {**rest, "state": "done", "figures": figures, "failures": failures[:KEPT], "failed": len(failures)}


def suite_objections(report: Mapping[str, Any], settings: SuiteSettings) -> list[str]:
    """Why the suites hold a release back; never unless they are required. Pure."""
    if settings.gate != "required":
        return []
    known = report.get("suites") or {}
    if known.get("state") == "failed":
        return [f"its suites could not be asked ({known.get('error', '')}); ask them again"]
    if known.get("state") != "done":
        return ["its suites have not been asked to the end yet; wait for them, or ask them again"]
    return [
        f"{one['share']:.1%} of {one['cases']}: {one['title']}; the mark is "
        f"{'≤' if one['at_most'] else '≥'} {one['mark']:.1%}"
        for one in known["figures"]
        if one["reached"] is False
    ]
