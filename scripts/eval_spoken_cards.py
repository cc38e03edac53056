"""Are spoken card numbers found in anything that is kept? Calls, then a search of every file and table.

    python -m scripts.eval_spoken_cards --count 200 --json cards.json
    python -m scripts.eval_spoken_cards --count 12 --home /tmp/cards      keeps what was written, to look at it

Numbers are made here, said by two synthesisers in six styles (scripts/spoken_cards.py), played as µ-law packets to the
operator's own ear (VAD, turn machine, Whisper) on a clock that costs no time; session, event log, database, logs,
recording and hand-over are the product's own. Only the language models and the operator's voice are left out. A number
is *found* where nine of its digits in a row stand or are spoken in what was kept: in a cell of the database, in the
turns of a call one after the other, in any file, or in its recording heard again by Whisper.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
import tempfile
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa
from rich.console import Console
from rich.progress import track
from rich.table import Table

from contracts.audio import FRAME_S, RATE, AudioFrame
from contracts.configfile import load_yaml
from contracts.engines import Evidence, Generation, GenerationRequest, SpeechChunk, Token
from contracts.leg import HangupReason, LegCapabilities, LegInfo, LegPort, TransferResult
from contracts.virtual_time import LoopClock, run_virtual
from contracts.worker import Urgency
from dialog.cascade import Cascade
from dialog.gate import GroundingGate
from dialog.lines import Lines
from dialog.prompts import Prompts
from dialog.router import Router
from dialog.services import DialogServices
from dialog.session import Session
from dialog.settings import CascadeFile, DialogSettings
from escalation.rules import RuleBook
from escalation.settings import EscalationSettings
from evaluation.hearing import InProcessJob, Listener, line_frames
from evaluation.intervals import wilson
from operations.database import migrate, open_database
from operations.eventlog import EventLog
from operations.logs import setup_logs
from operations.metrics import Fanout, Metrics
from operations.settings import EventLogSettings, LogSettings
from scripts.spoken_cards import Say, SpokenCard, cards, voices
from server.records_link import HandoffKeeper
from server.settings import ROOT
from telephony.lines import read_wav
from telephony.patchbay import Patchbay, PatchbaySettings
from telephony.recording import Recorder, Recordings, RecordingSettings
from telephony.resample import resample
from voice.digits import heard_digits
from voice.front import AudioFront
from voice.settings import VoiceSettings
from workers.manifest import ModelStore, load_manifest

WINDOW = 9
"""Digits in a row that count as the number."""
_OPENING_S = 7.0
_REPLY_S = 4.0
_SILENCE = bytes(640)
_PIECE_S = 24
"""Of a recording that is heard again at once."""


class Leg:
    """contracts.leg.CallLeg without a wire; nobody takes a transfer."""

    def __init__(self, call_id: str) -> None:
        self.info = LegInfo(call_id, f"ext-{call_id}", "sip", "sip:caller@example.org", "sip:bank@example.org")
        self.capabilities = LegCapabilities("us", True, True, True, 8000, "pcmu")
        self.port: LegPort | None = None

    async def answer(self, port: LegPort) -> None:
        """Take the call."""
        self.port = port

    async def reject(self, reason: HangupReason) -> None:
        """Never asked for."""

    async def hangup(self, reason: HangupReason, detail: str = "") -> None:
        """The call is over."""
        assert self.port is not None
        self.port.on_closed(reason, detail)

    async def transfer(self, target: str, context: Mapping[str, str]) -> TransferResult:
        """Nobody there."""
        return TransferResult(False, "486")

    def flush(self) -> None:
        """Nothing is on its way."""


class Mute:
    """Synthesiser, retriever and language model of an operator that knows nothing and hums 50 ms a letter."""

    name = "none"

    async def synthesise(
        self, text: str, *, deadline: float, first: bool, urgency: Urgency | None = None
    ) -> AsyncIterator[SpeechChunk]:
        """Sound that is no speech."""
        yield SpeechChunk(b"\x10\x00" * (RATE // 20 * len(text)), len(text))

    async def search(
        self,
        query: str,
        *,
        limit: int,
        deadline: float,
        release: str = "",
        talk: Sequence[str] = (),
        readings: Sequence[str] = (),
    ) -> Evidence:
        """Nothing."""
        return Evidence(query)

    async def generate(self, request: GenerationRequest, *, deadline: float) -> AsyncIterator[Token | Generation]:
        """Nothing."""
        yield Generation(0, 0, 0, 0.0, 0.0, "eos")

    async def prefill(self, prompt: str, *, deadline: float) -> None:
        """Nothing."""


@dataclass(slots=True)
class House:
    """Everything that is kept, under one folder."""

    home: Path
    listener: Listener
    logs: bool = True
    metrics: Metrics = field(default_factory=Metrics)

    async def serve(self, made: Iterable[tuple[str, SpokenCard, bytes]]) -> None:
        """Each card in a call of its own."""
        clock = LoopClock(asyncio.get_running_loop())
        if self.logs:
            setup_logs(LogSettings(level="debug"), self.home)
        engine = open_database("sqlite:///callwright.db", self.home)
        migrate(engine)
        events = EventLog(engine, self.home / "events.spool", EventLogSettings(group_commit_ms=1))
        recordings = Recordings(RecordingSettings(enabled=True, min_free_mb=0), self.home / "recordings", clock)
        settings = DialogSettings(recording_consent="off")
        thresholds = load_yaml(ROOT / "configs" / "cascade.yaml", CascadeFile)
        gate, mute = GroundingGate(thresholds), Mute()
        prompts = Prompts(ROOT / "configs" / "prompts", "Test Bank", settings)
        cascade = Cascade(settings, Router(thresholds, gate), gate, prompts, mute, mute, None, clock)
        services = DialogServices(
            settings, EscalationSettings(), cascade, RuleBook.load(ROOT / "configs" / "rules.yaml"),
            Lines.load(ROOT / "configs" / "prompts" / "lines.yaml", "Test Bank"), Fanout([events, self.metrics]),
            HandoffKeeper(events), clock,
        )  # fmt: skip
        for call_id, _, pcm in made:
            recorder = recordings.open(call_id, kept=False)
            await self._call(services, call_id, pcm, recorder)
            recorder.close().wait(30)
        events.close()
        recordings.close()
        (self.home / "metrics.txt").write_text(self.metrics.render())
        engine.dispose()

    async def _call(self, services: DialogServices, call_id: str, pcm: bytes, recorder: Recorder) -> None:
        ears, mute, voice = self.listener, Mute(), self.listener.voice
        front = AudioFront(
            voice, vad=ears.silero, recogniser=ears.recogniser, judge=ears.judge, synthesiser=mute, clock=services.clock
        )
        leg = Leg(call_id)
        await leg.answer(front)
        bay = Patchbay(front, PatchbaySettings())
        session = asyncio.ensure_future(Session(leg, front, services, bay, recorder).run())

        async def play(frames: Iterable[bytes]) -> None:
            for frame in frames:
                await asyncio.sleep(FRAME_S)
                heard = AudioFrame(frame, services.clock.now())
                recorder.caller(heard)
                front.on_frame(heard)
                recorder.operator(front.next_frame() or _SILENCE)

        await play([_SILENCE] * round(_OPENING_S / FRAME_S))
        samples = np.frombuffer(resample(pcm, RATE, 8000), dtype="<i2")
        await play(line_frames(samples))
        await play([_SILENCE] * round(_REPLY_S / FRAME_S))
        front.on_dtmf("0")
        await play([_SILENCE] * round(_REPLY_S / FRAME_S))
        await leg.hangup(HangupReason.CALLER)
        await session


def kept(number: str, digits: str) -> int:
    """How many digits of the number stand in a row among ``digits``; the longest such run."""
    for size in range(len(number), 0, -1):
        if any(number[at : at + size] in digits for at in range(len(number) - size + 1)):
            return size
    return 0


def cells(home: Path) -> dict[str, list[str]]:
    """Everything of the database as text, by call; what belongs to no call under an empty name."""
    engine = open_database("sqlite:///callwright.db", home)
    found: dict[str, list[str]] = {}
    with engine.connect() as connection:
        for table in sa.inspect(connection).get_table_names():
            for row in connection.execute(sa.text(f'SELECT * FROM "{table}"')).mappings():
                told = found.setdefault(str(row.get("call_id", "")), [])
                for key, value in row.items():
                    if isinstance(value, str) and "hash" not in key:
                        told += leaves(value)
    engine.dispose()
    return found


def leaves(cell: str) -> list[str]:
    """The texts and numbers of a cell of JSON, each for itself: what stands in two fields was never said in a row."""
    try:
        value = json.loads(cell)
    except ValueError:
        return [cell]
    found, open_values = [], [value]
    while open_values:
        match open_values.pop():
            case dict() as fields:
                open_values += [*fields, *fields.values()]
            case list() as items:
                open_values += items
            case leaf:
                found.append(str(leaf))
    return found


def turns_of(home: Path, call_id: str) -> str:
    """What the caller said in a call, one turn after the other."""
    engine = open_database("sqlite:///callwright.db", home)
    with engine.connect() as connection:
        rows = connection.execute(
            sa.text("SELECT caller_text FROM turns WHERE call_id = :call ORDER BY turn"), {"call": call_id}
        )
        text = " ".join(row[0] for row in rows)
    engine.dispose()
    return text


def heard_again(path: Path, listener: Listener) -> str:
    """What Whisper makes of the caller's channel of a recording."""
    pcm, texts = read_wav(path), []
    size = _PIECE_S * RATE * 2
    for start in range(0, len(pcm), size):
        body = listener.recogniser.engine.run(
            "transcribe", {"final": True}, pcm[start : start + size], InProcessJob()
        ).body
        texts.append(str(body["text"]))
    return " ".join(texts)


def search(home: Path, made: list[tuple[str, SpokenCard]], listener: Listener) -> dict[str, Any]:
    """Where each number is found, and the longest run of its digits in each kind of sink."""
    everything = cells(home)
    files = {
        path.relative_to(home).as_posix(): re.sub(rb"[\s,.\-]", b"", path.read_bytes())
        for path in sorted(home.rglob("*"))
        if path.is_file() and path.suffix != ".wav"
    }
    rows: list[dict[str, Any]] = []
    for call_id, card in track(made, "searching", console=Console(stderr=True)):
        number = card.number
        windows = [number[at : at + WINDOW].encode() for at in range(len(number) - WINDOW + 1)]
        heard = heard_again(home / "recordings" / f"{call_id}.wav", listener)
        runs = {
            "tables": max((kept(number, heard_digits(cell)) for cell in everything.get(call_id, [""])), default=0),
            "turns": kept(number, heard_digits(turns_of(home, call_id))),
            "recording": kept(number, heard_digits(heard)),
        }
        named = [name for name, data in files.items() if any(window in data for window in windows)]
        found = named + [name for name, run in runs.items() if run >= WINDOW]
        rows.append({"call": call_id, "style": card.style, "voice": card.voice, "runs": runs, "found": found,
                     "kept": turns_of(home, call_id), "recording": heard})  # fmt: skip
    hits = sum(bool(row["found"]) for row in rows)
    low, high = wilson(hits, len(rows))
    longest = {sink: [row["runs"][sink] for row in rows] for sink in ("tables", "turns", "recording")}
    return {
        "n": len(rows), "found": hits, "interval": [round(low, 4), round(high, 4)],
        "longest_run": {sink: max(runs) for sink, runs in longest.items()},
        "over_eight": {sink: sum(run > 8 for run in runs) for sink, runs in longest.items()},
        "redacted_in_text": sum("[" in row["kept"] for row in rows), "calls": rows,
    }  # fmt: skip


def measure(
    count: int,
    home: Path,
    listener: Listener,
    said_by: list[tuple[str, Say]],
    *,
    logs: bool,
    part: tuple[int, int] = (0, 1),
) -> dict[str, Any]:
    """``count`` calls, and what is found of their numbers."""
    made = [(f"card-{index:03}", card) for index, card in enumerate(cards(count, len(said_by)))][part[0] :: part[1]]
    spoken = ((call_id, card, said_by[card.voice][1](card.text)) for call_id, card in made)
    progress = track(spoken, "calling", total=len(made), console=Console(stderr=True))
    run_virtual(House(home, listener, logs).serve(progress))
    return search(home, made, listener)


def _part(text: str) -> tuple[int, int]:
    number, _, of = text.partition("/")
    return int(number) - 1, int(of)


def main() -> None:
    """See the head of this file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200, help="calls, one number each")
    parser.add_argument(
        "--home", type=Path, help="where what is kept is written, and stays (default: a folder that goes)"
    )
    parser.add_argument("--part", type=_part, default=(0, 1), help="2/4: only the second of four parts")
    parser.add_argument("--json", type=Path, help="write the figures and every call here")
    arguments = parser.parse_args()
    listener = Listener(ModelStore(load_manifest()), VoiceSettings())
    said_by = list(voices())
    with tempfile.TemporaryDirectory() as folder:
        home = arguments.home or Path(folder)
        home.mkdir(parents=True, exist_ok=True)
        result = measure(arguments.count, home, listener, said_by, logs=True, part=arguments.part)
    result["voices"] = [name for name, _ in said_by]
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1))
    table = Table("spoken card numbers", "found anywhere", "95 %", "longest run kept: tables, turns, recording")
    low, high = result["interval"]
    runs = ", ".join(str(result["longest_run"][sink]) for sink in ("tables", "turns", "recording"))
    table.add_row(str(result["n"]), str(result["found"]), f"{low:.1%}–{high:.1%}", runs)
    Console().print(table)
    for row in result["calls"]:
        if row["found"]:
            print(f"{row['call']} ({row['style']}, {result['voices'][row['voice']]}): {', '.join(row['found'])}")
    sys.exit(1 if result["found"] else 0)


if __name__ == "__main__":
    main()
