"""When callers are answered: cut-ins and added delay, the VAD, words that tell of an end, and noise over our speech.

    python -m scripts.eval_endpointing DATA --json endpointing.json
    python -m scripts.eval_endpointing DATA --png endpointing.png --cache ~/.cache/callwright/answers
    python -m scripts.eval_endpointing DATA --only calls,turn_text --show
    python -m scripts.eval_endpointing DATA --only noise --noise-minutes 5

DATA is a folder with ``calls``, ``turn_text`` and ``noise``. Every channel is played as 20 ms µ-law packets to the
operator's own ear on a virtual clock (scripts/endpoint_replay.py); truth is read from word times
(scripts/endpoint_truth.py); what is a cut-in and from where delay counts stands in scripts/endpoint_score.py. The
expectation is left open throughout: no turn is helped by knowing the question.

``cut_in_rate`` and ``added_delay_s`` are the callers'; ``vad_f1`` is both sides'. ``finished``: share of finished texts
not judged INCOMPLETE; ``unfinished``: share of unfinished texts judged INCOMPLETE; ``wait`` texts ("be quiet") count as
finished. ``false_barge_ins`` counts what noise made the operator drop; ducked and held speech, which
goes on, is counted beside it.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from contracts.errors import CallwrightError
from scripts.endpoint_noise import Faltering, NoiseTest
from scripts.endpoint_replay import Delays, Player
from scripts.endpoint_report import draw, show
from scripts.endpoint_score import Verdicts, f1_figures, figures, judge_activity, judge_channel
from scripts.endpoint_truth import SIDES, Channel, read_calls
from scripts.latency_report import machine
from scripts.parts import some_of
from scripts.speech_sets import DataError, noises
from scripts.stats import wilson
from server.settings import ROOT, load_settings
from voice.completeness import Completeness, completeness
from voice.settings import EndpointProfile, TurnSettings, VoiceSettings

PARTS = ("calls", "turn_text", "noise")
SILENCES_S = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.5)
PROBABILITIES = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.85, 0.92, 0.96, 0.98)
RISKS = (0.015, 0.02, 0.03, 0.04, 0.05, 0.065, 0.08, 0.1, 0.15, 0.22, 0.3)
SMART_TURN_MAX_S = 1.2
STEEP = 100.0
"""Weight of Smart Turn's log odds that makes its probability a hard threshold."""

Found = dict[str, Any]
Tick = Callable[[float], None]


def silence_only(turn: TurnSettings, silence_s: float) -> TurnSettings:
    """Every turn is ended at one silence, whatever the signs."""
    profile = EndpointProfile(short_silence_s=silence_s, max_silence_s=silence_s)
    patience = turn.patience.model_copy(
        update={"words_wait_s": 0.0, "blind_silence_s": 0.02, "whole_silence_s": silence_s}
    )
    return turn.model_copy(update={"open": profile, "patience": patience, "ask_at_s": ()})


def smart_turn_only(turn: TurnSettings, probability: float) -> TurnSettings:
    """A turn is ended at 0.2 s if Smart Turn is as sure as that, else when it becomes so, else at 1.2 s; no words."""
    profile = EndpointProfile(short_silence_s=0.2, max_silence_s=SMART_TURN_MAX_S)
    risk = turn.patience.risk
    threshold = STEEP * math.log(probability / (1 - probability)) + math.log(risk / (1 - risk))
    classes = dict.fromkeys(("complete", "unknown", "leading", "incomplete"), threshold)
    patience = turn.patience.model_copy(
        update={**classes, "smart_turn_weight": STEEP, "words_wait_s": 0.0, "blind_silence_s": 0.02}
    )
    return turn.model_copy(update={"open": profile, "patience": patience, "ask_at_s": (0.16, 0.32, 0.6, 0.9)})


def full_machine(turn: TurnSettings, risk: float) -> TurnSettings:
    """The machine as shipped, at another risk."""
    return turn.model_copy(update={"patience": turn.patience.model_copy(update={"risk": risk})})


WAYS: Mapping[str, tuple[Callable[[TurnSettings, float], TurnSettings], Sequence[float]]] = {
    "silence": (silence_only, SILENCES_S),
    "smart_turn": (smart_turn_only, PROBABILITIES),
    "full": (full_machine, RISKS),
}


def play_all(player: Player, channels: Sequence[Channel], voice: VoiceSettings, tick: Tick) -> Verdicts:
    """All turns of some channels."""
    total = Verdicts()
    for channel in channels:
        total.add(judge_channel(channel, player.play(channel, voice).ends))
        player.answers.save()
        tick(1.0)
    return total


def sweep(player: Player, channels: Sequence[Channel], voice: VoiceSettings, tick: Tick) -> dict[str, list[Found]]:
    """Cut-ins and median delay of each way of ending turns, at each of its settings."""
    curves: dict[str, list[Found]] = {}
    for name, (way, values) in WAYS.items():
        curves[name] = []
        for value in values:
            found = play_all(player, channels, voice.model_copy(update={"turn": way(voice.turn, value)}), tick)
            curves[name].append({"setting": value, **point(figures(found))})
    return curves


def point(row: Found) -> Found:
    """Of the curve."""
    delay = row["added_delay_s"]
    return {"cut_in_rate": row["cut_in_rate"], "delay_p50": delay.get("p50", 0.0), "delay_p95": delay.get("p95", 0.0)}


def turn_text(data: Path) -> Found:
    """Shares of the texts of each kind that are judged as what they are. Raises DataError."""
    found: Found = {}
    for kind in ("finished", "unfinished", "wait"):
        path = data / "turn_text" / f"{kind}.txt"
        try:
            lines = [line.strip() for line in path.read_text().splitlines() if line.strip()]
        except (OSError, ValueError) as error:
            raise DataError(f"{path}: one utterance a line is wanted ({error})") from error
        judged = [completeness(line) for line in lines]
        right = sum((one is Completeness.INCOMPLETE) == (kind == "unfinished") for one in judged)
        found[kind] = {
            "right": round(right / len(lines), 4) if lines else 0.0,
            "interval": [round(bound, 4) for bound in wilson(right, len(lines))],
            "n": len(lines),
            "judged": {one.value: judged.count(one) for one in Completeness},
        }
    return found


def noise(player: Player, data: Path, voice: VoiceSettings, minutes: float, tick: Tick) -> Found:
    """What ``minutes`` of noise, shared among the files, did to the operator's speech."""
    recordings = noises(data)
    test = NoiseTest(player, voice)
    total = Faltering()
    each = {}
    for recording in recordings:
        counts = test.play(recording, minutes / len(recordings), tick)
        player.answers.save()
        each[recording.name] = {name: getattr(counts, name) for name in ("ducks", "holds", "interruptions", "turns")}
        total.add(counts)
    return {
        "minutes": round(total.seconds / 60, 2),
        "spoken_share": round(total.spoken_s / total.seconds, 3),
        "ducks": total.ducks,
        "holds": total.holds,
        "interruptions": total.interruptions,
        "turns": total.turns,
        "backchannels": total.backchannels,
        "files": each,
    }


def evaluate(options: argparse.Namespace, progress: Progress) -> Found:
    """All chosen parts; the headline keys first."""
    found: Found = {}
    settings = load_settings(options.config)
    voice = settings.voice
    found["turn_text"] = turn_text(options.data) if "turn_text" in options.only else {}
    delays = Delays(options.smart_turn_ms / 1000, options.whisper_ms / 1000, options.whisper_ms / 1000)
    player = Player(settings, delays, options.cache) if {"calls", "noise"} & set(options.only) else None
    if player is not None and "calls" in options.only:
        _calls(options, player, voice, progress, found)
    if player is not None and "noise" in options.only:
        bar = progress.add_task("noise over our speech, s", total=options.noise_minutes * 60)
        found["noise"] = noise(
            player, options.data, voice, options.noise_minutes, lambda seconds: progress.advance(bar, seconds)
        )
    return headline(found)


def _calls(options: argparse.Namespace, player: Player, voice: VoiceSettings, progress: Progress, found: Found) -> None:
    channels = read_calls(options.data, turn_gap_s=options.turn_gap, pause_s=options.pause)
    bar = progress.add_task("calls", total=len(channels))
    found["calls"], frames = {}, []
    for side in SIDES:
        mine = [channel for channel in channels if channel.side == side]
        verdicts = play_all(player, mine, voice, lambda count: progress.advance(bar, count))
        activity = [judge_activity(channel, player.activity(channel, voice.vad)) for channel in mine]
        frames += activity
        found["calls"][side] = {**figures(verdicts), "vad": f1_figures(activity), "cases": verdicts.cases}
    found["vad"] = f1_figures(frames)
    if not options.png:
        return
    callers = [channel for channel in channels if channel.side == "caller"]
    runs = sum(len(values) for _, values in WAYS.values())
    bar = progress.add_task("sweep", total=runs * len(callers))
    found["curves"] = sweep(player, callers, voice, lambda count: progress.advance(bar, count))
    row = found["calls"]["caller"]
    about = f"{row['turns']} turns of {len(callers)} callers, {row['pauses']} pauses of 0.2 s and more inside them"
    draw(found["curves"], point(row), options.png, about)


def headline(found: Found) -> Found:
    """The keys that issue and acceptance read, before the details."""
    first: Found = {}
    if "calls" in found:
        caller = found["calls"]["caller"]
        delay = caller["added_delay_s"]
        first["cut_in_rate"] = caller["cut_in_rate"]
        first["added_delay_s"] = {"p50": delay.get("p50"), "p95": delay.get("p95")}
        first["vad_f1"] = found["vad"]["f1"]
    if found["turn_text"]:
        first |= {kind: found["turn_text"][kind]["right"] for kind in ("finished", "unfinished")}
    if "noise" in found:
        first["false_barge_ins"] = found["noise"]["interruptions"]
    return {**first, **found}


def run(options: argparse.Namespace) -> int:
    """The evaluation; the exit code."""
    console = Console()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        found = evaluate(options, progress)
    show(found, console, options.show)
    if options.json:
        options.json.write_text(json.dumps({**found, "machine": machine()}, indent=1))
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder with calls, turn_text and noise")
    parser.add_argument("--only", type=some_of(PARTS), default=list(PARTS), help=f"some of {','.join(PARTS)}")
    parser.add_argument("--config", type=Path, default=ROOT / "configs" / "callwright.yaml")
    parser.add_argument("--cache", type=Path, help="folder in which the models' answers are kept between runs")
    parser.add_argument("--turn-gap", type=float, default=1.5, help="silence that ends a turn in truth, s (1.5)")
    parser.add_argument("--pause", type=float, default=0.2, help="shortest gap counted as a pause, s (0.2)")
    parser.add_argument("--smart-turn-ms", type=float, default=40.0, help="time Smart Turn takes (40)")
    parser.add_argument("--whisper-ms", type=float, default=160.0, help="time a recognition pass takes (160)")
    parser.add_argument("--noise-minutes", type=float, default=30.0, help="length of the noise test (30)")
    parser.add_argument("--show", action="store_true", help="also print every pause and turn end")
    parser.add_argument("--json", type=Path, help="write figures and cases here")
    parser.add_argument("--png", type=Path, help="sweep all three ways of ending turns, and draw the curve here")
    try:
        return run(parser.parse_args(arguments))
    except CallwrightError as error:
        print(f"eval_endpointing: {error}", file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
