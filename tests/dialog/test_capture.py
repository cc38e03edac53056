"""Secure capture in a call with the real demo bank, on virtual time: who is deaf, who is charged, who gets a person."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from contracts.audio import FRAME_BYTES, AudioFrame
from contracts.events import EventKind, SpeechStarted
from contracts.handoff import Reason
from contracts.seats import Role
from scripts.demo_bank import DECLINED, Bank
from tests.dialog.bankkit import CARD, KEYS, LINDA, MONDAY, counter, leaked
from tests.dialog.kit import MemoryLeg

LOUD = AudioFrame(b"\x00\x10" * (FRAME_BYTES // 2), 0.0)


@pytest.fixture
def bank() -> Bank:
    return Bank(lambda: MONDAY)


async def _until_keys(call: Any) -> None:
    """To the question for the card number, said to its end."""
    await call.ask("I'd like to pay my credit card bill.")
    for words in LINDA:
        read_back = await call.ask(words)
    assert "$245.10 is due" in read_back
    assert "key in your card number" in await call.ask("Yes, please.")


async def _keys(call: Any, *entries: str) -> None:
    for keys in entries:
        call.front.on_dtmf(keys[0])
        await asyncio.sleep(0.3)  # the first key ends the question
        for key in keys[1:]:
            call.front.on_dtmf(key)
            await asyncio.sleep(0.2)
        await asyncio.sleep(0.3)
        await call.quiet()


def _moved(call: Any, what: str = "step") -> list[Any]:
    return [body.get(what) for body in call.record.bodies(EventKind.CAPTURE_MOVED)]


def _everything(call: Any) -> str:
    handed = [handoff.model_dump(mode="json") for handoff in call.record.handoffs]
    prompts = [*call.small.read, *call.large.read, *(str(one) for one in call.small.asked + call.large.asked)]
    return json.dumps([event.body for event in call.record.events]) + json.dumps(handed) + json.dumps(prompts)


def _no_digits(call: Any) -> None:
    assert leaked(_everything(call)) == []


def test_a_card_is_keyed_in_charged_once_and_remembered_by_its_last_four(talk: Any, bank: Bank) -> None:
    async def scenario(call: Any) -> None:
        await _until_keys(call)
        await asyncio.sleep(8)  # the card is in the other room: nobody fills that silence
        await _keys(call, *KEYS)

    call = talk(scenario, counter=counter(bank))
    assert call.record.bodies(EventKind.BUDGET_CHOSE) == []
    assert bank.payments == [{"customer": "c-100", "cents": "24510", "brand": "Visa", "last_four": "1486"}]
    assert bank.served == ["identity", "bill", "pay"]
    said = [body["heard"] for body in call.record.bodies(EventKind.TURN_OPERATOR)]
    assert "Visa ending in 1486 went through" in said[-1]
    assert "key in your card number" in said[-2]
    assert [body["text"] for body in call.record.bodies(EventKind.TURN_CALLER)][-1] == "[secure capture]"
    assert _moved(call) == ["begun", "asked", "asked", "asked", "ended", "posted"]
    assert call.record.bodies(EventKind.DTMF_RECEIVED) == []
    assert call.record.bodies(EventKind.TASK_ENDED) == [{"task": "pay_card_bill", "how": "done"}]
    _no_digits(call)


def test_nothing_and_nobody_hears_the_caller_meanwhile(talk: Any, bank: Bank) -> None:
    sides = _Sides()
    heard: list[bytes] = []

    async def scenario(call: Any) -> None:
        await _until_keys(call)
        call.bay.join("anna", Role.LISTEN, heard.append)
        call.bay.on_frame(LOUD)  # the ear of these tests raises when it is given sound
        before = len(sides.operator_said)
        await _keys(call, *KEYS[:2])
        assert not any(sides.caller_said)
        assert not any(any(frame) for frame in sides.operator_said[before:])
        await _keys(call, KEYS[2])
        assert any(any(frame) for frame in sides.operator_said[before:])
        assert not call.front.ear._paused

    talk(scenario, counter=counter(bank), tap=lambda call: sides)
    assert heard
    assert LOUD.pcm not in heard


class _Sides:
    """telephony.patchbay.Tap: what a recording would get."""

    def __init__(self) -> None:
        self.caller_said: list[bool] = []
        self.operator_said: list[bytes] = []

    def caller(self, pcm: bytes) -> None:
        self.caller_said.append(any(pcm))

    def operator(self, pcm: bytes) -> None:
        self.operator_said.append(pcm)


def test_whoever_knows_the_way_keys_on_without_being_asked(talk: Any, bank: Bank) -> None:
    async def scenario(call: Any) -> None:
        await _until_keys(call)
        for key in "".join(KEYS):
            call.front.on_dtmf(key)
            await asyncio.sleep(0.12)
        await call.quiet()

    assert len(talk(scenario, counter=counter(bank)).record.bodies(EventKind.TOOL_CALLED)) == 2
    assert len(bank.payments) == 1


@pytest.mark.parametrize(
    ("entries", "why"),
    [((CARD[:-1] + "0#",) * 2, "check digit"), (("4539#", "#"), "nothing"), (("00#", "0#"), "too short")],
)
def test_two_failures_are_a_person_who_is_told_no_digit(talk: Any, bank: Bank, entries: Any, why: str) -> None:
    async def scenario(call: Any) -> None:
        await _until_keys(call)
        await _keys(call, *entries)
        await asyncio.sleep(5)

    call = talk(scenario, counter=counter(bank))
    (handoff,) = call.record.handoffs[-1:]
    assert handoff.reason is Reason.CAPTURE
    assert "4539" not in handoff.model_dump_json()
    assert "[secure capture]" in [line.text for line in handoff.transcript]
    assert _moved(call, "why")[-1] == why
    assert call.leg.transfers
    assert "pay" not in bank.served
    _no_digits(call)


def test_no_key_at_all_is_a_person_too(talk: Any, bank: Bank) -> None:
    async def scenario(call: Any) -> None:
        await _until_keys(call)
        await asyncio.sleep(60)

    call = talk(scenario, counter=counter(bank))
    assert call.record.handoffs[-1].reason is Reason.CAPTURE
    said = " ".join(call.record.bodies(EventKind.TURN_OPERATOR)[-1]["text"].split())
    assert "nothing was charged" in said


def test_a_zero_in_capture_asks_for_nobody(talk: Any, bank: Bank) -> None:
    async def scenario(call: Any) -> None:
        await _until_keys(call)
        await _keys(call, "0")
        await _keys(call, "*" + KEYS[0], *KEYS[1:])

    assert talk(scenario, counter=counter(bank)).leg.transfers == []
    assert len(bank.payments) == 1


def test_a_hang_up_drops_what_was_keyed(talk: Any, bank: Bank) -> None:
    entered: list[Any] = []

    async def scenario(call: Any) -> None:
        await _until_keys(call)
        await _keys(call, KEYS[0], "12")
        entered.append(call.session._desk._secure._entering)
        assert len(entered[0].keyed["card_number"]) == 16

    call = talk(scenario, counter=counter(bank))
    assert [len(one) for one in entered[0].keyed.values()] == [0, 0, 0]
    assert _moved(call, "how")[-1] == "broken off"
    assert "pay" not in bank.served
    _no_digits(call)


def test_a_hang_up_while_it_is_posted_is_recorded_with_its_result(talk: Any, bank: Bank) -> None:
    async def scenario(call: Any) -> None:
        await _until_keys(call)
        await _keys(call, *KEYS[:2])
        for key in KEYS[2]:
            call.front.on_dtmf(key)
        await asyncio.sleep(0.1)

    call = talk(scenario, counter=counter(bank, delay_s=3.0))
    assert len(bank.payments) == 1
    assert _moved(call)[-1] == "posted"
    assert _moved(call, "ok")[-1] is True


@pytest.mark.parametrize(
    ("lost", "delay_s", "says", "why"),
    [
        ("", 20.0, "can't tell whether", "ToolUncertain"),
        ("answers", 0.0, "can't tell whether", "ToolUncertain"),
        ("500", 0.0, "can't tell whether", "ToolUncertain"),
    ],
)
def test_an_endpoint_that_fails_is_said_honestly_and_not_asked_again(
    talk: Any, bank: Bank, lost: str, delay_s: float, says: str, why: str
) -> None:
    async def scenario(call: Any) -> None:
        await _until_keys(call)
        call.session._desk._secure._payments = counter(bank, lost, delay_s).payments
        await _keys(call, *KEYS)
        await asyncio.sleep(12)
        await call.quiet()
        assert says in call.record.bodies(EventKind.TURN_OPERATOR)[-1]["heard"]
        await call.ask("Yes please.")

    call = talk(scenario, counter=counter(bank))
    assert bank.served.count("pay") == 1
    assert _moved(call, "why")[-1] == why
    assert call.record.handoffs[-1].reason is Reason.OFFER_ACCEPTED
    _no_digits(call)


def test_an_endpoint_that_is_down_has_charged_nothing(talk: Any, bank: Bank) -> None:
    async def scenario(call: Any) -> None:
        await _until_keys(call)
        call.session._desk._secure._payments = counter(bank, "requests").payments
        await _keys(call, *KEYS)
        assert "Nothing was done" in call.record.bodies(EventKind.TURN_OPERATOR)[-1]["heard"]

    talk(scenario, counter=counter(bank))
    assert "pay" not in bank.served


def test_a_declined_card_can_be_replaced_by_another_and_not_for_ever(talk: Any, bank: Bank) -> None:
    async def scenario(call: Any) -> None:
        await _until_keys(call)
        for _ in range(3):
            await _keys(call, DECLINED + "#", *KEYS[1:])
            assert "declined, and nothing was charged" in call.record.bodies(EventKind.TURN_OPERATOR)[-1]["heard"]
            await call.ask("I want to pay my credit card bill.")
            await call.ask("Yes.")

    call = talk(scenario, counter=counter(bank))
    assert bank.served.count("pay") == 3
    assert len({body["key"] for body in call.record.bodies(EventKind.CAPTURE_MOVED) if "key" in body}) == 3
    assert call.record.handoffs[-1].reason is Reason.CAPTURE
    assert _moved(call, "why")[-1] == "too many tries"


def test_a_phone_without_keys_is_not_asked_to_press_any(talk: Any, bank: Bank) -> None:
    class Keyless(MemoryLeg):
        def __init__(self, *answers: Any) -> None:
            super().__init__(*answers)
            self.capabilities = replace(self.capabilities, dtmf=False)

    async def scenario(call: Any) -> None:
        assert "key in" not in await call.ask("I want to pay my credit card bill.")

    call = talk(scenario, counter=counter(bank), leg=Keyless)
    assert call.record.handoffs[-1].reason is Reason.CAPTURE
    assert bank.served == []


def test_a_dry_run_asks_for_no_card(talk: Any, bank: Bank) -> None:
    async def scenario(call: Any) -> None:
        await call.ask("I'd like to pay my credit card bill.")
        for words in LINDA:
            await call.ask(words)
        assert "not done anything" in await call.ask("Yes.")

    assert _moved(talk(scenario, counter=counter(bank, dry_run=True))) == []


def test_a_supervisor_who_pulls_the_call_ends_it_and_keys_after_it_are_hidden(talk: Any, bank: Bank) -> None:
    async def scenario(call: Any) -> None:
        await _until_keys(call)
        await _keys(call, CARD[:6])
        assert call.session.pull("anna")
        await asyncio.sleep(0.1)
        assert not call.front.ear._paused
        await asyncio.sleep(5)

    call = talk(scenario, counter=counter(bank))
    assert _moved(call, "how")[-1] == "broken off"
    assert call.record.handoffs[-1].reason is Reason.SUPERVISOR
    _no_digits(call)


def test_a_supervisor_who_takes_over_hears_the_caller_and_no_key_is_left(talk: Any, bank: Bank) -> None:
    heard: list[bytes] = []

    async def scenario(call: Any) -> None:
        await _until_keys(call)
        await _keys(call, CARD[:6])
        entering = call.session._desk._secure._entering
        call.session.byhand.join("anna", Role.PERSON, heard.append, None)
        await asyncio.sleep(0.2)
        assert [len(one) for one in entering.keyed.values()] == [0, 0, 0]
        call.front.ear.pause(True)  # the ear of these tests cannot be given sound
        for _ in range(5):
            call.bay.on_frame(LOUD)
            await asyncio.sleep(0.02)
        assert LOUD.pcm in heard

    call = talk(scenario, counter=counter(bank))
    assert _moved(call, "how")[-1] == "broken off"
    _no_digits(call)


def test_keys_pressed_too_early_or_too_late_are_written_down_as_dots(talk: Any, bank: Bank) -> None:
    async def scenario(call: Any) -> None:
        await call.ask("I'd like to pay my credit card bill.")
        for words in LINDA:
            await call.ask(words)
        call.press("4539")
        await asyncio.sleep(0.2)
        await call.ask("No.")
        call.press("57")
        await asyncio.sleep(0.2)

    call = talk(scenario, counter=counter(bank))
    assert [body["digit"] for body in call.record.bodies(EventKind.DTMF_RECEIVED)] == ["•"] * 6


def test_a_caller_who_goes_on_just_then_has_to_say_yes_again(talk: Any, bank: Bank) -> None:
    async def scenario(call: Any) -> None:
        await _until_keys(call)
        call.front._queue.put(SpeechStarted(call.clock.now(), continues=True))
        await asyncio.sleep(0.2)
        assert "key in your card number" in await call.ask("Yes.")
        await _keys(call, *KEYS)

    talk(scenario, counter=counter(bank))
    assert len(bank.payments) == 1
