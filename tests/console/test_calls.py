"""The wall of calls and a call's page: who may see what, what is written down, and what a supervisor may do."""

from __future__ import annotations

import re

import httpx
import pytest

from contracts.events import EventKind
from contracts.leg import HangupReason
from operations.audit import AuditLog
from operations.records import Records
from tests.console.conftest import Somebody
from tests.console.house import House

ANSWER = "All branches are open from 9 a.m. to 5 p.m."


def noted(house: House) -> list[tuple[str, str]]:
    """Who did what, the oldest first."""
    return [(one["by"], one["action"]) for one in reversed(AuditLog(house.record).latest())]


def test_a_live_call_is_on_the_wall_and_its_page_shows_words_evidence_and_times(house: House) -> None:
    talk = house.ring()
    house.do(talk.ask("When are your branches open?"))
    with house.browser("supervisor") as sofia:
        wall = sofia.get("/calls")
        assert "+15550142" in wall
        assert "Branch hours" in wall
        assert 'data-label="Last answer"><span class="tag">extractive' in wall
        assert re.search(r'data-label="Latency">\d\.\d\d s', sofia.get("/calls/now"))
        page = sofia.get("/calls/call-live")
        assert "When are your branches open?" in page
        assert ANSWER in page
        assert "from Branch hours" in page
        assert re.search(r"<title>recognised \d+ ms</title>", page)
        assert "End it now" in page
        for _ in range(3):
            assert ANSWER in sofia.get("/calls/call-live/now")
    assert noted(house).count(("supervisor", "transcript.view")) == 1


def test_a_refreshed_part_that_nobody_opened_the_page_of_is_written_down_too(house: House) -> None:
    house.ring()
    with house.browser("supervisor") as sofia:
        sofia.get("/calls/call-live/now")
    assert noted(house)[-1] == ("supervisor", "transcript.view")


def test_an_agent_sees_the_wall_but_neither_words_nor_numbers_nor_buttons(house: House) -> None:
    talk = house.ring()
    house.do(talk.ask("When are your branches open?"))
    with house.browser("agent") as agent:
        assert "…142" in agent.get("/calls")
        for page in (agent.get("/calls"), agent.get("/calls/call-live"), agent.get("/calls/call-live/now")):
            assert "+15550142" not in page
            assert "9 a.m." not in page
            assert "When are" not in page
            assert "End it now" not in page
        for action in ("end", "pull"):
            assert agent.post(f"/calls/call-live/{action}").status_code == 403
    assert talk.leg.ended == []
    assert ("agent", "call.end") not in noted(house)


@pytest.mark.parametrize("name", ["editor", "approver", "engineer"])
async def test_others_see_no_calls(somebody: Somebody, name: str) -> None:
    async with somebody(name) as http:
        for path in ("/calls", "/calls/now", "/calls/x", "/calls/x/now"):
            assert (await http.get(path)).status_code == 403


def test_nothing_is_done_to_a_call_without_the_forms_token(house: House) -> None:
    talk = house.ring()
    with house.browser("supervisor") as sofia:
        for action in ("end", "pull"):
            assert sofia.http.post(f"/calls/call-live/{action}", data={"csrf": "guessed"}).status_code == 403
    assert talk.leg.ended == []
    assert talk.leg.transfers == []


def test_a_supervisor_pulls_a_caller_to_a_person(house: House) -> None:
    talk = house.ring()
    with house.browser("supervisor") as sofia:
        answer = sofia.post("/calls/call-live/pull")
        assert answer.url.path == "/calls/call-live"
        assert "being put through to a person" in answer.text
        house.do(talk.finish())
        assert "handed" not in sofia.get("/calls")
        assert "ended: transferred" in sofia.get("/calls/call-live")
        assert "This call is over" in sofia.post("/calls/call-live/pull").text.replace("this call", "This call")
    assert talk.leg.transfers[0][1]["reason"] == "supervisor"
    assert talk.record.bodies(EventKind.ESCALATION_RAISED)[0]["evidence"] == "supervisor"
    assert noted(house).count(("supervisor", "call.pull")) == 2
    assert Records(house.record).get_handoff("call-live").reason == "supervisor"


def test_a_supervisor_ends_a_call(house: House) -> None:
    talk = house.ring()
    with house.browser("supervisor") as sofia:
        sofia.post("/calls/call-live/end")
        house.do(talk.finish())
    assert talk.leg.ended == [(HangupReason.OPERATOR, "ended by supervisor")]


async def test_the_wall_says_that_the_operator_is_silent(somebody: Somebody) -> None:
    async with somebody("supervisor") as http:
        for path in ("/calls", "/calls/now"):
            answer = await http.get(path)
            assert answer.status_code == 200
            assert "The operator does not answer" in answer.text
        assert (await http.get("/calls/unknown")).status_code == 404


def test_what_callers_say_is_never_markup(house: House) -> None:
    talk = house.ring(caller='sip:"<img src=x>"@example.org')
    talk.say("<script>alert(1)</script> please")
    house.do(talk.quiet())
    with house.browser("supervisor") as sofia:
        for path in ("/calls", "/calls/call-live"):
            assert "<img" not in sofia.get(path).replace('<img src="/static', "")
            assert "<script>alert" not in sofia.get(path)


def test_a_session_that_is_over_does_not_put_a_sign_in_form_into_the_page(house: House) -> None:
    answer = httpx.get(f"{house.url}/calls/now", headers={"hx-request": "true"})
    assert (answer.status_code, answer.headers["hx-redirect"]) == (401, "/sign-in?to=/calls/now")
