"""Ear, mouth and front together, with real models, on a virtual clock."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from contracts.events import Backchannel, CallClosed, Partial, SilenceElapsed, SpeechStarted, TurnEnded
from contracts.leg import HangupReason

pytestmark = pytest.mark.models
Speech = Callable[[str], Awaitable[bytes]]


async def test_a_question_is_heard_word_by_word_and_ends_soon_after_its_last_sound(call: Any, spoken: Speech) -> None:
    await call.quiet(0.5)
    await call.hear(await spoken("I would like to know the balance of my checking account please."))
    end = call.clock.now()
    await call.quiet(1.5)
    (turn,) = call.of(TurnEnded)
    assert "balance" in turn.transcript.text.lower()
    assert abs(turn.timings.speech_ended - end) < 0.12
    assert turn.timings.endpoint - end < 0.5
    assert call.of(SpeechStarted)[0].at < call.of(Partial)[0].at < turn.timings.endpoint
    assert not turn.during_speech
    assert not turn.continues


async def test_line_noise_and_a_click_are_no_turn(call: Any) -> None:
    await call.quiet(3.0)
    await call.hear(b"\x00\x60" * 80)
    await call.quiet(3.0)
    assert call.of(TurnEnded) == []


async def test_a_caller_who_talks_over_the_operator_silences_it_and_the_heard_words_are_known(
    call: Any, spoken: Speech
) -> None:
    long = "Our branches are open from nine to five on weekdays, and on Saturdays from ten to two in the afternoon."
    utterance = call.front.mouth.say(long)
    await call.quiet(2.0)
    assert call.front.mouth.speaking
    onset = call.clock.now()
    await call.hear(await spoken("Sorry, I want to speak to a real person now."))
    await call.quiet(1.5)
    played = await utterance.finished()
    assert played.interrupted
    assert long.startswith(played.heard_text)
    assert 3 <= len(played.heard_text.split()) < 14
    assert 0.0 < call.front.barge_in_at - onset < 0.35
    turn = call.of(TurnEnded)[-1]
    assert turn.during_speech
    assert "person" in turn.transcript.text
    assert call.front.last_heard.text == played.heard_text


async def test_a_nod_lets_the_operator_go_on_from_the_word_where_it_stood(call: Any, spoken: Speech) -> None:
    utterance = call.front.mouth.say(
        "You can replace a lost card in the app, or at any branch, and it takes five days."
    )
    await call.quiet(1.5)
    await call.hear(await spoken("Okay."))
    await call.quiet(8.0)
    played = await utterance.finished()
    assert not played.interrupted
    assert played.heard_text.endswith("it takes five days.")
    assert call.of(TurnEnded) == []
    assert len(call.of(Backchannel)) == 1


async def test_silence_is_reported_twice_after_the_operators_last_word(call: Any) -> None:
    call.front.mouth.say("How can I help you?")
    await call.quiet(20.0)
    elapsed = call.of(SilenceElapsed)
    assert [round(event.seconds) for event in elapsed] == [6, 14]


async def test_on_hold_nothing_is_said_heard_or_counted(call: Any, spoken: Speech) -> None:
    utterance = call.front.mouth.say("One moment please, I will check that for you.")
    await call.quiet(0.6)
    call.front.on_hold(True)
    mark = len(call.out)
    await call.hear(await spoken("This is the music of somebody else's telephone system."))
    await call.quiet(10.0)
    assert set(call.out[mark:]) == {None}
    assert call.events == []
    call.front.on_hold(False)
    await call.quiet(3.0)
    assert not (await utterance.finished()).interrupted


async def test_a_flood_of_keys_is_thinned_and_the_close_is_the_last_event(call: Any) -> None:
    for _ in range(500):
        call.front.on_dtmf("1")
    call.front.on_dtmf("x")
    call.front.on_closed(HangupReason.CALLER, "bye")
    call.front.on_closed(HangupReason.ERROR, "twice")
    await call.quiet(0.2)
    assert len(call.events) == 41
    assert call.events[-1] == CallClosed("caller", "bye")
    assert call.front.keys_dropped == 460
