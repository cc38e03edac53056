"""The scorecard: every figure with its interval and mark, as rows, and as the JSON that others read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from evaluation.intervals import wilson
from evaluation.marks import Mark, Marks, flat, nested, percent
from evaluation.runner import Ran, State


@dataclass(slots=True, frozen=True)
class Row:
    """One figure. ``value`` None: there were no cases. ``interval``: of a share of ``cases``, 95 %, Wilson."""

    suite: str
    figure: str
    value: float | None
    interval: tuple[float, float] | None
    cases: int | None
    mark: Mark
    reached: bool | None

    @property
    def shown(self) -> str:
        """The figure in words."""
        return "—" if self.value is None else percent(self.value)

    @property
    def interval_shown(self) -> str:
        """The interval in words: "83.8–95.2 %"."""
        return "" if self.interval is None else f"{percent(self.interval[0])[:-2]}–{percent(self.interval[1])}"


def rows_of(ran: Sequence[Ran], marks: Marks) -> list[Row]:
    """A row for each figure that the marks know, in the suites' order."""
    values = _values(ran)
    found = []
    for one in ran:
        if one.outcome is None:
            continue
        for figure, value in flat(one.outcome.figures):
            mark = marks.find(f"{one.name}.{figure}")
            if mark is None:
                continue
            hits, cases = one.outcome.counts.get(figure, (None, None))
            interval = None if hits is None or cases is None else wilson(hits, cases)
            reached = None if value is None else mark.reached(value, values)
            found.append(Row(one.name, figure, value, interval, cases, mark, reached))
    return found


def _values(ran: Sequence[Ran]) -> dict[str, float]:
    return {
        f"{one.name}.{figure}": value
        for one in ran
        if one.outcome is not None
        for figure, value in flat(one.outcome.figures)
        if isinstance(value, int | float)
    }


def as_json(ran: Sequence[Ran], marks: Marks, about: dict[str, Any]) -> dict[str, Any]:
    """The marks' figures by suite, nothing else, and ``about``: what they were measured on, intervals, what is missing.

    Figures that the marks do not know go to ``about["more"]``.
    """
    rows = rows_of(ran, marks)
    card = nested({f"{row.suite}.{row.figure}": row.value for row in rows})
    known = {(row.suite, row.figure) for row in rows}
    more = {
        f"{one.name}.{figure}": value
        for one in ran
        if one.outcome is not None
        for figure, value in flat(one.outcome.figures)
        if (one.name, figure) not in known
    }
    return card | {
        "about": about
        | {
            "intervals": {
                f"{row.suite}.{row.figure}": {"n": row.cases, "interval": [round(edge, 4) for edge in row.interval]}
                for row in rows
                if row.interval is not None
            },
            "missed": [f"{row.suite}.{row.figure}" for row in rows if row.reached is False],
            "not_run": {one.name: f"{one.state}: {one.why}" for one in ran if one.state is not State.DONE},
            "notes": {one.name: list(one.outcome.notes) for one in ran if one.outcome is not None},
            "seconds": {one.name: round(one.seconds, 1) for one in ran if one.state is State.DONE},
            "more": more,
        }
    }
