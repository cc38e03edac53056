"""A callback dialled from its page: the form, whose it is, and what became of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from contracts.events import Event, EventKind
from contracts.handoff import CallbackTicket, Reason
from escalation.queuesettings import QueueSettings
from operations.audit import AuditLog
from tests.console.conftest import record_of_people
from tests.console.house import House
from tests.console.test_queue_line import until
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


def test_whoever_took_it_has_it_dialled_at_their_telephone(called: tuple[House, Exchange]) -> None:
    house, phones = called
    now = datetime.now(UTC)
    ticket = CallbackTicket(
        ticket="3f2a91c0", call_id="call-1", caller="+15551234567", reason=Reason.FRAUD, wanted_at=now,
        expires_at=now + timedelta(days=5),
    )  # fmt: skip
    house.append(Event(EventKind.CALLBACK_WANTED, "call-1", ticket.model_dump(mode="json")))
    assert house.flush(30)
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
