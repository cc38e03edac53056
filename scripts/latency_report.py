"""The figures of benchmark runs: JSON that can be kept and read again, and tables."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from evaluation.about import machine as machine
from scripts.latency_calls import Run
from scripts.latency_questions import MIXED, RUNGS
from scripts.latency_turns import ANSWERED, DEAD_AIR_S, STAGES, Turn
from scripts.stats import percentile, summary, wilson

Figures = dict[str, Any]
MARKS = (
    # what, asked of which runs, figure, percentile, at most
    ("single call p50", (MIXED, 1), "response_latency_s", "p50", 0.60),
    ("single call p95", (MIXED, 1), "response_latency_s", "p95", 0.96),
    ("four at once p95", (MIXED, 4), "response_latency_s", "p95", 1.5),
    ("large rung, filler p95", ("large", 1), "filler_s", "p95", 0.6),
    ("large rung, answer p95", ("large", 1), "response_latency_s", "p95", 2.5),
)
"""What issue 3 asks for on two cores, seconds."""


def figures(run: Run, rung: str, at_once: int) -> Figures:
    """The figures of one run.

    Latencies are of turns whose true end fell while all calls were up; the other figures are of all turns.
    """
    said = [turn for turn in run.turns if turn.true_end_at]
    answered = [turn for turn in said if turn.answered]
    timed = [turn for turn in answered if turn.calls_up >= at_once]
    filled = [turn for turn in answered if turn.filler_s is not None]
    quiet = [turn.dead_air_s for turn in said if turn.dead_air_s is not None]
    cut = [turn for turn in said if turn.cut_in]
    rungs = sorted({turn.rung for turn in timed})
    return {
        "rung": rung,
        "at_once": at_once,
        "calls": run.calls,
        "lines": len(run.turns),
        "answered": len(answered),
        "outcomes": dict(Counter(turn.outcome for turn in run.turns).most_common()),
        "not_timed": len(answered) - len(timed),
        "response_latency_s": summary(_latencies(timed)),
        "heard_s": summary([turn.heard_s for turn in timed if turn.heard_s is not None]),
        "filler_s": summary([turn.filler_s for turn in timed if turn.filler_s is not None]),
        "fillers": _rate(len(filled), len(answered)),
        "ahead": dict(Counter(turn.ahead for turn in answered if turn.ahead)),
        "cut_ins": {
            **_rate(len(cut), len(said)),
            "spoke_over": sum(turn.spoke_over for turn in cut),
            "ended_early": sum(turn.ended_early for turn in cut),
        },
        "merged": sum(turn.merged for turn in said),
        "dead_air_s": {**summary(quiet), "over_2s": _rate(sum(one > DEAD_AIR_S for one in quiet), len(quiet))},
        "by_rung": {one: _by_rung([turn for turn in timed if turn.rung == one]) for one in rungs},
        "stages_s": _stages(timed),
        "cost": _cost(run),
        "turns": [asdict(turn) for turn in run.turns],
    }


def _cost(run: Run) -> Figures:
    """CPU seconds and shares of all cores; the callers ran beside the operator."""
    room = run.wall_s * (os.cpu_count() or 1)
    operator_s = sum(run.operator_cpu_s.values())
    return {
        "wall_s": run.wall_s,
        "call_minutes": run.call_minutes,
        "load_before": run.load_before,
        "caller_cpu_s": run.caller_cpu_s,
        "caller_share": round(run.caller_cpu_s / room, 3),
        "caller_late_s": _beats(run.caller_late_s),
        "others_share": round(run.others_cpu_s / room, 3),
        "background_share": round(run.background_cpu_s / room, 3),
        "operator_cpu_s": run.operator_cpu_s,
        "operator_share": round(operator_s / room, 3),
        "operator_cpu_s_per_call_minute": round(operator_s / run.call_minutes, 2) if run.call_minutes else None,
        "operator_pss_mb": run.operator_pss_mb,
    }


def _beats(late_s: Sequence[float]) -> Figures:
    """Percentiles only: thousands of beats, neighbours alike, have no honest interval."""
    if not late_s:
        return {}
    return {
        "p50": round(percentile(late_s, 50), 4),
        "p99": round(percentile(late_s, 99), 4),
        "max": round(max(late_s), 4),
    }


def _latencies(turns: Sequence[Turn]) -> list[float]:
    return [turn.latency_s for turn in turns if turn.latency_s is not None]


def _by_rung(turns: Sequence[Turn]) -> Figures:
    return {
        **summary(_latencies(turns)),
        "filler_s": summary([turn.filler_s for turn in turns if turn.filler_s is not None]),
        "stages_s": {name: found["p50"] for name, found in _stages(turns).items() if found["n"]},
    }


def _stages(turns: Sequence[Turn]) -> dict[str, Figures]:
    return {stage: summary([turn.stages[stage] for turn in turns if stage in turn.stages]) for stage in STAGES}


def _rate(hits: int, total: int) -> Figures:
    return {
        "n": hits,
        "of": total,
        "rate": round(hits / total, 4) if total else 0.0,
        "interval": [round(one, 4) for one in wilson(hits, total)],
    }


def merged_runs(reports: Sequence[Figures]) -> Figures:
    """One report of several: a later run of the same rung and number of calls replaces an earlier one."""
    runs = {(run["rung"], run["at_once"]): run for report in reports for run in report["runs"]}
    order = (MIXED, *RUNGS)
    ordered = [runs[key] for key in sorted(runs, key=lambda key: (order.index(key[0]), key[1]))]
    return {**reports[-1], "runs": ordered, "marks": against_marks(ordered)}


def rung_rows(report: Figures) -> dict[str, Figures]:
    """Rung → figures at one call: of the run that was made for it, else of the mixed one."""
    rows: dict[str, Figures] = {}
    for run in sorted(report["runs"], key=lambda run: run["rung"] != MIXED):
        if run["at_once"] == 1:
            wanted = run["by_rung"] if run["rung"] == MIXED else {run["rung"]: run["by_rung"].get(run["rung"])}
            rows |= {rung: found for rung, found in wanted.items() if found and found["n"]}
    return {rung: rows[rung] for rung in RUNGS if rung in rows}


def show(report: Figures, console: Console) -> None:
    """The tables."""
    about = report["machine"]
    console.print(
        f"{about['cpu']}, {about['cores']} cores, load before {about['load_before']}, commit {about['commit']}"
    )
    _show_runs(report["runs"], console)
    _show_manners(report["runs"], console)
    _show_cost(report["runs"], console)
    _show_stages(report["runs"], console)
    _show_rungs(report, console)
    for run in report["runs"]:
        for why, count in run["outcomes"].items():
            if why != ANSWERED:
                console.print(f"{_name(run)}: {count} × {why}", markup=False)
    for mark in against_marks(report["runs"]):
        word = "reached" if mark["reached"] else "missed"
        console.print(f"{mark['mark']}: {mark['seconds']:.2f} s, mark {mark['at_most']:.2f} s: {word}")


def _name(run: Figures) -> str:
    return f"{run['rung']}, {run['at_once']} at once"


def _span(found: Figures, name: str) -> str:
    low, high = found[f"{name}_interval"]
    return f"{found[name]:.2f} ({low:.2f}–{high:.2f})"


def _row(found: Figures) -> list[str]:
    if not found.get("n"):
        return ["0", "—", "—", "—", "—"]
    return [str(found["n"]), *(_span(found, name) for name in ("p50", "p95", "p99")), f"{found['max']:.2f}"]


def _show_runs(runs: Sequence[Figures], console: Console) -> None:
    title = "seconds after the true end of speech (95 % interval)"
    table = Table("run", "", "n", "p50", "p95", "p99", "max", title=title)
    for run in runs:
        table.add_row(_name(run), "response latency", *_row(run["response_latency_s"]))
        for rung, found in run["by_rung"].items():
            table.add_row("", f"  {rung}", *_row(found))
        table.add_row("", "filler", *_row(run["filler_s"]))
        table.add_row("", "first sound heard", *_row(run["heard_s"]), end_section=True)
    console.print(table)


def _show_manners(runs: Sequence[Figures], console: Console) -> None:
    table = Table(
        "run", "lines", "answered", "cut-ins", "spoke over", "merged", "filler share", "dead air p95", "max", "> 2 s",
        title="manners",
    )  # fmt: skip
    for run in runs:
        cut, fill, quiet = run["cut_ins"], run["fillers"], run["dead_air_s"]
        table.add_row(
            _name(run), str(run["lines"]), str(run["answered"]), _share(cut), str(cut["spoke_over"]),
            str(run["merged"]), _share(fill), str(quiet.get("p95", "—")), str(quiet.get("max", "—")),
            _share(quiet["over_2s"]),
        )  # fmt: skip
    console.print(table)


def _show_cost(runs: Sequence[Figures], console: Console) -> None:
    table = Table(
        "run", "call-minutes", "operator CPU-s a minute", "most of it", "operator", "callers", "others", "background",
        "caller late, p99", "max", title="CPU as shares of all cores; how late the callers' own 20 ms beat came",
    )  # fmt: skip
    for run in runs:
        cost = run["cost"]
        late = cost["caller_late_s"]
        used = sorted(cost["operator_cpu_s"].items(), key=lambda item: -item[1])
        most = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in used[:3])
        table.add_row(
            _name(run), str(cost["call_minutes"]), str(cost["operator_cpu_s_per_call_minute"]),
            most, f"{cost['operator_share']:.0%}", f"{cost['caller_share']:.1%}", f"{cost['others_share']:.0%}",
            f"{cost['background_share']:.0%}", *(f"{late[name] * 1000:.0f} ms" for name in ("p99", "max") if late),
        )  # fmt: skip
    console.print(table)


def _share(found: Figures) -> str:
    return f"{found['n']} ({found['rate']:.0%})"


def _show_stages(runs: Sequence[Figures], console: Console) -> None:
    table = Table("run", *STAGES, title="when each stage had ended: p50, seconds after the true end of speech")
    for run in runs:
        ends = (run["stages_s"][stage].get("p50") for stage in STAGES)
        table.add_row(_name(run), *("—" if end is None else f"{end:.2f}" for end in ends))
    console.print(table)


def _show_rungs(report: Figures, console: Console) -> None:
    if not rung_rows(report):
        return
    table = Table(
        "rung", "n", "p50", "p95", "p99", "max", "filler n", "filler p50", "filler p95", title="per rung, single call"
    )
    for rung, found in rung_rows(report).items():
        filler = found["filler_s"]
        spans = [_span(filler, "p50"), _span(filler, "p95")] if filler["n"] else ["—", "—"]
        table.add_row(rung, *_row(found), str(filler["n"]), *spans)
    console.print(table)


def against_marks(runs: Sequence[Figures]) -> list[Figures]:
    """Each mark whose run is there: name, figure, mark, reached."""
    by_key = {(run["rung"], run["at_once"]): run for run in runs}
    found = []
    for name, key, figure, share, most in MARKS:
        run = by_key.get(key)
        rows = None if run is None else run if key[0] == MIXED else run["by_rung"].get(key[0])
        if rows is None:
            continue
        values = rows.get(figure, rows)
        if values["n"]:
            found.append({"mark": name, "seconds": values[share], "at_most": most, "reached": values[share] <= most})
    return found


def p50_stages(found: Figures) -> list[tuple[str, float, float]]:
    """(stage, from, to) of a rung's median turn, for a waterfall; ``found`` as in ``by_rung``."""
    bars, start = [], 0.0
    for stage in STAGES:
        if stage in found["stages_s"]:
            end = max(start, found["stages_s"][stage])
            bars.append((stage, start, end))
            start = end
    return bars
