"""The front's queue and limits, and what the ear does when its workers fail."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import pytest

from contracts.audio import FRAME_BYTES, RATE, AudioFrame
from contracts.clock import ManualClock
from contracts.engines import Transcript
from contracts.errors import DeadlineExceeded, WorkerBusy, WorkerDied
from contracts.events import CallClosed, Partial, TurnEnded
from voice.front import AudioFront, EventQueue, KeyLimiter
from voice.settings import FrontSettings, TurnSettings, VoiceSettings
from voice.vad import SileroModel


async def test_a_full_queue_gives_up_partials_first_and_turns_never() -> None:
    queue = EventQueue(4)
    turn: Any = TurnEnded(Transcript("hello"), None)  # type: ignore[arg-type]
    for number in range(3):
        queue.put(Partial(str(number), "", 0.0))
    for _ in range(6):
        queue.put(turn)
    queue.put(CallClosed("caller"))
    assert queue.dropped == 3
    assert [type(await queue.get()) for _ in range(7)] == [TurnEnded] * 6 + [CallClosed]


def test_keys_are_believed_at_a_persons_pace() -> None:
    limiter = KeyLimiter(FrontSettings(dtmf_per_s=2.0, dtmf_burst=3))
    assert [limiter.admit(10.0) for _ in range(5)] == [True, True, True, False, False]
    assert limiter.admit(10.5)


class FailingRecogniser:
    """Raises what it is told to, then hears "help me please"."""

    def __init__(self, errors: list[Exception]) -> None:
        self.errors = errors
        self.finals = 0

    async def transcribe(self, pcm: bytes, *, deadline: float, final: bool, digits: int = 0) -> Transcript:
        if not final:
            raise WorkerBusy("full")
        self.finals += 1
        if self.errors:
            raise self.errors.pop(0)
        return Transcript("Help me please.", -0.1)


class FailingJudge:
    """Smart Turn out of order."""

    async def probability(self, pcm: bytes, *, deadline: float) -> float:
        raise DeadlineExceeded("late")


async def hear(
    silero: SileroModel, piper: Any, clock: ManualClock, errors: list[Exception], pcm: bytes
) -> tuple[AudioFront, list[Any], FailingRecogniser]:
    recogniser = FailingRecogniser(errors)
    front = AudioFront(
        VoiceSettings(), vad=silero, recogniser=recogniser, judge=FailingJudge(), synthesiser=piper, clock=clock
    )
    events: list[Any] = []

    async def read() -> None:
        async for event in front.events():
            events.append(event)

    reader = asyncio.get_running_loop().create_task(read())
    pcm += bytes(FRAME_BYTES * 100)
    for start in range(0, len(pcm) - FRAME_BYTES, FRAME_BYTES):
        front.on_frame(AudioFrame(pcm[start : start + FRAME_BYTES], clock.advance(0.02)))
        for _ in range(6):
            await asyncio.sleep(0)
    reader.cancel()
    return front, events, recogniser


@pytest.mark.models
async def test_a_worker_that_died_is_asked_again_and_the_turn_is_whole(
    silero: SileroModel, piper: Any, clock: ManualClock, spoken: Callable[[str], Awaitable[bytes]]
) -> None:
    speech = await spoken("Can you help me please with this card?")
    _, events, recogniser = await hear(silero, piper, clock, [WorkerDied("killed")], speech)
    (turn,) = [event for event in events if isinstance(event, TurnEnded)]
    assert turn.transcript.text == "Help me please."
    assert recogniser.finals == 2
    assert turn.timings.endpoint - turn.timings.speech_ended <= 0.92


@pytest.mark.models
async def test_without_any_recogniser_the_turn_still_ends_and_says_why(
    silero: SileroModel, piper: Any, clock: ManualClock, spoken: Callable[[str], Awaitable[bytes]]
) -> None:
    speech = await spoken("Can you help me please with this card?")
    errors: list[Exception] = [WorkerDied("killed"), WorkerDied("again")]
    _, events, _ = await hear(silero, piper, clock, errors, speech)
    (turn,) = [event for event in events if isinstance(event, TurnEnded)]
    assert turn.transcript.text == ""
    assert turn.transcript.rejected == "worker"


@pytest.mark.models
async def test_a_fault_that_is_no_worker_error_costs_the_words_and_not_the_call(
    silero: SileroModel, piper: Any, clock: ManualClock, spoken: Callable[[str], Awaitable[bytes]]
) -> None:
    speech = await spoken("Can you help me please with this card?")
    _, events, _ = await hear(silero, piper, clock, [ZeroDivisionError()], speech)
    (turn,) = [event for event in events if isinstance(event, TurnEnded)]
    assert turn.transcript.rejected == "worker"


@pytest.mark.models
async def test_frames_of_a_wrong_size_are_counted_and_ignored(
    silero: SileroModel, piper: Any, clock: ManualClock
) -> None:
    front, _, _ = await hear(silero, piper, clock, [], b"")
    front.on_frame(AudioFrame(b"\0" * 641, clock.now()))
    assert front.frames_refused == 1


class Breath:
    """The caller's end: frames in, and what came out at the same pace."""

    def __init__(self, front: AudioFront, clock: ManualClock) -> None:
        self.front = front
        self.clock = clock
        self.out: list[bytes | None] = []

    async def frames(self, pcm: bytes) -> None:
        for start in range(0, len(pcm) - FRAME_BYTES + 1, FRAME_BYTES):
            self.front.on_frame(AudioFrame(pcm[start : start + FRAME_BYTES], self.clock.advance(0.02)))
            self.out.append(self.front.next_frame())
            for _ in range(6):
                await asyncio.sleep(0)


async def speaking_front(
    silero: SileroModel,
    piper: Any,
    clock: ManualClock,
    flushed: list[float],
    settings: VoiceSettings | None = None,
) -> tuple[AudioFront, Breath]:
    front = AudioFront(
        settings or VoiceSettings(),
        vad=silero,
        recogniser=FailingRecogniser([]),
        judge=FailingJudge(),
        synthesiser=piper,
        clock=clock,
        flush=lambda: flushed.append(clock.now()),
    )
    front.mouth.say("You can replace a lost card in the mobile app, or at any branch in the city, on any day.")
    breath = Breath(front, clock)
    await breath.frames(bytes(FRAME_BYTES * 60))
    assert front.mouth.speaking
    return front, breath


@pytest.mark.models
async def test_a_voice_over_the_operators_speech_silences_it_before_a_turn_is_known(
    silero: SileroModel, piper: Any, clock: ManualClock, spoken: Callable[[str], Awaitable[bytes]]
) -> None:
    flushed: list[float] = []
    front, breath = await speaking_front(silero, piper, clock, flushed)
    onset = clock.now()
    await breath.frames((await spoken("No wait, I meant the savings account."))[: FRAME_BYTES * 15])
    assert front.mouth.held
    assert 0.06 <= front.barge_in_at - onset <= 0.2
    assert flushed == [front.barge_in_at]
    assert breath.out[-1] is None


@pytest.mark.models
async def test_a_sound_that_becomes_no_turn_is_over_soon_and_the_operator_goes_on(
    silero: SileroModel, piper: Any, clock: ManualClock, spoken: Callable[[str], Awaitable[bytes]]
) -> None:
    settings = VoiceSettings(turn=TurnSettings(min_speech_s=0.4))
    front, breath = await speaking_front(silero, piper, clock, [], settings)
    await breath.frames((await spoken("No wait."))[: FRAME_BYTES * 8])
    held = front.mouth.held
    await breath.frames(bytes(FRAME_BYTES * 60))
    assert held
    assert front.mouth.speaking
    assert breath.out[-1] is not None


@pytest.mark.models
async def test_speech_that_nobody_decides_about_does_not_stay_held_for_ever(
    silero: SileroModel, piper: Any, clock: ManualClock
) -> None:
    front, breath = await speaking_front(silero, piper, clock, [])
    front.onset(clock.now())
    front.barge_in(clock.now())
    assert front.mouth.held
    await breath.frames(bytes(FRAME_BYTES * round(VoiceSettings().front.hold_patience_s / 0.02 + 2)))
    assert front.mouth.speaking


def hiss(seconds: float, level_dbfs: float) -> bytes:
    """Noise from 2.5 kHz on, as an "s" on the phone; rises within 10 ms."""
    noise = np.random.default_rng(7).standard_normal(round(seconds * RATE))
    spectrum = np.fft.rfft(noise)
    spectrum[np.fft.rfftfreq(len(noise), 1.0 / RATE) < 2500.0] = 0.0
    sound = np.fft.irfft(spectrum, len(noise))
    sound *= 10 ** (level_dbfs / 20) / np.sqrt(np.mean(np.square(sound))) * np.minimum(1.0, np.arange(len(sound)) / 160)
    pcm: bytes = (sound * 32767.0).astype("<i2").tobytes()
    return pcm


@pytest.mark.models
async def test_an_s_silences_the_operator_before_its_vowel_is_spoken(
    silero: SileroModel, piper: Any, clock: ManualClock, spoken: Callable[[str], Awaitable[bytes]]
) -> None:
    front, breath = await speaking_front(silero, piper, clock, [])
    onset = clock.now()
    await breath.frames(hiss(0.16, -40.0) + (await spoken("No, wait."))[: FRAME_BYTES * 20])
    assert front.mouth.held
    assert front.barge_in_at - onset == pytest.approx(0.08, abs=0.021)


@pytest.mark.models
async def test_after_a_hiss_that_nobody_made_the_operator_goes_on_from_the_word_that_was_cut(
    silero: SileroModel, piper: Any, clock: ManualClock
) -> None:
    _, breath = await speaking_front(silero, piper, clock, [])
    before = len(breath.out)
    await breath.frames(hiss(0.2, -40.0) + bytes(FRAME_BYTES * 100))
    pause = [index for index, frame in enumerate(breath.out[before:], before) if frame is None]
    assert 0.2 <= len(pause) * 0.02 <= 0.34
    assert pause == list(range(pause[0], pause[-1] + 1))
    # The operator's sound from the cut word on, found in what had been said before the pause.
    said = np.frombuffer(b"".join(frame or b"" for frame in breath.out[: pause[0] - 1]), dtype="<i2").astype(float)
    again = np.frombuffer(breath.out[pause[-1] + 2] or b"", dtype="<i2").astype(float)
    score = np.correlate(said, again) / np.sqrt(
        np.convolve(said**2, np.ones(len(again)), "valid") * (again @ again) + 1
    )
    assert score.max() > 0.95
    assert len(said) - int(score.argmax()) < 0.8 * RATE
