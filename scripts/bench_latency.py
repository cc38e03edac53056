"""Response latency as a caller has it: true end of speech → first sound of the answer. Prints a table, JSON and a PNG.

    python -m scripts.bench_latency --json latency.json --png latency.png
    python -m scripts.bench_latency --transport twilio --repeat 3
    python -m scripts.bench_latency --wav questions/       # your own utterances, one a file

The true end is the last voiced sample of the source audio at the moment its packet left the caller (10 ms steps); the
answer's first sound is the first frame of it that left the operator's socket. Both are CLOCK_MONOTONIC of this machine.
Endpointing, recognition, retrieval, the model, the gate, synthesis and playout are all inside; a filler is another
column and never counts as an answer. ``heard`` adds the way back to the caller.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from contracts.errors import CallwrightError
from scripts.operator_process import OperatorProcess
from scripts.stats import summary
from server.caller import CallResult, converse
from server.settings import ROOT
from telephony.lines import spoken_lines, wav_lines
from telephony.robot import Line, Manners, Spoken
from telephony.sip.caller import CallerSettings, SipCaller

QUESTIONS = (
    "When are you open on Saturday?",
    "How much is a box of checks?",
    "I lost my debit card, can you send me a new one?",
    "What is the daily limit for transfers to another bank?",
    "Why is my available balance different from my current balance?",
    "How do I reset my password?",
    "Is there a foreign transaction fee?",
    "What is your mortgage rate?",
    "I would like to schedule an appointment.",
    "What interest do you pay on savings?",
)
STAGES = ("endpoint", "recognised", "retrieved", "decided", "first_token", "first_clause", "first_audio")
MATCH_S = 12.0


@dataclass(slots=True)
class Measured:
    """One turn. Seconds after the true end of speech; ``heard_s``: first sound at the caller's socket."""

    label: str
    rung: str
    latency_s: float
    filler_s: float | None
    heard_s: float | None
    stages: dict[str, float]
    cut_in: bool


def match(spoken: Sequence[Spoken], events: Sequence[dict[str, Any]]) -> list[Measured]:
    """Pairs each line with the operator's TURN_MEASURED event that answered it: the first whose endpoint is after its
    true end (a cut-in's endpoint is before it, and is taken if nothing else is)."""
    measured = [event["body"] for event in events if event["kind"] == "turn.measured" and event["body"]["answer_at"]]
    found = []
    for index, line in enumerate(spoken):
        until = spoken[index + 1].true_end_at if index + 1 < len(spoken) else line.true_end_at + MATCH_S
        mine = [body for body in measured if line.true_end_at < body["answer_at"] < until]
        if not mine or not line.true_end_at:
            continue
        body = mine[0]
        shift = body["speech_ended_at"] - line.true_end_at  # what the VAD thought was the end, against the truth
        stages = {name: round(ends[1] + shift, 4) for name, ends in body["stages"].items()}
        filler = body["filler_at"] - line.true_end_at if body["filler_at"] else None
        heard = line.reply_at - line.true_end_at if line.reply_at else None
        latency = body["answer_at"] - line.true_end_at
        found.append(Measured(line.label, body["rung"], latency, filler, heard, stages, line.cut_in))
    return found


async def sip_calls(
    operator: OperatorProcess, lines: Sequence[Line], repeat: int, progress: Progress
) -> list[Measured]:
    """``repeat`` calls, one after the other; each says all lines."""
    task = progress.add_task("calls by SIP", total=repeat)
    measured: list[Measured] = []
    async with SipCaller(CallerSettings()) as caller:
        for _ in range(repeat):
            first = len(operator.events)
            result = await converse(caller, operator.sip_uri, lines, manners=Manners(gap_s=1.0), timeout_s=300.0)
            await operator.idle()
            measured += match(result.spoken, operator.events[first:])
            progress.advance(task)
    return measured


async def twilio_calls(
    operator: OperatorProcess, lines: Sequence[Line], repeat: int, progress: Progress
) -> list[Measured]:
    """The same over a Twilio-shaped WebSocket."""
    from scripts.twilio_robot import converse_twilio

    task = progress.add_task("calls by WebSocket", total=repeat)
    measured: list[Measured] = []
    websocket = operator.settings.telephony.websocket
    url = f"ws://{websocket.host}:{websocket.port}{websocket.path}"
    for _ in range(repeat):
        first = len(operator.events)
        result: CallResult = await converse_twilio(url, lines, Manners(gap_s=1.0), timeout_s=300.0)
        await operator.idle()
        measured += match(result.spoken, operator.events[first:])
        progress.advance(task)
    return measured


def report(measured: Sequence[Measured], lines: int) -> dict[str, Any]:
    """The figures as JSON."""
    rungs = sorted({one.rung for one in measured})
    return {
        "machine": machine(),
        "lines_said": lines,
        "answered": len(measured),
        "cut_ins": sum(one.cut_in for one in measured),
        "response_latency_s": summary([one.latency_s for one in measured]),
        "heard_s": summary([one.heard_s for one in measured if one.heard_s]),
        "filler_s": summary([one.filler_s for one in measured if one.filler_s]),
        "by_rung": {rung: summary([one.latency_s for one in measured if one.rung == rung]) for rung in rungs},
        "stages_s": {
            stage: summary([one.stages[stage] for one in measured if stage in one.stages]) for stage in STAGES
        },
        "turns": [asdict(one) for one in measured],
    }


def machine() -> dict[str, Any]:
    """What it was measured on."""
    cpu = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.processor(),
    )
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "load_before": [round(one, 2) for one in os.getloadavg()],
        "python": platform.python_version(),
        "commit": commit.stdout.strip(),
    }


def draw(found: dict[str, Any], target: Path) -> None:
    """The waterfall of each turn as a picture: stages stacked from the true end of speech."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib.patches import Patch

    turns = found["turns"][:40]
    colours = dict(zip(STAGES, plt.get_cmap("tab10")(range(10)), strict=False))
    figure, axes = plt.subplots(figsize=(11, 1.5 + 0.3 * len(turns)), dpi=100)
    for row, turn in enumerate(turns):
        start = 0.0
        for stage in STAGES:
            if stage in turn["stages"]:
                end = max(start, turn["stages"][stage])
                axes.barh(row, end - start, left=start, color=colours[stage], height=0.7)
                start = end
        axes.text(start + 0.02, row, f"{turn['latency_s']:.2f} s {turn['rung']}", va="center", fontsize=8)
    axes.set_yticks(range(len(turns)), [turn["label"][:46] for turn in turns], fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel("seconds after the true end of the caller's speech")
    latency = found["response_latency_s"]
    axes.set_title(
        f"response latency: p50 {latency['p50']} s, p95 {latency['p95']} s, {latency['n']} turns", fontsize=10
    )
    handles = [Patch(color=colours[stage]) for stage in STAGES]
    axes.legend(handles, STAGES, fontsize=7, loc="lower right")
    axes.margins(x=0.2)
    figure.tight_layout()
    figure.savefig(target)
    plt.close(figure)


def show(found: dict[str, Any], console: Console) -> None:
    """The figures as a table."""
    table = Table("", "n", "p50 s", "95 % interval", "p95 s", "max s", title="after the true end of speech")
    rows = {"response latency": found["response_latency_s"], "heard by the caller": found["heard_s"]}
    rows |= {f"  {rung}": figures for rung, figures in found["by_rung"].items()}
    rows |= {"filler": found["filler_s"]}
    rows |= {f"stage {stage}": figures for stage, figures in found["stages_s"].items()}
    for name, figures in rows.items():
        if figures["n"]:
            low, high = figures["p50_interval"]
            table.add_row(
                name, str(figures["n"]), str(figures["p50"]), f"{low}–{high}", str(figures["p95"]), str(figures["max"])
            )
    console.print(table)
    console.print(f"{found['answered']} of {found['lines_said']} lines answered, {found['cut_ins']} cut-ins")


async def run(options: argparse.Namespace) -> int:
    """The benchmark; the exit code."""
    console = Console()
    lines = wav_lines(sorted(options.wav.glob("*.wav"))) if options.wav else spoken_lines(QUESTIONS)
    calls = sip_calls if options.transport == "sip" else twilio_calls
    async with OperatorProcess(options.config, env={"CALLWRIGHT_TELEPHONY__RECORDING__ENABLED": "false"}) as operator:
        with Progress(console=console) as progress:
            measured = await calls(operator, lines, options.repeat, progress)
        status = await operator.status()
    found = report(measured, len(lines) * options.repeat)
    found["transport"] = options.transport
    found["workers_rss_mb"] = {one["name"]: round(one["rss_bytes"] / 1e6) for one in status["workers"]}
    show(found, console)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))
    if options.png and measured:
        draw(found, options.png)
    return 0 if measured else 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, default=ROOT / "configs" / "demo.yaml")
    parser.add_argument("--transport", choices=("sip", "twilio"), default="sip")
    parser.add_argument("--wav", type=Path, help="folder of utterances instead of the built-in questions")
    parser.add_argument("--repeat", type=int, default=2, help="calls; each says all utterances")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--png", type=Path)
    try:
        return asyncio.run(run(parser.parse_args(arguments)))
    except CallwrightError as error:
        print(f"bench_latency: {error}", file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
