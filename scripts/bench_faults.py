"""Workers that die or hang in mid-turn, under four calls: what the callers hear of it. Table and JSON.

    python -m scripts.bench_faults --json faults.json
    python -m scripts.bench_faults --workers small,large --signals STOP --trials 3

For each worker and signal four callers ask questions on the real operator; while the worker has a request and a caller
waits for an answer, it gets SIGKILL or SIGSTOP. Asked for (issue 3): each affected caller hears something within 1 s
and gets the answer or a person within 4 s, both of the fault or of the end of their words, if that is later; no packet
of any call is more than 60 ms late; the worker is back, loaded and warm, within 10 s. Times are of packets at the
callers' socket, by the kernel's clock, and of the operator's record. To see the small or large model at work, the
router's thresholds are set so that it answers. The JSON file is written anew after each trial.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from contracts.errors import CallwrightError
from scripts.fault_judge import BACK_S, SETTLED_S, SOUND_S
from scripts.fault_trial import SIGNALS, Trial, TrialFailed, trial
from scripts.latency_questions import SETS, forced_cascade
from scripts.latency_report import machine
from scripts.operator_process import OperatorProcess
from scripts.stats import summary, wilson
from server.settings import ROOT, load_settings, project_path
from telephony.lines import spoken_lines

WORKERS = ("speech", "voice", "knowledge", "small", "large")


def rung_of(worker: str) -> str:
    """Which rung must answer for the worker to be at work."""
    return worker if worker in ("small", "large") else "extractive"


OnTrial = Callable[[Sequence[Trial]], None]


async def run(options: argparse.Namespace, folder: Path, progress: Progress, on_trial: OnTrial) -> list[Trial]:
    """All trials; one operator for each rung. ``on_trial`` gets those made so far after each."""
    rungs = {rung_of(worker) for worker in options.workers}
    texts = sorted({line for rung in rungs for group in SETS[rung] for line in group})
    spoken = {line.label: line for line in await asyncio.to_thread(spoken_lines, texts)}
    total = len(options.workers) * len(options.signals) * options.trials
    task = progress.add_task("trials", total=total)
    trials: list[Trial] = []
    for rung, workers in groupby(sorted(options.workers, key=rung_of), key=rung_of):
        env = {
            "CALLWRIGHT_TELEPHONY__RECORDING__ENABLED": "false",
            "CALLWRIGHT_TELEPHONY__ADMISSION__STRAIN__LATE_S": "60",
        }
        forced = forced_cascade(rung, project_path(load_settings(options.config).dialog.cascade))
        if forced is not None:
            path = folder / f"{rung}.yaml"
            path.write_text(forced)
            env["CALLWRIGHT_DIALOG__CASCADE"] = str(path)
        lines = [spoken[line] for group in SETS[rung] for line in group]
        async with OperatorProcess(options.config, env=env, apart=True) as operator:
            for worker in workers:
                for signal_name in options.signals:
                    for _ in range(options.trials):
                        progress.update(task, description=f"{worker} {signal_name}")
                        seed = options.seed + len(trials)
                        try:
                            made = trial(operator, lines, worker, signal_name, calls=options.calls, seed=seed)
                            trials.append(await made)
                        except TrialFailed as error:
                            trials.append(Trial(worker, signal_name, f"not made: {error}"))
                        on_trial(trials)
                        progress.advance(task)
    return trials


def report(trials: Sequence[Trial]) -> dict[str, Any]:
    """The figures as JSON."""
    affected = [turn for one in trials for turn in one.affected]
    return {
        "machine": machine(),
        "asked": {"sound_s": SOUND_S, "settled_s": SETTLED_S, "back_s": BACK_S},
        "trials_passed": [sum(one.passed for one in trials), len(trials)],
        "affected_turns_passed": [sum(turn.passed for turn in affected), len(affected)],
        "interval": [round(x, 3) for x in wilson(sum(turn.passed for turn in affected), len(affected))],
        "outcomes": Counter(turn.outcome for turn in affected),
        "sound_s": summary([turn.sound_s for turn in affected if turn.sound_s is not None]),
        "settled_s": summary([turn.settled_s for turn in affected if turn.settled_s is not None]),
        "back_s": summary([one.back_s for one in trials if one.back_s is not None]),
        "slots_missed": sum(one.slots_missed for one in trials),
        "trials": [one.as_dict() for one in trials],
    }


def show(trials: Sequence[Trial], console: Console) -> None:
    """A row for each worker and signal: the worst of its trials."""
    heads = ("worker", "signal", "trials", "noticed s", "back s", "affected", "first sound s", "answer or person s")
    table = Table(*heads, "outcomes", "longest gap ms", "slots late > 60 ms", "passed", title="worst of each")
    for (worker, name), group in groupby(trials, key=lambda one: (one.worker, one.signal)):
        some = list(group)
        turns = [turn for one in some for turn in one.affected]
        outcomes = Counter(turn.outcome for turn in turns)
        table.add_row(
            worker,
            name,
            str(len(some)),
            _worst([one.lost_s for one in some]),
            _worst([one.back_s for one in some]),
            str(len(turns)),
            _worst([turn.sound_s for turn in turns]),
            _worst([turn.settled_s for turn in turns]),
            ", ".join(f"{count} {what}" for what, count in outcomes.most_common()),
            f"{max(one.gap_max_s for one in some) * 1e3:.0f}",
            str(sum(one.slots_missed for one in some)),
            f"{sum(one.passed for one in some)} of {len(some)}",
        )
    console.print(table)
    for one in trials:
        if one.caught.startswith("not made"):
            console.print(f"{one.worker} {one.signal}: {one.caught}")


def _worst(values: Sequence[float | None]) -> str:
    if not values:
        return "—"
    known = [value for value in values if value is not None]
    return f"{max(known):.2f}" if len(known) == len(values) else "never"


def names(known: Sequence[str], text: str) -> list[str]:
    """``a,b`` of ``known``."""
    wanted = text.split(",")
    unknown = sorted(set(wanted) - set(known))
    if unknown:
        raise argparse.ArgumentTypeError(f"no {unknown[0]!r}; there are: {', '.join(known)}")
    return wanted


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; 0 if every trial passed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, default=ROOT / "configs" / "demo.yaml")
    parser.add_argument("--workers", type=lambda text: names(WORKERS, text), default=list(WORKERS))
    parser.add_argument("--signals", type=lambda text: names(tuple(SIGNALS), text), default=list(SIGNALS))
    parser.add_argument("--calls", type=int, default=4, help="callers at once")
    parser.add_argument("--trials", type=int, default=1, help="trials of each worker and signal")
    parser.add_argument("--seed", type=int, default=1, help="who asks what, and when")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    console = Console()

    def keep(trials: Sequence[Trial]) -> None:
        if options.json:
            part = options.json.with_suffix(".part")
            part.write_text(json.dumps(report(trials), indent=1))
            os.replace(part, options.json)

    try:
        with (
            tempfile.TemporaryDirectory(prefix="callwright-faults-") as folder,
            Progress(console=Console(stderr=True)) as progress,
        ):
            trials = asyncio.run(run(options, Path(folder), progress, keep))
    except CallwrightError as error:
        print(f"bench_faults: {error}", file=sys.stderr)
        return error.exit_code
    found = report(trials)
    show(trials, console)
    passed, total = found["affected_turns_passed"]
    console.print(f"{passed} of {total} affected turns as asked; {found['slots_missed']} slots missed")
    return 0 if all(one.passed for one in trials) else 1


if __name__ == "__main__":
    sys.exit(main())
