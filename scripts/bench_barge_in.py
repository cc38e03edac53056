"""Barge-in at the caller's socket: how soon the operator is silent, what makes it stop, and which words were heard.

    python -m scripts.bench_barge_in --count 20 --json barge_in.json --png barge_in.png
    python -m scripts.bench_barge_in --transport twilio --kinds interruption --count 20 --at-once 2
    python -m scripts.bench_barge_in --kinds backchannel cough --count 15
    python -m scripts.bench_barge_in --heard --kinds interruption backchannel   # Whisper tells which words were heard
    python -m scripts.bench_barge_in --noise DATA/noise --minutes 30            # only noise, no calls

An operator of its own is started (temporary home, free ports) and called. ``stop``: from the first voiced 10 ms of the
caller's line leaving the caller's socket to the last sound above -50 dBFS that arrives there, fade included; what the
operator believes takes no part in it. A round counts only if the operator was audible at the onset. The JSON file is
written anew after each round: a run that is broken off leaves what it has measured. ``--at-once`` holds several calls
side by side, which costs less time; the figures are then those of an operator under that load.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from contracts.errors import CallwrightError
from scripts.barge_calls import BACKCHANNEL, COUGH, INTERRUPTION, KINDS, Round, hold_rounds, rounds_of, spoken
from scripts.barge_hearing import HOP_S, Hearing, overlap, silent_after
from scripts.barge_noise import false_holds
from scripts.barge_words import Judge, lost_and_repeated, spoken_words, written_words_heard
from scripts.latency_report import machine
from scripts.operator_process import OperatorProcess
from scripts.stats import summary, wilson
from server.settings import ROOT

MARK_S = 0.2
PAUSE_S = 0.3
"""A shorter silence is one of the operator's own, between words or sentences."""
TOLERANCE = 1
CALLER_NICE = -10
"""Of the calling side only, where it is allowed: a caller's telephone has a processor of its own, and a packet that it
sends late would be counted against the operator, whose jitter buffer grows with it."""


@dataclass(slots=True)
class Measured:
    """One round, measured. ``stop_s`` None: nothing to stop, or it did not stop."""

    kind: str
    line: str
    question: str
    after_s: float
    counted: bool
    """The operator spoke at the onset."""
    stop_s: float | None = None
    interrupted: bool = False
    """The operator dropped what it was saying."""
    text: str = ""
    heard: str = ""
    """What the operator believes was heard of it."""
    pause_s: float | None = None
    """How long a backchannel silenced the operator."""
    said_again_s: float | None = None
    """How much of the sound before the pause was said again after it."""
    heard_off_by: int | None = None
    """Written words the operator believes were heard, minus those that Whisper heard."""
    lost: int | None = None
    repeated: int | None = None
    sound: bytes = field(default=b"", repr=False)
    """Internal PCM of the answer as it was heard, what was said twice taken out once."""


def measure(one: Round, hearing: Hearing) -> Measured:
    """What the received sound tells of a round, and what the operator recorded of it."""
    found = Measured(one.kind, one.line, one.question, one.after_s, counted=False)
    if not one.talked_over:
        return found
    found.counted = bool(hearing.sounding(one.onset - 0.1, one.onset + 0.1))
    ours = [body for body in one.operator if body["text"]]
    cut = next((index for index, body in enumerate(ours) if body["interrupted"]), None)
    found.interrupted = cut is not None
    ours = ours if cut is None else ours[: cut + 1]  # what follows answers the interruption
    found.text, found.heard = (" ".join(filter(None, (body[key] for body in ours))) for key in ("text", "heard"))
    silent = silent_after(hearing, one.onset, one.ended + (0.0 if one.kind == INTERRUPTION else 0.15))
    if one.kind == INTERRUPTION:
        found.stop_s = silent - one.onset if silent is not None else None
        found.sound = hearing.between(one.asked, silent + 0.02) if silent is not None else b""
    elif not found.interrupted:
        _measure_pause(found, one, hearing)
    return found


def _measure_pause(found: Measured, one: Round, hearing: Hearing) -> None:
    """The pause that a backchannel made: the longest stretch of silence that began while it was said."""
    stretches = hearing.sounding(one.began, one.until)
    pauses = [
        (before[1], after[0])
        for before, after in pairwise(stretches)
        if one.onset <= before[1] <= one.ended + 0.3 and after[0] - before[1] >= PAUSE_S
    ]
    found.sound = hearing.between(one.asked, one.until)
    if not pauses:
        found.pause_s = 0.0
        return
    start, end = max(pauses, key=lambda pause: pause[1] - pause[0])
    before, after = hearing.between(one.asked, start - HOP_S / 2), hearing.between(end - HOP_S / 2, one.until)
    again = overlap(before, after)
    found.stop_s, found.pause_s, found.said_again_s = start - one.onset, end - start, again / 16000
    found.sound = before[: len(before) - 2 * again] + after


def judge_words(measured: Sequence[Measured], judge: Judge) -> None:
    """Let Whisper say which words of each answer were heard."""
    for one in measured:
        if not one.sound or not one.text:
            continue
        words = judge.words(one.sound)
        if one.interrupted:
            one.heard_off_by = len(one.heard.split()) - written_words_heard(one.text, words)
        elif one.kind != INTERRUPTION:
            one.lost, one.repeated = lost_and_repeated(words, spoken_words(one.text))


def report(measured: Sequence[Measured]) -> dict[str, Any]:
    """The figures as JSON."""
    kinds = {kind: [one for one in measured if one.kind == kind and one.counted] for kind in KINDS}
    cut = kinds[INTERRUPTION]
    stops = [one.stop_s for one in cut if one.stop_s is not None]
    within = sum(stop <= MARK_S for stop in stops)
    found: dict[str, Any] = {
        "machine": machine(),
        "rounds": len(measured),
        "not_counted": sum(not one.counted for one in measured),
        "interruptions": {
            "n": len(cut),
            "stop_s": summary(stops),
            "within_mark": _rate(within, len(cut)),
            "dropped": _rate(sum(one.interrupted for one in cut), len(cut)),
        },
    }
    for kind in (BACKCHANNEL, COUGH):
        mine = kinds[kind]
        found[f"{kind}s"] = {
            "n": len(mine),
            "stopped_the_operator": _rate(sum(one.interrupted for one in mine), len(mine)),
            "pause_s": summary([one.pause_s for one in mine if one.pause_s is not None]),
            "said_again_s": summary([one.said_again_s for one in mine if one.said_again_s is not None]),
        }
    judged = [one.heard_off_by for one in measured if one.heard_off_by is not None and one.counted]
    if judged:
        exact = sum(off == 0 for off in judged)
        near = sum(abs(off) <= TOLERANCE for off in judged)
        found["heard_words"] = {
            "n": len(judged), "within_one_word": _rate(near, len(judged)), "exact": _rate(exact, len(judged)),
            "off_by": judged,
        }  # fmt: skip
    resumed = [one for one in measured if one.lost is not None and one.counted]
    if resumed:
        found["resumed_words"] = {
            "n": len(resumed),
            "lost": sum(one.lost or 0 for one in resumed),
            "repeated": sum(one.repeated or 0 for one in resumed),
            "unharmed": _rate(sum(not one.lost and not one.repeated for one in resumed), len(resumed)),
        }
    found["turns"] = [{name: value for name, value in asdict(one).items() if name != "sound"} for one in measured]
    return found


def _rate(hits: int, total: int) -> dict[str, Any]:
    return {"hits": hits, "n": total, "interval": [round(edge, 3) for edge in wilson(hits, total)]}


def show(found: dict[str, Any], console: Console) -> None:
    """The figures as a table."""
    table = Table("", "n", "p50 s", "p95 s", "95 % interval", "max s", title=f"barge-in by {found['transport']}")
    rows = {"interruption: onset → silent": found["interruptions"]["stop_s"]}
    for kind in (BACKCHANNEL, COUGH):
        rows[f"{kind}: pause"] = found[f"{kind}s"]["pause_s"]
        rows[f"{kind}: said again"] = found[f"{kind}s"]["said_again_s"]
    for name, figures in rows.items():
        if figures["n"]:
            low, high = figures["p95_interval"]
            table.add_row(
                name, str(figures["n"]), str(figures["p50"]), str(figures["p95"]), f"{low}–{high}", str(figures["max"])
            )
    console.print(table)
    shares = {
        f"interruptions silent within {MARK_S:g} s": found["interruptions"]["within_mark"],
        "interruptions that dropped the answer": found["interruptions"]["dropped"],
        "backchannels that stopped the operator": found["backchannels"]["stopped_the_operator"],
        "coughs that stopped the operator": found["coughs"]["stopped_the_operator"],
    }
    if "heard_words" in found:
        shares["heard words right to one word"] = found["heard_words"]["within_one_word"]
    if "resumed_words" in found:
        shares["resumed without a word lost or repeated"] = found["resumed_words"]["unharmed"]
    for name, share in shares.items():
        if share["n"]:
            console.print(
                f"{name}: {share['hits']} of {share['n']} (95 %: {share['interval'][0]}–{share['interval'][1]})"
            )
    if found["not_counted"]:
        console.print(f"{found['not_counted']} rounds not counted: the operator was silent when the caller began")


def draw(found: dict[str, Any], target: Path) -> None:
    """Left: how soon the operator was silent, as a cumulative curve; right: the pauses that backchannels made."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    turns = [turn for turn in found["turns"] if turn["counted"]]
    stops = sorted(
        turn["stop_s"] * 1000 for turn in turns if turn["kind"] == INTERRUPTION and turn["stop_s"] is not None
    )
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), dpi=100)
    if stops:
        shares = [(index + 1) / len(stops) * 100 for index in range(len(stops))]
        left.step([0.0, *stops], [0.0, *shares], where="post", color="tab:blue")
        left.plot(stops, shares, "o", markersize=3, color="tab:blue")
    left.axvline(MARK_S * 1000, color="tab:red", linestyle="--", label=f"mark {MARK_S * 1000:g} ms")
    left.axhline(95, color="grey", linewidth=0.7, linestyle=":", label="95 %")
    left.set(xlabel="ms from the caller's onset to the operator's silence", ylabel="% of interruptions", ylim=(0, 103))
    left.set_xlim(0, max([400.0, *(stop * 1.05 for stop in stops)]))
    left.legend(loc="lower right", fontsize=8)
    left.set_title(
        f"{len(stops)} interruptions by {found['transport']}: p95 {found['interruptions']['stop_s'].get('p95')} s"
    )
    for row, kind in enumerate((BACKCHANNEL, COUGH)):
        pauses = [turn["pause_s"] for turn in turns if turn["kind"] == kind and turn["pause_s"] is not None]
        right.plot(pauses, [row] * len(pauses), "o", alpha=0.5, color="tab:green")
    right.set_yticks((0, 1), (BACKCHANNEL, COUGH))
    right.set(xlabel="s of silence before the operator went on", ylim=(-0.6, 1.6))
    right.set_xlim(left=-0.05)
    stopped = found["backchannels"]["stopped_the_operator"]
    right.set_title(f"{stopped['hits']} of {stopped['n']} backchannels stopped the operator")
    figure.tight_layout()
    figure.savefig(target)
    plt.close(figure)


async def calls(options: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Start an operator, hold all rounds, measure each when it is over; the JSON file is there from the first on."""
    rounds = rounds_of(options.kinds, options.count, options.seed)
    lines = await asyncio.to_thread(spoken, rounds)
    measured: list[Measured] = []

    def found() -> dict[str, Any]:
        return {"transport": options.transport, "at_once": options.at_once, **report(measured)}

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    env = {"CALLWRIGHT_TELEPHONY__RECORDING__ENABLED": "false"}
    async with OperatorProcess(options.config, env=env, apart=True) as operator:
        with contextlib.suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, 0, CALLER_NICE)
        with Progress(*columns, console=console) as progress:
            task = progress.add_task(f"talking over it by {options.transport}", total=len(rounds))

            def done(one: Round, hearing: Hearing) -> None:
                measured.append(measure(one, hearing))
                write(found(), options.json)
                progress.advance(task)

            await hold_rounds(
                operator, rounds, lines, transport=options.transport, per_call=options.per_call,
                at_once=options.at_once, done=done,
            )  # fmt: skip
        models = operator.settings.models_dir
    if options.heard:
        with console.status("Whisper listens to what the caller heard …"):
            judge = await asyncio.to_thread(Judge, models)
            await asyncio.to_thread(judge_words, measured, judge)
    return found()


def write(found: dict[str, Any], target: Path | None) -> None:
    """The figures to a file, whole or not at all."""
    if target is None:
        return
    part = target.with_suffix(target.suffix + ".part")
    part.write_text(json.dumps(found, indent=1))
    part.replace(target)


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, default=ROOT / "configs" / "demo.yaml")
    parser.add_argument("--transport", "--leg", choices=("sip", "twilio"), default="sip")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS), help="what the callers say")
    parser.add_argument("--count", type=int, default=20, help="rounds of each kind")
    parser.add_argument("--per-call", type=int, default=5, help="rounds in one call")
    parser.add_argument("--at-once", type=int, default=1, help="calls held side by side (1)")
    parser.add_argument("--seed", type=int, default=1, help="of the order of the rounds and the moments of the onsets")
    parser.add_argument("--heard", action="store_true", help="let Whisper check which words were heard")
    parser.add_argument("--noise", type=Path, help="folder of WAV noises: count false barge-ins over speech, no calls")
    parser.add_argument("--minutes", type=float, default=30.0, help="of noise")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--png", type=Path)
    options = parser.parse_args(arguments)
    console = Console()
    try:
        if options.noise:
            found = false_holds(options.noise, options.minutes, options.config, console)
        else:
            found = asyncio.run(calls(options, console))
            show(found, console)
    except CallwrightError as error:
        print(f"bench_barge_in: {error}", file=sys.stderr)
        return error.exit_code
    write(found, options.json)
    if options.png and not options.noise:
        draw(found, options.png)
    return 0


if __name__ == "__main__":
    sys.exit(main())
