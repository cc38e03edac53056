"""Background noise played at the operator while it speaks: how often is it made to falter, and how often to give way?

::

    noise/*.wav, each looped ──µ-law──► voice.AudioFront (VAD, overlap watch, turn machine) ──► Mouth, speaking on
                                              duck: softer · hold: silent, goes on · interruption: dropped for good

The operator's speech is real (its own voice) and echo-free: nothing of it comes back on the line.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict, dataclass
from typing import Any

from contracts.audio import FRAME_S, AudioFrame
from contracts.engines import SpeechChunk
from contracts.events import Backchannel, EarEvent, TurnEnded
from contracts.leg import HangupReason
from contracts.virtual_time import LoopClock, run_virtual
from contracts.worker import Urgency
from evaluation.hearing import PACKET, WIRE_RATE
from scripts.endpoint_replay import Player
from scripts.speech_sets import Recording
from telephony.lines import Speaker
from telephony.resample import StreamResampler
from telephony.websocket.g711 import linear_to_ulaw, ulaw_to_linear
from voice.front import AudioFront
from voice.settings import VoiceSettings

SENTENCES = (
    "Your new card will be with you within five working days, and the old one stops working at once.",
    "Branches are open from nine in the morning until five in the afternoon, Monday to Friday.",
    "There is no fee for transfers between your own accounts, whatever the amount.",
)


@dataclass(slots=True)
class Faltering:
    """What noise did to the operator's speech: made softer, held and resumed, or dropped for good."""

    seconds: float = 0.0
    spoken_s: float = 0.0
    ducks: int = 0
    holds: int = 0
    interruptions: int = 0
    turns: int = 0
    """Turns that the session would have answered."""
    backchannels: int = 0

    def add(self, other: Faltering) -> None:
        """Take another recording's in."""
        for name, value in asdict(other).items():
            setattr(self, name, getattr(self, name) + value)


class WatchedFront(AudioFront):
    """The front, its ways with the operator's speech counted."""

    counts: Faltering

    def onset(self, at: float, *, turn: bool = True) -> None:
        """Softer."""
        self.counts.ducks += self.mouth.speaking and not turn
        super().onset(at, turn=turn)

    def barge_in(self, at: float) -> None:
        """Silent."""
        before = self.mouth.held
        super().barge_in(at)
        self.counts.holds += self.mouth.held and not before

    def claimed(self, at: float) -> None:
        """Dropped."""
        self.counts.interruptions += self.mouth.speaking or self.mouth.held
        super().claimed(at)


class Prepared:
    """contracts.engines.Synthesiser: sentences synthesised once."""

    def __init__(self) -> None:
        speaker = Speaker()
        self._sounds = {sentence: speaker.say(sentence) for sentence in SENTENCES}

    async def synthesise(
        self, text: str, *, deadline: float, first: bool, urgency: Urgency | None = None
    ) -> AsyncIterator[SpeechChunk]:
        """The clause's sound; a sentence's first clause brings all of it."""
        for sentence, sound in self._sounds.items():
            if sentence.startswith(text):
                yield SpeechChunk(sound, len(sentence))


class NoiseTest:
    """Plays noise for a given time while the operator speaks."""

    def __init__(self, player: Player, settings: VoiceSettings) -> None:
        """Raises LineError without the package that speaks."""
        self._player, self._settings = player, settings
        self._synthesiser = Prepared()

    def play(self, noise: Recording, minutes: float, tick: Callable[[float], None]) -> Faltering:
        """``noise`` looped for ``minutes``; ``tick`` is told of seconds done."""
        return run_virtual(self._play(noise, minutes * 60.0, tick))

    async def _play(self, noise: Recording, length_s: float, tick: Callable[[float], None]) -> Faltering:
        loop = asyncio.get_running_loop()
        counts = Faltering(seconds=length_s)
        front = WatchedFront(
            self._settings,
            vad=self._player.silero,
            recogniser=self._player.recogniser,
            judge=self._player.judge,
            synthesiser=self._synthesiser,
            clock=LoopClock(loop),
        )
        front.counts = counts
        reader = loop.create_task(_read(front, counts))
        sentences = itertools.cycle(SENTENCES)
        frames = _looped(noise)
        start = loop.time()
        said: Any = None
        for index in range(round(length_s / FRAME_S)):
            await asyncio.sleep(start + (index + 1) * FRAME_S - loop.time())
            if said is None or said.over:
                said = front.mouth.say(next(sentences))
            front.on_frame(AudioFrame(next(frames), loop.time()))
            counts.spoken_s += FRAME_S if front.next_frame() is not None else 0.0
            if index % 500 == 499:
                tick(500 * FRAME_S)
        front.on_closed(HangupReason.CALLER, "")
        await reader
        return counts


async def _read(front: AudioFront, counts: Faltering) -> None:
    event: EarEvent
    async for event in front.events():
        counts.turns += isinstance(event, TurnEnded)
        counts.backchannels += isinstance(event, Backchannel)


def _looped(noise: Recording) -> Any:
    """Internal PCM frames of a recording that begins anew when it ends, through the codec as on a line."""
    wire = linear_to_ulaw(noise.samples.astype("<i2").tobytes())
    resampler = StreamResampler(WIRE_RATE, 2 * WIRE_RATE)
    at = 0
    while True:
        packet = wire[at : at + PACKET]
        while len(packet) < PACKET:
            packet += wire[: PACKET - len(packet)]
        at = (at + PACKET) % len(wire)
        yield resampler.process(ulaw_to_linear(packet))
