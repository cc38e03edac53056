"""Help for people: passages for whoever talks with a caller, and for a supervisor who gives the operator one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from contracts.engines import Transcript
from contracts.events import EventKind, TurnEnded, TurnTimings
from contracts.seats import Role
from operations.audit import AuditLog
from operations.cases import Cases
from tests.console.conftest import record_of_people
from tests.console.house import House
from tests.dialog.test_people import Ears
from tests.operations.kit import handoff, keep

BALANCE = "The available balance is what you can spend."


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One for all: each test has a call of its own."""
    home = tmp_path_factory.mktemp("assist")
    made = House(home, record_of_people(home))
    made.start()
    yield made
    made.stop()


async def taken(talk: Any, by: str) -> None:
    talk.session.byhand.join(by, Role.PERSON, None, None)


async def spoken(ears: Ears, text: str) -> None:
    ears.emit(TurnEnded(Transcript(text), TurnTimings(1.0, 2.0, 2.1, 2.2)))


def test_a_supervisor_looks_a_passage_up_and_the_next_answer_is_made_of_it(house: House) -> None:
    talk = house.ring("call-give")
    with house.browser("supervisor") as sofia:
        assert "Give the operator a passage" in sofia.get("/calls/call-give")
        page = sofia.get("/calls/call-give/passages", q="what is my available balance")
        assert BALANCE in page
        assert 'name="passage_id" value="p2"' in page
        fields = {"q": "what is my available balance", "passage_id": "p2"}
        done = sofia.post("/calls/call-give/use", **fields)
        assert done.url.path == "/calls/call-give"
        assert "next question is answered from this passage" in done.text
        assert "available balance" in house.do(talk.ask("When are your branches open?"))
        shown = sofia.get("/calls/call-give")
        assert "supervisor gives the operator a passage" in shown
        assert "passage chosen by supervisor" in shown
        refused = sofia.post("/calls/call-give/use", q="nonsense of a kind", passage_id="p2")
        assert "search again" in refused.text
        assert refused.url.path == "/calls/call-give"
        assert "documents say nothing" in sofia.get("/calls/call-give/passages", q="zebra")
    with house.browser("agent") as agent:
        assert agent.post("/calls/call-give/use", **fields).status_code == 403
        assert agent.http.get("/calls/call-give/passages", params={"q": "fee"}).status_code == 403
    assert ("supervisor", "call.use") in [(one["by"], one["action"]) for one in AuditLog(house.record).latest()]
    house.do(talk.end())


def test_whoever_has_the_hand_over_reads_along_and_sees_passages_and_other_agents_do_not(
    house: House, tmp_path: Path
) -> None:
    ears = Ears()
    talk = house.ring("call-help", dialog={"assist": {"transcribe_person": True}}, person_ear=ears)
    keep(house.record, tmp_path / "spool", [], handoff("call-help"))
    house.do(taken(talk, "supervisor"))
    hears = talk.bay.on_people
    assert hears is not None
    hears(bytes(640))
    with house.browser("agent") as agent:
        house.do(talk.ask("What is my available balance?"))
        house.do(spoken(ears, "my own card is 4111 1111 1111 1111"))
        page = agent.get("/calls/call-help")
        assert "Passages that may help" not in page
        assert "available balance" not in page
        Cases(house.record).claim("call-help", "agent")
        page = agent.get("/calls/call-help/now")
        assert "Passages that may help" in page
        assert BALANCE in page
        assert "my own card is" in page
        assert "4111" not in page
        assert "Take over" not in agent.get("/calls/call-help")
        assert 'hx-get="/calls/call-help/now"' in agent.get("/queue/call-help")
        house.do(talk.end())
        assert "Passages that may help" not in agent.get("/calls/call-help/now"), "only while they do help"
    said = [body["heard"] for body in talk.record.bodies(EventKind.TURN_OPERATOR)]
    assert not any(BALANCE in one for one in said)
