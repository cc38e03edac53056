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

from rich.console import Console
from rich.table import Table

from contracts.errors import CallwrightError
from scripts.latency_questions import QUESTIONS
from scripts.latency_report import machine
from scripts.operator_process import OperatorProcess
from scripts.usage import usage
from server.caller import converse
from server.settings import ROOT
from telephony.lines import spoken_lines
from telephony.robot import Manners
from telephony.sip.caller import CallerSettings, SipCaller

SETTLE_S = 5.0


async def run(config: Path) -> dict[str, Any]:
    """Idle and warm, then after a call of ten questions."""
    lines = spoken_lines(QUESTIONS)
    async with OperatorProcess(config) as operator:
        if not operator.pid:
            raise CallwrightError("an operator is running already; stop it, so that its memory can be measured")
        await asyncio.sleep(SETTLE_S)
        workers = (await operator.status())["workers"]
        idle = usage(operator.pid, workers).pss_mb
        async with SipCaller(CallerSettings()) as caller:
            await converse(caller, operator.sip_uri, lines, manners=Manners(gap_s=0.8), timeout_s=240.0)
        await operator.idle()
        after = usage(operator.pid, workers).pss_mb
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
