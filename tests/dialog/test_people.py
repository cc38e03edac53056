"""What a person says to a caller: silenced and written down like the caller's words, and answered by nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from contracts.audio import FRAME_BYTES, AudioFrame
from contracts.events import EarEvent, EventKind, SpeechStarted
from contracts.seats import Role
from tests.dialog.phones import PERSON, Exchange
from tests.dialog.test_handing import joined, plan
from tests.dialog.test_hushing import EDGE, MARGIN, Muted, turn

WORDS = b"\x20\x02" * (FRAME_BYTES // 2)
WRITTEN = {"assist": {"transcribe_person": True}}
CARD = "my card is four one one one one one one one one one one one two two two two thanks"


class Ears:
    """The ear of the people in a call: what it was fed, and what a test makes it say."""

    def __init__(self) -> None:
        self.fed: list[bytes] = []
        self.closed = False
        self.emit: Callable[[EarEvent], None]

    def __call__(self, emit: Callable[[EarEvent], None]) -> Ears:
        self.emit = emit
        return self

    def feed(self, frame: AudioFrame) -> None:
        self.fed.append(frame.pcm)

    def close(self) -> None:
        self.closed = True


def taken(talk: Any, says: Callable[[Ears], Any], **parts: Any) -> Any:
    """A call that sofia takes over, saying what the test wants."""
    ears = Ears()

    async def scenario(call: Any) -> None:
        await call.ask("What is the available balance?")
        seat = call.session.byhand.join("sofia", Role.PERSON, None, None)
        seat.say(WORDS)
        await asyncio.sleep(0.1)
        says(ears)
        await asyncio.sleep(0.1)
        call.session.byhand.leave(seat)
        await call.quiet()
        await call.ask("When are your branches open?")

    call = talk(scenario, person_ear=ears, **parts)
    call.ears = ears
    return call


def said(call: Any) -> list[dict[str, Any]]:
    return [event.body for event in call.record.events if event.kind is EventKind.TURN_PERSON]


def test_a_number_that_a_person_reads_out_is_muted_and_unless_it_is_wanted_nothing_is_written_down(talk: Any) -> None:
    tape = Muted()
    call = taken(talk, lambda ears: ears.emit(turn(CARD, 100.0)), recording=lambda clock: tape)
    assert tape.covers(101.5 - MARGIN, 109.5 + MARGIN)
    assert said(call) == []
    assert WORDS in call.ears.fed
    assert call.ears.closed


def test_their_words_are_in_the_transcript_with_their_name_and_start_no_answer(talk: Any) -> None:
    def says(ears: Ears) -> None:
        ears.emit(SpeechStarted(100.0))
        ears.emit(turn("we open", 100.0))
        ears.emit(turn("we open at nine", 100.0, continues=True))

    call = taken(talk, says, dialog=WRITTEN)
    assert [(body["by"], body["text"], body["continues"]) for body in said(call)] == [
        ("sofia", "we open", False),
        ("sofia", "we open at nine", True),
    ]
    spoken = [(one.speaker, one.text) for one in call.session._conversation.said]
    assert ("person", "we open at nine") in spoken
    assert ("person", "we open") not in spoken
    assert "Colleague: we open at nine" in call.session._conversation.recent(9)


def test_a_number_cut_off_by_the_end_of_the_call_goes(talk: Any) -> None:
    tape, ears = Muted(), Ears()
    began: list[float] = []

    async def scenario(call: Any) -> None:
        seat = call.session.byhand.join("sofia", Role.PERSON, None, None)
        seat.say(WORDS)
        await asyncio.sleep(0.1)
        began.append(call.clock.now())
        ears.emit(SpeechStarted(began[0]))
        await asyncio.sleep(4.0)

    talk(scenario, person_ear=ears, recording=lambda clock: tape)
    assert tape.covers(began[0] - EDGE + 0.01, began[0] + 4.0)


def test_a_person_who_was_called_by_a_bridge_is_heard_and_helped_too(talk: Any) -> None:
    exchange, ears = Exchange(), Ears()

    async def scenario(call: Any) -> None:
        call.say("Can I talk to a human?")
        await joined(call)
        await asyncio.sleep(0.2)
        ears.emit(SpeechStarted(100.0))
        ears.emit(turn("how can I help", 100.0))
        call.say("When are your branches open?")
        await asyncio.sleep(1.0)

    call = talk(scenario, target=plan("alice"), dialler=exchange, person_ear=ears, dialog=WRITTEN)
    assert PERSON in ears.fed
    assert [(body["by"], body["text"]) for body in said(call)] == [("sip:alice@desk.example", "how can I help")]
    assert [body["asked"] for body in call.record.bodies(EventKind.DESK_SUGGESTED)] == ["When are your branches open?"]


def test_nobody_is_listened_to_where_nothing_is_recorded_and_nothing_wanted(talk: Any) -> None:
    call = taken(talk, lambda ears: None)
    assert call.ears.fed == []
    assert call.bay.on_people is None


def test_a_recorded_caller_is_heard_beside_a_person_even_if_nothing_is_to_be_written_down(talk: Any) -> None:
    tape = Muted()
    silent = {"transcribe_by_hand": False}

    async def scenario(call: Any) -> None:
        call.session.byhand.join("sofia", Role.PERSON, None, None)
        call.front._queue.put(turn(CARD, 100.0))
        await asyncio.sleep(0.5)

    call = talk(scenario, recording=lambda clock: tape, dialog=silent)
    assert tape.covers(101.5, 109.5)
    assert call.record.bodies(EventKind.TURN_CALLER) == []
    assert call.record.bodies(EventKind.DESK_SUGGESTED) == []
