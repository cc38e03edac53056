"""Plays recorded callers to the operator over SIP and writes a scorecard.

    python -m scripts.replay_calls DATA/clips --json scorecard.json
    python -m scripts.replay_calls DATA/clips --variant distorted

DATA/clips holds ``clips.csv`` (clip, task) and folders ``clean`` and ``distorted`` with one caller's channel a file.
Each clip is cut at its pauses; the pieces are said in turn, each when the operator has finished. A call's task is
recognised when an answer of it stands on a document of that task.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from contracts.errors import CallwrightError
from scripts.demo import PERSON_PORT, person
from scripts.latency_calls import wall_offset
from scripts.latency_report import machine
from scripts.latency_turns import turns_of
from scripts.operator_process import OperatorProcess
from scripts.stats import summary, wilson
from server.caller import converse
from server.settings import ROOT
from telephony.lines import read_wav
from telephony.robot import Line, Manners, split_turns
from telephony.sip.caller import CallerSettings, SipCaller

TASKS = {
    "check balance": "Checking your account balance",
    "get branch hours": "Branch hours and locations",
    "order checks": "Ordering checks",
    "pay bill": "Paying bills",
    "replace card": "Replacing a lost, stolen or damaged card",
    "reset password": "Resetting your password",
    "schedule appointment": "Scheduling an appointment",
    "transfer money": "Transferring money",
}
"""The caller's task → title of the demo bank's document that serves it."""


@dataclass(slots=True)
class Played:
    """One clip's call."""

    clip: str
    task: str
    answered: bool = False
    tasks: list[str] = field(default_factory=list)
    recognised: bool = False
    cut_ins: int = 0
    turns: int = 0
    latencies: list[float] = field(default_factory=list)
    escalations: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    ended: str = ""
    trouble: list[str] = field(default_factory=list)


def judge(played: Played, events: Sequence[dict[str, Any]]) -> None:
    """Fill in what the operator's events say."""
    for event in events:
        kind, body = event["kind"], event["body"]
        if kind == "turn.caller" and body.get("text"):
            played.said.append(f"caller: {body['text']}")
        elif kind == "turn.operator":
            played.said.append(f"operator [{body['rung']}]: {body['heard']}")
        elif kind == "escalation.raised":
            played.escalations.append(f"{body['reason']}: {body['evidence']}")
        elif kind == "call.ended":
            played.tasks, played.ended = body.get("tasks", []), f"{body['reason']} {body['detail']}".strip()
        elif kind == "call.started":
            played.answered = True
        elif kind in ("trouble", "worker.lost"):
            played.trouble.append(f"{kind}: {body}")
    played.recognised = TASKS[played.task] in played.tasks


async def play(
    folder: Path, rows: Sequence[tuple[str, str]], config: Path, console: Console, at_once: int
) -> list[Played]:
    """Every clip; ``at_once`` calls at a time."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    async with OperatorProcess(config) as operator, person(PERSON_PORT), SipCaller(CallerSettings()) as caller:
        with Progress(*columns, console=console) as progress:
            task = progress.add_task(folder.name, total=len(rows))
            room = asyncio.Semaphore(at_once)

            async def one(clip: str, wanted: str) -> Played:
                async with room:
                    played = await play_one(operator, caller, folder / clip, wanted)
                progress.advance(task)
                return played

            return list(await asyncio.gather(*(one(clip, wanted) for clip, wanted in rows)))


async def play_one(operator: OperatorProcess, caller: SipCaller, path: Path, wanted: str) -> Played:
    """One clip as one call."""
    played = Played(path.name, wanted)
    pcm = await asyncio.to_thread(read_wav, path)
    lines = [Line(f"{path.name}#{n}", turn) for n, turn in enumerate(split_turns(pcm))]
    manners = Manners(gap_s=0.8, patience_s=6.0, settle_s=1.5)
    result = await converse(caller, operator.sip_uri, lines, manners=manners, timeout_s=150.0)
    events = await operator.events_of(result.sip_call_id)
    judge(played, events)
    played.turns = len(result.spoken)
    played.cut_ins = sum(one.cut_in for one in result.spoken)
    turns = turns_of([line.label for line in lines], result, events, wall_offset())
    played.latencies = [round(turn.latency_s, 3) for turn in turns if turn.latency_s is not None]
    return played


def scorecard(done: Sequence[Played], variant: str, at_once: int) -> dict[str, Any]:
    """The figures as JSON."""
    latencies = [one for played in done for one in played.latencies]
    recognised = sum(played.recognised for played in done)
    return {
        "variant": variant,
        "at_once": at_once,
        "machine": machine(),
        "calls": len(done),
        "answered": sum(played.answered for played in done),
        "tasks_recognised": recognised,
        "tasks_recognised_interval": [round(one, 3) for one in wilson(recognised, len(done))],
        "cut_ins": sum(played.cut_ins for played in done),
        "turns": sum(played.turns for played in done),
        "response_latency_s": summary(latencies),
        "escalations": [f"{played.clip}: {one}" for played in done for one in played.escalations],
        "trouble": [f"{played.clip}: {one}" for played in done for one in played.trouble],
        "per_call": [asdict(played) for played in done],
    }


def show(card: dict[str, Any], console: Console) -> None:
    """The scorecard as a table."""
    table = Table("clip", "task", "recognised", "turns", "cut-ins", "latency p50", "escalated", "ended")
    for call in card["per_call"]:
        latency = summary(call["latencies"])
        table.add_row(
            call["clip"], call["task"], "yes" if call["recognised"] else f"[red]no[/] ({', '.join(call['tasks'])})",
            str(call["turns"]), str(call["cut_ins"]), str(latency.get("p50", "—")),
            "; ".join(call["escalations"]), call["ended"],
        )  # fmt: skip
    console.print(table)
    latency, low_high = card["response_latency_s"], card["tasks_recognised_interval"]
    console.print(
        f"{card['answered']} of {card['calls']} calls answered; task recognised in {card['tasks_recognised']} "
        f"(95 % interval {low_high[0]:.0%}–{low_high[1]:.0%}); {card['cut_ins']} cut-ins in {card['turns']} turns; "
        f"response latency p50 {latency.get('p50')} s, p95 {latency.get('p95')} s (n {latency['n']})"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, help="folder with clips.csv")
    parser.add_argument("--variant", choices=("clean", "distorted"), default="clean")
    parser.add_argument("--config", type=Path, default=ROOT / "configs" / "demo.yaml")
    parser.add_argument("--at-once", type=int, default=1, help="calls at a time; 1 measures a single caller's latency")
    parser.add_argument("--only", help="play only clips whose name contains this")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    console = Console(width=160)
    try:
        with (options.clips / "clips.csv").open() as file:
            rows = [(row["clip"], row["task"]) for row in csv.DictReader(file)]
        rows = [row for row in rows if not options.only or options.only in row[0]]
        done = asyncio.run(play(options.clips / options.variant, rows, options.config, console, options.at_once))
    except (CallwrightError, OSError) as error:
        print(f"replay_calls: {error}", file=sys.stderr)
        return getattr(error, "exit_code", 2)
    card = scorecard(done, options.variant, options.at_once)
    show(card, console)
    if options.json:
        options.json.write_text(json.dumps(card, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
