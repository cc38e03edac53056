"""Mouth and ear while their worker is dead, stopped or replaced."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from contracts.audio import FRAME_BYTES, FRAME_S, AudioFrame
from contracts.clock import ManualClock
from contracts.engines import SpeechChunk, Transcript
from contracts.errors import WorkerDied
from contracts.events import WordsLate
from contracts.worker import Urgency
from voice.front import AudioFront
from voice.mouth import Mouth
from voice.phrases import Phrase, PhraseCache
from voice.settings import PhraseSettings, VoiceSettings
from voice.vad import SileroModel

FILLER = "One moment, please."
FRAMES = 5


class Stopped:
    """Never answers."""

    async def synthesise(
        self, text: str, *, deadline: float, first: bool, urgency: Urgency | None = None
    ) -> AsyncIterator[SpeechChunk]:
        await asyncio.Event().wait()
        yield SpeechChunk(b"", 0)


class LostAfterOne:
    """Is lost after the first of three sentences; its replacement makes all three, a little differently."""

    def __init__(self) -> None:
        self.asked = 0

    async def synthesise(
        self, text: str, *, deadline: float, first: bool, urgency: Urgency | None = None
    ) -> AsyncIterator[SpeechChunk]:
        self.asked += 1
        for sentence in range(3):
            yield SpeechChunk(bytes([self.asked, sentence + 1]) * 320, 4)
            if self.asked == 1:
                raise WorkerDied("gone")


def mouth_with(synthesiser: Stopped | LostAfterOne, clock: ManualClock) -> Mouth:
    cache = PhraseCache(PhraseSettings(), "test")
    cache.put(FILLER, Phrase(b"\x01\x01" * 320 * FRAMES, 10))
    return Mouth(VoiceSettings(), synthesiser, clock, phrase_cache=cache)


async def play(mouth: Mouth, clock: ManualClock, frames: int) -> list[bytes | None]:
    out = []
    for _ in range(frames):
        clock.advance(FRAME_S)
        out.append(mouth.next_frame())
        for _ in range(20):
            await asyncio.sleep(0)
    return out


async def test_a_prepared_sentence_is_heard_at_once_before_an_answer_that_has_no_sound_yet(clock: ManualClock) -> None:
    mouth = mouth_with(Stopped(), clock)
    answer = mouth.say("The answer that nobody can speak.")
    await play(mouth, clock, 3)
    filler = mouth.say(FILLER, before=True)
    heard = await play(mouth, clock, FRAMES + 1)
    assert all(heard[:FRAMES])
    assert heard[FRAMES] is None
    assert (await filler.finished()).heard_text == FILLER
    assert not answer.over
    mouth.close()


async def test_nothing_is_put_before_what_is_being_said(clock: ManualClock) -> None:
    mouth = mouth_with(Stopped(), clock)
    first = mouth.say(FILLER)
    await play(mouth, clock, 2)
    second = mouth.say(FILLER, before=True)
    await play(mouth, clock, FRAMES - 2)
    assert first.over
    assert not second.over
    await play(mouth, clock, FRAMES)
    assert second.over


async def test_sentences_that_were_made_before_the_worker_was_lost_are_not_made_twice(clock: ManualClock) -> None:
    synthesiser = LostAfterOne()
    mouth = mouth_with(synthesiser, clock)
    utterance = mouth.say("One two three four")
    heard = [frame for frame in await play(mouth, clock, 8) if frame]
    assert synthesiser.asked == 2
    assert [frame[:2] for frame in heard] == [b"\x01\x01", b"\x02\x02", b"\x02\x03"]
    assert not (await utterance.finished()).failed


class Away:
    """A recogniser and judge whose worker is stopped; ``lost``: the first request is told so, the next ones wait."""

    def __init__(self, *, lost: bool) -> None:
        self._lost = lost

    async def transcribe(self, pcm: bytes, *, deadline: float, final: bool, digits: int = 0) -> Transcript:
        if final and self._lost:
            self._lost = False
            raise WorkerDied("stopped")
        await asyncio.Event().wait()
        return Transcript("")

    async def probability(self, pcm: bytes, *, deadline: float) -> float:
        raise WorkerDied("stopped")


@pytest.mark.models
async def test_words_that_are_known_to_be_late_are_announced_as_soon_as_the_turn_is_over(
    silero: SileroModel, piper: Any, clock: ManualClock, spoken: Callable[[str], Awaitable[bytes]]
) -> None:
    speech = await spoken("Can you help me please with this card?") + bytes(FRAME_BYTES * 120)

    async def announced(away: Away) -> float:
        settings = VoiceSettings()
        front = AudioFront(settings, vad=silero, recogniser=away, judge=away, synthesiser=piper, clock=clock)
        for start in range(0, len(speech) - FRAME_BYTES, FRAME_BYTES):
            front.on_frame(AudioFrame(speech[start : start + FRAME_BYTES], clock.advance(FRAME_S)))
            for _ in range(6):
                await asyncio.sleep(0)
        late = next(event for event in front._queue._events if isinstance(event, WordsLate))
        front.ear.close()
        return late.at - late.speech_ended

    assert await announced(Away(lost=True)) < 1.0
