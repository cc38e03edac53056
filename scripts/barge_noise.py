"""Noise played to the operator while it speaks: how often it is silenced by what nobody said. No call, no real time.

The files are looped at three loudnesses over the endless speech of an operator, as the frames of a µ-law line, through
the ear's own VAD, overlap watch and turn machine. Held: the operator fell silent. Barged: the turn machine took it for
talk as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from contracts.audio import FRAME_BYTES, FRAME_S, RATE
from contracts.errors import ConfigError
from scripts.barge_calls import cough
from server.settings import load_settings
from telephony.lines import read_wav
from telephony.resample import resample
from telephony.websocket.g711 import linear_to_ulaw, ulaw_to_linear
from voice.decisions import BargeIn
from voice.overlap import OverlapWatch, Step
from voice.settings import VoiceSettings
from voice.turn import TurnMachine
from voice.vad import SileroModel, VoiceActivity

GAINS_DB = (-12.0, 0.0, 6.0)
COUGH_EVERY_S = 4.0


@dataclass(slots=True)
class Heard:
    """What one noise did. ``ducked``: the operator spoke softly for a moment."""

    name: str
    minutes: float = 0.0
    ducked: int = 0
    held: int = 0
    barged: int = 0


def false_holds(folder: Path, minutes: float, config: Path, console: Console) -> dict[str, Any]:
    """The figures as JSON, after a table. Raises ConfigError for a folder without WAV files."""
    files = sorted(folder.glob("*.wav"))
    if not files:
        raise ConfigError(f"{folder}: no .wav files in this folder")
    settings = load_settings(config)
    model = SileroModel(settings.models_dir / "silero-vad" / "model.onnx")
    sounds = {path.stem: read_wav(path) for path in files}
    sounds["(coughs)"] = cough() + bytes(int(COUGH_EVERY_S * RATE) * 2)
    each_s = minutes * 60.0 / len(sounds) / len(GAINS_DB)
    found: list[Heard] = []
    with Progress(console=console) as progress:
        task = progress.add_task("noise over the operator's speech", total=len(sounds) * len(GAINS_DB))
        for name, pcm in sounds.items():
            for gain in GAINS_DB:
                found.append(_listen(f"{name} {gain:+g} dB", _line(pcm, gain), each_s, settings.voice, model))
                progress.advance(task)
    table = Table("noise", "minutes", "softer", "silenced", "taken for talk", title="nobody spoke")
    for one in found:
        table.add_row(one.name, f"{one.minutes:.1f}", str(one.ducked), str(one.held), str(one.barged))
    console.print(table)
    totals = {name: sum(getattr(one, name) for one in found) for name in ("ducked", "held", "barged")}
    total = round(sum(one.minutes for one in found), 1)
    console.print(f"{total} minutes: silenced {totals['held']} times, taken for talk {totals['barged']} times")
    rows = [
        {"name": one.name, "minutes": round(one.minutes, 2), "held": one.held, "barged": one.barged} for one in found
    ]
    return {"minutes": total, **totals, "noises": rows}


def _line(pcm: bytes, gain_db: float) -> bytes:
    """The sound as it comes over a µ-law line."""
    samples = np.frombuffer(pcm, dtype="<i2").astype(np.float64) * 10 ** (gain_db / 20)
    scaled = np.clip(samples, -32768, 32767).astype("<i2").tobytes()
    return resample(ulaw_to_linear(linear_to_ulaw(resample(scaled, RATE, 8000))), 8000, RATE)


def _listen(name: str, pcm: bytes, seconds: float, settings: VoiceSettings, model: SileroModel) -> Heard:
    activity, watch = VoiceActivity(settings.vad, model), OverlapWatch(settings.overlap)
    machine = TurnMachine(settings.turn)
    heard = Heard(name)
    frames = len(pcm) // FRAME_BYTES
    count = round(seconds / FRAME_S)
    for index in range(count):
        start = index % frames * FRAME_BYTES
        now = activity.feed(pcm[start : start + FRAME_BYTES])
        step = watch.frame(now, operator_speaking=True)
        heard.ducked += step is Step.DUCK
        heard.held += step is Step.HOLD
        decisions = machine.frame(now.voiced, (index + 1) * FRAME_S, operator_speaking=True)
        heard.barged += sum(isinstance(decision, BargeIn) for decision in decisions)
    heard.minutes = count * FRAME_S / 60.0
    return heard
