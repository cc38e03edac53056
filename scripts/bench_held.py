"""Held calls on the real operator: underruns, the media tick, memory, CPU, and how they grow. Table, JSON and PNG.

    python -m scripts.bench_held --calls 200 --minutes 10 --json held.json --png held.png
    python -m scripts.bench_held --calls 1,2,4,8,50,100,200 --minutes 0.5          # the growth curve
    python -m scripts.bench_held --talking 1,2,4,8 --minutes 2 --json talking.json  # callers who ask: models at work

``--calls``: callers who listen. The operator (all models loaded) runs with one prepared sentence that it says again
after each second of silence, so every call nearly always hears speech from the phrase cache. Each packet is judged at
the callers' socket with the kernel's arrival time: an utterance is an underrun if it lasts longer or shorter than its
own sound. ``--talking``: callers who ask questions in turn, for CPU seconds and memory per call-minute with the models.
Everything runs on this machine; what the callers themselves cost is shown beside.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.progress import Progress

from contracts.clock import MonotonicClock
from contracts.engines import SpeechChunk
from contracts.errors import CallwrightError, WorkerDied
from contracts.worker import Urgency
from scripts.held_report import draw, show
from scripts.latency_questions import QUESTIONS
from scripts.latency_report import machine
from scripts.operator_process import OperatorProcess
from scripts.rtp_callers import Callers, RtpCall
from scripts.rtp_voices import Arrivals, HeldVoice, RobotVoice, quiet_line, span_of
from scripts.usage import Usage, slope, spent, usage
from server.settings import ROOT, load_settings, project_path
from telephony.lines import spoken_lines
from telephony.robot import CallerRobot, Line, Manners
from voice.phrases import PhraseCache
from voice.settings import PhraseSettings

SENTENCE = (
    "All our advisers are busy at the moment. Your call is important to us, and it will be answered in the order in "
    "which it came. Please stay on the line."
)
SILENCE_S = 1.0
"""Between two sentences; more than any pause inside one."""
DIALS_PER_S = 15
"""Under the operator's own limit of calls that may begin in a second."""
SETTLE_S = 15.0
"""After the last answer: greetings are over, caches are warm."""
SAMPLE_S = 5.0
PATIENCE_S = 60.0
RTP_PORTS = (22000, 22998)
"""Two for each call; the operator's own range beside other benchmarks is too small for 200."""


@dataclass(slots=True)
class Stage:
    """One number of calls, as it ran. ``usages`` from the settled start to the end."""

    calls: int
    began: float
    usages: list[Usage] = field(default_factory=list)
    ticks: list[dict[str, float]] = field(default_factory=list)
    found: dict[str, Any] = field(default_factory=dict)


class _NoSynthesiser:
    """Whoever reads the operator's phrases from disk makes none."""

    async def synthesise(self, text: str, *, deadline: float, first: bool, urgency: Urgency | None = None) -> Any:
        raise WorkerDied("phrases are only read here")
        yield SpeechChunk(b"", 0)


def held_files(folder: Path, config: Path) -> dict[str, str]:
    """Lines and rules for callers who only listen: one sentence again and again, and no silence ends a call."""
    settings = load_settings(config)
    lines = yaml.safe_load(project_path(settings.dialog.lines).read_text())
    rules = yaml.safe_load(project_path(settings.escalation.rules).read_text())
    lines["reprompt"] = [SENTENCE]
    rules["rules"] = [rule for rule in rules["rules"] if "no_input" not in rule["when"]]
    paths = {"dialog__lines": folder / "lines.yaml", "escalation__rules": folder / "rules.yaml"}
    for path, content in zip(paths.values(), (lines, rules), strict=True):
        path.write_text(yaml.safe_dump(content, sort_keys=False))
    return {
        **{name: str(path) for name, path in paths.items()},
        "voice__turn__silence_s": json.dumps([SILENCE_S]),
    }


async def reference_span(operator: OperatorProcess) -> int:
    """Packets that SENTENCE lasts, from the operator's own phrase folder."""
    settings = operator.settings
    cache = PhraseCache(PhraseSettings(directory=settings.home_dir / "phrases"), settings.engines.voice)
    await cache.prepare([SENTENCE], _NoSynthesiser(), MonotonicClock())
    phrase = cache.get(SENTENCE)
    if phrase is None:
        raise CallwrightError("the operator prepared no sound for the held sentence; see its serve.log")
    return span_of(phrase.pcm)


async def dial_all(callers: Callers, uri: str, voices: Sequence[Any], progress: Progress) -> list[RtpCall]:
    """All of them, evenly."""
    task = progress.add_task(f"dialling {len(voices)}", total=len(voices))
    calls = []
    for voice in voices:
        calls.append(asyncio.create_task(callers.dial(uri, voice, timeout_s=PATIENCE_S)))
        calls[-1].add_done_callback(lambda _: progress.advance(task))
        await asyncio.sleep(1 / DIALS_PER_S)
    answered = await asyncio.gather(*calls)
    progress.remove_task(task)
    return answered


async def watch_usage(operator: OperatorProcess, stage: Stage, seconds: float, progress: Progress) -> None:
    """CPU and memory every few seconds, the tick's last minute every minute."""
    task = progress.add_task(f"{stage.calls} calls", total=seconds)
    stage.began = time.monotonic()
    next_tick = stage.began + min(60.0, seconds)
    while True:
        status = await operator.status()
        now = time.monotonic()
        ends = not stage.usages or now - stage.began >= seconds
        stage.usages.append(await asyncio.to_thread(usage, operator.pid, status["workers"], proportional=ends))
        if now >= next_tick:
            stage.ticks.append(status["tick"])
            next_tick += 60.0
        progress.update(task, completed=now - stage.began)
        if now - stage.began >= seconds:
            progress.remove_task(task)
            return
        await asyncio.sleep(min(SAMPLE_S, seconds - (now - stage.began)))


def costs(stage: Stage) -> dict[str, Any]:
    """CPU seconds per call-minute and memory, by process and in all.

    The peak is the proportional size at the stage's beginning or end and what the resident size rose above that.
    """
    first, last = stage.usages[0], stage.usages[-1]
    minutes = (last.at - first.at) / 60
    cpu = spent(first, last)
    times = [one.at - first.at for one in stage.usages]
    per = max(1, stage.calls) * minutes
    resident = [sum(one.rss_mb.values()) for one in stage.usages]
    growth = {name: slope(times, [one.rss_mb.get(name, 0.0) for one in stage.usages]) for name in last.rss_mb}
    whole = slope(times, resident)
    biggest = max((first, last), key=lambda one: sum(one.pss_mb.values()))
    return {
        "calls": stage.calls,
        "minutes": round(minutes, 2),
        "cpu_s_per_call_minute": round(sum(cpu.values()) / per, 3),
        "cpu_s_per_call_minute_by_process": {name: round(one / per, 4) for name, one in cpu.items()},
        "cores": round(sum(cpu.values()) / (minutes * 60), 3),
        "machine_cores": round((last.busy_s - first.busy_s) / (minutes * 60), 3),
        "peak_mb": round(sum(biggest.pss_mb.values()) + max(resident) - sum(biggest.rss_mb.values()), 1),
        "pss_mb_by_process": {name: round(one, 1) for name, one in biggest.pss_mb.items()},
        "rss_growth_mb_per_minute": {
            name: [round(x * 60, 3) for x in figures] for name, figures in {**growth, "all": whole}.items()
        },
        "tick_ms": [
            {name: round(one[name] * 1e3, 2) for name in ("late_p50_s", "late_p99_s", "late_max_s", "work_p99_s")}
            for one in stage.ticks
        ],
        "rss_mb": [[round(t, 1), round(whole, 1), one.rss_mb.get("media", 0.0)]
                   for t, whole, one in zip(times, resident, stage.usages, strict=True)],
    }  # fmt: skip


async def held_stage(
    operator: OperatorProcess, callers: Callers, count: int, seconds: float, options: argparse.Namespace,
    progress: Progress,
) -> dict[str, Any]:  # fmt: skip
    """``count`` callers who listen for ``seconds``."""
    right = await reference_span(operator)
    line, arrivals, spans = quiet_line(options.line_dbfs), Arrivals(), Counter[int]()
    voices = [HeldVoice(line, arrivals, spans) for _ in range(count)]
    calls = await dial_all(callers, operator.sip_uri, voices, progress)
    await asyncio.sleep(SETTLE_S)
    for voice in voices:
        voice.judge_from = time.monotonic()
    callers.restart_load()
    stage = Stage(count, time.monotonic())
    await watch_usage(operator, stage, seconds, progress)
    load = callers.load.report()
    dropped = sum(not call.up for call in calls)
    await asyncio.gather(*(callers.hangup(call) for call in calls))
    await operator.idle()
    wrong = {span: times for span, times in spans.items() if span != right}
    return {
        **costs(stage),
        "utterances": spans.total(),
        "underruns": sum(wrong.values()),
        "spans": {"right": right, "wrong": wrong},
        "calls_lost": dropped,
        "slots": {
            "packets": arrivals.gaps_ms.total(),
            "lost": arrivals.lost,
            "missed_by_60_ms": arrivals.missed,
            "gap_p99_ms": arrivals.quantile_ms(0.99),
            "gap_p99.99_ms": arrivals.quantile_ms(0.9999),
            "gap_max_ms": round(arrivals.longest_s * 1e3, 1),
        },
        "callers": load,
    }


async def talking_stage(
    operator: OperatorProcess, callers: Callers, count: int, seconds: float, lines: Sequence[Line], progress: Progress
) -> dict[str, Any]:
    """``count`` callers who ask one question after the other for ``seconds``."""
    first = len(operator.events)
    many = list(lines) * 50
    voices = [RobotVoice(CallerRobot(many[3 * index % len(lines) :], Manners(gap_s=1.0))) for index in range(count)]
    calls = await dial_all(callers, operator.sip_uri, voices, progress)
    callers.restart_load()
    stage = Stage(count, time.monotonic())
    await watch_usage(operator, stage, seconds, progress)
    load = callers.load.report()
    gone = sum(not call.up for call in calls)
    await asyncio.gather(*(callers.hangup(call) for call in calls))
    await operator.idle()
    measured = [one["body"] for one in operator.events[first:] if one["kind"] == "turn.measured"]
    rungs = Counter(one["rung"] for one in measured if one["answer_at"])
    minutes = seconds / 60 * count
    return {
        **costs(stage),
        "turns_answered": sum(rungs.values()),
        "turns_per_call_minute": round(sum(rungs.values()) / minutes, 2),
        "rungs": dict(rungs),
        "calls_ended_by_operator": gone,
        "callers": load,
    }


async def run(options: argparse.Namespace, home: Path) -> dict[str, Any]:
    """All stages with one operator; the figures."""
    talking = bool(options.talking)
    counts = options.talking or options.calls
    files = {} if talking else held_files(home, options.config)
    settings = {
        **files,
        "telephony__admission__max_calls": str(max(counts) + 5),
        "telephony__recording__enabled": "false",
        "telephony__sip__rtp_port_min": str(RTP_PORTS[0]),
        "telephony__sip__rtp_port_max": str(RTP_PORTS[1]),
    }
    env = {f"CALLWRIGHT_{key.upper()}": value for key, value in settings.items()}
    lines = await asyncio.to_thread(spoken_lines, QUESTIONS) if talking else []
    stages = []
    async with OperatorProcess(options.config, env=env, apart=True) as operator:
        with Progress(console=Console(stderr=True)) as progress:
            idle = Stage(0, time.monotonic())
            await watch_usage(operator, idle, options.idle_seconds, progress)
            for count in counts:
                async with Callers() as callers:
                    if talking:
                        stage = talking_stage(operator, callers, count, options.minutes * 60, lines, progress)
                    else:
                        stage = held_stage(operator, callers, count, options.minutes * 60, options, progress)
                    stages.append(await stage)
                found = {
                    "machine": machine(), "kind": "talking" if talking else "held", "idle": costs(idle),
                    "stages": stages,
                }  # fmt: skip
                if options.json:  # what is measured is kept, whatever happens to the next stage
                    options.json.write_text(json.dumps(found, indent=1))
    return found


def counts(text: str) -> list[int]:
    """``1,2,4``: rising numbers of calls."""
    return sorted({int(part) for part in text.split(",")})


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; 0 if no underrun, no lost call and the tick's p99 under 20 ms."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, default=ROOT / "configs" / "demo.yaml")
    parser.add_argument("--calls", type=counts, default=[200], help="how many callers listen; several: one by one")
    parser.add_argument("--talking", type=counts, help="how many callers ask questions, instead of --calls")
    parser.add_argument("--minutes", type=float, default=10.0, help="for each number of calls")
    parser.add_argument("--idle-seconds", type=float, default=10.0, help="measured first without any call")
    parser.add_argument("--line-dbfs", type=float, default=-55.0, help="noise of the listening callers' lines")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--png", type=Path)
    options = parser.parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory(prefix="callwright-held-") as folder:
            found = asyncio.run(run(options, Path(folder)))
    except CallwrightError as error:
        print(f"bench_held: {error}", file=sys.stderr)
        return error.exit_code
    show(found, Console())
    if options.png:
        draw(found, options.png)
    late = max((one["late_p99_s"] for stage in found["stages"] for one in stage["tick_ms"]), default=0.0)
    bad = sum(stage.get("underruns", 0) + stage.get("calls_lost", 0) for stage in found["stages"])
    return 1 if bad or late >= 20.0 else 0


if __name__ == "__main__":
    sys.exit(main())
