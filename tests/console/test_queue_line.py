"""Talking with a caller out of the queue: whose it is, what an agent may not do, and a console killed meanwhile."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from console.start import ConsoleStart
from escalation.queue import Wait
from escalation.queuesettings import QueueSettings
from tests.console.conftest import PASSWORD, SETTINGS, record_of_people
from tests.console.house import House, Person, until
from tests.console.test_audio import said
from tests.dialog.kit import Talk


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """With a queue whose claims are short."""
    home = tmp_path_factory.mktemp("queue")
    made = House(home, record_of_people(home))
    made.queued, made.waiting = True, QueueSettings(connect_s=2, gone_s=3600)
    made.start()
    yield made
    made.stop()


async def wants_a_person(talk: Talk) -> None:
    await talk.ask("I want to talk to a person")


@contextmanager
def line(house: House, person: Person, call_id: str) -> Iterator[ClientConnection]:
    """The WebSocket of the page on which an agent talks."""
    with seat(house, person, f"/queue/{call_id}") as opened:
        yield opened


@contextmanager
def seat(house: House, person: Person, page: str) -> Iterator[ClientConnection]:
    """The WebSocket of a page with sound."""
    cookie = "; ".join(f"{key}={value}" for key, value in person.http.cookies.items())
    url = f"{house.url.replace('http', 'ws')}{page}/audio"
    with connect(url, origin=Origin(house.url), additional_headers={"Cookie": cookie}, close_timeout=1) as opened:
        yield opened


def test_an_agent_talks_with_whom_they_claimed_and_giving_back_makes_them_ready(house: House) -> None:
    talk = house.ring("call-line", target="")
    with house.browser("agent") as agent:
        agent.post("/queue/ready")
        house.do(wants_a_person(talk))
        agent.post("/queue/call-line/claim")
        with line(house, agent, "call-line") as opened:
            assert said(opened)["role"] == "person"
            opened.send(json.dumps({"do": "listen"}))  # not for agents: ignored
            until(lambda: talk.session.byhand.taken)
            assert house.line.queue.entry("call-line") is None
            opened.send(json.dumps({"do": "leave"}))
            until(lambda: not talk.session.byhand.taken)
        assert 'id="presence">ready' in agent.get("/queue/now")
    house.do(talk.end())


def test_the_line_of_the_queue_reaches_no_call_that_does_not_wait(house: House) -> None:
    talk = house.ring("call-other")
    with house.browser("agent") as agent:
        agent.post("/queue/ready")
        with line(house, agent, "call-other") as opened:
            assert "not waiting any more" in said(opened)["error"]
    assert not talk.session.byhand.taken
    house.do(talk.end())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_kill_9_of_the_console_between_claim_and_connect_loses_no_caller(house: House, tmp_path: Path) -> None:
    port = free_port()
    settings = SETTINGS.model_copy(update={"port": port})
    start = ConsoleStart(home=house.home, database_url=SecretStr("sqlite:///record.db"), settings=settings)
    process = subprocess.Popen([sys.executable, "-m", "console"], env={**os.environ, **start.environment()})
    talk = house.ring("call-kill", target="")
    try:
        until(lambda: up(port))
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", follow_redirects=True, timeout=60) as http:
            page = http.get("/sign-in").text
            token = page.split('name="token" value="')[1].split('"')[0]
            http.post("/sign-in", data={"name": "agent", "password": PASSWORD, "token": token})
            Person(http).post("/queue/ready")
            house.do(wants_a_person(talk))
            assert "The caller is yours" in Person(http).post("/queue/call-kill/claim").text
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(30)
    with house.browser("supervisor") as supervisor:  # another console, or the same one started again
        supervisor.post("/queue/ready")

        def offered() -> bool:
            entry = house.line.queue.entry("call-kill")
            assert entry is not None, "the caller was lost"
            return entry.state is Wait.OFFERED

        until(offered)
        house.do(_decline_to_supervisor(house))
        assert "The caller is yours" in supervisor.post("/queue/call-kill/claim").text
        with line(house, supervisor, "call-kill") as opened:
            assert said(opened)["role"] == "person"
    house.do(talk.end())
    moved = [one for one in house.moves() if one[0] in ("claimed", "expired", "connected")]
    assert moved[-4:] == [
        ("claimed", "agent"), ("expired", "agent"), ("claimed", "supervisor"), ("connected", "supervisor"),
    ]  # fmt: skip


async def _decline_to_supervisor(house: House) -> None:
    """It may have been offered to the agent of the dead console again, who does not answer."""
    entry = house.line.queue.entry("call-kill")
    if entry is not None and entry.agent == "agent":
        house.line.queue.release("call-kill", "agent", house.line.clock.now())


def up(port: int) -> bool:
    """Does a console answer there?"""
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False
