"""The real demo bank behind a line that can fail, for conversations on virtual time."""

from __future__ import annotations

import asyncio
import re
from datetime import date
from pathlib import Path
from typing import Any

import httpx
from pydantic import ConfigDict

from contracts.configfile import load_yaml
from contracts.settings import Settings
from dialog.tools.desk import Counter
from dialog.tools.tasks import TaskBook
from operations.tools.capture import HttpPayments
from operations.tools.client import HttpTools
from operations.tools.settings import ToolSettings
from operations.tools.spec import load_routes
from scripts.demo_bank import Bank

DEMO = Path(__file__).resolve().parents[2] / "configs" / "demo"
MONDAY = date(2026, 11, 23)
CARD = "4539578763621486"
KEYS = (CARD + "#", "1228#", "737#")
"""A made-up card as it is keyed in: number, date, security code."""
_BY_CHANCE = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\b[0-9a-f]{12,}\b"
)
"""Moments, keys and digests: long, and by chance anything."""
LINDA = ("It's four two seven seven.", "March fifth, 1984.")


class _Demo(Settings):
    model_config = ConfigDict(extra="ignore")
    tools: ToolSettings


class Lossy(httpx.AsyncBaseTransport):
    """The bank behind a line that loses ``lost``: the answers of POSTs, or whole requests; "500": it fails."""

    def __init__(self, bank: Bank, lost: str = "", delay_s: float = 0.0) -> None:
        self._inner = httpx.ASGITransport(bank.app())
        self._lost = lost
        self._delay_s = delay_s

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self._lost == "requests":
            raise httpx.ConnectError("refused")
        response = await self._inner.handle_async_request(request)
        if "idempotency-key" in request.headers:
            await asyncio.sleep(self._delay_s)
            if self._lost == "answers":
                raise httpx.ReadTimeout("lost")
            if self._lost == "500":
                return httpx.Response(500, stream=httpx.ByteStream(b""))
        return response


def counter(bank: Bank, lost: str = "", delay_s: float = 0.0, **more: Any) -> Counter:
    """What callers of the demo can have done; ``more``: other settings of its tools."""
    settings = load_yaml(DEMO.parent / "demo.yaml", _Demo).tools.model_copy(update=more)
    routes = load_routes(DEMO / "bank" / "openapi.yaml", settings.allow)
    tools = HttpTools(settings, routes, Lossy(bank, lost, delay_s))
    payments = None if settings.dry_run else HttpPayments(settings.capture, Lossy(bank, lost, delay_s))
    return Counter(TaskBook.load(DEMO / "bank" / "tasks.yaml"), tools, lambda: MONDAY, payments)


def leaked(text: str) -> list[str]:
    """What of the card stands in a text: four digits in a row (the last four may), the date, the code."""
    rest = _BY_CHANCE.sub(" ", text)
    runs = {CARD[at : at + 4] for at in range(len(CARD) - 4)} | {"1228"}
    return [run for run in sorted(runs) if run in rest] + re.findall(r"(?<![\w.])737(?!\w)", rest)
