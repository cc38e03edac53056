"""The page of the kill switch: who may turn it, what a caller then hears, and what is written down."""

from __future__ import annotations

import pytest

from contracts.events import EventKind
from contracts.leg import HangupReason, TransferResult
from contracts.switch import Scope
from operations.audit import AuditLog
from operations.switches import read_switch
from tests.console.conftest import Somebody
from tests.console.house import House


def test_callers_go_to_a_person_while_the_operator_is_off(house: House) -> None:
    present = house.ring("call-present")
    with house.browser("supervisor") as sofia:
        answer = sofia.post("/switch/turn", scope="whole", off="yes", why="wrong rates")
        assert "The operator is off from now on" in answer.text
        assert "by supervisor: wrong rates" in answer.text
        new = house.ring("call-new")
        house.do(new.finish())
        present.say("When are your branches open?")
        house.do(present.finish())
        assert "The operator is on" in sofia.post("/switch/turn", scope="whole", off="no").text
        after = house.ring("call-after")
        assert "9 a.m." in house.do(after.ask("When are your branches open?"))
    for call in (new, present):
        said = " ".join(body["heard"] for body in call.record.bodies(EventKind.TURN_OPERATOR))
        assert "putting you through to a colleague" in said
        assert "9 a.m." not in said
        assert call.leg.transfers[0][1]["reason"] == "kill_switch"
        assert call.leg.ended[0][0] is HangupReason.TRANSFERRED
    audited = [(one["by"], one["action"], one["what"]) for one in AuditLog(house.record).latest()]
    assert ("supervisor", "switch.off", "the operator: wrong rates") in audited
    assert not read_switch(house.record).off


def test_nobody_is_kept_on_the_line_when_no_person_comes(house: House) -> None:
    with house.browser("engineer") as eva:
        eva.post("/switch/turn", scope="whole", off="yes")
        call = house.ring(transfers=[TransferResult(False, "486")])
        house.do(call.finish())
    assert "call again later" in call.record.bodies(EventKind.TURN_OPERATOR)[-1]["heard"]
    assert call.leg.ended[0][0] is HangupReason.OPERATOR


def test_a_rule_that_is_off_does_not_fire_and_what_is_off_is_in_the_record(house: House) -> None:
    with house.browser("supervisor") as sofia:
        sofia.post("/switch/turn", scope="rule", name="complaint", off="yes", why="fires on hello")
        sofia.post("/switch/turn", scope="topic", name="Mortgages", off="yes")
        page = sofia.get("/switch")
        assert "by supervisor: fires on hello" in page
        assert "<strong>Mortgages</strong>" in page
        call = house.ring()
        house.do(call.ask("I want to make a complaint"))
        assert call.leg.transfers == []
        house.do(call.ask("Can I talk to a human?"))
        assert call.leg.transfers[0][1]["reason"] == "person_requested"
    state = read_switch(house.record)
    assert state.names(Scope.RULE) == {"complaint"}
    assert state.names(Scope.TOPIC) == {"Mortgages"}


def test_rules_that_protect_callers_stay_on(house: House) -> None:
    with house.browser("supervisor") as sofia:
        page = sofia.post("/switch/turn", scope="rule", name="asks-for-a-person", off="yes").text
        assert "stays on" in page
        assert "there is no rule" in sofia.post("/switch/turn", scope="rule", name="nonsense", off="yes").text
        assert sofia.post("/switch/turn", scope="everything", off="yes").status_code == 400
        assert sofia.http.post("/switch/turn", data={"scope": "whole", "off": "yes"}).status_code == 403
    assert not house.switch.state.off


@pytest.mark.parametrize("name", ["agent", "editor", "approver", "auditor"])
async def test_others_do_not_turn_it(somebody: Somebody, name: str) -> None:
    async with somebody(name) as http:
        assert (await http.get("/switch")).status_code == 403


async def test_the_page_says_that_the_operator_is_silent(somebody: Somebody) -> None:
    async with somebody("engineer") as http:
        assert "does not answer" in (await http.get("/switch")).text
