"""Briefings by webhook: each hand-over is posted, signed, to the owner's system; what cannot be sent now, later.

::

    put(record) ─► file in the spool ═► POST ─ 2xx ─► gone
       a task of its own  ▲              ├ 5xx, 408, 429, no answer ─► again after 1, 2, 4 … 60 s, the oldest first
                          └─ restart     └ other 4xx, too old ─► given up, and said so in the log

    X-Callwright-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256 of "<t>." + body with the shared secret>
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import re
import time
from pathlib import Path

import httpx
import structlog
from pydantic import ValidationError

from contracts.handoff import HandoffRecord, HandoffStatus
from escalation.settings import WebhookSettings

log = structlog.get_logger()

SIGNATURE = "X-Callwright-Signature"
DELIVERY = "X-Callwright-Delivery"
"""The same for each attempt at one briefing: whoever has seen it may forget the second."""
_QUEUED = 1000
_SPOOLED = 5000
"""Beyond this the oldest are given up."""
_NAME = re.compile(r"(?P<at>\d+)-(?P<call>.+)-[a-z]+\.(?:json|part)")
_LATER = frozenset({408, 425, 429})


def signature(secret: str, body: bytes, at: int) -> str:
    """Value of the header; ``at`` in unix seconds, so that an old message cannot be sent again by others."""
    mac = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={mac}"


def call_of(path: Path) -> str:
    """Whose briefing a file of the spool is, finished or not; empty for a file that is none."""
    found = _NAME.fullmatch(path.name)
    return found["call"] if found else ""


class HandoffWebhook:
    """Sends hand-overs from tasks of its own; no call ever waits for it, and no briefing for the one that is sent."""

    def __init__(self, settings: WebhookSettings, folder: Path) -> None:
        self._settings = settings
        self._folder = folder
        self._queue: asyncio.Queue[HandoffRecord] = asyncio.Queue(_QUEUED)
        self._kept = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def put(self, record: HandoffRecord) -> None:
        """Take a hand-over as it was raised or has ended; in between there is nothing to tell."""
        if record.status is HandoffStatus.TRANSFERRING:
            return
        try:
            self._queue.put_nowait(record)
        except asyncio.QueueFull:
            log.error("webhook.queue_full", call_id=record.call_id)

    async def start(self) -> None:
        """Begin, with what an earlier run left. Raises OSError when the spool's folder cannot be made or read."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        await asyncio.to_thread(self._recover)
        for work, name in ((self._keep(), "keep"), (self._run(), "send")):
            self._tasks.append(asyncio.create_task(work, name=f"handoff-webhook-{name}"))

    async def close(self) -> None:
        """Stop; what is not sent is on the disk."""
        if self._tasks:
            await self._queue.join()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        while not self._queue.empty():
            self._write(self._queue.get_nowait())

    @property
    def waiting(self) -> list[Path]:
        """Briefings on the disk, oldest first."""
        return sorted(path for path in self._folder.glob("*.json") if call_of(path))

    # ── the tasks ───────────────────────────────────────────────────────────────────────────────────────────────

    async def _keep(self) -> None:
        """Put what comes onto the disk at once, whatever the receiver does meanwhile."""
        while True:
            record = await self._queue.get()
            await asyncio.to_thread(self._write, record)
            self._queue.task_done()
            self._kept.set()

    async def _run(self) -> None:
        pause_s = self._settings.retry_s
        limits = httpx.Limits(max_connections=1)
        async with httpx.AsyncClient(timeout=self._settings.timeout_s, limits=limits) as client:
            while True:
                self._kept.clear()
                if await self._send_all(client):
                    pause_s = self._settings.retry_s
                    await self._kept.wait()
                else:
                    await asyncio.sleep(pause_s)
                    pause_s = min(pause_s * 2, self._settings.longest_retry_s)

    def _recover(self) -> None:
        """A briefing that was written and not yet named when the machine went down is sent; half of one goes."""
        for part in self._folder.glob("*.part"):
            try:
                HandoffRecord.model_validate_json(part.read_bytes())
            except ValidationError:
                part.unlink(missing_ok=True)
                log.error("webhook.torn", file=part.name)
            else:
                part.rename(part.with_suffix(".json"))

    def _write(self, record: HandoffRecord) -> None:
        path = self._folder / f"{time.time_ns()}-{record.call_id}-{record.status}.json"
        try:
            part = path.with_suffix(".part")
            with part.open("wb") as file:
                file.write(record.model_dump_json().encode())
                file.flush()
                os.fsync(file.fileno())
            part.rename(path)
            self._sync_folder()
        except OSError as error:
            log.error("webhook.not_kept", call_id=record.call_id, error=str(error))
        for old in self.waiting[:-_SPOOLED]:
            self._give_up(old, "too many wait")

    def _sync_folder(self) -> None:
        """The new name is on the disk too."""
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    async def _send_all(self, client: httpx.AsyncClient) -> bool:
        """Oldest first; False: the receiver cannot take them now."""
        for path in self.waiting:
            if time.time() - int(path.name.partition("-")[0]) / 1e9 > self._settings.keep_s:
                self._give_up(path, "too old")
            elif not await self._send(client, path):
                return False
        return True

    async def _send(self, client: httpx.AsyncClient, path: Path) -> bool:
        try:
            body = await asyncio.to_thread(path.read_bytes)
        except OSError as error:
            log.error("webhook.unreadable", file=path.name, error=str(error))
            return True
        headers = {
            "Content-Type": "application/json",
            DELIVERY: path.stem,
            SIGNATURE: signature(self._settings.secret.get_secret_value(), body, int(time.time())),
        }
        try:
            async with client.stream("POST", self._settings.url, content=body, headers=headers) as answer:
                status = answer.status_code  # its body is nobody's business here, and may be of any length
        except httpx.HTTPError as error:
            log.warning("webhook.not_sent", file=path.name, error=f"{type(error).__name__}: {error}")
            return False
        if 200 <= status < 300:
            await asyncio.to_thread(path.unlink, missing_ok=True)
            log.info("webhook.sent", file=path.name)
        elif status >= 500 or status in _LATER:
            log.warning("webhook.not_taken", file=path.name, status=status)
            return False
        else:
            self._give_up(path, f"status {status}")
        return True

    def _give_up(self, path: Path, why: str) -> None:
        path.unlink(missing_ok=True)
        log.error("webhook.given_up", file=path.name, why=why)
