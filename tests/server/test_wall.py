"""The wall says what every live call is doing, without its words."""

from __future__ import annotations

import json
from datetime import timedelta

from contracts.events import Event, EventKind
from server.wall import MAX_FLAGS, Wall
from tests.operations.kit import START, call_events


def seen(count: int) -> tuple[Wall, list[dict[str, object]]]:
    """After so many events of the short call, three seconds apart; looked at one second later."""
    wall = Wall()
    for event in call_events()[:count]:
        wall.append(event)
    return wall, wall.calls(START + timedelta(seconds=3 * count - 2))


def test_a_call_that_began_is_greeted() -> None:
    (call,) = seen(1)[1]
    assert (call["state"], call["caller"], call["duration_s"], call["wait_s"]) == ("greeting", "+15550100", 1.0, None)


def test_a_caller_who_has_asked_waits_until_something_sounds() -> None:
    (call,) = seen(2)[1]
    assert (call["state"], call["wait_s"], call["turns"]) == ("thinking", 1.0, 1)


def test_an_answer_shows_its_rung_and_latency() -> None:
    (call,) = seen(4)[1]
    assert (call["rung"], call["latency_s"], call["wait_s"]) == ("small", 0.7, None)


def test_what_was_held_back_and_why_a_person_is_needed_are_flags_and_the_wait_runs() -> None:
    (call,) = seen(8)[1]
    assert call["flags"] == ["answer held back", "person_requested"]
    assert (call["state"], call["wait_s"]) == ("handing over", 4.0)


def test_the_topic_models_word_stands_before_a_documents_title() -> None:
    wall, _ = seen(2)
    shown = []
    for kind, body in (
        (EventKind.TURN_OPERATOR, {"task": "Account fees"}),
        (EventKind.TURN_TOPIC, {"topic": "cards", "outside": False}),
        (EventKind.TURN_OPERATOR, {"task": "Replacing a card"}),
        (EventKind.TURN_TOPIC, {"topic": "cards", "outside": True}),
    ):
        wall.append(Event(kind, "call-1", body, at=START))
        shown.append(wall.calls(START)[0]["topic"])
    assert shown == ["Account fees", "cards", "cards", "out of scope"]


def test_a_call_that_is_over_is_gone_and_none_of_its_words_were_kept() -> None:
    assert "human" not in json.dumps(seen(9)[1])
    assert "fee" not in json.dumps(seen(9)[1])
    assert seen(10)[1] == []


def test_one_call_can_be_asked_for_and_flags_are_bounded() -> None:
    wall, _ = seen(1)
    for number in range(50):
        wall.append(Event(EventKind.ESCALATION_RAISED, "call-1", {"reason": f"r{number}"}, at=START))
    assert len(wall.calls(START, ["call-1"])[0]["flags"]) == MAX_FLAGS
    assert wall.calls(START, ["other"]) == []


def test_a_caller_who_was_joined_with_a_person_is_with_them_until_they_leave() -> None:
    wall = seen(1)[0]
    states = []
    for kind, body in (
        (EventKind.ESCALATION_RAISED, {"reason": "person_requested"}),
        (EventKind.TRANSFER_ENDED, {"ok": True, "status": "joined"}),
        (EventKind.TRANSFER_STEP, {"step": "joined"}),
        (EventKind.TRANSFER_STEP, {"step": "left"}),
    ):
        wall.append(Event(kind, seen(1)[1][0]["call_id"], body, at=START))  # type: ignore[arg-type]
        states.append(wall.calls(START)[0]["state"])
    assert states[0] == "handing over"
    assert states[2:] == ["with a person", "listening"]


def test_a_secure_capture_is_shown_until_it_is_over_whatever_is_said_meanwhile() -> None:
    wall, _ = seen(1)
    shown = []
    for kind, body in (
        (EventKind.CAPTURE_MOVED, {"step": "begun"}),
        (EventKind.TURN_MEASURED, {"response_latency_s": 0.5}),
        (EventKind.TURN_OPERATOR, {"heard": "Please key in …"}),
        (EventKind.TURN_CALLER, {"text": "[secure capture]"}),
        (EventKind.CAPTURE_MOVED, {"step": "asked"}),
        (EventKind.CAPTURE_MOVED, {"step": "ended"}),
        (EventKind.TURN_OPERATOR, {"heard": "Thank you"}),
    ):
        wall.append(Event(kind, call_events()[0].call_id, body, at=START))
        shown.append(wall.calls(START)[0]["state"])
    assert shown == ["secure capture"] * 5 + ["thinking", "listening"]
