"""Tasks with secure slots: what their file may say, and the order of keys, payment endpoint and the owner's systems."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from contracts.errors import ToolRefused, ToolUncertain
from contracts.tools import Effect, Operation
from dialog.tools.machine import Machine
from dialog.tools.moves import Ask, Call, Capture, End
from dialog.tools.tasks import TaskBook, TaskFile

CARD = {"ask": "Please key in your card number.", "least": 13, "most": 19, "check": "luhn"}
GIFT: dict[str, Any] = {
    "phrases": ["make a donation"],
    "identity": False,
    "look": "getPlan",
    "confirm": "I'll take {cents:money}. Shall I?",
    "secure": {"card_number": CARD},
    "send": ["cents"],
    "done": "Thank you: {cents:money} with the card ending in {last_four}.",
}
OPERATIONS = {
    "getPlan": Operation("getPlan", Effect.READ, frozenset(), frozenset(), frozenset({"cents"})),
    "charge": Operation("charge", Effect.WRITE, frozenset({"token", "cents"}), frozenset({"token"}), frozenset()),
    "verify": Operation("verify", Effect.READ, frozenset({"a", "b"}), frozenset(), frozenset({"customer"})),
}
REPLY = {"token": "tok_1", "last_four": "1486", "brand": "Visa", "reference": "P-1"}


def book(**more: Any) -> TaskBook:
    return TaskBook(TaskFile.model_validate({"version": 1, "tasks": {"gift": {**GIFT, **more}}}))


def machine(tasks: TaskBook) -> Machine:
    """With a yes to the read-back."""
    one = Machine(tasks, lambda name: OPERATIONS[name].inputs, lambda: date(2026, 11, 23))
    assert isinstance(one.begin("I want to make a donation"), Call)
    assert isinstance(one.result({"cents": 500}), Ask)
    one.heard_whole()
    return one


def test_the_keys_come_after_the_yes_and_before_what_is_done_with_the_token() -> None:
    identity = {
        "operation": "verify",
        "factors": {name: {"kind": "name", "ask": "?"} for name in ("a", "b")},
    }
    file = {"version": 1, "identity": identity, "tasks": {"gift": {**GIFT, "identity": True, "act": "charge"}}}
    one = Machine(TaskBook(TaskFile.model_validate(file)), lambda name: OPERATIONS[name].inputs, date.today)
    one.begin("I want to make a donation")
    one.heard("Linda Brown")
    assert isinstance(one.heard("Robert Hale"), Call)
    assert isinstance(one.result({"customer": "c-1"}), Call)
    one.result({"cents": 500})
    one.heard_whole()
    assert one.heard("yes") == Capture("gift", {"cents": 500})
    one.posting()
    assert one.result(REPLY) == Call("charge", Effect.WRITE, {"token": "tok_1", "cents": 500})
    ended = one.result({})
    assert isinstance(ended, End)
    assert ended.text == "Thank you: $5 with the card ending in 1486."


def test_without_a_further_operation_the_endpoint_has_done_it() -> None:
    one = machine(book())
    assert isinstance(one.heard("yes"), Capture)
    one.posting()
    assert one.result(REPLY) == End("Thank you: $5 with the card ending in 1486.", "done", "gift")


@pytest.mark.parametrize(("yes", "how"), [("no", "cancelled"), ("never mind", "cancelled")])
def test_nothing_is_keyed_in_without_a_yes(yes: str, how: str) -> None:
    ended = machine(book()).heard(yes)
    assert isinstance(ended, End)
    assert ended.how == how


def test_a_card_is_declined_in_the_tasks_words_or_in_ours() -> None:
    for refused, says in (({}, "declined, and nothing was charged"), ({"declined": {"say": "No luck."}}, "No luck.")):
        one = machine(book(refused=refused))
        one.heard("yes")
        one.posting()
        ended = one.declined("insufficient_funds")
        assert says in ended.text
        assert ended.offer is not bool(refused)


def test_what_the_endpoint_does_not_accept_is_not_called_declined() -> None:
    for error, how in ((ToolRefused("no", "bad_request"), "refused"), (ToolUncertain("late"), "uncertain")):
        one = machine(book())
        one.heard("yes")
        one.posting()
        ended = one.failed(error)
        assert isinstance(ended, End)
        assert (ended.how, ended.offer) == (how, True)
        assert "declined" not in ended.text


def test_broken_off_it_wants_another_yes() -> None:
    one = machine(book())
    one.heard("yes")
    one.unkeyed()
    assert isinstance(one.again(), Ask)
    assert isinstance(one.heard("yes"), Capture)


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ({"confirm": ""}, "needs 'confirm'"),
        ({"secure": {}, "look": "getPlan"}, "'send' is for the payment endpoint"),
        ({"slots": {"card_number": {"kind": "digits", "digits": 4, "ask": "?"}}}, "stands in 'slots' and in 'secure'"),
    ],
)
def test_a_tasks_file_that_would_not_be_safe_is_refused(more: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        book(**more)


def test_what_nothing_gives_is_named() -> None:
    assert book().faults(OPERATIONS) == []
    assert "send names 'euros'" in book(send=["euros"]).faults(OPERATIONS)[0]
    assert "confirm names 'last_four'" in book(confirm="Take it from {last_four}?").faults(OPERATIONS)[0]
    assert "done names 'card_number'" in book(done="From {card_number}.").faults(OPERATIONS)[0]
    assert book().captures == ["gift"]
