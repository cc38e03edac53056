"""The figures of scripts.bench_held as tables and as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table


def show(found: dict[str, Any], console: Console) -> None:
    """Growth over calls, and for held calls what they heard."""
    table = Table(
        "calls", "minutes", "CPU-s per call-minute", "cores", "peak PSS, MB", "callers' own cores", "of the machine"
    )
    for stage in [found["idle"], *found["stages"]]:
        table.add_row(
            str(stage["calls"] or "idle"),
            str(stage["minutes"]),
            str(stage["cpu_s_per_call_minute"]) if stage["calls"] else "—",
            str(stage["cores"]),
            str(stage["peak_mb"]),
            str(stage.get("callers", {}).get("cores", "—")),
            str(stage["machine_cores"]),
        )
    console.print(table)
    names = sorted({name for stage in found["stages"] for name in stage["cpu_s_per_call_minute_by_process"]})
    table = Table("calls", *names, title="CPU-s per call-minute (PSS, MB)")
    for stage in found["stages"]:
        cpu, memory = stage["cpu_s_per_call_minute_by_process"], stage["pss_mb_by_process"]
        table.add_row(str(stage["calls"]), *(f"{cpu.get(name, 0)} ({memory.get(name, 0)})" for name in names))
    console.print(table)
    (_show_held if found["kind"] == "held" else _show_talking)(found, console)


def _show_held(found: dict[str, Any], console: Console) -> None:
    table = Table("calls", "utterances", "underruns", "slots late > 60 ms", "packets lost", "gap p99 / max, ms",
                  "tick p50 / p99 / max, ms", "growth MB/min (95 %)", title="what was heard")  # fmt: skip
    for stage in found["stages"]:
        slots, ticks, growth = stage["slots"], stage["tick_ms"], stage["rss_growth_mb_per_minute"]["all"]
        worst = [max((one[name] for one in ticks), default=0.0) for name in ("late_p50_s", "late_p99_s", "late_max_s")]
        table.add_row(
            str(stage["calls"]),
            str(stage["utterances"]),
            str(stage["underruns"]),
            f"{slots['missed_by_60_ms']} of {slots['packets']}",
            str(slots["lost"]),
            f"{slots['gap_p99_ms']:.0f} / {slots['gap_max_ms']}",
            " / ".join(str(one) for one in worst),
            f"{growth[0]} ({growth[1]} – {growth[2]})",
        )
    console.print(table)


def _show_talking(found: dict[str, Any], console: Console) -> None:
    table = Table("calls", "turns answered", "per call-minute", "by rung", title="callers who ask")
    for stage in found["stages"]:
        rungs = ", ".join(f"{rung} {times}" for rung, times in sorted(stage["rungs"].items()))
        table.add_row(str(stage["calls"]), str(stage["turns_answered"]), str(stage["turns_per_call_minute"]), rungs)
    console.print(table)


def draw(found: dict[str, Any], target: Path) -> None:
    """Memory over time, the tick by minute, and cost over calls."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, (memory, tick, cost) = plt.subplots(1, 3, figsize=(14, 4), dpi=100)
    for stage in found["stages"]:
        times = [point[0] / 60 for point in stage["rss_mb"]]
        memory.plot(times, [point[1] for point in stage["rss_mb"]], label=f"{stage['calls']} calls, all")
        memory.plot(times, [point[2] for point in stage["rss_mb"]], "--", label=f"{stage['calls']}, media process")
        minutes = range(1, len(stage["tick_ms"]) + 1)
        tick.plot(minutes, [one["late_p99_s"] for one in stage["tick_ms"]], "o-", label=f"p99, {stage['calls']} calls")
        tick.plot(minutes, [one["late_max_s"] for one in stage["tick_ms"]], "x:", label=f"max, {stage['calls']} calls")
    memory.set(title="resident set size", xlabel="minutes", ylabel="MB", ylim=(0, None))
    tick.axhline(20, color="grey", linewidth=0.8)
    tick.set(title="lateness of the 20 ms tick", xlabel="minute", ylabel="ms", ylim=(0, None))
    calls = [stage["calls"] for stage in found["stages"]]
    cost.plot(calls, [stage["cpu_s_per_call_minute"] for stage in found["stages"]], "o-")
    cost.set(title="CPU seconds per call-minute", xlabel="calls at once", ylim=(0, None))
    for axes in (memory, tick):
        axes.legend(fontsize=6)
    figure.tight_layout()
    figure.savefig(target)
    plt.close(figure)
