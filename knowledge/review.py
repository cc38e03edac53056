"""Looking at a proposed release before it can go live: checks, the golden questions before and after, and the verdict.

The report is JSON and is kept with the release::

    {"checks": {"counts": {kind: n}, "new": {kind: n}, "findings": [{kind, what, sources, quotes, new}]},
     "questions": {"before": measures, "after": measures, "lost": [...], "won": [...], "failed": [...],
                   "changed": [...]},
     "documents": {"added": n, "changed": n, "removed": n}, "took_s": {step: seconds},
     "suites": what ``knowledge.suites.verdict`` makes of them,
     "objections": [why it may not go live]}
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from contracts.engines import Evidence
from contracts.errors import KnowledgeError
from knowledge.api import DocumentChange
from knowledge.golden import Answers, GoldenQuestion, Search, ask_all, compare
from knowledge.settings import ReleaseSettings
from knowledge.suites import suite_objections

_ROOT = str(Path(__file__).parents[1])
_START = "import sys; sys.path.insert(0, sys.argv.pop(1)); from knowledge.checks import main; main()"
_PATIENCE_S = 600.0
MARKS = {
    "answered": "are answered from their document",
    "abstained": "that no document answers stay unanswered",
    "r3": "find their document among three",
}
"""Shares of knowledge.golden.measures that ReleaseMarks sets marks for."""


def run_checks(path: Path, settings: ReleaseSettings, today: date) -> dict[str, Any]:
    """``checks.check`` on a release's file, in a process of its own. Raises KnowledgeError if that fails."""
    command = [sys.executable, "-I", "-c", _START, _ROOT, str(path), settings.model_dump_json(), today.isoformat()]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_PATIENCE_S, check=True)
        report: dict[str, Any] = json.loads(done.stdout)
    except subprocess.TimeoutExpired as error:
        raise KnowledgeError(f"checking the release took more than {_PATIENCE_S:g} s; propose it again") from error
    except (OSError, subprocess.CalledProcessError, ValueError) as error:
        tail = (getattr(error, "stderr", b"") or b"").decode(errors="replace").strip().splitlines()[-1:]
        raise KnowledgeError(f"the release could not be checked ({error}; {''.join(tail)})") from error
    return report


def mark_new(checks: Mapping[str, Any], live: Mapping[str, Any]) -> dict[str, Any]:
    """Tell what the live release has already from what this one brings. Pure."""
    known = {_identity(one) for one in live.get("checks", {}).get("findings", [])}
    findings = [{**one, "new": _identity(one) not in known} for one in checks["findings"]]
    fresh = Counter(one["kind"] for one in findings if one["new"])
    return {**checks, "findings": findings, "new": fresh}


def _identity(finding: Mapping[str, Any]) -> tuple[Any, ...]:
    return finding["kind"], finding["what"], tuple(finding["sources"])


def report_of(
    checks: Mapping[str, Any],
    questions: Sequence[GoldenQuestion],
    before: Search | None,
    after: Search,
    changed: Sequence[DocumentChange],
    answers: Answers | None = None,
) -> dict[str, Any]:
    """The whole report; the golden questions are asked of both releases. ``before`` None: nothing is live yet."""
    report: dict[str, Any] = {"checks": dict(checks), "documents": Counter(one.kind for one in changed)}
    if questions:
        was = ask_all(questions, before or _nothing, answers)
        report["questions"] = compare(was, ask_all(questions, after, answers), first=before is None)
    return report


def _nothing(said: str, _context: Sequence[str]) -> Evidence:
    return Evidence(query=said)


def objections(report: Mapping[str, Any], settings: ReleaseSettings) -> list[str]:
    """Why this release may not go live; empty if it may. What callers hear already is no objection. Pure."""
    found: list[str] = []
    counts = report.get("checks", {}).get("new", {})
    for kind in settings.block_on:
        if counts.get(kind):
            found.append(_many(counts[kind], f"new {kind}", kind in ("contradiction", "duplicate")))
    questions = report.get("questions", {})
    lost = questions.get("lost", [])
    if len(lost) > settings.max_lost_questions:
        why = next((one["why"] for one in questions.get("failed", []) if one["ask"] == lost[0]), "")
        found.append(f"{_many(len(lost), 'golden question')} lost, such as {lost[0]!r}{f' ({why})' if why else ''}")
    after = questions.get("after", {})
    for mark in MARKS:
        least, share = getattr(settings.marks, mark), after.get(mark)
        if share is not None and share < least:
            found.append(f"{share:.1%} of golden questions {MARKS[mark]}, the mark is {least:.1%}")
    return [*found, *suite_objections(report, settings.suites)]


def _many(count: int, one: str, noun: bool = True) -> str:
    return f"{count} {one}{'s' if noun and count != 1 else ''}"
