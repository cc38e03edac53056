"""When speech fails twice, keys are offered, and mean what was said of them."""

from __future__ import annotations

from typing import Any

from contracts.events import EventKind
from dialog.keypad import Keypad
from dialog.settings import DialogSettings, MenuItem
from tests.dialog.kit import Finds
from tests.dialog.test_clarify import CARDS, CHOICE

MENU = [
    MenuItem(name="opening hours", question="When are your branches open?"),
    MenuItem(name="your balance", question="What is the available balance?"),
]


def offering(call: Any) -> None:
    call.session._keypad = Keypad(MENU)


def test_each_item_has_its_key_in_order() -> None:
    keypad = Keypad(MENU)
    assert keypad.offer(None) == "For opening hours press 1, for your balance press 2, "
    assert [keypad.pressed(key) for key in "120#"] == [MENU[0].question, MENU[1].question, "", ""]
    keypad.drop()
    assert keypad.pressed("1") == ""


def test_the_readings_of_a_question_come_before_the_menu() -> None:
    keypad = Keypad(MENU)
    assert keypad.offer(CHOICE).startswith("For the debit card press 1, for the credit card press 2")
    assert keypad.pressed("2") == "credit card"


def test_nothing_is_offered_where_the_owner_offers_nothing() -> None:
    assert Keypad(DialogSettings().menu).offer(None) == ""


def test_a_caller_who_is_not_understood_twice_gets_an_answer_by_key(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        offering(call)
        assert "press 1" not in await call.ask("", rejected="silence")
        heard = await call.ask("", rejected="silence")
        assert "For opening hours press 1, for your balance press 2, for a person press 0." in heard
        before = len(call.record.bodies(EventKind.TURN_OPERATOR))
        call.press("1")
        await call.quiet(2.0)
        said = call.record.bodies(EventKind.TURN_OPERATOR)[before:]
        assert "9 a.m. to 5 p.m." in " ".join(one["heard"] for one in said)

    talk(scenario)


def test_a_zero_reaches_a_person_and_a_key_that_was_not_offered_does_nothing(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        offering(call)
        for _ in range(2):
            await call.ask("", rejected="silence")
        call.press("7")
        await call.quiet()
        assert call.leg.transfers == []
        call.press("0")
        await call.quiet(2.0)
        assert call.leg.transfers

    talk(scenario)


def test_whoever_is_understood_again_is_not_bound_by_keys(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        offering(call)
        for _ in range(2):
            await call.ask("", rejected="silence")
        assert "9 a.m." in await call.ask("When are your branches open?")
        before = len(call.record.bodies(EventKind.TURN_OPERATOR))
        call.press("2")
        await call.quiet(1.0)
        assert len(call.record.bodies(EventKind.TURN_OPERATOR)) == before

    talk(scenario)


def test_words_of_little_confidence_count_as_speech_that_failed(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        offering(call)
        await call.ask("when branch hmm", confidence=0.1)
        assert "press 1" in await call.ask("when bench is", confidence=0.1)

    talk(scenario)


def test_a_reading_is_picked_by_key(talk: Any) -> None:
    async def scenario(call: Any) -> None:
        assert "debit card or the credit card" in await call.ask("How much is a new card?")
        await call.ask("", rejected="silence")
        assert "For the debit card press 1" in await call.ask("", rejected="silence")
        before = len(call.record.bodies(EventKind.TURN_OPERATOR))
        call.press("2")
        await call.quiet(2.0)
        said = call.record.bodies(EventKind.TURN_OPERATOR)[before:]
        assert "A replacement credit card is always free." in " ".join(one["heard"] for one in said)

    talk(scenario, search=Finds([CARDS]))
