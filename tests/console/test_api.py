"""The HTTP API over a real record and a real control socket."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from console.api import make_api
from console.settings import ConsoleSettings
from contracts.events import Event, EventKind
from contracts.handoff import HandoffRecord, Reason
from operations.database import migrate, open_database
from operations.eventlog import EventLog
from operations.settings import EventLogSettings
from server.control import ControlServer, LiveEvents

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
HANDOFF = HandoffRecord(
    call_id="call-1", external_id="sip-1@pbx", reason=Reason.FRAUD, rule_id="r", summary="A. B. C.", asked_at=NOW
)


class Media:
    """The operations of a media process whose state a test sets."""

    def __init__(self) -> None:
        self.ready = True

    async def answer_ready(self, request: Mapping[str, Any]) -> dict[str, Any]:
        worker = {"name": "asr", "state": "ready", "restarts": 0, "pid": 1}
        return {"ready": self.ready, "active_calls": 2, "capacity": 8, "workers": [worker]}

    async def answer_metrics(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return {"text": "callwright_active_calls 2.0\n"}


@pytest.fixture
def record(tmp_path: Path) -> sa.Engine:
    engine = open_database("sqlite:///record.db", tmp_path)
    migrate(engine)
    log = EventLog(engine, tmp_path / "spool", EventLogSettings(group_commit_ms=1))
    log.append(Event(EventKind.CALL_STARTED, "call-1", {"external_id": "sip-1@pbx", "caller": "+15550100"}, 0, NOW))
    log.append(Event(EventKind.TURN_CALLER, "call-1", {"turn": 1, "text": "Hello"}, 1, NOW))
    log.save_handoff(HANDOFF)
    assert log.close()
    return engine


@pytest.fixture
async def media(tmp_path: Path) -> AsyncIterator[Media]:
    media = Media()
    server = ControlServer(
        tmp_path / "control.sock", {"ready": media.answer_ready, "metrics": media.answer_metrics}, LiveEvents()
    )
    await server.start()
    yield media
    await server.close()


def client(
    record: sa.Engine, tmp_path: Path, *, token: str = "", peer: str = "127.0.0.1", host: str = "127.0.0.1:8080"
) -> httpx.AsyncClient:
    settings = ConsoleSettings(token=SecretStr(token), control_timeout_s=5)
    api = make_api(settings, record, tmp_path / "control.sock")
    transport = httpx.ASGITransport(api, client=(peer, 1234))
    return httpx.AsyncClient(transport=transport, base_url=f"http://{host}")


async def test_healthz_answers_without_a_media_process(record: sa.Engine, tmp_path: Path) -> None:
    async with client(record, tmp_path) as http:
        assert (await http.get("/healthz")).json() == {"ok": True}


async def test_readyz_follows_the_media_process(record: sa.Engine, tmp_path: Path, media: Media) -> None:
    async with client(record, tmp_path) as http:
        answer = await http.get("/readyz")
        assert answer.status_code == 200
        assert answer.json()["capacity"] == 8
        media.ready = False
        assert (await http.get("/readyz")).status_code == 503


async def test_without_a_media_process_readyz_and_metrics_say_so(record: sa.Engine, tmp_path: Path) -> None:
    async with client(record, tmp_path) as http:
        for path in ("/readyz", "/metrics"):
            answer = await http.get(path)
            assert answer.status_code == 503
            assert "media process" in answer.json()["error"]


async def test_metrics_are_those_of_the_media_process(record: sa.Engine, tmp_path: Path, media: Media) -> None:
    async with client(record, tmp_path) as http:
        answer = await http.get("/metrics")
    assert answer.text == "callwright_active_calls 2.0\n"
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")


@pytest.mark.parametrize("call_id", ["call-1", "sip-1@pbx"])
async def test_a_hand_over_is_served_by_our_id_and_by_the_external_one(
    record: sa.Engine, tmp_path: Path, call_id: str
) -> None:
    async with client(record, tmp_path) as http:
        answer = await http.get(f"/v1/handoffs/{call_id}")
        assert HandoffRecord.model_validate(answer.json()) == HANDOFF
        assert answer.headers["cache-control"] == "no-store"
        assert len((await http.get("/v1/handoffs")).json()["handoffs"]) == 1


async def test_calls_are_listed_and_shown(record: sa.Engine, tmp_path: Path) -> None:
    async with client(record, tmp_path) as http:
        assert [call["call_id"] for call in (await http.get("/v1/calls?limit=5")).json()["calls"]] == ["call-1"]
        assert (await http.get("/v1/calls/call-1")).json()["turns"][0]["caller_text"] == "Hello"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/handoffs/nobody", 404),
        ("/v1/calls/nobody", 404),
        ("/nothing", 404),
        ("/v1/calls?limit=0", 400),
        ("/v1/calls?limit=many", 400),
        ("/v1/calls?limit=99999999999999999999", 400),
    ],
)
async def test_what_cannot_be_served_is_a_json_error(record: sa.Engine, tmp_path: Path, path: str, status: int) -> None:
    async with client(record, tmp_path) as http:
        answer = await http.get(path)
        assert answer.status_code == status
        assert answer.json()["error"]


async def test_a_broken_record_is_503_and_tells_no_sql(tmp_path: Path) -> None:
    async with client(open_database("sqlite:///empty.db", tmp_path), tmp_path) as http:
        answer = await http.get("/v1/calls")
    assert answer.status_code == 503
    assert "SELECT" not in answer.text


async def test_without_a_token_only_this_machine_may_read(record: sa.Engine, tmp_path: Path) -> None:
    async with client(record, tmp_path, peer="192.0.2.7") as http:
        assert (await http.get("/v1/calls")).status_code == 401
        assert (await http.get("/healthz")).status_code == 200


async def test_a_web_page_that_rebinds_its_name_to_loopback_reads_nothing(record: sa.Engine, tmp_path: Path) -> None:
    async with client(record, tmp_path, host="evil.example:8080") as http:
        assert (await http.get("/v1/calls")).status_code == 401


async def test_with_a_token_everybody_needs_it(record: sa.Engine, tmp_path: Path) -> None:
    async with client(record, tmp_path, token="s3cret", peer="192.0.2.7", host="desk.example") as http:
        assert (await http.get("/v1/calls")).status_code == 401
        assert (await http.get("/v1/calls", headers={"Authorization": "Bearer wrong"})).status_code == 401
        assert (await http.get("/v1/calls", headers={"Authorization": "s3cret"})).status_code == 401
        assert (await http.get("/v1/calls", headers={"Authorization": "Bearer s3cret"})).status_code == 200
