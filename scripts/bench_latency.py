"""Response latency as a caller has it: true end of speech → first sound of the answer. Prints tables, JSON and PNGs.

    python -m scripts.bench_latency --at-once 1 --repeat 2 --json one.json --png latency
    python -m scripts.bench_latency --at-once 2,4,8 --json many.json
    python -m scripts.bench_latency --rung prepared,extractive,small,large --json rungs.json
    python -m scripts.bench_latency --read one.json many.json rungs.json --png docs/pictures/latency
    python -m scripts.bench_latency --transport twilio --repeat 3
    python -m scripts.bench_latency --wav questions/       # your own utterances, one a file

The true end is the last voiced sample of the source audio at the moment its packet left the caller (10 ms steps); the
answer's first sound is the first frame of it that left the operator's socket. Both are CLOCK_MONOTONIC of this machine.
Endpointing, recognition, retrieval, the model, the gate, synthesis and playout are all inside; a filler is another
column and never counts as an answer. ``heard`` adds the way back to the caller. Dead air is the longest silence that
the caller heard (below -50 dBFS) between its last word and the end of the answer.

The operator is started by the script, in a temporary home and on free ports, and called when it has nothing more to
read ahead (``--cold``: at once); the callers share its machine, and what they cost is in the report. ``--rung`` asks
what that rung answers; for a model's rung the router's thresholds are set so that no cheaper rung is taken (what the
gate rejects still ends elsewhere: the table says which rung answered).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from itertools import groupby, product
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from contracts.errors import CallwrightError, ConfigError
from scripts.latency_calls import Plan, placing, run_calls
from scripts.latency_questions import MIXED, RUNGS, SETS, Group, forced_cascade
from scripts.latency_report import Figures, against_marks, figures, machine, merged_runs, show
from scripts.operator_process import OperatorProcess
from server.settings import ROOT, load_settings, project_path
from telephony.lines import Speaker, wav_lines
from telephony.robot import Line

VERSION = 1
"""Of the report's shape; raised when a reader of the old one would fail."""


def numbers(text: str) -> list[int]:
    """``1,2,4`` as integers from 1 up."""
    found = [int(part) for part in text.split(",")]
    if min(found) < 1:
        raise ValueError(text)
    return found


def rungs(text: str) -> list[str]:
    """``small,large`` as names of question sets."""
    found = text.split(",")
    if unknown := [one for one in found if one not in SETS]:
        raise argparse.ArgumentTypeError(f"no rung {unknown[0]!r}; there are {', '.join(SETS)}")
    return found


def sounds(sets: Mapping[str, Sequence[Group]], console: Console) -> dict[str, Line]:
    """Every line spoken by the second voice, before anything is measured."""
    texts = list(dict.fromkeys(line for groups in sets.values() for group in groups for line in group))
    speaker = Speaker()
    with console.status("speaking the questions"):
        return {text: Line(text, speaker.say(text)) for text in texts}


async def run(options: argparse.Namespace, console: Console) -> Figures:
    """All runs that were asked for; the report, also written after each run as far as it is."""
    settings = {name: getattr(options, name) for name in ("transport", "seed", "spread_s", "repeat", "lines", "cold")}
    settings["config"] = options.config.name
    report: Figures = {"version": VERSION, "machine": machine(), "settings": settings, "runs": []}
    if options.wav:
        lines = wav_lines(sorted(options.wav.glob("*.wav")))
        sets: dict[str, Sequence[Group]] = {MIXED: [(line.label,) for line in lines]}
        spoken = {line.label: line for line in lines}
    else:
        sets = {rung: SETS[rung] for rung in options.rung}
        spoken = sounds(sets, console)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    cascade = project_path(load_settings(options.config).dialog.cascade)
    for forced, members in groupby(sets, key=lambda rung: forced_cascade(rung, cascade)):
        async with serving(options, forced) as operator, placing(operator, options.transport) as place:
            if not options.cold:
                with console.status("the small model reads ahead while nobody calls"):
                    await operator.read_ahead()
            for rung, at_once in product(list(members), options.at_once):
                plan = Plan(at_once, options.repeat, options.lines, options.spread_s, options.seed)
                with Progress(*columns, console=console) as progress:
                    task = progress.add_task(f"{rung}, {at_once} at once", total=plan.total(sets[rung]))
                    seen = await run_calls(operator, place, spoken, sets[rung], plan, partial(progress.advance, task))
                report["runs"].append(figures(seen, rung, at_once))
                report["marks"] = against_marks(report["runs"])
                if options.json:
                    options.json.write_text(json.dumps(report, indent=1))
    return report


@contextlib.asynccontextmanager
async def serving(options: argparse.Namespace, cascade: str | None) -> AsyncIterator[OperatorProcess]:
    """An operator of our own, with ``cascade`` (YAML) instead of its configured one."""
    env = {"CALLWRIGHT_TELEPHONY__RECORDING__ENABLED": "false"}
    if options.forget or cascade is not None:
        env["CALLWRIGHT_DIALOG__REMEMBERED_ANSWERS"] = "0"
    with tempfile.TemporaryDirectory() as folder:
        if cascade is not None:
            path = Path(folder) / "cascade.yaml"
            path.write_text(cascade)
            env["CALLWRIGHT_DIALOG__CASCADE"] = str(path)
        async with OperatorProcess(options.config, env=env, apart=True) as operator:
            yield operator


def read(paths: Sequence[Path]) -> Figures:
    """Reports of earlier runs as one. Raises ConfigError."""
    reports: list[dict[str, Any]] = []
    for path in paths:
        try:
            report = json.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise ConfigError(f"{path}: cannot be read as a report of this benchmark: {error}") from error
        if not isinstance(report, dict) or report.get("version") != VERSION:
            raise ConfigError(f"{path}: no report of this version of the benchmark; measure again with --json")
        reports.append(report)
    return merged_runs(reports)


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, default=ROOT / "configs" / "demo.yaml")
    parser.add_argument("--transport", choices=("sip", "twilio"), default="sip")
    parser.add_argument("--at-once", type=numbers, default=[1], metavar="N,N", help="calls at once, a run for each")
    parser.add_argument(
        "--rung", type=rungs, default=[MIXED], metavar="NAME,NAME", help=f"{MIXED} (default), {', '.join(RUNGS)}"
    )
    parser.add_argument("--repeat", type=int, default=1, help="calls that each caller makes")
    parser.add_argument("--lines", type=int, default=0, help="most lines a call; 0: all of the set")
    parser.add_argument("--seed", type=int, default=1, help="of the order of questions and of when callers dial")
    parser.add_argument("--spread-s", type=float, default=8.0, help="callers dial within so many seconds")
    parser.add_argument("--forget", action="store_true", help="answers are not remembered (with --rung: always)")
    parser.add_argument("--cold", action="store_true", help="call at once: no evidence has been read ahead")
    parser.add_argument("--wav", type=Path, help="folder of utterances instead of the built-in questions")
    parser.add_argument("--read", type=Path, nargs="+", metavar="JSON", help="measure nothing: show earlier reports")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--png", type=Path, metavar="PREFIX", help="writes PREFIX-turns.png, -rungs.png, -calls.png")
    options = parser.parse_args(arguments)
    console = Console() if sys.stdout.isatty() else Console(width=140)
    try:
        report = read(options.read) if options.read else asyncio.run(run(options, console))
    except CallwrightError as error:
        print(f"bench_latency: {error}", file=sys.stderr)
        return error.exit_code
    except asyncio.CancelledError:
        print("bench_latency: ended by SIGTERM", file=sys.stderr)
        return 143
    if options.json:
        options.json.write_text(json.dumps(report, indent=1))
    show(report, console)
    if options.png:
        from scripts.latency_charts import draw

        for path in draw(report, options.png):
            console.print(f"wrote {path}")
    return 0 if all(one["answered"] for one in report["runs"]) else 1


if __name__ == "__main__":
    sys.exit(main())
