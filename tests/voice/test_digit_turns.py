"""A number that the operator asked for, read out with a pause in it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from contracts.audio import FRAME_BYTES, FRAME_S, AudioFrame, seconds
from contracts.clock import ManualClock
from contracts.engines import Transcript
from contracts.errors import DeadlineExceeded
from contracts.events import EarEvent, TurnEnded
from voice.completeness import Expectation
from voice.ear import Ear
from voice.settings import VoiceSettings
from voice.vad import SileroModel, VoiceActivity

PAUSE_S = 0.9


class HalfHeard:
    """Misses a digit of each half; held to six digits it finds six, be they three that were said or all."""

    def __init__(self, half_s: float) -> None:
        self._half_s = half_s

    async def transcribe(self, pcm: bytes, *, deadline: float, final: bool, digits: int = 0) -> Transcript:
        assert not final or digits == 6
        if seconds(pcm) > self._half_s + PAUSE_S:
            return Transcript("Four, seven, oh", -0.3, alternatives=("4 2 7 7 0 1",))
        return Transcript("Four, seven.", -0.3, alternatives=("4 2 7 7 7 7",))


class Undecided:
    """Smart Turn out of order."""

    async def probability(self, pcm: bytes, *, deadline: float) -> float:
        raise DeadlineExceeded("late")


@pytest.mark.models
async def test_a_pause_after_half_a_number_ends_no_turn_though_the_half_can_be_read_as_the_whole(
    silero: SileroModel, clock: ManualClock, spoken: Callable[[str], Awaitable[bytes]]
) -> None:
    half = await spoken("Four, two, seven.")
    settings = VoiceSettings()
    events: list[EarEvent] = []
    activity = VoiceActivity(settings.vad, silero)
    ear = Ear(settings, activity, HalfHeard(seconds(half)), Undecided(), clock, events.append, lambda: False)
    ear.expect(Expectation.DIGITS, 6)
    sound = half + bytes(round(PAUSE_S / FRAME_S) * FRAME_BYTES) + await spoken("Seven, zero, one.")
    sound += bytes(150 * FRAME_BYTES)
    for start in range(0, len(sound) - FRAME_BYTES, FRAME_BYTES):
        ear.feed(AudioFrame(sound[start : start + FRAME_BYTES], clock.advance(FRAME_S)))
        for _ in range(6):
            await asyncio.sleep(0)
    ear.close()
    turns: list[Any] = [event for event in events if isinstance(event, TurnEnded)]
    assert [turn.transcript.text for turn in turns] == ["4 2 7 7 0 1"]
