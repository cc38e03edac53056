"""Who hears whom in a call with more than two people, and that the caller is never left in silence."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest

from contracts.audio import FRAME_BYTES, AudioFrame
from contracts.errors import CallTaken, LegClosed, LegError
from contracts.leg import HangupReason
from contracts.seats import HEARD_BY, Role
from telephony.patchbay import JitterRing, Patchbay, PatchbaySettings, Seat, mixed

SETTINGS = PatchbaySettings(seats=4, depth_frames=1, capacity_frames=5)
PEOPLE = [Role.LISTEN, Role.WHISPER, Role.BARGE, Role.PERSON]


def level(value: int) -> bytes:
    """A frame of one value: what is in a sum can be read from it."""
    return np.full(FRAME_BYTES // 2, value, "<i2").tobytes()


def value(frame: bytes | None) -> int:
    return 0 if frame is None else int(np.frombuffer(frame, "<i2")[0])


class Operator:
    """contracts.leg.LegPort of an operator that says 1000 without end."""

    def __init__(self) -> None:
        self.heard: list[int] = []
        self.said = 0
        self.held: list[bool] = []
        self.keys: list[str] = []
        self.closed: list[HangupReason] = []

    def on_frame(self, frame: AudioFrame) -> None:
        self.heard.append(value(frame.pcm))

    def next_frame(self) -> bytes | None:
        self.said += 1
        return level(1000)

    def on_dtmf(self, digit: str) -> None:
        self.keys.append(digit)

    def on_hold(self, held: bool) -> None:
        self.held.append(held)

    def on_closed(self, reason: HangupReason, detail: str) -> None:
        self.closed.append(reason)


class Sides:
    """telephony.patchbay.Tap."""

    def __init__(self) -> None:
        self.left: list[int] = []
        self.right: list[int] = []

    def caller(self, pcm: bytes) -> None:
        self.left.append(value(pcm))

    def operator(self, pcm: bytes) -> None:
        self.right.append(value(pcm))


class Call:
    """A patchbay with a caller who says 1, and what everybody heard in the last beat."""

    def __init__(self) -> None:
        self.operator = Operator()
        self.sides = Sides()
        self.bay = Patchbay(self.operator, SETTINGS, self.sides)
        self.heard: dict[str, list[int]] = {}
        self.says: dict[Seat, int] = {}

    def join(self, name: str, role: Role, says: int = 0) -> Seat:
        heard = self.heard.setdefault(name, [])
        seat = self.bay.join(name, role, lambda pcm: heard.append(value(pcm)))
        self.says[seat] = says
        return seat

    def beat(self, count: int = 1) -> int:
        """20 ms; what the caller heard in the last of them."""
        for _ in range(count):
            self.bay.on_frame(AudioFrame(level(1), 0.0))
            for seat, says in self.says.items():
                if says:
                    seat.say(level(says))
            out = self.bay.next_frame()
        return value(out)


def test_without_seats_frames_are_passed_on_untouched() -> None:
    call = Call()
    assert call.beat() == 1000
    assert call.operator.heard == [1]
    assert (call.sides.left, call.sides.right) == ([1], [1000])


@pytest.mark.parametrize("role", PEOPLE)
def test_who_hears_a_newcomer(role: Role) -> None:
    call = Call()
    call.join("eve", role, says=10)
    out = call.beat(2)
    assert out == (1010 if role in (Role.BARGE, Role.PERSON) else 1000)
    assert call.heard["eve"][-1] == 1001, "everybody hears caller and operator, and nobody themselves"
    assert call.operator.heard[-1] == 1, "the operator's ear hears the caller alone"
    assert call.sides.right[-1] == out, "what the caller hears is recorded, whoever says it"


def test_a_whisper_reaches_the_person_alone() -> None:
    call = Call()
    call.join("pat", Role.PERSON, says=20)
    call.join("sue", Role.WHISPER, says=300)
    call.join("tom", Role.LISTEN)
    call.bay.operator(False)
    assert call.beat(2) == 20
    assert call.heard["pat"][-1] == 301
    assert call.heard["sue"][-1] == 21
    assert call.heard["tom"][-1] == 21


def test_the_table_is_complete_and_nobody_but_the_caller_is_heard_by_the_operator() -> None:
    assert set(HEARD_BY) == set(Role)
    assert [role for role in Role if Role.OPERATOR in HEARD_BY[role]] == [Role.CALLER]
    assert all(role not in HEARD_BY[role] for role in (Role.CALLER, Role.OPERATOR, Role.WHISPER, Role.LISTEN))


def test_a_taken_over_call_has_no_operator_until_it_is_given_back() -> None:
    call = Call()
    call.beat()
    seat = call.join("sue", Role.PERSON, says=7)
    call.bay.operator(False)
    said = call.operator.said
    assert call.beat(2) == 7
    assert call.operator.said == said
    assert call.operator.held == [True]
    heard = len(call.operator.heard)
    call.bay.operator(True)
    seat.leave()
    assert call.beat() == 1000
    assert call.operator.held == [True, False]
    assert len(call.operator.heard) == heard + 1


def test_the_operator_can_go_on_listening_for_the_transcript() -> None:
    call = Call()
    call.join("sue", Role.PERSON, says=7)
    call.bay.operator(False, listening=True)
    call.beat(3)
    assert call.operator.heard == [1, 1, 1]
    assert call.operator.held == []


def test_in_private_the_caller_is_heard_by_nobody_and_recorded_by_nothing() -> None:
    call = Call()
    call.join("sue", Role.LISTEN)
    call.join("bob", Role.BARGE, says=40)
    call.beat(2)
    call.operator.heard.clear()
    call.bay.private(True)
    assert call.beat(3) == 1040, "who speaks to the caller is heard"
    assert call.operator.heard == []
    assert call.heard["sue"][-1] == 1040
    assert call.heard["bob"][-1] == 1000
    assert (call.sides.left[-3:], call.sides.right[-3:]) == ([0] * 3, [0] * 3)
    call.bay.on_dtmf("5")
    assert call.operator.keys == ["5"]
    call.bay.private(False)
    call.beat(2)
    assert call.heard["sue"][-1] == 1041
    assert (call.operator.heard[-1], call.sides.left[-1], call.sides.right[-1]) == (1, 1, 1040)


def test_its_last_frame_fades_out_and_is_not_kept_for_later() -> None:
    call = Call()
    call.join("sue", Role.PERSON)
    call.bay.operator(False)
    assert call.beat() == 1000
    assert call.beat() == 0


@pytest.mark.parametrize("how", ["leaves", "listens"])
def test_the_caller_is_never_left_in_silence(how: str) -> None:
    call = Call()
    gone: list[str] = []
    call.bay.on_empty = lambda last: gone.append(last.name)
    seat = call.join("sue", Role.PERSON)
    call.join("tom", Role.LISTEN)
    call.bay.operator(False)
    call.beat(2)
    if how == "leaves":
        seat.leave()
    else:
        seat.become(Role.LISTEN)
    assert gone == ["sue"]
    assert call.beat() == 1000


def test_as_long_as_somebody_talks_with_the_caller_nobody_is_called_back() -> None:
    call = Call()
    gone: list[str] = []
    call.bay.on_empty = lambda last: gone.append(last.name)
    first = call.join("pat", Role.PERSON)
    second = call.join("sue", Role.BARGE, says=5)
    call.bay.operator(False)
    first.leave()
    assert call.beat(2) == 5
    assert gone == []
    second.leave()
    assert gone == ["sue"]


def test_what_people_say_to_the_caller_is_told_in_one_sum_with_silence_until_it_has_ended() -> None:
    call = Call()
    told: list[int] = []
    call.bay.on_people = lambda pcm: told.append(value(pcm))
    call.join("tom", Role.LISTEN, says=1)
    call.beat(3)
    assert told == [], "nobody speaks to the caller"
    pat = call.join("pat", Role.PERSON, says=20)
    sue = call.join("sue", Role.BARGE, says=300)
    call.join("eve", Role.WHISPER, says=4000)
    call.bay.operator(False)
    call.beat(2)
    assert told[-1] == 320, "not what the caller said, nor what they do not hear"
    assert call.bay.talking == ("pat", "sue")
    call.bay.private(True)
    call.beat(2)
    assert told[-2:] == [0, 0], "while digits are keyed in, nobody is listened to"
    call.bay.private(False)
    for seat in (pat, sue):
        seat.leave()
    told.clear()
    call.beat(200)
    assert set(told) == {0}
    assert len(told) == 150


def test_two_cannot_have_the_same_call_and_the_second_is_told_who_has_it() -> None:
    call = Call()
    call.join("sue", Role.PERSON)
    tom = call.join("tom", Role.LISTEN)
    with pytest.raises(CallTaken, match="sue"):
        tom.become(Role.PERSON)
    with pytest.raises(CallTaken, match="sue"):
        call.join("eve", Role.PERSON)
    assert tom.role is Role.LISTEN
    assert call.bay.holder is not None
    assert call.bay.holder.name == "sue"


def test_seats_are_few_and_a_call_that_is_over_has_none() -> None:
    call = Call()
    told: list[str] = []
    for name in "abcd":
        call.bay.join(name, Role.LISTEN, on_over=lambda name=name: told.append(name))  # type: ignore[misc]
    with pytest.raises(LegError, match="4 people"):
        call.bay.join("e", Role.LISTEN)
    call.bay.on_closed(HangupReason.CALLER, "")
    call.bay.on_closed(HangupReason.CALLER, "")
    assert told == list("abcd")
    assert call.operator.closed == [HangupReason.CALLER]
    with pytest.raises(LegClosed):
        call.bay.join("e", Role.LISTEN)


def test_a_caller_who_comes_back_from_hold_hears_nothing_stale() -> None:
    call = Call()
    seat = call.join("sue", Role.PERSON)
    call.bay.operator(False)
    call.beat(2)
    call.bay.on_hold(True)
    seat.say(level(9))
    call.bay.on_hold(False)
    assert call.beat() == 0
    seat.say(level(8))
    assert call.beat() == 8


def test_the_sum_is_limited_and_not_wrapped_around() -> None:
    assert value(mixed([level(30000), level(30000)])) == 32767
    assert value(mixed([level(-30000), level(-30000), level(-1)])) == -32768
    assert mixed([]) is None
    one = level(5)
    assert mixed([one]) is one


def test_frames_of_a_wrong_size_are_refused_and_listeners_say_nothing() -> None:
    call = Call()
    seat = call.join("sue", Role.PERSON)
    seat.say(b"\x01" * 100)
    assert seat.refused == 1
    tom = call.join("tom", Role.LISTEN)
    tom.say(level(3))
    tom.become(Role.BARGE)
    assert call.beat(2) == 1000


def test_a_seat_without_callback_is_asked_for_what_it_hears() -> None:
    call = Call()
    seat = call.bay.join("sip:pat@pbx", Role.LISTEN)
    assert seat.heard() is None
    call.beat()
    assert value(seat.heard()) == 1001
    call.beat(40)  # nobody asks: what waits is bounded
    assert len(list(iter(seat.heard, None))) == SETTINGS.capacity_frames


def taken(ring: JitterRing, beats: Iterable[Iterable[int]]) -> list[int]:
    """What comes out, beat by beat, 0 for silence; each beat is preceded by the frames that arrived."""
    out = []
    for arrived in beats:
        for one in arrived:
            ring.put(level(one))
        out.append(value(ring.take()))
    return out


def test_jitter_is_smoothed_by_the_ring() -> None:
    ring = JitterRing(2, 10)
    assert taken(ring, [[1], [2], [], [3, 4], [5], [], []]) == [0, 1, 2, 3, 4, 5, 0]
    assert ring.missed == 1


def test_a_single_frame_does_not_wait_for_ever() -> None:
    assert taken(JitterRing(3, 10), [[1], [], [], []]) == [0, 0, 1, 0]


def test_a_surplus_drops_the_oldest_and_a_long_wait_is_worked_off() -> None:
    ring = JitterRing(1, 4)
    assert taken(ring, [[1, 2, 3, 4, 5, 6]]) == [3]
    assert ring.dropped == 2
    for _ in range(300):  # three more wait than needed: one is left out each second
        ring.put(level(7))
        ring.take()
    assert ring.dropped == 5
    assert ring.take() is None
