"""Where a draft becomes what callers hear: propose, approve, publish, roll back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

from contracts.engines import Evidence
from contracts.errors import ReleaseRefused
from knowledge import suites
from knowledge.api import ReleaseInfo
from knowledge.golden import Answers, GoldenQuestion, Search, load_golden
from knowledge.indexer import Indexer
from knowledge.releases import ReleaseStore, number_of
from knowledge.review import mark_new, objections, report_of, run_checks
from knowledge.settings import ReleaseSettings
from knowledge.shelf import Shelf
from knowledge.snapshotfile import path_of, release_name

_ASKED = 10
"""Passages asked for each golden question, as calls do (dialog's ``passages``)."""
_EMBEDDING_S = 24 * 3600.0


class Searches(Protocol):
    """What asks the golden questions."""

    def search(self, query_text: str, *, limit: int, context: Sequence[str], release: str) -> Evidence:
        """The best passages of a release."""
        ...


class ReleaseDesk:
    """Thread-safe; one thing is done at a time, but searches and rollbacks never wait for a review.

    Every step is committed before the next begins, and each can be repeated: a process that dies between them leaves a
    proposed release without a report, or a published one whose file is written again on opening.
    """

    def __init__(
        self,
        base: Searches,
        releases: ReleaseStore,
        shelf: Shelf,
        indexer: Indexer,
        home: Path,
        settings: ReleaseSettings,
        today: Callable[[], date],
        answers: Answers | None = None,
        asking: suites.Suites | None = None,
        order: Mapping[str, Any] | None = None,
    ) -> None:
        self._base = base
        self._releases = releases
        self._shelf = shelf
        self._indexer = indexer
        self._home = home
        self._folder = shelf.folder
        self._settings = settings
        self._today = today
        self._answers = answers
        self._suites = asking or suites.Suites(None, settings.suites)
        self._order = dict(order or {})
        """What the suites' process needs to know of this base."""
        self._proposing = threading.Lock()
        self._moving = threading.Lock()

    def propose(self, *, by: str, note: str, now: bool) -> ReleaseInfo:
        """Freeze the draft, write its file, review it. ``now``: do not wait for vectors, which then follow."""
        marks = [time.monotonic()]
        with self._proposing:
            self._golden()  # a file that cannot be read is told before anything is frozen
            if not now:
                self._indexer.wait_embedded(_EMBEDDING_S)
            marks.append(time.monotonic())
            number = self._releases.propose(by=by, note=note)
            marks.append(time.monotonic())
            self._shelf.prepare(number)
            self._indexer.wake()
            marks.append(time.monotonic())
            steps = zip(("embedded", "frozen", "written"), pairwise(marks), strict=True)
            self._review(number, {name: round(after - before, 2) for name, (before, after) in steps})
        settings = self._settings.suites
        if not now and settings.gate != "off" and self._suites.there and self._suites.idle:
            self._begin_suites(number, settings.models)
        return self.shown(self._releases.info(number))

    def evaluate(self, number: int, *, by: str, models: bool) -> ReleaseInfo:
        """Ask the suites about a release, beside everything else. Raises ReleaseRefused, ReleaseUnknown."""
        self._shelf.prepare(number)
        self._begin_suites(number, models)
        self._releases.note(by, "evaluate", f"{release_name(number)}{' with models' if models else ''}")
        return self.shown(self._releases.info(number))

    def shown(self, info: ReleaseInfo) -> ReleaseInfo:
        """A release as people see it: while its suites are asked, with how far they have come."""
        running = self._suites.running(number_of(info.release))
        return info if running is None else replace(info, report={**info.report, "suites": running})

    def _begin_suites(self, number: int, models: bool) -> None:
        questions = self._settings.questions
        order = {
            **self._order,
            "release": number,
            "digest": self._releases.digest(number),
            "file": str(path_of(self._folder, number).absolute()),
            "golden": str((self._home / questions).absolute()) if questions else None,
        }
        self._suites.begin(number, order, models, lambda found: self._keep_verdict(number, found))

    def _keep_verdict(self, number: int, found: Mapping[str, Any]) -> None:
        at = datetime.now(UTC).isoformat(timespec="seconds")
        verdict = {**suites.verdict(found, self._settings.suites), "at": at}
        report = {**self._releases.info(number).report, "suites": verdict}
        report["objections"] = objections(report, self._settings)
        self._releases.keep_report(number, report)

    def _review(self, number: int, took_s: Mapping[str, float] | None = None) -> None:
        began = time.monotonic()
        live = self._releases.live()
        found = run_checks(path_of(self._folder, number), self._settings, self._today())
        checks = mark_new(found, self._releases.info(live).report if live is not None else {})
        report = report_of(
            checks,
            self._golden(),
            self._search(live) if live is not None else None,
            self._search(number),
            self._releases.diff(live, number),
            self._answers,
        )
        report["objections"] = objections(report, self._settings)
        report["took_s"] = {**(took_s or {}), "reviewed": round(time.monotonic() - began, 2)}
        self._releases.keep_report(number, report)

    def _golden(self) -> tuple[GoldenQuestion, ...]:
        questions = self._settings.questions
        return load_golden(self._home / questions) if questions else ()

    def _search(self, number: int) -> Search:
        name = release_name(number)
        return lambda said, context: self._base.search(said, limit=_ASKED, context=context, release=name)

    def approve(self, number: int, *, by: str) -> ReleaseInfo:
        """Raises ReleaseRefused, ReleaseUnknown."""
        self._releases.approve(number, by=by)
        return self._releases.info(number)

    def publish(self, number: int, *, by: str, despite: str) -> ReleaseInfo:
        """Raises ReleaseRefused: live already, superseded, not approved, or blocked by its report."""
        info = self._releases.info(number)
        if number in self._releases.published():
            state = "is live already" if number == self._releases.live() else "was live before; use rollback"
            raise ReleaseRefused(f"{info.release} {state}")
        if not info.report.get("checks"):  # the process died between proposing and reviewing
            self._shelf.prepare(number)
            self._review(number)
            info = self._releases.info(number)
        if self._settings.approvals and not info.approved_by:
            raise ReleaseRefused(
                f"{info.release} needs the approval of somebody other than {info.proposed_by}: on its page, or by "
                f"`callwright knowledge approve {info.release} --by NAME`"
            )
        why = objections(info.report, self._settings)
        if why and not despite:
            raise ReleaseRefused(
                f"{info.release} is held back by its review: {'; '.join(why)}. Its page and `callwright knowledge show "
                f"{info.release}` say where. Correct the draft and propose again, or publish it despite that, with a "
                "reason (--despite REASON)"
            )
        said = f"{info.release} despite {'; '.join(why)}: {despite}" if why else info.release
        self._move(number, by=by, action="publish", what=said)
        return self._releases.info(number)

    def rollback(self, number: int | None, *, by: str) -> ReleaseInfo:
        """Raises ReleaseRefused when there is nothing to go back to, or the release was never live."""
        target = number if number is not None else self._releases.before()
        if target is None:
            raise ReleaseRefused("there is no release before the live one")
        if target not in self._releases.published():
            raise ReleaseRefused(f"{release_name(target)} was never live; publish it instead")
        if target == self._releases.live():
            raise ReleaseRefused(f"{release_name(target)} is live already")
        self._move(target, by=by, action="rollback", what=f"to {release_name(target)}")
        return self._releases.info(target)

    def _move(self, number: int, *, by: str, action: str, what: str) -> None:
        """Ready first, then the row, then the pointer in memory: whatever dies, an answer is there."""
        with self._moving:
            self._shelf.prepare(number)
            self._releases.move(number, by=by, action=action, what=what)
            self._shelf.swap(number)
        self._shelf.tidy()
        self._indexer.wake()
