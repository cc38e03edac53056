"""Tables and the picture of scripts/eval_endpointing.py."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

MARK_CUT_INS, MARK_DELAY_S = 0.08, 0.45
NAMES = {"silence": "silence only", "smart_turn": "Smart Turn only", "full": "full machine"}

Found = dict[str, Any]


def show(found: Found, console: Console, cases: bool) -> None:
    """The figures as tables; ``cases``: every pause and turn end, too."""
    table = Table("", "n", "figure", "95 % interval", title="endpointing over µ-law, 8 kHz, on a virtual clock")
    for side, row in found.get("calls", {}).items():
        delay = row["added_delay_s"]
        table.add_row(
            f"{side}: cut-ins on pauses", str(row["pauses"]), *_rate(row["cut_in_rate"], row["cut_in_interval"])
        )
        cut = row["turns_cut"] / row["turns"] if row["turns"] else 0.0
        table.add_row(f"{side}: turns cut", str(row["turns"]), *_rate(cut, row["turns_cut_interval"]))
        for name in ("p50", "p95") if delay["n"] else ():
            low, high = delay[f"{name}_interval"]
            table.add_row(f"{side}: added delay {name}", str(delay["n"]), f"{delay[name]} s", f"{low}–{high} s")
        table.add_row(f"{side}: turns without an end", str(row["turns"]), str(row["missed"]), "")
        vad = row["vad"]
        table.add_row(f"{side}: VAD F1 at 32 ms", "", *_rate(vad["f1"], vad["interval"]))
    if "vad" in found:
        table.add_row("both: VAD F1 at 32 ms", "", *_rate(found["vad"]["f1"], found["vad"]["interval"]))
    for kind, row in found.get("turn_text", {}).items():
        table.add_row(f"{kind} text: judged right", str(row["n"]), *_rate(row["right"], row["interval"]))
    if noise := found.get("noise"):
        rate = f"{noise['ducks']} ducked, {noise['holds']} held"
        table.add_row("false barge-ins", f"{noise['minutes']:.0f} min", str(noise["interruptions"]), rate)
    console.print(table)
    for row in found.get("calls", {}).values() if cases else ():
        for case in row["cases"]:
            console.print(case, markup=False, highlight=False)


def _rate(value: float, interval: tuple[float, float]) -> tuple[str, str]:
    return f"{value:.1%}", f"{interval[0]:.1%}–{interval[1]:.1%}"


def draw(curves: Mapping[str, list[Found]], shipped: Found, target: Path, about: str) -> None:
    """Cut-ins against the median added delay: one line per way of ending turns, the shipped machine marked."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 5.2), dpi=110)
    axes.axhspan(0, 100 * MARK_CUT_INS, xmax=1.0, color="0.93", zorder=0)
    axes.axvline(MARK_DELAY_S, color="0.6", linestyle=":", linewidth=1)
    for (name, points), colour in zip(curves.items(), ("tab:gray", "tab:orange", "tab:blue"), strict=True):
        ordered = sorted(points, key=lambda one: one["setting"])
        delays = [one["delay_p50"] for one in ordered]
        cuts = [100 * one["cut_in_rate"] for one in ordered]
        axes.plot(delays, cuts, marker="o", markersize=3.5, linewidth=1.4, color=colour, label=NAMES[name])
    axes.plot(
        [shipped["delay_p50"]],
        [100 * shipped["cut_in_rate"]],
        marker="*",
        markersize=17,
        color="tab:blue",
        markeredgecolor="black",
        linestyle="none",
        label="as shipped",
    )
    axes.annotate("mark: 8 % at 0.45 s", (MARK_DELAY_S, 100 * MARK_CUT_INS), xytext=(6, 4), textcoords="offset points",
                  fontsize=8, color="0.4")  # fmt: skip
    axes.set_xlabel("added delay after the true end of the turn, median, seconds")
    axes.set_ylabel("pauses inside turns that are cut, %")
    axes.set_title(about, fontsize=10)
    axes.set_xlim(left=0.0)
    axes.set_ylim(bottom=-1.5)
    axes.grid(alpha=0.25)
    axes.legend(fontsize=9)
    figure.tight_layout()
    figure.savefig(target)
    plt.close(figure)
