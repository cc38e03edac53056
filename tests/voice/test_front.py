"""The front's queue and limits, and what the ear does when its workers fail."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from contracts.audio import FRAME_BYTES, AudioFrame
from contracts.clock import ManualClock
from contracts.engines import Transcript
from contracts.errors import DeadlineExceeded, WorkerBusy, WorkerDied
from contracts.events import CallClosed, Partial, TurnEnded
from voice.front import AudioFront, EventQueue, KeyLimiter
from voice.settings import FrontSettings, VoiceSettings
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

    async def transcribe(self, pcm: bytes, *, deadline: float, final: bool) -> Transcript:
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
