"""One side of a call, played to the operator's own ear on a virtual clock: what its turn machine decided, and when.

::

    8 kHz samples ─► µ-law packets ─► decode, resample ─► voice.Ear (VAD, turn machine) ─decisions─► Played
                                                           │ ▲ words, verdicts
                                                           ▼ │ after a constant delay of the virtual clock
                                                engines of this process, their answers kept by the sound asked about

The models answer after a constant time (Smart Turn 40 ms, Whisper 160 ms: two idle cores), one after the other as in
the operator's speech worker. So the figures do not depend on the machine, and a sweep over thresholds costs no second
inference for the same sound.
"""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import json
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from contracts.audio import FRAME_S, AudioFrame
from contracts.errors import EngineFailed
from contracts.events import EarEvent
from contracts.virtual_time import LoopClock, run_virtual
from contracts.worker import Engine, Priority, Reply, Urgency
from evaluation.hearing import WIRE_RATE, InProcessJob, Samples, line_frames
from scripts.endpoint_truth import Channel
from server.engines import store_of, whisper_options
from server.settings import OperatorSettings, project_path
from voice.decisions import Decision, Ended
from voice.ear import Ear
from voice.settings import VadSettings, VoiceSettings
from voice.vad import Activity, SileroModel, VoiceActivity
from workers.clients import SmartTurnJudge, WhisperRecogniser
from workers.engines.smart_turn import SmartTurnEngine
from workers.engines.whisper import WhisperEngine

WHISPER, SMART_TURN = "whisper", "smart_turn"


@dataclass(slots=True, frozen=True)
class Delays:
    """Seconds that a model's answer takes."""

    smart_turn_s: float = 0.04
    final_s: float = 0.16
    partial_s: float = 0.16

    def of(self, engine: str, priority: Priority | Urgency) -> float:
        """Of one request."""
        if engine == SMART_TURN:
            return self.smart_turn_s
        return self.final_s if priority is Priority.FINAL_RECOGNITION else self.partial_s


class Answers:
    """What models said about pieces of sound, kept in a file if ``folder`` is given."""

    def __init__(self, folder: Path | None, models: str) -> None:
        """``models``: names of the models; other models' answers are not mixed in."""
        digest = hashlib.sha256(models.encode()).hexdigest()[:12]
        self._path = folder / f"answers-{digest}.json" if folder else None
        self._answers: dict[str, Any] = {}
        self._fresh = 0
        if self._path and self._path.is_file():
            self._answers = json.loads(self._path.read_text())

    @staticmethod
    def key(kind: str, pcm: bytes) -> str:
        """Of one question."""
        return f"{kind} {hashlib.sha256(pcm).hexdigest()[:24]}"

    def get(self, key: str) -> Any:
        """The answer, or None."""
        return self._answers.get(key)

    def put(self, key: str, answer: Any) -> None:
        """Keep an answer (JSON)."""
        self._answers[key] = answer
        self._fresh += 1

    def save(self) -> None:
        """Write what is new."""
        if self._path and self._fresh:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            part = self._path.with_suffix(".part")
            part.write_text(json.dumps(self._answers))
            part.replace(self._path)
            self._fresh = 0


class SpeechWorker:
    """contracts.worker.WorkerClient of the operator's speech worker, its engines in this process.

    One request at a time, in order, each taking its constant time on the loop's clock; a cancelled one gives way.
    """

    def __init__(self, engines: Mapping[str, Engine], answers: Answers, delays: Delays) -> None:
        self._engines, self._answers, self._delays = engines, answers, delays
        self._desk: tuple[asyncio.AbstractEventLoop, asyncio.Lock] | None = None

    async def request(
        self,
        engine: str,
        method: str,
        params: Mapping[str, Any],
        *,
        blob: bytes = b"",
        deadline: float,
        priority: Priority | Urgency,
    ) -> Reply:
        """The engine's answer, or what it said about the same sound before."""
        loop = asyncio.get_running_loop()
        if self._desk is None or self._desk[0] is not loop:
            self._desk = loop, asyncio.Lock()
        async with self._desk[1]:
            await asyncio.sleep(self._delays.of(engine, priority))
            key = self._answers.key(f"{engine} {json.dumps(params)}", blob)
            body = self._answers.get(key)
            if body is None:
                body = dict(self._engines[engine].run(method, params, blob, InProcessJob()).body)
                self._answers.put(key, body)
        return Reply(body)

    def stream(
        self,
        engine: str,
        method: str,
        params: Mapping[str, Any],
        *,
        blob: bytes = b"",
        deadline: float,
        priority: Priority | Urgency,
    ) -> AsyncIterator[Reply]:
        """Neither Whisper nor Smart Turn streams."""
        raise EngineFailed(f"{engine} answers at once, it does not stream")


class RememberedActivity(VoiceActivity):
    """The VAD's answers for one recording's frames, in order: a sweep of the turn machine runs it once."""

    def __init__(self, settings: VadSettings, model: SileroModel, answers: list[Activity]) -> None:
        super().__init__(settings, model)
        self._answers = iter(answers)

    def feed(self, pcm: bytes) -> Activity:
        """The next answer."""
        return next(self._answers)


class WatchedEar(Ear):
    """The ear, with its machine's decisions noted on the way."""

    decisions: list[Decision]

    def _act_on(self, decision: Decision) -> None:
        self.decisions.append(decision)
        super()._act_on(decision)


@dataclass(slots=True)
class Played:
    """What the ear decided about one channel; times are seconds of the channel's file."""

    decisions: list[tuple[float, Decision]] = field(default_factory=list)
    events: list[EarEvent] = field(default_factory=list)

    @property
    def ends(self) -> list[float]:
        """When the machine ended a turn."""
        return [at for at, decision in self.decisions if isinstance(decision, Ended)]


class Player:
    """The models that ``settings`` names, loaded once; plays channels to ears of any voice settings."""

    def __init__(self, settings: OperatorSettings, delays: Delays, cache: Path | None) -> None:
        """Raises ModelFileError for a model that is missing or unusable."""
        choice = settings.engines
        store = store_of(choice, settings.models_dir, project_path(choice.manifest))
        listening = whisper_options(choice, store)
        whisper = WhisperEngine({**listening, "threads": choice.threads})
        smart_turn = SmartTurnEngine({"path": str(store.path(choice.turn, "model.onnx"))})
        whisper.load()
        smart_turn.load()
        self.silero = SileroModel(store.path(choice.vad, "model.onnx"))
        self.answers = Answers(cache, f"{listening} {choice.turn} {_source_digest()}")
        worker = SpeechWorker({WHISPER: whisper, SMART_TURN: smart_turn}, self.answers, delays)
        self.recogniser = WhisperRecogniser(worker, WHISPER)
        self.judge = SmartTurnJudge(worker, SMART_TURN)
        self._frames: dict[str, list[bytes]] = {}
        self._activities: dict[tuple[str, str], list[Activity]] = {}

    def frames(self, name: str, samples: Samples) -> list[bytes]:
        """Internal PCM of a recording as the leg passes it on, 20 ms each, silence after it."""
        if name not in self._frames:
            self._frames[name] = list(line_frames(samples))
        return self._frames[name]

    def activity(self, channel: Channel, settings: VadSettings) -> list[Activity]:
        """The VAD's answer for every frame of a channel."""
        key = (channel.name, settings.model_dump_json())
        if key not in self._activities:
            activity = VoiceActivity(settings, self.silero)
            self._activities[key] = [activity.feed(frame) for frame in self.frames(channel.name, channel.samples)]
        return self._activities[key]

    def play(self, channel: Channel, settings: VoiceSettings) -> Played:
        """Play a channel to a fresh ear; the other side's words are the operator's."""
        return run_virtual(self._play(channel, settings))

    async def _play(self, channel: Channel, settings: VoiceSettings) -> Played:
        loop = asyncio.get_running_loop()
        played = Played()
        start = loop.time()
        frame_end = 0.0

        def operator_speaks() -> bool:
            return any(span.start <= frame_end <= span.end for span in channel.other)

        activity = RememberedActivity(settings.vad, self.silero, self.activity(channel, settings.vad))
        ear = WatchedEar(
            settings, activity, self.recogniser, self.judge, LoopClock(loop), played.events.append, operator_speaks
        )
        noted: list[Decision] = []
        ear.decisions = noted
        for index, frame in enumerate(self.frames(channel.name, channel.samples)):
            await asyncio.sleep(start + (index + 1) * FRAME_S - loop.time())
            frame_end = (index + 1) * FRAME_S
            ear.feed(AudioFrame(frame, loop.time()))
            played.decisions += [(_time(decision) - start, decision) for decision in noted]
            noted.clear()
        ear.close()
        return played


def _source_digest() -> str:
    """Of the engines' code: what other code answered is not kept."""
    sources = (inspect.getsource(sys.modules[one.__module__]) for one in (WhisperEngine, SmartTurnEngine))
    return hashlib.sha256("".join(sources).encode()).hexdigest()[:12]


def _time(decision: Decision) -> float:
    return float(getattr(decision, "at", getattr(decision, "until", 0.0)))


def duration_s(samples: Samples) -> float:
    """Seconds of a recording."""
    return len(samples) / WIRE_RATE
