"""The whole operator, with the real small models: a SIP caller asks, is answered, and reaches a person's record."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from pathlib import Path
from typing import Any

import httpx
import pytest

from contracts.errors import CallwrightError
from scripts.operator_process import OperatorFailed, OperatorProcess
from server.caller import converse
from server.settings import ROOT, load_settings
from telephony.lines import Speaker
from telephony.robot import Line, Manners
from telephony.sip.caller import CallerSettings, SipCaller
from workers.manifest import ModelStore, load_manifest

pytestmark = [pytest.mark.models, pytest.mark.timeout(240)]

CONFIG = """
name: Test Bank
documents: configs/demo/knowledge
engines: {whisper: whisper-tiny-en, small: smollm2-135m, large: "", hang_timeout_s: 5}
telephony:
  sip: {port: %(sip)d, rtp_port_min: %(rtp)d, rtp_port_max: %(rtp_end)d}
  websocket: {port: %(websocket)d, allow_unsigned_loopback: true}
  recording: {enabled: true}
  admission: {max_calls: 1, when_full: refuse}
  drain_s: 5
dialog: {targets: {person: ""}, read_ahead: 2}
console: {port: %(http)d}
"""


def free_port() -> int:
    """A port that was free just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def config(tmp_path: Path) -> Path:
    store = ModelStore(load_manifest())
    lacking = [name for name in store.manifest.select(["test"]) if store.faults(name)]
    if lacking:
        pytest.skip(f"{', '.join(lacking)} missing: run `callwright models fetch test`")
    rtp = 22000 + os.getpid() % 200 * 40
    names = {name: free_port() for name in ("sip", "websocket", "http")}
    path = tmp_path / "operator.yaml"
    path.write_text(CONFIG % {**names, "rtp": rtp, "rtp_end": rtp + 30})
    return path


def environment(tmp_path: Path) -> dict[str, str]:
    return {"CALLWRIGHT_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT)}


def heard(events: list[dict[str, Any]]) -> list[str]:
    return [event["body"]["heard"] for event in events if event["kind"] == "turn.operator"]


async def test_a_call_from_the_first_ring_to_the_record(tmp_path: Path, config: Path) -> None:
    speaker = Speaker()
    lines = [Line(text, speaker.say(text)) for text in ("What time do you close on Friday?", "Can I talk to a human?")]
    async with OperatorProcess(config, env=environment(tmp_path)) as operator:
        async with SipCaller(CallerSettings()) as caller:
            result = await converse(caller, operator.sip_uri, lines, manners=Manners(gap_s=1.0), timeout_s=90)
        await operator.idle()
        said = " ".join(heard(operator.events))
        http = operator.settings.console
        async with httpx.AsyncClient(base_url=f"http://{http.host}:{http.port}") as client:
            handoff = (await client.get(f"/v1/handoffs/{result.sip_call_id}")).json()
            ready = await client.get("/readyz")
            metrics = (await client.get("/metrics")).text
        home = operator.settings.home_dir
    assert "automated assistant" in said
    assert "6 p.m." in said
    assert "nobody can take your call now" in said
    assert handoff["reason"] == "person_requested"
    assert ready.status_code == 200
    assert 'callwright_turns_total{rung="extractive"} 1.0' in metrics
    recordings = list((home / "recordings").glob("*.wav"))
    assert len(recordings) == 1
    assert recordings[0].stat().st_size > 100_000


async def test_a_killed_worker_costs_a_sentence_and_never_the_call(tmp_path: Path, config: Path) -> None:
    speaker = Speaker()
    texts = ("What time do you close on Friday?", "How much is a box of checks?", "How do I reset my password?")
    lines = [Line(text, speaker.say(text)) for text in texts]

    async with OperatorProcess(config, env=environment(tmp_path)) as operator:
        workers = {one["name"]: one["pid"] for one in (await operator.status())["workers"]}

        def kill(event: dict[str, Any]) -> None:
            answered = sum(one["kind"] == "turn.measured" for one in operator.events)
            if event["kind"] == "turn.measured" and answered == 1:
                for name in ("speech", "knowledge", "voice"):
                    os.kill(workers[name], signal.SIGKILL)

        operator.watch_with(kill)
        async with SipCaller(CallerSettings()) as caller:
            await converse(caller, operator.sip_uri, lines, manners=Manners(gap_s=1.0, patience_s=8), timeout_s=120)
        await operator.idle()
        status = await operator.status()
        events = operator.events
    assert {event["body"]["worker"] for event in events if event["kind"] == "worker.lost"} == {
        "speech",
        "knowledge",
        "voice",
    }
    assert all(one["state"] == "ready" for one in status["workers"])
    assert all(one["pending"] == 0 for one in status["workers"])
    assert status["tick"]["beats"] > 0
    assert [event["body"]["reason"] for event in events if event["kind"] == "call.ended"] == ["caller"]
    assert "forgot" in " ".join(heard(events)).lower() or "password" in " ".join(heard(events)).lower()


async def test_the_call_that_finds_no_room_is_refused_and_the_other_goes_on(tmp_path: Path, config: Path) -> None:
    async with OperatorProcess(config, env=environment(tmp_path)) as operator:
        async with SipCaller(CallerSettings()) as caller:
            assert await operator.read_ahead() == 2
            first = await caller.dial(operator.sip_uri)
            with pytest.raises(CallwrightError, match="486"):
                await caller.dial(operator.sip_uri)
            assert not first.closed
        await operator.idle()
        refused = [event["body"]["reason"] for event in operator.events if event["kind"] == "call.refused"]
    assert refused == ["full"]


async def test_a_busy_port_stops_the_start_in_one_clear_line(tmp_path: Path, config: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
        holder.bind(("127.0.0.1", load_settings(config).telephony.sip.port))
        with pytest.raises(OperatorFailed, match=str(holder.getsockname()[1])):
            await asyncio.wait_for(OperatorProcess(config, env=environment(tmp_path)).__aenter__(), 120)


async def test_a_missing_model_file_stops_the_start_with_its_digest(tmp_path: Path, config: Path) -> None:
    env = {**environment(tmp_path), "CALLWRIGHT_MODELS": str(tmp_path / "empty")}
    with pytest.raises(OperatorFailed, match=r"expected SHA-256 [0-9a-f]{64}"):
        await asyncio.wait_for(OperatorProcess(config, env=env).__aenter__(), 120)
