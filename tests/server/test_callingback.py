"""A callback dialled for somebody at the desk: their telephone, then the caller's; on virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from contracts.audio import SILENCE
from contracts.dialling import DialEnd
from contracts.errors import CallUnknown, LegError
from contracts.events import EventKind
from contracts.handoff import Reason
from contracts.leg import HangupReason
from contracts.virtual_time import LoopClock, run_virtual
from dialog.lines import Lines
from dialog.person import PersonLine
from dialog.waitingline import WaitingLine
from escalation.settings import EscalationSettings
from operations.callbacks import Callback
from server.callingback import LOST, CallingBack
from telephony.patchbay import PatchbaySettings
from tests.dialog.kit import ROOT, Record, SteadyVoice
from tests.dialog.phones import PERSON, Exchange
from voice.mouth import Mouth
from voice.settings import VoiceSettings

NOW = datetime(2026, 11, 21, tzinfo=UTC)
ANN = "sip:ann@desk.example"
TICKETS = {
    "t1": Callback("t1", "call-1", "+15551234567", Reason.FRAUD, NOW, NOW, holder="ann"),
    "t2": Callback("t2", "call-2", "sip:alice@home.example", Reason.FRAUD, NOW, NOW, holder="ann"),
}
SETTINGS = {"queue": {"phones": ["sip:*@desk.example"], "callback_route": "sip:{number}@trunk.example"}}


class House:
    """What a callback needs, in memory."""

    def __init__(self, exchange: Exchange, **queue: Any) -> None:
        clock = LoopClock(asyncio.get_running_loop())
        self.clock, self.exchange, self.record = clock, exchange, Record()
        settings = EscalationSettings.model_validate({"queue": {**SETTINGS["queue"], **queue}})
        self.line = WaitingLine(settings.queue, clock, self.record, self.record, SILENCE)
        voice = SteadyVoice()
        self.calling = CallingBack(
            self.ticket, exchange, lambda: Mouth(VoiceSettings(), voice, clock), PatchbaySettings(depth_frames=1),
            settings, self.line, self.record, Lines.load(ROOT / "configs" / "prompts" / "lines.yaml", "Test Bank"),
        )  # fmt: skip

    async def ticket(self, name: str) -> Callback:
        if name not in TICKETS:
            raise CallUnknown(f"no callback {name}")
        return TICKETS[name]

    async def call(self, ticket: str = "t1", by: str = "ann", reach: str = ANN) -> None:
        await self.calling.call({"ticket": ticket, "by": by, "reach": reach})

    async def over(self) -> list[str]:
        """Until it is; its steps."""
        while self.calling._tasks:
            await asyncio.wait(list(self.calling._tasks.values()))
            await asyncio.sleep(0)
        return [body["step"] for body in self.record.bodies(EventKind.CALLBACK_STEP)]


def made(exchange: Exchange, scenario: Callable[[House], Any], **queue: Any) -> House:
    async def whole() -> House:
        house = House(exchange, **queue)
        await scenario(house)
        await house.calling.close()
        return house

    return run_virtual(whole())


def exchange(keys: str = "1", **ends: DialEnd) -> Exchange:
    made = Exchange(stay_s=60.0)
    made.ends = dict(ends)
    made.keys_of = {"ann": keys}
    return made


def test_their_telephone_rings_first_then_the_number_and_both_hear_each_other() -> None:
    lines = exchange()

    async def scenario(house: House) -> None:
        house.line.queue.ready("ann", house.clock.now(), reach=ANN)
        await house.call()
        await asyncio.sleep(10)
        ann, callee = lines.phones
        assert callee.heard[-20:].count(PERSON) > 15, "the caller hears ann"
        assert ann.heard[-20:].count(PERSON) > 15, "and ann the caller"
        house.line.queue.enter("other", Reason.OTHER, house.clock.now())
        assert house.line.queue.entry("other").agent == "", "ann is not asked meanwhile"  # type: ignore[union-attr]
        assert await house.over() == ["dialled", "calling", "reached", "ended"]
        await asyncio.sleep(0.1)
        assert house.line.queue.entry("other").agent == "ann"  # type: ignore[union-attr]

    house = made(lines, scenario)
    assert [target for target, _ in lines.dialled] == [ANN, "sip:+15551234567@trunk.example"]
    assert lines.dialled[1][1].handoff == "", "the caller's trunk is told nothing of the first call"
    assert all(phone.ended for phone in lines.phones)
    assert {one.call_id for one in house.record.events if one.kind is EventKind.CALLBACK_STEP} == {"call-1"}


def test_whoever_is_called_back_hears_first_that_a_machine_calls() -> None:
    lines = exchange()

    async def scenario(house: House) -> None:
        await house.call()
        await asyncio.sleep(20)
        callee = lines.phones[1]
        heard = [frame for frame in callee.heard if frame != SILENCE]
        assert heard[0] != PERSON, "the operator, or both at once"
        assert heard[-1] == PERSON, "then the person alone"

    made(lines, scenario)


async def from_a_browser(house: House) -> PersonLine:
    """Ann's page has its microphone, and she presses the button."""
    person = house.calling.person()
    house.calling.begin(await house.calling.wanted({"ticket": "t1", "by": "ann"}), person)
    return person


def test_a_person_in_a_browser_hears_it_ring_and_then_the_caller() -> None:
    lines = exchange()
    lines.ring_s = 3.0

    async def scenario(house: House) -> None:
        person = await from_a_browser(house)
        with pytest.raises(LegError, match="being made already"):
            house.calling.begin(await house.calling.wanted({"ticket": "t1", "by": "ann"}), house.calling.person())
        await asyncio.sleep(1.5)
        assert any(person.next_frame() not in (None, SILENCE) for _ in range(100)), "it rings"
        await asyncio.sleep(10)
        assert [person.next_frame() for _ in range(2)] == [PERSON, PERSON], "the caller"
        person.on_closed(HangupReason.OPERATOR, "hung up")
        assert await house.over() == ["calling", "reached", "ended"]

    house = made(lines, scenario)
    assert [target for target, _ in lines.dialled] == ["sip:+15551234567@trunk.example"]
    assert house.exchange.phones[0].ended


def test_if_the_browser_is_lost_the_caller_is_told_so_before_the_call_ends() -> None:
    lines = exchange()

    async def scenario(house: House) -> None:
        person = await from_a_browser(house)
        await asyncio.sleep(15)
        callee, before = lines.phones[0], len(lines.phones[0].heard)
        person.on_closed(HangupReason.OPERATOR, LOST)
        await house.over()
        said = [frame for frame in callee.heard[before:] if frame not in (SILENCE, PERSON)]
        assert len(said) > 50, "a sentence"
        assert callee.ended

    made(lines, scenario)


@pytest.mark.parametrize(("keys", "step"), [("2", "not taken"), ("", "not taken")])
def test_without_their_key_nobody_is_called(keys: str, step: str) -> None:
    lines = exchange(keys)

    async def scenario(house: House) -> None:
        await house.call()
        assert (await house.over())[-1] == step

    made(lines, scenario)
    assert len(lines.dialled) == 1


def test_a_busy_number_is_told_and_noted_and_a_telephone_that_does_not_answer_too() -> None:
    lines = exchange()
    lines.ends = {"+15551234567": DialEnd.BUSY}

    async def busy(house: House) -> None:
        await house.call()
        assert await house.over() == ["dialled", "calling", "not reached"]
        answer = await house.calling.calls({"by": "ann"})
        assert answer["calls"]["t1"]["status"] == "486 Busy Here"

    made(lines, busy)
    assert lines.phones[0].ended
    away = exchange(ann=DialEnd.NO_ANSWER)

    async def unanswered(house: House) -> None:
        await house.call()
        assert await house.over() == ["dialled", "not answered"]

    made(away, unanswered)


def test_whoever_hangs_up_while_it_rings_has_given_up() -> None:
    lines = exchange()
    lines.stay_s, lines.ring_s = 2.0, 2.5

    async def scenario(house: House) -> None:
        await house.call()
        assert await house.over() == ["dialled", "calling", "given up"]

    made(lines, scenario)
    assert lines.taken_back == 1


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"by": "bob"}, "not yours"),
        ({"ticket": "t2"}, "no telephone number"),
        ({"reach": "sip:+1900@world.example"}, "may not be called"),
        ({"reach": ""}, "no telephone may not be called"),
        ({"ticket": "t9"}, "no callback"),
    ],
)
def test_only_numbers_of_ones_own_tickets_at_allowed_telephones(asked: dict[str, str], why: str) -> None:
    lines = exchange()

    async def scenario(house: House) -> None:
        with pytest.raises((LegError, CallUnknown), match=why):
            await house.call(**asked)

    made(lines, scenario)
    assert lines.dialled == []


def test_without_a_route_nothing_is_dialled() -> None:
    async def scenario(house: House) -> None:
        assert not (await house.calling.calls({}))["can"]
        with pytest.raises(LegError, match="callback_route"):
            await house.call()

    made(exchange(), scenario, callback_route="")
