"""Which words the caller heard, measured from what was recorded on the way to it: real voice, seeded interruptions."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from contracts.audio import FRAME_S, RATE
from contracts.clock import ManualClock
from contracts.engines import SpeechChunk
from contracts.worker import Urgency
from voice.mouth import Mouth
from voice.settings import VoiceSettings
from voice.utterance import Utterance

pytestmark = pytest.mark.models
ANSWERS = (
    "You can replace a lost card in the app, or at any branch in the city.",
    "To reset your password, open the app, choose settings, and follow the steps on the screen.",
    "I am an automated assistant, so please say operator at any time to reach a person.",
    "A wire inside the country costs 25 dollars. It arrives on the same day if you send it before 3 p.m.",
)


class Voice:
    """Piper, each clause synthesised once. ``timed`` False: as a voice that tells no durations, so that words must be
    found by their phonemes' share of the sound."""

    def __init__(self, piper: Any, *, timed: bool = True) -> None:
        self._piper = piper
        self._timed = timed
        self._made: dict[str, list[SpeechChunk]] = {}

    async def synthesise(
        self, text: str, *, deadline: float, first: bool, urgency: Urgency | None = None
    ) -> AsyncIterator[SpeechChunk]:
        if text not in self._made:
            self._made[text] = [one async for one in self._piper.synthesise(text, deadline=deadline, first=first)]
        for chunk in self._made[text]:
            yield chunk if self._timed else replace(chunk, words=())


async def made(utterance: Utterance) -> None:
    """Let the mouth synthesise all of it: its task needs a few turns of the loop for each clause."""
    for _ in range(20 * (len(utterance.ledger.clauses) + 1)):
        await asyncio.sleep(0)
    assert utterance.synthesised == len(utterance.ledger.clauses)


async def recorded(voice: Any, text: str, frames: int | None) -> tuple[bytes, str]:
    """What left for the caller, and what the mouth says was heard; interrupted after ``frames``, or never."""
    clock = ManualClock()
    mouth = Mouth(VoiceSettings(), voice, clock)
    utterance = mouth.say(text)
    await made(utterance)
    out: list[bytes] = []
    while frames is None or len(out) < frames:
        clock.advance(FRAME_S)
        frame = mouth.next_frame()
        if frame is None:
            break
        out.append(frame)
    mouth.interrupt()
    return b"".join(out), (await utterance.finished()).heard_text


def word_times(whisper: Any, pcm: bytes) -> list[tuple[float, float]]:
    """Whisper's (start, end) of each word of a recording, seconds."""
    sound = np.frombuffer(pcm, dtype="<i2").astype(np.float32) / 32768.0
    segments, _ = whisper.model.transcribe(sound, beam_size=1, language="en", word_timestamps=True)
    return [(word.start, word.end) for segment in segments for word in segment.words]


@pytest.mark.parametrize("timed", [True, False], ids=["timed by the voice", "by phoneme counts"])
async def test_heard_words_are_those_on_the_recording_to_one_word(piper: Any, whisper: Any, timed: bool) -> None:
    chance = random.Random(11)
    voice = Voice(piper, timed=timed)
    off: list[int] = []
    for text in ANSWERS:
        whole, heard = await recorded(voice, text, None)
        assert heard == text
        times = word_times(whisper, whole)
        spoken_as_written = len(times) == len(text.split())
        for _ in range(12):
            part, heard = await recorded(voice, text, chance.randrange(10, len(whole) // 640 - 10))
            assert text.startswith(heard)
            if spoken_as_written:
                cut = len(part) / 2 / RATE
                truth = sum((start + end) / 2 <= cut for start, end in times)
                off.append(len(heard.split()) - truth)
    assert len(off) >= 36
    within = sum(abs(one) <= 1 for one in off) / len(off)
    assert within >= 0.95
    if timed:
        assert sum(one == 0 for one in off) / len(off) >= 0.7


async def test_speech_goes_on_from_the_word_that_was_cut_and_no_word_is_lost_or_said_twice(piper: Any) -> None:
    """Truth: the same answer without a pause; what follows the pause must be a piece of it that begins at a word."""
    voice, text = Voice(piper), ANSWERS[1]
    whole, _ = await recorded(voice, text, None)
    straight = np.frombuffer(whole, dtype="<i2").astype(np.float64)
    lead = round(VoiceSettings().mouth.resume_lead_s * RATE)
    chance = random.Random(5)
    for _ in range(12):
        clock = ManualClock()
        mouth = Mouth(VoiceSettings(), voice, clock)
        utterance = mouth.say(text)
        await made(utterance)
        for _ in range(chance.randrange(15, len(whole) // 640 - 40)):
            clock.advance(FRAME_S)
            mouth.next_frame()
        assert mouth.hold()
        cut = utterance.ledger.handed
        faded = np.frombuffer(mouth.next_frame() or b"", dtype="<i2").astype(np.float64)
        assert mouth.next_frame() is None
        assert np.abs(faded[160:]).max() == 0.0
        mouth.resume()
        begin = utterance.ledger.handed
        again = np.frombuffer(b"".join(iter(mouth.next_frame, None)), dtype="<i2").astype(np.float64)
        assert np.array_equal(again[320:6400], straight[begin + 320 : begin + 6400])
        assert len(again) >= len(straight) - begin - 320
        edges, start = [cut], 0
        for clause in utterance.ledger.clauses:
            edges += [start + first for first, _, _ in clause.phonetic]
            start += clause.samples
        assert begin <= cut
        assert min(abs(begin + lead - edge) for edge in edges) <= lead
        assert sum(begin + lead < edge < cut for edge in edges) <= 1
