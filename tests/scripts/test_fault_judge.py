from __future__ import annotations

from typing import Any

import pytest

from scripts.fault_judge import AGAIN, ANSWER, NOTHING, OFFER, PERSON, Kinds, OpenTurn, Outage, open_turns
from telephony.robot import Spoken

KINDS = Kinds(again=frozenset(["Again, please."]), offers=frozenset(["A person, perhaps?"]))
SMALL = Outage("small", fault=10.0, lost=10.3, back=12.0)


def measured(answer_at: float, rung: str = "small", turn: int = 1) -> dict[str, Any]:
    return {"kind": "turn.measured", "turn": turn, "mono": answer_at, "body": {"answer_at": answer_at, "rung": rung}}


def said(text: str, mono: float, turn: int = 1) -> dict[str, Any]:
    return {"kind": "turn.operator", "turn": turn, "mono": mono, "body": {"text": text}}


def decided(rung: str, mono: float) -> dict[str, Any]:
    return {"kind": "cascade.decided", "turn": 1, "mono": mono, "body": {"rung": rung}}


def judge(
    *events: dict[str, Any], sounds: tuple[float, ...] = (), outage: Outage = SMALL, end: float = 9.8
) -> list[OpenTurn]:
    def sound(at: float) -> float | None:
        return next((one for one in sounds if one >= at), None)

    line = Spoken("a question", started_at=end - 2, true_end_at=end)
    return open_turns([line], events, sound, outage, KINDS, until=30.0)


def test_a_filler_and_then_the_answer_in_time_is_as_asked() -> None:
    (turn,) = judge(decided("small", 9.9), measured(12.5), sounds=(10.7, 12.5))
    assert (turn.sound_s, turn.settled_s, turn.outcome) == (0.7, 2.5, ANSWER)
    assert turn.affected
    assert turn.passed


def test_seconds_count_from_the_true_end_when_it_is_later_than_the_fault() -> None:
    (turn,) = judge(decided("small", 11.1), measured(13.0), sounds=(12.0,), end=11.0)
    assert (turn.ended_before_fault_s, turn.sound_s, turn.settled_s) == (-1.0, 1.0, 2.0)


def test_a_filler_that_was_heard_before_the_fault_counts_as_heard() -> None:
    (turn,) = judge(decided("small", 9.0), measured(11.0), sounds=(9.9, 11.0))
    assert turn.sound_s == 0.0


@pytest.mark.parametrize(
    ("events", "outcome", "settled"),
    [
        ([measured(11.0, "prepared"), said("Again, please.", 12.0)], AGAIN, 1.0),
        ([measured(11.0, "prepared"), said("A person, perhaps?", 12.0)], OFFER, 1.0),
        ([measured(11.0, "prepared"), said("Thank you.", 12.0)], ANSWER, 1.0),
        ([], NOTHING, None),
        ([{"kind": "escalation.raised", "turn": 1, "mono": 11.2, "body": {}}], PERSON, 1.3),
    ],
)
def test_what_the_caller_got_is_told_apart(events: list[dict[str, Any]], outcome: str, settled: float | None) -> None:
    (turn,) = judge(decided("small", 9.9), *events, sounds=(10.2, 11.3))
    assert (turn.outcome, turn.settled_s) == (outcome, settled)
    assert turn.passed is (outcome in (ANSWER, PERSON))


def test_a_turn_that_was_answered_before_the_fault_is_not_its_business() -> None:
    assert judge(decided("small", 9.0), measured(9.9), sounds=(9.9,)) == []


def test_a_turn_that_ends_after_the_worker_is_back_is_not_its_business() -> None:
    assert judge(measured(14.0), sounds=(14.0,), end=12.5) == []


def test_a_turn_of_another_rung_is_open_but_not_affected() -> None:
    (turn,) = judge(decided("extractive", 9.9), measured(10.4, "extractive"), sounds=(10.4,))
    assert not turn.affected


def test_a_turn_whose_words_were_there_does_not_need_the_recogniser() -> None:
    speech = Outage("speech", 10.0, 10.3, 12.0)
    words = {"kind": "turn.caller", "turn": 1, "mono": 9.9, "body": {}}
    (known,) = judge(words, measured(10.4), sounds=(10.4,), outage=speech)
    (unknown,) = judge({**words, "mono": 11.9}, measured(12.4), sounds=(12.4,), outage=speech)
    assert (known.affected, unknown.affected) == (False, True)
