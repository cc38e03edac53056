"""Plays telephone sound to the operator's own ear, on a clock that costs no time.

::

    8 kHz samples ─► µ-law, 20 ms packets ─► decode, resample ─► voice.Ear (VAD, turn machine) ─► words
                     as a carrier sends them  as a leg does        │ engines in this process, each done at once

The very objects of a call, with two differences: models take no time on the call's clock, and partial passes are off
(they end no turn sooner here, and only the final passes are scored).
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contracts.audio import FRAME_S, RATE, AudioFrame, seconds
from contracts.clock import ManualClock
from contracts.engines import Transcript, Word
from contracts.events import Backchannel, EarEvent, TurnEnded
from telephony.resample import StreamResampler
from telephony.websocket.g711 import ULAW_SILENCE, linear_to_ulaw, ulaw_to_linear
from voice.completeness import Expectation
from voice.ear import Ear
from voice.settings import VoiceSettings
from voice.vad import SileroModel, VoiceActivity
from voice.words import join
from workers.engines.smart_turn import SmartTurnEngine
from workers.engines.whisper import WhisperEngine, loops
from workers.engines.whisper_options import Recognition
from workers.manifest import ModelStore

WIRE_RATE = 8_000
PACKET = 160
"""Samples, and µ-law bytes, in 20 ms."""
TAIL_S = 4.0
"""Silence after a recording, so that its last turn ends."""
WHISPER, SECOND, TURN, VAD = "whisper-base", "whisper-tiny-en", "smart-turn", "silero-vad"
"""What a fresh installation runs."""
_VOICE = VoiceSettings()
LOOP = "loop"
"""``Transcript.rejected`` of text that said the same over and over."""

Samples = NDArray[np.int16]
"""8 kHz mono."""


class InProcessJob:
    """contracts.worker.Job for an engine that runs here: never cancelled, never late."""

    deadline = math.inf

    def checkpoint(self) -> None:
        """Nobody waits."""

    def emit(self, body: object, blob: bytes = b"") -> None:
        """These engines send no partial results."""


class InProcessRecogniser:
    """contracts.engines.Recogniser and Rereader on a Whisper engine of this process; counts what it did."""

    def __init__(self, engine: WhisperEngine) -> None:
        self.engine = engine
        self.passes: list[tuple[float, Transcript]] = []
        """Seconds of sound and what was made of it, in order."""

    async def transcribe(self, pcm: bytes, *, deadline: float, final: bool, digits: int = 0) -> Transcript:
        """Words of ``pcm``."""
        body = self.engine.run("transcribe", {"final": final, "digits": digits}, pcm, InProcessJob()).body
        words = tuple(Word(*word) for word in body["words"])
        texts = {name: tuple(body[name]) for name in ("alternatives", "readings")}
        transcript = Transcript(**{**body, "words": words, **texts})
        self.passes.append((seconds(pcm), transcript))
        return transcript

    async def again(self, sound: str, names: Sequence[str], *, deadline: float) -> str:
        """contracts.engines.Rereader."""
        return str(self.engine.run("again", {"sound": sound, "names": names}, b"", InProcessJob()).body["text"])


class InProcessJudge:
    """contracts.engines.TurnJudge on a Smart Turn engine of this process."""

    def __init__(self, engine: SmartTurnEngine) -> None:
        self._engine = engine

    async def probability(self, pcm: bytes, *, deadline: float) -> float:
        """0..1 that the turn is complete."""
        return float(self._engine.run("probability", {}, pcm, InProcessJob()).body["probability"])


@dataclass(slots=True)
class Heard:
    """What the ear made of one recording."""

    turns: list[Transcript] = field(default_factory=list)
    """In order; backchannels are turns too."""

    @property
    def text(self) -> str:
        """All words."""
        return " ".join(turn.text for turn in self.turns if turn.text)

    @property
    def confidence(self) -> float:
        """Of the least understood turn that has words, 0..1; 0 if none has."""
        return min((turn.confidence for turn in self.turns if turn.text), default=0.0)

    @property
    def whole(self) -> Transcript:
        """All turns as one."""
        return join(self.turns)

    @property
    def loops(self) -> int:
        """Turns whose words loop, or were thrown away because they did."""
        return sum(turn.rejected == LOOP or loops(turn.text.lower().split()) for turn in self.turns)

    def take(self, event: EarEvent) -> None:
        """One event of the ear: a turn that continues the last one stands in its place."""
        match event:
            case TurnEnded():
                if event.continues and self.turns:
                    self.turns.pop()
                self.turns.append(event.transcript)
            case Backchannel(text):
                self.turns.append(Transcript(text))


class Listener:
    """Engines loaded once; each recording is played to a fresh ear. Without arguments, what a new installation runs.

    ``whisper``: options of the Whisper engine but for ``threads``.
    """

    def __init__(
        self,
        store: ModelStore,
        voice: VoiceSettings = _VOICE,
        whisper: Mapping[str, Any] | None = None,
        *,
        turn: str = TURN,
        vad: str = VAD,
        threads: int = 2,
    ) -> None:
        """Raises ModelFileError for a model that is missing or unusable."""
        options = whisper if whisper is not None else usual_whisper(store)
        recogniser = WhisperEngine({**options, "threads": threads})
        recogniser.load()
        smart_turn = SmartTurnEngine({"path": str(store.path(turn, "model.onnx"))})
        smart_turn.load()
        self.voice = without_partials(voice)
        self.silero = SileroModel(store.path(vad, "model.onnx"))
        self.judge = InProcessJudge(smart_turn)
        self.recogniser = InProcessRecogniser(recogniser)

    def hear(self, samples: Samples, expectation: Expectation = Expectation.OPEN, digits: int = 0) -> Heard:
        """Play ``samples`` and silence after them, as the answer to a question of that kind; what was understood."""
        return asyncio.run(self._hear(samples, expectation, digits))

    async def _hear(self, samples: Samples, expectation: Expectation, digits: int) -> Heard:
        clock = ManualClock()
        heard = Heard()
        activity = VoiceActivity(self.voice.vad, self.silero)
        ear = Ear(self.voice, activity, self.recogniser, self.judge, clock, heard.take, lambda: False)
        ear.expect(expectation, digits)
        for frame in line_frames(samples):
            ear.feed(AudioFrame(frame, clock.advance(FRAME_S)))
            await settled()
        ear.close()
        await settled()
        return heard


def usual_whisper(store: ModelStore) -> dict[str, Any]:
    """Options of the Whisper engine as a fresh installation has them."""
    paths = {"path": str(store.folder(WHISPER)), "second": str(store.folder(SECOND))}
    return {**paths, "language": "en", **Recognition().model_dump(mode="json")}


def without_partials(settings: VoiceSettings) -> VoiceSettings:
    """The same settings, partial passes off."""
    return settings.model_copy(update={"ear": settings.ear.model_copy(update={"partial_interval_s": 0.0})})


def line_frames(samples: Samples) -> Iterator[bytes]:
    """Internal PCM, 640 bytes each, as the leg of a µ-law call would pass it on; silence follows the recording."""
    wire = linear_to_ulaw(samples.astype("<i2").tobytes())
    length = math.ceil((len(wire) + TAIL_S * WIRE_RATE) / PACKET) * PACKET
    wire = wire.ljust(length, bytes([ULAW_SILENCE]))
    resampler = StreamResampler(WIRE_RATE, RATE)
    for start in range(0, length, PACKET):
        yield resampler.process(ulaw_to_linear(wire[start : start + PACKET]))


async def settled() -> None:
    """Until no task of this loop but the one that waits is left."""
    while others := [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]:
        await asyncio.wait(others)
