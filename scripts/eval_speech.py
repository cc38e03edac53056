"""How well callers are understood: word errors on calls and read speech, digit strings, and words made out of noise.

    python -m scripts.eval_speech DATA --json speech.json
    python -m scripts.eval_speech DATA --only calls,digits
    python -m scripts.eval_speech DATA --only read_speech --clips 10 --show

DATA is a folder with ``calls``, ``read_speech``, ``digits`` and ``noise``; scripts/speech_sets.py says what lies there.
Every recording is played as 20 ms µ-law packets at 8 kHz to the operator's own ear: decoder, VAD, turn machine and
recogniser as the configuration sets them. Only time is left out (models answer at once). Words that the ear threw away
are deletions; a turn whose words loop is counted, and its words are scored as they stand.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from contracts.errors import CallwrightError
from evaluation.hearing import Heard
from scripts import speech_sets as sets
from scripts.latency_report import machine
from scripts.parts import some_of
from scripts.speech_ear import listener
from scripts.speech_score import Errors, count_errors, rate_interval
from scripts.stats import wilson
from server.settings import ROOT, load_settings
from voice.completeness import Expectation
from voice.digits import heard_digits

PARTS = ("calls", "read_speech", "digits", "noise")
SEED = 20

Found = dict[str, Any]
Played = Callable[[Sequence[sets.Recording], str], list[tuple[sets.Recording, Heard]]]
"""Recordings and a name for the progress bar → each with what was heard in it."""


def score(played: Sequence[tuple[sets.Recording, Heard]]) -> Found:
    """Word error rate of some recordings together, with its interval, its parts and every recording's text."""
    each = [count_errors(recording.said, heard.text) for recording, heard in played]
    total = sum(each, Errors())
    return {
        "wer": round(total.rate, 4),
        "interval": _rounded(rate_interval(each)),
        "words": total.words,
        "substituted": total.substituted,
        "deleted": total.deleted,
        "inserted": total.inserted,
        "loops": sum(heard.loops for _, heard in played),
        "turns": sum(len(heard.turns) for _, heard in played),
        "recordings": [
            {"name": recording.name, "wer": round(errors.rate, 4), "said": recording.said, "heard": _turns(heard)}
            for (recording, heard), errors in zip(played, each, strict=True)
        ],
    }


def score_digits(played: Sequence[tuple[sets.Recording, Heard]]) -> Found:
    """Share of strings that the digit parser has exactly; one read in two turns counts if both together are right."""
    exact = [heard_digits(heard.text) == recording.said for recording, heard in played]
    return {
        "exact": round(sum(exact) / len(exact), 4),
        "interval": _rounded(wilson(sum(exact), len(exact))),
        "strings": len(exact),
        "split": sum(len(heard.turns) > 1 for _, heard in played),
        "recordings": [
            {"name": recording.name, "said": recording.said, "parsed": heard_digits(heard.text), "heard": _turns(heard)}
            for recording, heard in played
        ],
    }


def score_noise(played: Sequence[tuple[sets.Recording, Heard]]) -> Found:
    """Files that words were made of."""
    wordy = [recording.name for recording, heard in played if heard.text]
    return {
        "files_with_text": len(wordy),
        "interval": _rounded(wilson(len(wordy), len(played))),
        "files": len(played),
        "recordings": [{"name": recording.name, "heard": _turns(heard)} for recording, heard in played],
    }


def _turns(heard: Heard) -> list[str]:
    return [f"[{turn.rejected}]" if turn.rejected else turn.text for turn in heard.turns]


def _rounded(interval: tuple[float, float]) -> list[float]:
    return [round(bound, 4) for bound in interval]


def noisy(speech: Sequence[sets.Recording], noise: Sequence[sets.Recording], seed: int) -> list[sets.Recording]:
    """Each utterance with a random piece of one of the noises, 10 dB below it."""
    rng = random.Random(seed)
    return [
        sets.Recording(
            one.name,
            sets.mixed(one.samples, sets.excerpt(rng.choice(noise).samples, len(one.samples), rng), sets.BABBLE_SNR_DB),
            one.said,
        )
        for one in speech
    ]


def crowded(speech: Sequence[sets.Recording], seed: int) -> list[sets.Recording]:
    """Each utterance with six of the other readers talking at once, 10 dB below it."""
    rng = random.Random(seed)
    return [
        sets.Recording(
            one.name,
            sets.mixed(
                one.samples,
                sets.to_floats(sets.talkers(speech, one.name, rng, len(one.samples))),
                sets.BABBLE_SNR_DB,
            ),
            one.said,
        )
        for one in speech
    ]


def evaluate(data: Path, parts: Sequence[str], play: Played, options: argparse.Namespace) -> Found:
    """The figures of the chosen parts, in issue order."""
    found: Found = {}
    limit = options.clips or None
    if "calls" in parts:
        found["calls"] = {
            side: score(play(sets.calls(data, side)[:limit], f"calls, {side}")) for side in ("caller", "agent")
        }
    if "read_speech" in parts:
        speech = sets.read_speech(data)
        noise = sets.babble(data)
        chosen = speech[:limit]
        rows = {
            "clean": score(play(chosen, "read speech")),
            "babble_10db": score(play(noisy(chosen, noise, options.seed), "read speech, babble")),
            "talkers_10db": score(play(crowded(speech, options.seed)[:limit], "read speech, six talkers")),
        }
        found["read_speech"] = {name: row["wer"] for name, row in rows.items()}
        found["read_speech"] |= {"babble_files": [one.name for one in noise], "details": rows}
    if "digits" in parts:
        found["digits"] = score_digits(play(sets.digit_strings(data, options.strings, options.seed), "digits"))
    if "noise" in parts:
        found["noise"] = score_noise(play(sets.noises(data)[:limit], "noise"))
    return found


def show(found: Found, console: Console, texts: bool) -> None:
    """The figures as a table; ``texts``: what was heard, too."""
    table = Table("", "n", "figure", "95 % interval", "sub / del / ins", "loops", title="recognition over µ-law, 8 kHz")
    rows = {f"calls, {side}: WER": row for side, row in found.get("calls", {}).items()}
    details = found.get("read_speech", {}).get("details", {})
    rows |= {f"read speech, {name}: WER": row for name, row in details.items()}
    for name, row in rows.items():
        errors = f"{row['substituted']} / {row['deleted']} / {row['inserted']}"
        table.add_row(name, f"{row['words']} words", *_figure(row["wer"], row), errors, str(row["loops"]))
    if row := found.get("digits"):
        rows["digits"] = row
        table.add_row("six digits: exact", f"{row['strings']} strings", *_figure(row["exact"], row), "", "")
    if row := found.get("noise"):
        rows["noise"] = row
        figure = str(row["files_with_text"])
        table.add_row("noise: files with words", f"{row['files']} files", figure, _figure(0.0, row)[1], "", "")
    console.print(table)
    if details:
        console.print(f"babble of noise/: {', '.join(found['read_speech']['babble_files'])}")
    for name, row in rows.items() if texts else ():
        console.rule(name)
        for one in row["recordings"]:
            console.print(f"{one['name']}: {one.get('said', '')}\n   → {' | '.join(one['heard'])}", markup=False)


def _figure(value: float, row: Found) -> tuple[str, str]:
    low, high = row["interval"]
    return f"{value:.1%}", f"{low:.1%}–{high:.1%}"


def run(options: argparse.Namespace) -> int:
    """The evaluation; the exit code."""
    console = Console()
    ear = listener(load_settings(options.config))
    # faster-whisper collects garbage after each file that it decodes: 70 ms beside loaded models, 600 times for digits.
    gc.freeze()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:

        def play(recordings: Sequence[sets.Recording], name: str) -> list[tuple[sets.Recording, Heard]]:
            expectation = (Expectation.DIGITS, sets.STRING_LENGTH) if name == "digits" else (Expectation.OPEN, 0)
            bar = progress.add_task(name, total=len(recordings))
            played = []
            for recording in recordings:
                played.append((recording, ear.hear(recording.samples, *expectation)))
                progress.advance(bar)
            return played

        found = evaluate(options.data, options.only, play, options)
    show(found, console, options.show)
    if options.json:
        options.json.write_text(json.dumps({**found, "machine": machine(), "seed": options.seed}, indent=1))
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder with calls, read_speech, digits and noise")
    parser.add_argument("--only", type=some_of(PARTS), default=list(PARTS), help=f"some of {','.join(PARTS)}")
    parser.add_argument("--config", type=Path, default=ROOT / "configs" / "callwright.yaml")
    parser.add_argument("--strings", type=int, default=100, help="digit strings to compose (default 100)")
    parser.add_argument("--seed", type=int, default=SEED, help=f"of mixtures and digit strings (default {SEED})")
    parser.add_argument("--clips", type=int, help="only the first so many recordings of each set, for a quick look")
    parser.add_argument("--show", action="store_true", help="also print what was said and what was heard")
    parser.add_argument("--json", type=Path, help="write figures and texts here")
    try:
        return run(parser.parse_args(arguments))
    except CallwrightError as error:
        print(f"eval_speech: {error}", file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
