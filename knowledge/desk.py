"""Where a draft becomes what callers hear: propose, approve, publish, roll back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Protocol

from contracts.engines import Evidence
from contracts.errors import ReleaseRefused
from knowledge.api import ReleaseInfo
from knowledge.golden import Answers, load_golden
from knowledge.indexer import Indexer
from knowledge.releases import ReleaseStore
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
        self._proposing = threading.Lock()
        self._moving = threading.Lock()

    def propose(self, *, by: str, note: str, now: bool) -> ReleaseInfo:
        """Freeze the draft, write its file, review it. ``now``: do not wait for vectors, which then follow."""
        marks = [time.monotonic()]
        with self._proposing:
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
        return self._releases.info(number)

    def _review(self, number: int, took_s: Mapping[str, float] | None = None) -> None:
        began = time.monotonic()
        live = self._releases.live()
        found = run_checks(path_of(self._folder, number), self._settings, self._today())
        checks = mark_new(found, self._releases.info(live).report if live is not None else {})
        questions = self._settings.questions
        report = report_of(
            checks,
            load_golden(self._home / questions) if questions else (),
            self._search(live),
            self._search(number),
            self._releases.diff(live, number),
            self._answers,
        )
        report["objections"] = objections(report, self._settings)
        report["took_s"] = {**(took_s or {}), "reviewed": round(time.monotonic() - began, 2)}
        self._releases.keep_report(number, report)

    def _search(self, number: int | None) -> Callable[[str, Sequence[str]], Evidence]:
        if number is None:
            return lambda said, _context: Evidence(query=said)
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
        if not info.report:  # the process died between proposing and reviewing
            self._shelf.prepare(number)
            self._review(number)
            info = self._releases.info(number)
        if self._settings.approvals and not info.approved_by:
            raise ReleaseRefused(
                f"{info.release} needs the approval of somebody other than {info.proposed_by}: "
                f"callwright knowledge approve {info.release} --by NAME"
            )
        why = objections(info.report, self._settings)
        if why and not despite:
            raise ReleaseRefused(
                f"{info.release} is held back by its review: {'; '.join(why)}. See `callwright knowledge show "
                f"{info.release}`; correct the draft and propose again, or publish with --despite REASON"
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
