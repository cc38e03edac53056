"""The benchmark's pictures: waterfall of each turn and of each rung's median turn, latency over calls at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.patches import Patch

from scripts.latency_questions import MIXED
from scripts.latency_report import Figures, p50_stages, rung_rows
from scripts.latency_turns import STAGES

COLOURS = dict(zip(STAGES, plt.get_cmap("tab10")(range(10)), strict=False))
MOST_TURNS = 40
MARKED = ((1, "p50", 0.60), (1, "p95", 0.96), (4, "p95", 1.5))
"""(calls at once, percentile, seconds) that issue 3 asks for."""


def draw(report: Figures, prefix: Path) -> list[Path]:
    """``PREFIX-turns.png``, ``PREFIX-rungs.png`` and, of several numbers of calls, ``PREFIX-calls.png``."""
    stem = prefix.with_suffix("") if prefix.suffix == ".png" else prefix
    stem.parent.mkdir(parents=True, exist_ok=True)
    written = []
    mixed = sorted((run for run in report["runs"] if run["rung"] == MIXED), key=lambda run: run["at_once"])
    if mixed and mixed[0]["response_latency_s"]["n"]:
        written.append(_turns(mixed[0], stem.with_name(f"{stem.name}-turns.png")))
    if rung_rows(report):
        written.append(_rungs(report, stem.with_name(f"{stem.name}-rungs.png")))
    if len([run for run in mixed if run["response_latency_s"]["n"]]) > 1:
        written.append(_calls(mixed, stem.with_name(f"{stem.name}-calls.png")))
    return written


def _turns(run: Figures, target: Path) -> Path:
    """Stages of each turn of a run, one above the other, from the true end of speech."""
    turns = [turn for turn in run["turns"] if turn["latency_s"] is not None][:MOST_TURNS]
    figure, axes = plt.subplots(figsize=(11, 1.5 + 0.3 * len(turns)), dpi=100)
    for row, turn in enumerate(turns):
        start = 0.0
        for stage in STAGES:
            if stage in turn["stages"]:
                end = max(start, turn["stages"][stage])
                axes.barh(row, end - start, left=start, color=COLOURS[stage], height=0.7)
                start = end
        if turn["filler_s"] is not None:
            axes.plot(turn["filler_s"], row, marker="v", color="black", markersize=5)
        axes.text(start + 0.02, row, f"{turn['latency_s']:.2f} s {turn['rung']}", va="center", fontsize=8)
    axes.set_yticks(range(len(turns)), [turn["label"][:46] for turn in turns], fontsize=8)
    latency = run["response_latency_s"]
    calls = "single call" if run["at_once"] == 1 else f"{run['at_once']} calls at once"
    axes.set_title(
        f"{calls}: response latency p50 {latency['p50']} s, p95 {latency['p95']} s, {latency['n']} turns (▼ filler)",
        fontsize=10,
    )
    return _finish_waterfall(figure, axes, target)


def _rungs(report: Figures, target: Path) -> Path:
    """The median turn of each rung."""
    rows = rung_rows(report)
    figure, axes = plt.subplots(figsize=(11, 1.8 + 0.5 * len(rows)), dpi=100)
    for row, found in enumerate(rows.values()):
        end = 0.0
        for stage, start, end in p50_stages(found):
            axes.barh(row, end - start, left=start, color=COLOURS[stage], height=0.6)
            if end - start > 0.06:
                axes.text((start + end) / 2, row, f"{end - start:.2f}", va="center", ha="center", fontsize=7)
        if found["filler_s"]["n"]:
            axes.plot(found["filler_s"]["p50"], row, marker="v", color="black", markersize=7)
        axes.text(end + 0.02, row, f"p50 {found['p50']:.2f} s, p95 {found['p95']:.2f} s", va="center", fontsize=8)
    names = [f"{rung} (n {found['n']})" for rung, found in rows.items()]
    axes.set_yticks(range(len(rows)), names, fontsize=9)
    axes.set_title("the median turn of each rung, single call (▼ filler)", fontsize=10)
    return _finish_waterfall(figure, axes, target)


def _finish_waterfall(figure: Any, axes: Any, target: Path) -> Path:
    axes.invert_yaxis()
    axes.set_xlabel("seconds after the true end of the caller's speech")
    handles = [Patch(color=COLOURS[stage]) for stage in STAGES]
    axes.legend(handles, STAGES, fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5))
    axes.margins(x=0.22)
    return _save(figure, target)


def _calls(runs: list[Figures], target: Path) -> Path:
    """p50 and p95 over calls at once, with 95 % intervals and the marks."""
    runs = [run for run in runs if run["response_latency_s"]["n"]]
    figure, axes = plt.subplots(figsize=(8, 5), dpi=100)
    places = [run["at_once"] for run in runs]
    for share, colour in (("p50", "tab:blue"), ("p95", "tab:red")):
        values = [run["response_latency_s"][share] for run in runs]
        spans = [run["response_latency_s"][f"{share}_interval"] for run in runs]
        errors = [
            [max(0.0, value - low) for value, (low, _) in zip(values, spans, strict=True)],
            [max(0.0, high - value) for value, (_, high) in zip(values, spans, strict=True)],
        ]
        axes.errorbar(places, values, yerr=errors, marker="o", capsize=4, color=colour, label=share)
        for place, value in zip(places, values, strict=True):
            axes.annotate(f"{value:.2f}", (place, value), textcoords="offset points", xytext=(7, 5), fontsize=8)
        marks = [(calls, most) for calls, name, most in MARKED if name == share and calls in places]
        for index, (calls, most) in enumerate(marks):
            label = f"mark {share}" if index == 0 else None
            axes.plot([calls], [most], marker="_", markersize=26, markeredgewidth=2.5, color=colour, label=label, ls="")
    axes.set_xscale("log", base=2)
    axes.set_xticks(places, [f"{run['at_once']}\n(n {run['response_latency_s']['n']})" for run in runs])
    axes.minorticks_off()
    axes.set_ylim(bottom=0)
    axes.set_xlabel("calls at once")
    axes.set_ylabel("response latency, s")
    axes.set_title("true end of speech to the first sound of the answer (95 % intervals)", fontsize=10)
    axes.grid(alpha=0.3)
    axes.legend()
    return _save(figure, target)


def _save(figure: Any, target: Path) -> Path:
    figure.tight_layout()
    figure.savefig(target)
    plt.close(figure)
    return target
