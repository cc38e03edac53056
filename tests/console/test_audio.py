"""The desk's lines: who gets one, what is written down, and that a caller whose person is gone hears so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from console.accounts import Accounts
from console.audio import MAX_PER_S
from console.permissions import Role
from contracts.audio import FRAME_BYTES
from contracts.events import EventKind
from operations.audit import AuditLog
from tests.console.conftest import PASSWORD, SETTINGS, record_of_people
from tests.console.house import House

WORDS = b"\x20\x02" * (FRAME_BYTES // 2)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One for all: each test has a call of its own."""
    home = tmp_path_factory.mktemp("desk")
    made = House(home, record_of_people(home))
    Accounts(made.record, SETTINGS.sign_in).add("tom", PASSWORD, [Role.SUPERVISOR], by="test")
    made.start()
    yield made
    made.stop()


@pytest.fixture
def talk(house: House, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A call that is up; its id is in ``talk.leg.info``."""
    made = house.ring("call-" + request.node.name.replace("_", "-")[:100])
    yield made
    if not made.over.done():
        house.do(made.end())


def line(house: House, talk: Any, name: str, *, origin: str = "") -> AbstractContextManager[ClientConnection]:
    """A browser's WebSocket, with that person's cookie."""
    return line_to(house, talk.leg.info.call_id, name, origin=origin)


@contextmanager
def line_to(house: House, call_id: str, name: str, *, origin: str = "") -> Iterator[ClientConnection]:
    """The same, to a call of that id."""
    with house.browser(name) as person:
        cookie = "; ".join(f"{key}={value}" for key, value in person.http.cookies.items())
    url = f"{house.url.replace('http', 'ws')}/calls/{call_id}/audio"
    headers = {"Cookie": cookie}
    with connect(url, origin=Origin(origin or house.url), additional_headers=headers, close_timeout=1) as socket:
        yield socket


def said(socket: ClientConnection) -> dict[str, Any]:
    """The next words; sound is passed over."""
    while isinstance(message := socket.recv(timeout=10), bytes):
        pass
    answer: dict[str, Any] = json.loads(message)
    return answer


def do(socket: ClientConnection, what: str) -> dict[str, Any]:
    socket.send(json.dumps({"do": what}))
    return said(socket)


def closed(socket: ClientConnection) -> None:
    """Wait until the other side has closed it."""
    with suppress(ConnectionClosed):
        while True:
            socket.recv(timeout=10)


def sound(socket: ClientConnection) -> bytes:
    """The next 20 ms."""
    while isinstance(message := socket.recv(timeout=10), str):
        pass
    return message


def acts(talk: Any) -> list[tuple[str, str]]:
    return [(body["by"], body["act"]) for body in talk.record.bodies(EventKind.DESK_ACTED)]


def last_heard(talk: Any) -> str:
    return str(talk.record.bodies(EventKind.TURN_OPERATOR)[-1]["heard"])


def test_a_supervisor_listens_takes_over_and_gives_back_and_all_of_it_is_written_down(house: House, talk: Any) -> None:
    with line(house, talk, "supervisor") as socket:
        assert said(socket) == {"role": "listen", "holder": ""}
        assert len(sound(socket)) == FRAME_BYTES
        assert do(socket, "person") == {"role": "person", "holder": "supervisor"}
        voiced = len(talk.voiced)
        for _ in range(10):
            socket.send(WORDS)
            sound(socket)
        assert any(loud for _, loud in talk.voiced[voiced:]), "the caller hears the supervisor"
        with house.browser("supervisor") as sofia:
            assert "with a person" in sofia.get("/calls/now")
            assert "supervisor takes over" in sofia.get(f"/calls/{talk.leg.info.call_id}")
        assert do(socket, "back")["role"] == "listen"
        house.do(talk.quiet())
        assert last_heard(talk).startswith("You're back with the automated assistant")
        socket.send(json.dumps({"do": "leave"}))
        closed(socket)
    house.do(talk.quiet(0.2))
    assert acts(talk) == [("supervisor", act) for act in ("listens", "takes over", "gives back", "leaves")]
    actions = [
        one["action"] for one in reversed(AuditLog(house.record).latest()) if one["call_id"] == talk.leg.info.call_id
    ]
    assert [one for one in actions if one != "transcript.view"] == [
        "call.listen", "call.take_over", "call.give_back", "call.leave",
    ]  # fmt: skip


def test_a_browser_that_is_closed_while_it_has_the_call_leaves_no_silence(house: House, talk: Any) -> None:
    with line(house, talk, "supervisor") as socket:
        said(socket)
        do(socket, "person")
    house.do(talk.quiet())
    assert last_heard(talk).startswith("I'm sorry, we lost my colleague.")
    assert acts(talk)[-1] == ("supervisor", "is cut off")


def test_a_browser_that_falls_silent_is_taken_to_be_gone(house: House, talk: Any) -> None:
    with line(house, talk, "supervisor") as socket:
        said(socket)
        do(socket, "person")
        for _ in range(3):
            socket.send(json.dumps({"do": "here"}))
            house.do(talk.quiet(0.3))
        assert acts(talk)[-1] == ("supervisor", "takes over")
        closed(socket)
    house.do(talk.quiet())
    assert acts(talk)[-1] == ("supervisor", "is cut off")


def test_of_two_who_race_one_has_the_call_and_the_other_is_told_who(house: House, talk: Any) -> None:
    with line(house, talk, "supervisor") as first, line(house, talk, "tom") as second:
        said(first)
        said(second)
        first.send(json.dumps({"do": "person"}))
        second.send(json.dumps({"do": "person"}))
        answers = {"supervisor": said(first), "tom": said(second)}
        winner = answers["tom"]["holder"]
        loser = ({"supervisor", "tom"} - {winner}).pop()
        assert answers[winner] == {"role": "person", "holder": winner}
        assert answers[loser] == {
            "role": "listen", "holder": winner, "error": f"{winner} is talking with this caller",
        }  # fmt: skip


def test_only_supervisors_get_a_line_and_only_from_our_own_pages(house: House, talk: Any) -> None:
    for name in ("agent", "auditor", "engineer"):
        with pytest.raises(InvalidStatus, match="403"), line(house, talk, name):
            pass
    for origin in ("http://evil.example", "http://127.0.0.1:1", "null", "file://"):
        with pytest.raises(InvalidStatus, match="403"), line(house, talk, "supervisor", origin=origin):
            pass
    with (
        pytest.raises(InvalidStatus, match="403"),
        connect(f"{house.url.replace('http', 'ws')}/calls/{talk.leg.info.call_id}/audio"),
    ):
        pass


def test_a_call_that_is_over_says_so(house: House, talk: Any) -> None:
    with line(house, talk, "supervisor") as socket:
        said(socket)
        house.do(talk.end())
        assert said(socket) == {"over": True}
    with line(house, talk, "supervisor") as socket:
        assert said(socket) == {"error": "this call is over", "over": True}


def test_bad_words_end_the_line_and_not_the_call(house: House, talk: Any) -> None:
    for bad in ("not JSON", "[]", '{"a": "' + "x" * 3000 + '"}', "[" * 2000):
        with line(house, talk, "supervisor") as socket:
            said(socket)
            socket.send(bad)
            closed(socket)
    assert "9 a.m." in house.do(talk.ask("When are your branches open?"))


def test_a_flood_ends_the_line(house: House, talk: Any) -> None:
    with line(house, talk, "supervisor") as socket:
        said(socket)
        with suppress(ConnectionClosed):
            for _ in range(20 * MAX_PER_S):
                socket.send(b"")
        closed(socket)


def test_lines_are_few_for_each(house: House, talk: Any) -> None:
    with line(house, talk, "supervisor") as a, line(house, talk, "supervisor") as b:
        with line(house, talk, "supervisor") as c, line(house, talk, "supervisor") as d:
            assert [said(one)["role"] for one in (a, b, c, d)] == ["listen"] * 4
            with line(house, talk, "supervisor") as e:
                assert "4 lines open" in said(e)["error"]
        said_again = do(a, "barge")
        assert said_again["role"] == "barge"


def test_what_the_operator_is_told_is_said_next(house: House, talk: Any) -> None:
    with house.browser("supervisor") as sofia:
        page = sofia.post(f"/calls/{talk.leg.info.call_id}/tell", text="Hill Street is closed today.")
        assert "instead of its next answer" in page.text
    assert house.do(talk.ask("When are your branches open?")) == "Hill Street is closed today."
