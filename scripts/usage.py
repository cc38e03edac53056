"""CPU time and memory of a running operator, by process: the media process, each worker, the console."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil


@dataclass(slots=True, frozen=True)
class Usage:
    """At one moment: CPU seconds since each process began, and memory in MB (resident and proportional), by name."""

    at: float
    cpu_s: dict[str, float]
    rss_mb: dict[str, float]
    pss_mb: dict[str, float]
    """Empty if it was not asked for."""
    busy_s: float = 0.0
    """CPU seconds of the whole machine at ordinary priority, kernel and interrupts included."""


def pss_mb(pid: int) -> float:
    """Proportional set size in MB, so that pages shared between processes count once; 0 for a process that is gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1000 for line in lines if line.startswith("Pss:")), 0.0)


def usage(pid: int, workers: Sequence[dict[str, Any]], *, proportional: bool = True) -> Usage:
    """Of the media process ``pid`` and everything that it started; ``workers`` as the control socket names them.

    ``proportional``: the kernel walks every page of a process for it and holds up its memory management meanwhile, so
    who measures lateness takes it before and after, not in between.
    """
    names = {one["pid"]: one["name"] for one in workers} | {pid: "media"}
    cpu: dict[str, float] = {}
    resident: dict[str, float] = {}
    shared: dict[str, float] = {}
    for process in [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]:
        name = names.get(process.pid, "console")
        try:
            times, bytes_held = process.cpu_times(), process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
        cpu[name] = cpu.get(name, 0.0) + times.user + times.system
        resident[name] = round(resident.get(name, 0.0) + bytes_held / 1e6, 2)
        if proportional:
            shared[name] = round(shared.get(name, 0.0) + pss_mb(process.pid), 2)
    whole = psutil.cpu_times()
    busy = whole.user + whole.system + whole.irq + whole.softirq
    return Usage(time.monotonic(), cpu, resident, shared, busy)


def spent(before: Usage, after: Usage) -> dict[str, float]:
    """CPU seconds between two moments, by process; one that was replaced meanwhile counts from its start."""
    used = {}
    for name, total in after.cpu_s.items():
        past = before.cpu_s.get(name, 0.0)
        used[name] = round(total - past if total >= past else total, 3)
    return used


def slope(times: Sequence[float], values: Sequence[float]) -> tuple[float, float, float]:
    """Least squares growth per second and its 95 % interval (residuals taken as independent); NaN for under 3."""
    if len(times) < 3:
        return math.nan, math.nan, math.nan
    x = np.asarray(times) - np.mean(times)
    y = np.asarray(values) - np.mean(values)
    rise = float(x @ y / (x @ x))
    residual = y - rise * x
    error = math.sqrt(float(residual @ residual) / (len(x) - 2) / float(x @ x))
    return rise, rise - 1.96 * error, rise + 1.96 * error
