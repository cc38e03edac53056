"""A callback dialled from its page: the form, whose it is, and what became of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from contracts.dialling import DialEnd
from contracts.events import Event, EventKind
from contracts.handoff import CallbackTicket, Reason
from escalation.queuesettings import QueueSettings
from operations.audit import AuditLog
from tests.console.conftest import record_of_people
from tests.console.house import House, until
from tests.console.test_audio import do, said
from tests.console.test_queue_line import seat
from tests.dialog.phones import Exchange

DESK = "sip:200@desk.example"


@pytest.fixture
def called(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[House, Exchange]]:
    home = tmp_path_factory.mktemp("callback")
    made, phones = House(home, record_of_people(home)), Exchange(ring_s=0.1)
    made.waiting = QueueSettings(phones=("sip:*@desk.example",), callback_route="sip:{number}@trunk.example")
    made.phones, phones.keys_of = phones, {"200": "1"}
    made.start()
    yield made, phones
    made.stop()


def promised(house: House) -> None:
    """A ticket is in the record."""
    now = datetime.now(UTC)
    ticket = CallbackTicket(
        ticket="3f2a91c0", call_id="call-1", caller="+15551234567", reason=Reason.FRAUD, wanted_at=now,
        expires_at=now + timedelta(days=5),
    )  # fmt: skip
    house.append(Event(EventKind.CALLBACK_WANTED, "call-1", ticket.model_dump(mode="json")))
    assert house.flush(30)


def test_whoever_took_it_has_it_dialled_at_their_telephone(called: tuple[House, Exchange]) -> None:
    house, phones = called
    promised(house)
    path = "/callbacks/3f2a91c0/call"
    with house.browser("agent") as agent, house.browser("supervisor") as supervisor:
        assert path not in agent.get("/callbacks")
        agent.post("/callbacks/3f2a91c0/claim")
        assert path in agent.get("/callbacks")
        assert path not in supervisor.get("/callbacks")
        assert "not yours" in supervisor.post(path, reach=DESK).text
        assert "may not be called" in agent.post(path, reach="sip:200@elsewhere.example").text
        assert phones.dialled == []
        assert "Your telephone rings" in agent.post(path, reach=DESK).text
        until(lambda: "reached" in agent.get("/callbacks"))
        assert "being made already" in agent.post(path, reach=DESK).text
    assert [target for target, _ in phones.dialled] == [DESK, "sip:+15551234567@trunk.example"]
    assert "callback.call" in {one["action"] for one in AuditLog(house.record).latest()}


def test_it_is_talked_from_the_browser_of_whoever_took_it_and_of_nobody_else(called: tuple[House, Exchange]) -> None:
    house, phones = called
    promised(house)
    path, rung = "/callbacks/3f2a91c0", "sip:+15551234567@trunk.example"
    with house.browser("agent") as agent, house.browser("supervisor") as supervisor:
        assert "take it first" in agent.get(path)
        agent.post(f"{path}/claim")
        assert f'href="{path}"' in agent.get("/callbacks")
        assert "take it first" in supervisor.get(path)
        with seat(house, supervisor, path) as line:
            assert "not yours" in said(line)["error"]
        with seat(house, agent, path) as line:
            assert said(line)["role"] == ""
            assert phones.dialled == [], "nobody is called before the page has its microphone"
            assert do(line, "person")["role"] == "calling"
            assert said(line)["role"] == "person"
            line.send(json.dumps({"do": "leave"}))
            until(lambda: "ended" in agent.get("/callbacks"))
        assert "<option selected>reached" in agent.get(path)
        phones.ends = {"+15551234567": DialEnd.BUSY}
        with seat(house, agent, path) as line:
            said(line)
            assert do(line, "person")["role"] == "calling"
            assert "486" in said(line)["error"]
            assert said(line) == {"over": True}
        assert "<option selected>not reached" in agent.get(path)
    assert [target for target, _ in phones.dialled] == [rung, rung]
    noted = [one["what"] for one in AuditLog(house.record).latest() if one["action"] == "callback.call"]
    assert noted == ["3f2a91c0 browser"] * 3


def test_what_became_of_a_call_is_on_the_page_after_a_restart(called: tuple[House, Exchange]) -> None:
    house, _ = called
    promised(house)
    step = {"ticket": "3f2a91c0", "step": "not reached", "by": "agent", "status": "486 Busy Here"}
    house.append(Event(EventKind.CALLBACK_STEP, "call-1", step))
    assert house.flush(30)
    with house.browser("agent") as agent:
        assert "not reached 486 Busy Here" in agent.get("/callbacks"), "by another process than the one that called"
