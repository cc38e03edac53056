"""Recordings are silenced where secrets are spoken, and nowhere else."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from contracts.engines import Transcript, Word
from contracts.events import CallClosed, SpeechStarted, TurnEnded, TurnTimings
from escalation.settings import EscalationSettings, RedactionSettings
from tests.dialog.kit import Talk

MARGIN = 0.4
EDGE = 0.5


@dataclass
class Muted:
    """contracts.recording.CallRecording that only remembers."""

    spans: list[tuple[float, float]] = field(default_factory=list)

    def mute(self, start_s: float, end_s: float) -> None:
        self.spans.append((round(start_s, 2), round(end_s, 2)))

    def keep(self) -> None:
        return None

    def discard(self) -> None:
        return None

    def covers(self, start: float, end: float) -> bool:
        return any(low <= start and end <= high for low, high in self.spans)


def turn(text: str, at: float, *, timed: bool = True, continues: bool = False, each: float = 0.5) -> TurnEnded:
    """A turn that began at ``at``, half a second for each word."""
    words = text.split()
    end = at + each * len(words)
    known = tuple(Word(word, 0.9, at + each * i, at + each * (i + 1)) for i, word in enumerate(words))
    transcript = Transcript(text, avg_logprob=math.log(0.9), words=known if timed else ())
    return TurnEnded(transcript, TurnTimings(at, end, end + 0.2, end + 0.3, 0.9), continues=continues)


@pytest.fixture
def muted(talk: Any) -> Any:
    """``muted(events)``: what was muted of a call in which the ear said that."""

    def run(events: Sequence[Any], **parts: Any) -> Muted:
        tape = Muted()

        async def scenario(call: Talk) -> None:
            for event in events:
                call.front._queue.put(event)
                await asyncio.sleep(0.1)
            await call.quiet()

        talk(scenario, recording=lambda clock: tape, **parts)
        return tape

    return run


def test_the_words_of_a_card_number_and_a_margin(muted: Any) -> None:
    tape = muted([turn("my card is four one one one one one one one one one one one two two two two thanks", 100.0)])
    ((start, end),) = tape.spans
    assert start == pytest.approx(101.5 - MARGIN)
    assert end == pytest.approx(109.5 + MARGIN)


def test_a_number_whose_digits_were_misheard_in_the_middle_goes_from_its_first_digit_to_its_last(muted: Any) -> None:
    tape = muted([turn("it is 1 4 1 and M 0 8 0 time M 1 6 8 then 1 2 4 2 okay", 100.0)])
    assert tape.covers(101.0, 110.0)


def test_a_list_of_digits_that_were_misheard_as_words_goes_whole(muted: Any) -> None:
    tape = muted([turn("Sure, it's time time time 0 1 I'm 1 4 8 I'm 8", 100.0)])
    assert tape.covers(100.0, 106.0)


def test_what_holds_no_secret_is_left(muted: Any) -> None:
    assert muted([turn("When are your branches open on the 24th?", 100.0)]).spans == []


def test_without_times_of_words_the_whole_turn_goes(muted: Any) -> None:
    tape = muted([turn("it is 4111 1111 1111 1111 okay", 100.0, timed=False)])
    assert tape.covers(100.0 - EDGE, 103.0 + EDGE)


def test_a_number_in_several_turns_goes_from_its_first_digit(muted: Any) -> None:
    tape = muted([turn("four one one one", 100.0), turn("one one one one", 104.0), turn("2 2 2 2 3 3 3 3", 108.0)])
    for start, end in ((100.0, 102.0), (104.0, 106.0), (108.0, 112.0)):
        assert tape.covers(start, end)


def test_long_speech_without_a_word_goes_and_a_short_sound_stays(muted: Any) -> None:
    lost = TurnEnded(Transcript("", rejected="loop"), TurnTimings(100.0, 106.0, 106.2, 106.3, 0.9))
    cough = TurnEnded(Transcript("", rejected="silence"), TurnTimings(110.0, 110.6, 110.8, 110.9, 0.9))
    assert muted([lost, cough]).spans == [(99.5, 106.5)]


def test_a_number_cut_off_by_the_end_of_the_call_goes(talk: Any) -> None:
    tape = Muted()

    async def scenario(call: Talk) -> None:
        began = call.clock.now()
        call.front._queue.put(SpeechStarted(began))
        await asyncio.sleep(4.0)
        call.front._queue.put(CallClosed("caller"))
        await asyncio.sleep(0.1)
        assert tape.covers(began, began + 4.0)

    talk(scenario, recording=lambda clock: tape)


def test_what_the_operator_repeats_goes_too(talk: Any) -> None:
    tape = Muted()

    async def scenario(call: Talk) -> None:
        began = call.clock.now()
        await call.session._speaking.text("Your card 4111 1111 1111 1111 is blocked.")
        assert tape.covers(began + 0.1, call.clock.now() - 0.1)

    talk(scenario, recording=lambda clock: tape)


def test_names_go_where_the_setting_says_so(muted: Any) -> None:
    said = [turn("my name is Marta Kovač and I lost my card", 100.0)]
    assert muted(said).spans == []
    tape = muted(said, escalation=EscalationSettings(redaction=RedactionSettings(names=True)))
    assert tape.covers(101.5, 102.5)
