"""Mouth, ledger and phrase cache: what is handed out, and what the caller therefore heard."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contracts.audio import FRAME_S, RATE
from contracts.clock import ManualClock
from contracts.engines import SpeechChunk
from contracts.errors import EngineFailed, WorkerDied
from contracts.worker import Urgency
from voice.ledger import ClauseAudio, PlayoutLedger
from voice.mouth import Mouth
from voice.normalise import normalise
from voice.phrases import Phrase, PhraseCache
from voice.settings import PhraseSettings, VoiceSettings


def tone(seconds: float) -> bytes:
    """A sounding stretch of internal PCM."""
    wave = 8000 * np.sin(2 * np.pi * 200 * np.arange(int(seconds * RATE)) / RATE)
    sound: bytes = wave.astype("<i2").tobytes()
    return sound


class ToneSynthesiser:
    """Speaks every clause as a tone of 0.1 s a word; ``gate`` lets a test hold it back, ``errors`` are raised first."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, bool]] = []
        self.errors: list[Exception] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def synthesise(
        self, text: str, *, deadline: float, first: bool, urgency: Urgency | None = None
    ) -> AsyncIterator[SpeechChunk]:
        self.asked.append((text, first))
        await self.gate.wait()
        if self.errors:
            raise self.errors.pop(0)
        yield SpeechChunk(tone(0.1 * len(text.split())), 3 * len(text.split()))


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def play(mouth: Mouth, clock: ManualClock, frames: int) -> list[bytes | None]:
    out = []
    for _ in range(frames):
        clock.advance(FRAME_S)
        out.append(mouth.next_frame())
        await settle()
    return out


@pytest.fixture
async def synth() -> ToneSynthesiser:
    return ToneSynthesiser()


@pytest.fixture
def mouth(synth: ToneSynthesiser, clock: ManualClock) -> Mouth:
    return Mouth(VoiceSettings(), synth, clock)


async def test_an_utterance_is_played_to_its_end_and_then_finished(
    mouth: Mouth, synth: ToneSynthesiser, clock: ManualClock
) -> None:
    utterance = mouth.say("One two three four five.", first=True)
    await settle()
    assert not mouth.speaking
    out = await play(mouth, clock, 40)
    played = await utterance.finished()
    assert sum(frame is not None for frame in out) == 25
    assert {len(frame) for frame in out if frame} == {640}
    assert played.heard_text == "One two three four five."
    assert not played.interrupted
    assert played.last_frame_at - played.first_frame_at == pytest.approx(24 * FRAME_S)
    assert await utterance.started() == played.first_frame_at
    assert synth.asked == [("One two three four five.", True)]
    await mouth.drained()


async def test_an_interruption_fades_in_one_frame_drops_the_queue_and_tells_what_was_heard(
    mouth: Mouth, clock: ManualClock
) -> None:
    first = mouth.say("One two three four five six seven eight nine ten.")
    second = mouth.say("Never heard.")
    await settle()
    await play(mouth, clock, 26)
    heard = mouth.interrupt()
    tail, after = await play(mouth, clock, 2)
    assert tail is not None
    assert abs(np.frombuffer(tail, "<i2")[-8:]).max() < 400
    assert after is None
    assert len(heard.text.split()) in (4, 5, 6)
    assert not heard.complete
    assert (await first.finished()).interrupted
    assert (await second.finished()).heard_text == ""
    assert not mouth.speaking


async def test_what_is_still_on_its_way_to_the_caller_does_not_count_as_heard(
    synth: ToneSynthesiser, clock: ManualClock
) -> None:
    mouth = Mouth(VoiceSettings(), synth, clock, playout_delay_s=0.3)
    mouth.say("One two three four five six seven eight nine ten.")
    await settle()
    await play(mouth, clock, 31)
    assert len(mouth.interrupt().text.split()) in (2, 3, 4)


async def test_a_held_utterance_goes_on_from_the_beginning_of_the_cut_word(mouth: Mouth, clock: ManualClock) -> None:
    utterance = mouth.say("One two three four five six seven eight nine ten.")
    await settle()
    await play(mouth, clock, 28)
    assert mouth.hold()
    assert not mouth.speaking
    held = await play(mouth, clock, 30)
    assert [frame is not None for frame in held] == [True] + [False] * 29
    mouth.resume()
    rest = await play(mouth, clock, 40)
    count = sum(frame is not None for frame in rest)
    assert 50 - 28 <= count <= 50 - 28 + 8
    played = await utterance.finished()
    assert not played.interrupted
    assert played.heard_text.endswith("ten.")


async def test_speech_that_must_be_heard_is_not_held(mouth: Mouth, clock: ManualClock) -> None:
    mouth.say("This call may be recorded.", interruptible=False)
    await settle()
    await play(mouth, clock, 5)
    assert not mouth.hold()
    assert mouth.speaking


async def test_ducking_softens_and_comes_back_without_a_step(mouth: Mouth, clock: ManualClock) -> None:
    mouth.say("One two three four five six seven eight nine ten.")
    await settle()
    await play(mouth, clock, 3)
    mouth.duck(True)
    soft = await play(mouth, clock, 3)
    mouth.duck(False)
    loud = await play(mouth, clock, 3)
    assert np.abs(np.frombuffer(soft[2] or b"", "<i2")).max() < 2100
    assert np.abs(np.frombuffer(loud[2] or b"", "<i2")).max() > 7900


async def test_a_streamed_answer_is_spoken_while_it_is_written_and_waits_for_its_end(
    mouth: Mouth, clock: ManualClock
) -> None:
    utterance = mouth.open(first=True)
    utterance.add("One two three.")
    await settle()
    await play(mouth, clock, 30)
    assert not utterance.over
    assert mouth.underruns == 0
    utterance.add("Four five.")
    utterance.end()
    await settle()
    await play(mouth, clock, 20)
    assert (await utterance.finished()).heard_text == "One two three. Four five."


async def test_late_synthesis_in_mid_utterance_is_counted_as_underrun(
    mouth: Mouth, synth: ToneSynthesiser, clock: ManualClock
) -> None:
    utterance = mouth.open()
    utterance.add("One two three.")
    await settle()
    synth.gate.clear()
    utterance.add("Four five.")
    await play(mouth, clock, 40)
    assert mouth.underruns > 0
    synth.gate.set()
    utterance.end()
    await settle()
    await play(mouth, clock, 20)
    assert utterance.over


async def test_a_worker_that_died_is_asked_again_once(mouth: Mouth, synth: ToneSynthesiser, clock: ManualClock) -> None:
    synth.errors = [WorkerDied("killed")]
    utterance = mouth.say("One two three.")
    await settle()
    await play(mouth, clock, 30)
    played = await utterance.finished()
    assert not played.failed
    assert len(synth.asked) == 2


async def test_failed_synthesis_ends_the_utterance_after_what_there_is_and_is_reported(
    synth: ToneSynthesiser, clock: ManualClock
) -> None:
    trouble: list[tuple[str, str]] = []
    mouth = Mouth(VoiceSettings(), synth, clock, on_trouble=lambda what, detail: trouble.append((what, detail)))
    utterance = mouth.open()
    utterance.add("One two three.")
    await settle()
    synth.errors = [EngineFailed("broken")]
    utterance.add("Four five six.")
    utterance.add("Seven.")
    await settle()
    await play(mouth, clock, 40)
    played = await utterance.finished()
    assert played.failed
    assert played.heard_text == "One two three."
    assert trouble == [("synthesis", "EngineFailed: broken")]
    after = mouth.say("Still alive.")
    await settle()
    await play(mouth, clock, 30)
    assert (await after.finished()).heard_text == "Still alive."


async def test_prepared_sentences_need_no_worker(synth: ToneSynthesiser, clock: ManualClock, tmp_path: Path) -> None:
    settings = PhraseSettings(directory=tmp_path)
    cache = PhraseCache(settings, "joe")
    assert await cache.prepare(["One moment, please. I am checking."], synth, clock) == []
    asked = len(synth.asked)
    again = PhraseCache(settings, "joe")
    assert await again.prepare(["One moment, please. I am checking."], synth, clock) == []
    mouth = Mouth(VoiceSettings(), synth, clock, phrase_cache=again)
    synth.errors = [EngineFailed("gone")]
    utterance = mouth.say("One moment, please.  I am checking.")
    await settle()
    await play(mouth, clock, 60)
    assert (await utterance.finished()).heard_text == "One moment, please. I am checking."
    assert len(synth.asked) == asked


async def test_the_cache_is_bounded_by_bytes_and_drops_the_least_used() -> None:
    cache = PhraseCache(PhraseSettings(max_bytes=3000), "joe")
    for name in ("a", "b", "c"):
        cache.put(name, Phrase(bytes(1000), 1))
    cache.get("a")
    cache.put("d", Phrase(bytes(1000), 1))
    cache.put("huge", Phrase(bytes(4000), 1))
    assert [name for name in ("a", "b", "c", "d", "huge") if cache.get(name)] == ["a", "c", "d"]
    assert cache.bytes_held == 3000


async def test_empty_text_is_over_at_once_and_a_closed_mouth_says_nothing(mouth: Mouth) -> None:
    assert (await mouth.say("  ").finished()).heard_text == ""
    mouth.close()
    assert (await mouth.say("Hello?").finished()).interrupted
    assert mouth.next_frame() is None


def test_heard_words_are_told_in_the_written_form() -> None:
    ledger = PlayoutLedger(0.0)
    clause = ClauseAudio(normalise("Your fee is $12.50 today."))
    clause.add(tone(2.0), 20)
    clause.complete = True
    ledger.clauses.append(clause)
    texts = [ledger.heard_text(samples) for samples in range(0, 32001, 1600)]
    assert texts[0] == ""
    assert texts[-1] == "Your fee is $12.50 today."
    assert "Your fee is $12.50" in texts
    assert all(len(a) <= len(b) for a, b in pairwise(texts))


@pytest.mark.models
async def test_the_ledger_is_right_to_one_word_on_real_speech(piper: Any, whisper: Any) -> None:
    """Truth: Whisper's word times on the whole clause; compared at the middle of every word."""
    worst = 0  # in the middle of word k, k or k + 1 words have been heard
    for text in (
        "You can replace a lost card in the app, or at any branch in the city.",
        "To reset your password, open the app, choose settings, and follow the steps on the screen.",
        "I am an automated assistant, so please say operator at any time to reach a person.",
    ):
        clause = ClauseAudio(normalise(text))
        async for chunk in piper.synthesise(clause.spoken.text, deadline=0.0, first=True):
            clause.add(chunk.pcm, chunk.phonemes)
        clause.complete = True
        ledger = PlayoutLedger(0.0)
        ledger.clauses.append(clause)
        sound = np.frombuffer(bytes(clause.pcm), dtype="<i2").astype(np.float32) / 32768.0
        segments, _ = whisper.model.transcribe(sound, beam_size=1, language="en", word_timestamps=True)
        times = [word for segment in segments for word in segment.words]
        assert len(times) == len(text.split())
        for index, word in enumerate(times):
            heard = len(ledger.heard_text(int((word.start + word.end) / 2 * RATE)).split())
            worst = max(worst, index - heard, heard - (index + 1))
    assert worst <= 1
