"""How long a supervisor's sound takes through the desk: listening, taking over, a closed browser.

    python -m scripts.bench_desk --rounds 10 --json desk.json

The real operator with all models, a caller by SIP in a process of its own, Debian's Chromium with a microphone that
plays a file. Both record what they hear on this machine's one clock; delays are found by correlation and by onsets:
*listen*: the caller's packet leaves → the same sound is made in the browser's audio graph (its device is not in it);
*take over*: click → the supervisor's first sound at the caller's socket;
*lost*: the supervisor has the call, muted, and the page is closed, the browser killed (-9) or stopped (a machine that
sleeps), or the console killed (-9) → the operator's first sound at the caller's socket;
*helping*: the caller asks a person, who reads a card number out: what suggestions take, the processor time of all the
operator's processes, and whether the number is in the recording or the events. ``--without-help``: the same with
recording, transcript and suggestions switched off, to compare processor time.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import sys
import tempfile
import time
import wave
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from pydantic import SecretStr

from console.accounts import Accounts
from console.permissions import Role
from console.settings import SignInSettings
from console.start import ConsoleStart
from contracts.audio import RATE
from contracts.errors import CallwrightError
from operations.database import open_database
from scripts.desk_browser import NAME, PASSWORD, Samples, Supervisor, browser, write_wav
from scripts.latency_report import machine
from scripts.operator_process import OperatorProcess
from scripts.stats import summary
from server.settings import ROOT
from telephony.lines import Speaker
from telephony.resample import resample

PIECE = RATE * 3 // 10
HEARD_RMS = 120.0
HELP_S = 60.0
GAP_S = 3
"""Silence between what caller and person say."""
FOUND = 0.55
"""Likeness from which a piece is what was said, after a browser has taken echo and noise out of it."""
DIGITS = re.compile(r"(?:\d[ .,-]*){9}")
SAYS = "Good morning this is Sofia speaking and I am going to read you the names of all our branches in the north"
QUESTIONS = (
    "What is the fee for a domestic wire transfer?",
    "And how long does it take until a new debit card arrives?",
    "When are your branches open on Saturday?",
)
READS = (
    "I have your account here, one moment please.",
    "four one one one, one one one one, one one one one, one one one one",
)
OFF = {
    "CALLWRIGHT_TELEPHONY__RECORDING__ENABLED": "false",
    "CALLWRIGHT_DIALOG__TRANSCRIBE_BY_HAND": "false",
    "CALLWRIGHT_DIALOG__ASSIST__SUGGEST": "false",
    "CALLWRIGHT_DIALOG__ASSIST__TRANSCRIBE_PERSON": "false",
}
ASKS = "I am calling because my card was not accepted at the station this morning and I would like to know why"


def delays(said: Samples, said_at: float, heard: Samples, heard_at: float) -> list[float]:
    """Seconds from saying 0.3 s of sound to hearing it, for each that was loud and is found; 0 to 1 s are looked at."""
    found = []
    for at in range(0, len(said) - PIECE, PIECE):
        piece = said[at : at + PIECE]
        first = round((said_at + at / RATE - heard_at) * RATE)
        window = heard[first : first + PIECE + RATE] if first >= 0 else heard[:0]
        if np.sqrt(np.mean(piece**2)) < 500 or len(window) < PIECE + RATE:
            continue
        cross = np.correlate(window, piece, "valid")
        energy = np.concatenate(([0.0], np.cumsum(window**2)))
        norms = np.sqrt(np.maximum(energy[PIECE:] - energy[:-PIECE], 1.0)) * np.linalg.norm(piece)
        best = int(np.argmax(cross / norms))
        if cross[best] / norms[best] > 0.75:
            found.append(best / RATE)
    return found


def was_quiet(track: Samples, start: float, at: float) -> bool:
    """In the quarter of a second before; else a first sound cannot be told from what is being said."""
    end = max(0, round((at - start) * RATE)) + 1
    return bool(np.sqrt(np.mean(track[max(0, end - RATE // 4) : end] ** 2)) <= HEARD_RMS)


def onset(track: Samples, start: float, after: float) -> float | None:
    """Seconds from ``after``, if it was quiet then, to two loud 20 ms frames in a row within five; ``start``: of the
    track."""
    if not was_quiet(track, start, after):
        return None
    first = max(0, round((after - start) * RATE))
    frames = track[first : first + 5 * RATE]
    frames = frames[: len(frames) // 320 * 320].reshape(-1, 320)
    loud = np.sqrt(np.mean(frames**2, axis=1)) > HEARD_RMS
    both = np.flatnonzero(loud[:-1] & loud[1:])
    return float(both[0]) * 0.02 if len(both) else None


@dataclass(slots=True)
class Figures:
    """Seconds, by what was measured."""

    listen: list[float] = field(default_factory=list)
    take_over: list[float] = field(default_factory=list)
    lost: dict[str, list[float]] = field(default_factory=dict)
    not_timed: dict[str, int] = field(default_factory=dict)
    """Losses by what it was and why there is no figure."""
    suggested: list[float] = field(default_factory=list)
    helping: dict[str, Any] = field(default_factory=dict)

    def report(self) -> dict[str, Any]:
        """p50, p95, greatest, n and intervals of each, in seconds."""
        named = {"listen": self.listen, "take_over": self.take_over, "suggested": self.suggested, **self.lost}
        measured = {name: summary(values) for name, values in named.items() if values}
        return {**measured, "not_timed": self.not_timed, "helping": self.helping}


@dataclass(slots=True)
class Caller:
    """A running scripts.desk_caller."""

    call_id: str
    answered: float
    record: Path

    def tracks(self) -> tuple[Samples, Samples]:
        """Said and heard, from ``answered`` on; when the call is over."""
        with wave.open(str(self.record)) as wav:
            both = np.frombuffer(wav.readframes(wav.getnframes()), "<i2").reshape(-1, 2).astype(float)
        return both[:, 0], both[:, 1]


@contextlib.asynccontextmanager
async def calling(operator: OperatorProcess, wav: Path, record: Path) -> AsyncIterator[Caller]:
    """A call that is up."""
    before = len(operator.events)
    arguments = (operator.sip_uri, "--wav", str(wav), "--record", str(record))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "scripts.desk_caller", *arguments, cwd=ROOT,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        answered = json.loads(await process.stdout.readline())["answered"]
        while not (ids := [one["call_id"] for one in operator.events[before:] if one["kind"] == "call.started"]):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        yield Caller(ids[0], answered, record)
    finally:
        process.stdin.close()
        await process.stdout.read()
        await process.wait()
    await operator.idle()


async def listening(operator: OperatorProcess, one: Supervisor, home: Path, rounds: int, figures: Figures) -> None:
    """A caller who talks; a supervisor who listens."""
    wav = write_wav(home / "asks.wav", Speaker().say(ASKS))
    async with calling(operator, wav, home / "listen.wav") as caller:
        await asyncio.to_thread(one.open, caller.call_id)
        await asyncio.to_thread(one.press, "Listen", "listen")
        await asyncio.sleep(rounds * 2.0)
        heard, heard_at = await asyncio.to_thread(one.heard)
        await asyncio.to_thread(one.press, "Leave", "")
    figures.listen += delays(caller.tracks()[0], caller.answered, heard, heard_at)


async def taking_over(operator: OperatorProcess, one: Supervisor, home: Path, rounds: int, figures: Figures) -> None:
    """A caller who is silent; a supervisor who takes over and gives back, and at last is gone."""
    wav = write_wav(home / "silent.wav", bytes(2 * RATE))
    taken = []
    async with calling(operator, wav, home / "take.wav") as caller:
        await asyncio.to_thread(one.open, caller.call_id)
        await asyncio.to_thread(one.press, "Listen", "listen")
        await asyncio.sleep(12.0)  # the opening
        for _ in range(rounds):
            taken.append(await asyncio.to_thread(one.press, "Take over", "person"))
            await asyncio.sleep(1.5)
            await asyncio.to_thread(one.press, "Give back", "listen")
            await asyncio.sleep(6.0)  # its sentence
        await asyncio.to_thread(one.press, "Leave", "")
    _, heard = caller.tracks()
    figures.take_over += [s for at in taken if (s := onset(heard, caller.answered, at)) is not None]


Die = Callable[[Supervisor], None]


@contextlib.asynccontextmanager
async def another_console(operator: OperatorProcess) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    """Of the same operator, to be killed."""
    settings = operator.settings
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    start = ConsoleStart(
        home=settings.home_dir,
        database_url=SecretStr(settings.operations.database_url),
        settings=settings.console.model_copy(update={"port": port}),
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "console", env={**os.environ, **start.environment()}, cwd=ROOT
    )
    try:
        yield f"http://127.0.0.1:{port}", process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def losing(operator: OperatorProcess, url: str, home: Path, rounds: int, figures: Figures) -> None:
    """A caller who waits; a supervisor who has them, muted, and whose page, browser or console dies."""
    wav = write_wav(home / "waits.wav", Speaker().say("One moment, please.") + bytes(2 * 6 * RATE))
    gone: list[tuple[str, float]] = []
    async with calling(operator, wav, home / "lost.wav") as caller:
        await asyncio.sleep(12.0)  # the opening
        for number in range(rounds):
            with browser(home / f"lost{number}", home / "says.wav") as chrome:
                one = Supervisor(chrome, url)
                await asyncio.to_thread(one.sign_in)
                gone.append(("closed", await lose(operator, one, caller, Supervisor.close)))
                gone.append(("stopped", await lose(operator, one, caller, lambda who: who.signal(signal.SIGSTOP))))
                one.signal(signal.SIGCONT)
                gone.append(("killed", await lose(operator, one, caller, lambda who: who.signal(signal.SIGKILL))))
            async with another_console(operator) as (other, console):
                with browser(home / f"console{number}", home / "says.wav") as chrome:
                    two = Supervisor(chrome, other)
                    await asyncio.to_thread(two.sign_in)
                    gone.append(("console_killed", await lose(operator, two, caller, lambda _: console.kill())))
    _, heard = caller.tracks()
    for name, at in gone:
        if (after := onset(heard, caller.answered, at)) is not None:
            figures.lost.setdefault(name, []).append(after)
        else:
            why = "silence for 5 s" if was_quiet(heard, caller.answered, at) else "not quiet before"
            figures.not_timed[f"{name}: {why}"] = figures.not_timed.get(f"{name}: {why}", 0) + 1


async def lose(operator: OperatorProcess, one: Supervisor, caller: Caller, die: Die) -> float:
    """Take the call over, and then that; when it was, in monotonic seconds. Returns when the operator has spoken."""
    await asyncio.to_thread(one.open, caller.call_id)
    await asyncio.to_thread(one.press, "Take over", "person")
    await asyncio.to_thread(one.mute)
    await asyncio.sleep(1.0)
    seen, gone = len(operator.events), time.monotonic()
    await asyncio.to_thread(die, one)
    async with asyncio.timeout(20):
        while not any(event["body"].get("act") == "is cut off" for event in operator.events[seen:]):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    await asyncio.sleep(6.0)
    return gone


async def helping(operator: OperatorProcess, url: str, home: Path, figures: Figures) -> None:
    """A caller who asks, and a person who reads a card number out."""
    speaker = Speaker()
    gap = bytes(2 * GAP_S * RATE)
    asks = write_wav(home / "asks_person.wav", gap.join(speaker.say(one) for one in QUESTIONS) + gap)
    parts = [speaker.say(one) for one in READS]
    reads = write_wav(home / "reads.wav", gap.join(parts) + gap)
    async with calling(operator, asks, home / "help.wav") as caller:
        with browser(home / "help", reads) as chrome:
            one = Supervisor(chrome, url)
            await asyncio.to_thread(one.sign_in)
            await asyncio.to_thread(one.open, caller.call_id)
            await asyncio.to_thread(one.press, "Take over", "person")
            before, began = processor_s(operator.pid), time.monotonic()
            await asyncio.sleep(HELP_S)
            used = (processor_s(operator.pid) - before) / (time.monotonic() - began)
            await asyncio.to_thread(one.press, "Leave", "")
            await asyncio.sleep(8.0)  # words that are still being recognised
    own = [event for event in operator.events if event["call_id"] == caller.call_id]
    shown = [event["body"] for event in own if event["kind"] == "desk.suggested"]
    said = [event["body"]["text"] for event in own if event["kind"] == "turn.person"]
    figures.suggested += [body["took_ms"] / 1000 for body in shown]
    kept = operator.settings.home_dir / "recordings" / f"{caller.call_id}.wav"
    figures.helping = {
        "cores": round(used, 3),
        "caller_turns": sum(event["kind"] == "turn.caller" for event in own),
        "suggestions": len(shown),
        "person_turns": said,
        "digits_in_events": any(DIGITS.search(str(event["body"].get("text", ""))) for event in own),
        "caller_heard_rms": behind(caller.tracks()[1], *parts),
        "recording_has_rms": behind(right_of(kept), *parts) if kept.exists() else None,
    }


def behind(track: Samples, first: bytes, second: bytes) -> list[int]:
    """How loud a track is (RMS) where ``second`` belongs, GAP_S after each ``first`` that is found in it."""
    known, after = (np.frombuffer(pcm, "<i2").astype(float) for pcm in (first, second))
    loud = int(np.argmax(np.convolve(known**2, np.ones(PIECE), "valid")))
    piece = known[loud : loud + PIECE]
    size = 1 << (len(track) + PIECE).bit_length()
    cross = np.fft.irfft(np.fft.rfft(track, size) * np.conj(np.fft.rfft(piece, size)), size)[: len(track) - PIECE]
    energy = np.concatenate(([0.0], np.cumsum(track**2)))
    likeness = cross / (np.sqrt(np.maximum(energy[PIECE:-1] - energy[: -PIECE - 1], 1.0)) * np.linalg.norm(piece))
    found = []
    while len(likeness) and likeness.max() > FOUND:
        at = int(likeness.argmax())
        likeness[max(0, at - RATE) : at + RATE] = 0.0
        start = at - loud + len(known) + GAP_S * RATE
        if start + len(after) <= len(track):
            found.append(round(float(np.sqrt(np.mean(track[start : start + len(after)] ** 2)))))
    return found


def processor_s(pid: int) -> float:
    """Seconds that a process and all its children have worked; console and browser are not among them."""
    root = psutil.Process(pid)
    own = [root, *(one for one in root.children(recursive=True) if "console" not in one.cmdline())]
    return sum(sum(one.cpu_times()[:2]) for one in own)


def right_of(path: Path) -> Samples:
    """What the recording holds of what the caller heard, at the internal rate."""
    with wave.open(str(path)) as wav:
        both = np.frombuffer(wav.readframes(wav.getnframes()), "<i2").reshape(-1, 2)
        pcm = resample(np.ascontiguousarray(both[:, 1]).tobytes(), wav.getframerate(), RATE)
    return np.frombuffer(pcm, "<i2").astype(float)


async def run(options: argparse.Namespace, home: Path) -> dict[str, Any]:
    """All figures."""
    figures = Figures()
    microphone = write_wav(home / "says.wav", Speaker().say(SAYS))
    async with OperatorProcess(options.config, apart=True, env=OFF if options.without_help else None) as operator:
        settings = operator.settings
        database = open_database(settings.operations.database_url, settings.home_dir)
        Accounts(database, SignInSettings()).add(NAME, PASSWORD, [Role.SUPERVISOR], by="bench")
        url = f"http://{settings.console.host}:{settings.console.port}"
        if options.only in ("", "sound"):
            with browser(home, microphone) as chrome:
                one = Supervisor(chrome, url)
                await asyncio.to_thread(one.sign_in)
                await listening(operator, one, home, options.rounds, figures)
                await taking_over(operator, one, home, options.rounds, figures)
        if options.only in ("", "lost"):
            await losing(operator, url, home, max(1, options.rounds // 2), figures)
        if options.only in ("", "helping"):
            await helping(operator, url, home, figures)
    return {"machine": machine(), "rounds": options.rounds, **figures.report()}


def main(arguments: list[str] | None = None) -> int:
    """Parse, run, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, default=ROOT / "configs" / "demo.yaml")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--only", choices=("sound", "lost", "helping"), default="", help="one part of it")
    parser.add_argument("--without-help", action="store_true", help="nothing recorded, written down or suggested")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory(prefix="callwright-desk-") as home:
            figures = asyncio.run(run(options, Path(home)))
    except CallwrightError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(json.dumps(figures, indent=1))
    if options.json is not None:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
