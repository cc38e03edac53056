"""Real engines in this process, and speech made with them, for the tests of the voice room."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import soxr
from numpy.typing import NDArray

from contracts.audio import FRAME_BYTES, FRAME_S, RATE, AudioFrame
from contracts.clock import ManualClock
from contracts.engines import SpeechChunk, Transcript
from contracts.events import EarEvent
from contracts.worker import Urgency
from voice.front import AudioFront
from voice.settings import VoiceSettings
from voice.vad import SileroModel
from workers.engines.durations import phonetic_words, with_durations

_ROOT = Path(os.environ.get("CALLWRIGHT_MODELS", str(Path.home() / ".cache" / "callwright")))


def model(name: str) -> Path:
    """A model's path, or a skipped test that says how to get it."""
    path = _ROOT / name
    if not path.exists():
        pytest.skip(f"{name} is missing: run `callwright models fetch`")
    return path


def to_pcm(samples: NDArray[Any], rate: int) -> bytes:
    """Float samples in ±1 at any rate → internal PCM."""
    sound = soxr.resample(samples.astype(np.float32), rate, RATE)
    pcm: bytes = (np.clip(sound, -1.0, 1.0) * 32767.0).astype("<i2").tobytes()
    return pcm


class PiperHere:
    """contracts.engines.Synthesiser on Piper, one chunk a sentence."""

    def __init__(self) -> None:
        from piper import PiperVoice, SynthesisConfig

        path = model("piper-joe/voice.onnx")
        self._voice = PiperVoice.load(path, config_path=f"{path}.json")
        self._voice.session = onnxruntime.InferenceSession(with_durations(path.read_bytes()))
        self._config = SynthesisConfig(noise_scale=0.0, noise_w_scale=0.0)  # the same sound each time
        self.asked: list[str] = []

    async def synthesise(
        self, text: str, *, deadline: float, first: bool, urgency: Urgency | None = None
    ) -> AsyncIterator[SpeechChunk]:
        self.asked.append(text)
        for chunk in self._voice.synthesize(text, self._config, include_alignments=True):
            pcm = to_pcm(chunk.audio_float_array, chunk.sample_rate)
            scale = RATE / chunk.sample_rate
            timed = phonetic_words((one.phoneme, int(one.num_samples)) for one in chunk.phoneme_alignments or ())
            words = tuple((round(first * scale), round(last * scale), count) for first, last, count in timed)
            yield SpeechChunk(pcm, len(chunk.phonemes), words)


class WhisperHere:
    """contracts.engines.Recogniser on faster-whisper tiny.en."""

    def __init__(self) -> None:
        from faster_whisper import WhisperModel

        path = str(model("whisper-tiny-en"))
        self.model = WhisperModel(path, device="cpu", compute_type="int8", cpu_threads=1)
        self.asked: list[tuple[float, bool]] = []

    async def transcribe(self, pcm: bytes, *, deadline: float, final: bool, digits: int = 0) -> Transcript:
        self.asked.append((len(pcm) / 2 / RATE, final))
        sound = np.frombuffer(pcm, dtype="<i2").astype(np.float32) / 32768.0
        segments = list(self.model.transcribe(sound, beam_size=1, language="en", condition_on_previous_text=False)[0])
        if not segments:
            return Transcript("", rejected="silence", no_speech=1.0)
        return Transcript(
            " ".join(segment.text.strip() for segment in segments),
            avg_logprob=float(np.mean([segment.avg_logprob for segment in segments])),
            no_speech=max(segment.no_speech_prob for segment in segments),
        )


class SmartTurnHere:
    """contracts.engines.TurnJudge on Smart Turn v3."""

    def __init__(self) -> None:
        from faster_whisper.feature_extractor import FeatureExtractor

        self._features: Any = FeatureExtractor(feature_size=80, chunk_length=8)
        self._session: Any = onnxruntime.InferenceSession(str(model("smart-turn/model.onnx")))

    async def probability(self, pcm: bytes, *, deadline: float) -> float:
        sound = np.frombuffer(pcm, dtype="<i2").astype(np.float32) / 32768.0
        sound = np.pad(sound[-8 * RATE :], (max(0, 8 * RATE - len(sound)), 0))
        sound = (sound - sound.mean()) / np.sqrt(sound.var() + 1e-7)
        features = self._features(sound, padding=0)[:, :800]
        features = np.pad(features, ((0, 0), (0, 800 - features.shape[1])))
        out = self._session.run(None, {"input_features": features[None].astype(np.float32)})
        return float(np.asarray(out[0]).reshape(-1)[0])


class Call:
    """A call on a virtual clock: feeds frames, keeps what was said to the caller and all events."""

    def __init__(self, front: AudioFront, clock: ManualClock) -> None:
        self.front = front
        self.clock = clock
        self.out: list[bytes | None] = []
        self.events: list[EarEvent] = []
        self._reader = asyncio.get_running_loop().create_task(self._read())

    async def _read(self) -> None:
        async for event in self.front.events():
            self.events.append(event)

    async def hear(self, pcm: bytes) -> None:
        """Let the caller say this; the operator's frames are taken at the same pace."""
        for start in range(0, len(pcm), FRAME_BYTES):
            frame = pcm[start : start + FRAME_BYTES].ljust(FRAME_BYTES, b"\0")
            self.front.on_frame(AudioFrame(frame, self.clock.advance(FRAME_S)))
            self.out.append(self.front.next_frame())
            for _ in range(4):
                await asyncio.sleep(0)

    async def quiet(self, seconds: float) -> None:
        """Line noise at −66 dBFS for so long."""
        await self.hear(line_noise(seconds))

    def of(self, kind: type[Any]) -> list[Any]:
        """The events of one kind so far."""
        return [event for event in self.events if isinstance(event, kind)]


def line_noise(seconds: float, level: float = 16.0) -> bytes:
    """White noise of this RMS (of 32768), the same each time."""
    random = np.random.default_rng(7)
    return (random.standard_normal(int(seconds * RATE)) * level).astype("<i2").tobytes()


def trimmed(pcm: bytes) -> bytes:
    """Without the silence before and after."""
    samples = np.frombuffer(pcm, dtype="<i2")
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > 300)
    return samples[loud[0] : loud[-1] + 1].tobytes()


@pytest.fixture(scope="session")
def silero() -> SileroModel:
    return SileroModel(model("silero-vad/model.onnx"))


@pytest.fixture(scope="session")
def piper() -> PiperHere:
    return PiperHere()


@pytest.fixture(scope="session")
def whisper() -> WhisperHere:
    return WhisperHere()


@pytest.fixture(scope="session")
def smart_turn() -> SmartTurnHere:
    return SmartTurnHere()


@pytest.fixture(scope="session")
def espeak() -> Callable[[str], bytes]:
    """Text → trimmed internal PCM in espeak-ng's voice."""

    def say(text: str) -> bytes:
        wav = subprocess.run(["espeak-ng", "--stdout", text], check=True, capture_output=True).stdout
        samples = np.frombuffer(wav[44:], dtype="<i2").astype(np.float32) / 32768.0
        return trimmed(to_pcm(samples * 0.6, 22050))

    return say


@pytest.fixture(scope="session")
def spoken(piper: PiperHere) -> Callable[[str], Coroutine[Any, Any, bytes]]:
    """Text → trimmed internal PCM in Piper's voice."""

    async def say(text: str) -> bytes:
        pieces = [chunk.pcm async for chunk in piper.synthesise(text, deadline=0.0, first=False)]
        return trimmed(b"".join(pieces))

    return say


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def call(
    silero: SileroModel, piper: PiperHere, whisper: WhisperHere, smart_turn: SmartTurnHere, clock: ManualClock
) -> AsyncIterator[Call]:
    """A call with every engine real, on the manual clock."""
    front = AudioFront(
        VoiceSettings(), vad=silero, recogniser=whisper, judge=smart_turn, synthesiser=piper, clock=clock
    )
    from contracts.leg import HangupReason

    call = Call(front, clock)
    yield call
    front.on_closed(HangupReason.CALLER, "")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
