"""Memory of the whole operator: every process of it, idle and warm, then after a call. Prints a table and JSON.

    python -m scripts.bench_memory --json memory.json

Each process's proportional set size (PSS, /proc/PID/smaps_rollup), so that pages shared between processes count once.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from contracts.errors import CallwrightError
from scripts.bench_latency import QUESTIONS, machine
from scripts.operator_process import OperatorProcess
from server.caller import converse
from server.settings import ROOT
from telephony.lines import spoken_lines
from telephony.robot import Manners
from telephony.sip.caller import CallerSettings, SipCaller

SETTLE_S = 5.0


def pss_mb(pid: int) -> float:
    """Proportional set size in MB; 0 for a process that is gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1000 for line in lines if line.startswith("Pss:")), 0.0)


def measure(pid: int, workers: Sequence[dict[str, Any]]) -> dict[str, float]:
    """MB by process name."""
    names = {one["pid"]: f"worker {one['name']}" for one in workers} | {pid: "media process"}
    tree = [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
    found: dict[str, float] = {}
    for one in tree:
        name = names.get(one, "console" if one not in names else "")
        found[name] = round(found.get(name, 0.0) + pss_mb(one), 1)
    return found


async def run(config: Path) -> dict[str, Any]:
    """Idle and warm, then after a call of ten questions."""
    lines = spoken_lines(QUESTIONS)
    async with OperatorProcess(config) as operator:
        if not operator.pid:
            raise CallwrightError("an operator is running already; stop it, so that its memory can be measured")
        await asyncio.sleep(SETTLE_S)
        workers = (await operator.status())["workers"]
        idle = measure(operator.pid, workers)
        async with SipCaller(CallerSettings()) as caller:
            await converse(caller, operator.sip_uri, lines, manners=Manners(gap_s=0.8), timeout_s=240.0)
        await operator.idle()
        after = measure(operator.pid, workers)
    return {
        "machine": machine(),
        "idle_mb": idle,
        "after_call_mb": after,
        "started_in_s": round(operator.started_in_s, 1),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, default=ROOT / "configs" / "demo.yaml")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    try:
        found = asyncio.run(run(options.config))
    except CallwrightError as error:
        print(f"bench_memory: {error}", file=sys.stderr)
        return error.exit_code
    table = Table("process", "idle and warm, MB", "after a call, MB", title="proportional set size")
    for name in found["idle_mb"]:
        table.add_row(name, str(found["idle_mb"][name]), str(found["after_call_mb"].get(name, "—")))
    table.add_row("all", f"{sum(found['idle_mb'].values()):.0f}", f"{sum(found['after_call_mb'].values()):.0f}")
    Console().print(table)
    Console().print(f"started, models loaded and warm, in {found['started_in_s']} s")
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
