"""Briefings posted to a real HTTP server on this machine."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from contracts.handoff import HandoffRecord, HandoffStatus, Reason
from escalation.settings import WebhookSettings
from operations.database import migrate, open_database
from operations.erasing import Eraser
from operations.webhook import DELIVERY, SIGNATURE, HandoffWebhook

SECRET = "a secret that is shared"
HOLD = -1


class Receiver:
    """Answers with these statuses in turn, then 204; 0: closes without an answer; HOLD: never answers."""

    def __init__(self, statuses: Sequence[int]) -> None:
        self.statuses = list(statuses)
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.came = asyncio.Event()
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode().split("\r\n")[1:]
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines) if name}
                body = await reader.readexactly(int(headers["content-length"]))
                self.got.append((headers, body))
                status = self.statuses.pop(0) if self.statuses else 204
                self.came.set()
                if status == HOLD:
                    await reader.read()
                if status in (0, HOLD):
                    return
                writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n".encode())
                await writer.drain()
        except asyncio.IncompleteReadError:
            return
        finally:
            writer.close()

    async def have(self, count: int) -> None:
        async with asyncio.timeout(20):
            while len(self.got) < count:
                self.came.clear()
                await self.came.wait()


@asynccontextmanager
async def receiver(*statuses: int, port: int = 0) -> AsyncIterator[Receiver]:
    one = Receiver(statuses)
    server = await asyncio.start_server(one.serve, "127.0.0.1", port)
    one.port = server.sockets[0].getsockname()[1]
    try:
        yield one
    finally:
        server.close()


def settings(port: int) -> WebhookSettings:
    return WebhookSettings.model_validate(
        {"url": f"http://127.0.0.1:{port}/briefings", "secret": SECRET, "retry_s": 0.01, "longest_retry_s": 0.05}
    )


def record(status: HandoffStatus = HandoffStatus.RAISED, call_id: str = "c1") -> HandoffRecord:
    return HandoffRecord(
        call_id=call_id, reason=Reason.PERSON_REQUESTED, rule_id="r", summary="Three sentences.",
        asked_at=datetime(2026, 1, 5, tzinfo=UTC), status=status,
    )  # fmt: skip


async def none_left(webhook: HandoffWebhook) -> None:
    async with asyncio.timeout(20):
        while webhook.waiting:  # noqa: ASYNC110 - files
            await asyncio.sleep(0.01)


async def test_a_briefing_arrives_signed_over_its_time_and_body(tmp_path: Path) -> None:
    async with receiver() as there:
        webhook = HandoffWebhook(settings(there.port), tmp_path / "spool")
        await webhook.start()
        for status in (HandoffStatus.RAISED, HandoffStatus.TRANSFERRING, HandoffStatus.CONNECTED):
            webhook.put(record(status))
        await there.have(2)
        await none_left(webhook)
        await webhook.close()
    assert [json.loads(body)["status"] for _, body in there.got] == ["raised", "connected"]
    headers, body = there.got[0]
    at, mac = (part.partition("=")[2] for part in headers[SIGNATURE.lower()].split(","))
    assert hmac.compare_digest(mac, hmac.new(SECRET.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest())


@pytest.mark.parametrize("trouble", [500, 503, 429, 0])
async def test_a_receiver_in_trouble_gets_it_again_under_the_same_name(tmp_path: Path, trouble: int) -> None:
    async with receiver(trouble, trouble) as there:
        webhook = HandoffWebhook(settings(there.port), tmp_path / "spool")
        await webhook.start()
        webhook.put(record())
        await there.have(3)
        await none_left(webhook)
        await webhook.close()
    assert len({headers[DELIVERY.lower()] for headers, _ in there.got}) == 1


async def test_what_a_receiver_refuses_is_not_sent_again_and_holds_nothing_up(tmp_path: Path) -> None:
    async with receiver(400) as there:
        webhook = HandoffWebhook(settings(there.port), tmp_path / "spool")
        await webhook.start()
        webhook.put(record(call_id="refused"))
        webhook.put(record(call_id="taken"))
        await there.have(2)
        await none_left(webhook)
        await webhook.close()
    assert [json.loads(body)["call_id"] for _, body in there.got] == ["refused", "taken"]


async def test_what_could_not_be_sent_is_sent_by_the_next_run(tmp_path: Path) -> None:
    async with receiver() as gone:
        port = gone.port
    webhook = HandoffWebhook(settings(port), tmp_path / "spool")
    webhook.put(record(call_id="before the start"))
    await webhook.start()
    webhook.put(record(call_id="second"))
    await webhook.close()
    assert len(webhook.waiting) == 2
    async with receiver(port=port) as there:
        again = HandoffWebhook(settings(port), tmp_path / "spool")
        await again.start()
        await there.have(2)
        await none_left(again)
        await again.close()
    assert [json.loads(body)["call_id"] for _, body in there.got] == ["before the start", "second"]


CHILD = """
import asyncio, os, signal, sys
from pathlib import Path
from operations.database import migrate, open_database
from operations.erasing import Eraser
from operations.webhook import HandoffWebhook
from tests.operations.test_webhook import on_disk, record, settings
async def main():
    webhook = HandoffWebhook(settings(int(sys.argv[2])), Path(sys.argv[1]))
    await webhook.start()
    webhook.put(record(call_id="being sent"))
    await on_disk(webhook, 1)
    webhook.put(record(call_id="behind it"))
    await on_disk(webhook, 2)
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""


async def on_disk(webhook: HandoffWebhook, count: int) -> None:
    async with asyncio.timeout(20):
        while len(webhook.waiting) < count:  # noqa: ASYNC110 - files
            await asyncio.sleep(0.01)


async def test_kill_9_while_a_receiver_is_slow_loses_no_briefing(tmp_path: Path) -> None:
    async with receiver(*[HOLD] * 2) as slow:
        command = (sys.executable, "-c", CHILD, str(tmp_path), str(slow.port))
        child = await asyncio.create_subprocess_exec(*command)
        async with asyncio.timeout(60):
            assert await child.wait() == -signal.SIGKILL
    async with receiver() as there:
        again = HandoffWebhook(settings(there.port), tmp_path)
        await again.start()
        await there.have(2)
        await none_left(again)
        await again.close()
    assert [json.loads(body)["call_id"] for _, body in there.got] == ["being sent", "behind it"]


async def test_a_briefing_without_its_name_is_sent_after_a_crash_and_half_of_one_goes(tmp_path: Path) -> None:
    whole = record(call_id="whole").model_dump_json().encode()
    now = time.time_ns()
    (tmp_path / f"{now}-whole-raised.part").write_bytes(whole)
    (tmp_path / f"{now}-torn-raised.part").write_bytes(whole[:40])
    (tmp_path / "notes.json").write_bytes(b"of somebody else")
    async with receiver() as there:
        webhook = HandoffWebhook(settings(there.port), tmp_path)
        await webhook.start()
        await there.have(1)
        await none_left(webhook)
        await webhook.close()
    assert [json.loads(body)["call_id"] for _, body in there.got] == ["whole"]
    assert os.listdir(tmp_path) == ["notes.json"]


async def test_what_is_erased_is_not_posted_and_the_others_are(tmp_path: Path) -> None:
    record_db = open_database("sqlite:///record.db", tmp_path)
    migrate(record_db)
    folder = tmp_path / "spool"
    async with receiver() as gone:
        port = gone.port
    webhook = HandoffWebhook(settings(port), folder)
    for name in ("call-forgotten", "call-kept"):
        webhook.put(record(call_id=name))
    await webhook.start()
    await on_disk(webhook, 2)
    done = await asyncio.to_thread(Eraser(record_db, tmp_path, folder).forget, ["call-forgotten"], "test", "asked for")
    assert sum(one.files for one in done) == 1
    async with receiver(port=port) as there:
        await there.have(1)
        await none_left(webhook)
        await webhook.close()
    assert [json.loads(body)["call_id"] for _, body in there.got] == ["call-kept"]


async def test_what_is_too_old_is_given_up(tmp_path: Path) -> None:
    (tmp_path / "1000-old-raised.json").write_bytes(b"{}")
    async with receiver() as there:
        webhook = HandoffWebhook(settings(there.port), tmp_path)
        await webhook.start()
        await none_left(webhook)
        await webhook.close()
    assert there.got == []


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"url": "http://desk.example/x", "secret": SECRET}, "https://"),
        ({"url": "https://desk.example/x", "secret": "short"}, "16 characters"),
        ({"url": "ftp://desk.example"}, "https://"),
    ],
)
def test_an_unsafe_receiver_is_refused_with_what_to_do(wrong: dict[str, str], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        WebhookSettings.model_validate(wrong)
