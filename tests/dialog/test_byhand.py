"""A call that a person takes over, gives back or is cut off from; on virtual time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from contracts.audio import FRAME_BYTES
from contracts.errors import CallTaken, LegError
from contracts.events import EventKind, SilenceElapsed
from contracts.leg import HangupReason
from contracts.seats import Role
from tests.dialog.kit import Says

WORDS = b"\x20\x02" * (FRAME_BYTES // 2)


def acts(call: Any) -> list[tuple[str, str]]:
    return [(body["by"], body["act"]) for body in call.record.bodies(EventKind.DESK_ACTED)]


def heard(call: Any) -> list[str]:
    return [body["heard"] for body in call.record.bodies(EventKind.TURN_OPERATOR)]


def test_whoever_takes_over_talks_with_the_caller_and_gives_back(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        byhand = call.session.byhand
        seat = byhand.join("sofia", Role.LISTEN, lambda pcm: None, None)
        call.say("When are your branches open?")
        await asyncio.sleep(1.0)  # in the middle of the answer
        byhand.change(seat, Role.PERSON)
        await asyncio.sleep(0.1)
        assert "9 a.m. to 5 p.m." not in heard(call)[-1], "what was not heard is not remembered"
        seat.say(WORDS)
        await asyncio.sleep(0.025)
        assert call.voiced[-1][1]
        said = len(heard(call))
        assert await call.ask("Is that you, Sofia?") == ""
        call.front._queue.put(SilenceElapsed(20.0, call.clock.now()))
        call.press("0")
        await call.quiet()
        assert len(heard(call)) == said, "the operator says nothing, whatever happens"
        byhand.change(seat, Role.LISTEN)
        await call.quiet()
        assert heard(call)[-1] == "You're back with the automated assistant. What else can I help you with?"
        assert "9 a.m. to 5 p.m." in await call.ask("When are your branches open?")

    call = talk(scenario, small=Says("small"))
    assert acts(call) == [("sofia", act) for act in ("listens", "takes over", "gives back")]
    assert "Is that you, Sofia?" in [body["text"] for body in call.record.bodies(EventKind.TURN_CALLER)]
    assert call.leg.transfers == []


def test_a_takeover_in_mid_disclosure_stops_it_and_nothing_of_it_is_left_for_later(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        call.session._start(call.session._open())
        await asyncio.sleep(0.3)
        seat = call.session.byhand.join("sofia", Role.PERSON, None, None)
        await call.quiet()
        assert call.session.byhand.taken
        call.session.byhand.leave(seat)
        await call.quiet()

    call = talk(scenario)
    assert heard(call)[-1].startswith("You're back")
    assert acts(call)[1:] == [("sofia", "gives back"), ("sofia", "leaves")]


def test_a_person_who_is_cut_off_leaves_no_silence(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        seat = call.session.byhand.join("sofia", Role.PERSON, None, None)
        await asyncio.sleep(5.0)
        call.session.byhand.leave(seat, lost=True)
        await asyncio.sleep(0.1)
        assert call.voiced[-1][1], "the caller hears something at once"
        await call.quiet()
        assert "9 a.m. to 5 p.m." in await call.ask("When are your branches open?")

    call = talk(scenario)
    assert "I'm sorry, we lost my colleague." in heard(call)[-2]
    assert acts(call)[-1] == ("sofia", "is cut off")


def test_two_race_and_one_has_the_call(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        byhand = call.session.byhand
        byhand.join("sofia", Role.PERSON, None, None)
        with pytest.raises(CallTaken, match="sofia is talking"):
            byhand.join("tom", Role.PERSON, None, None)
        assert [seat.name for seat in call.bay.seats] == ["sofia"]
        tom = byhand.join("tom", Role.LISTEN, None, None)
        byhand.change(tom, Role.WHISPER)

    assert acts(talk(scenario)) == [
        ("sofia", "takes over"),
        ("tom", "listens"),
        ("tom", "whispers"),
    ]


def test_a_call_on_its_way_to_a_person_cannot_be_taken(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        assert call.session.pull("tom")
        with pytest.raises(LegError, match="being handed"):
            call.session.byhand.join("sofia", Role.PERSON, None, None)
        assert not call.bay.seats

    assert acts(talk(scenario)) == []


def test_a_taken_call_is_ended_without_the_operators_goodbye(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        call.session.byhand.join("sofia", Role.PERSON, None, None)
        assert not call.session.pull("tom")
        assert call.session.end("sofia")
        await call.finish()

    call = talk(scenario)
    assert call.leg.ended == [(HangupReason.OPERATOR, "ended by sofia")]
    assert "Goodbye" not in heard(call)[-1]


def test_what_a_supervisor_tells_the_operator_is_its_next_answer_word_for_word_once(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        call.session.byhand.tell("sofia", " The branch in Hill Street\nis closed today. ")
        assert await call.ask("When are your branches open?") == "The branch in Hill Street is closed today."
        assert "9 a.m. to 5 p.m." in await call.ask("And when are your branches open on other days?")
        for text in ("", "a" * 401):
            with pytest.raises(LegError, match="1 to 400"):
                call.session.byhand.tell("sofia", text)

    call = talk(scenario)
    answer = call.record.bodies(EventKind.TURN_OPERATOR)[2]
    assert (answer["rung"], answer["why"]) == ("prepared", "told by sofia")


def test_a_caller_in_danger_is_answered_by_the_rules_whatever_was_told(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        call.session.byhand.tell("sofia", "Your card is on its way.")
        await call.ask("I want to kill myself.")

    assert "Your card is on its way." not in heard(talk(scenario))
