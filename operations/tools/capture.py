"""Posts what a caller has keyed in to the owner's payment endpoint: once, over TLS, from a buffer that is then wiped.

::

    POST url   Authorization: Bearer …   Idempotency-Key: …
    {"task": …, "call_id": …, "details": {…}, "keyed": {"card_number": "…", "expiry": "…"}}
    ◄ {"status": "approved" | "declined", "token": …, "last_four": …, "brand": …, "reference": …, "code": …}

Nothing else of the answer is kept, and none of it that repeats the digits. What httpx, h11, OpenSSL and the kernel copy
of the body on its way is theirs, and is not wiped (docs/safety.md).
"""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import AsyncIterator, Mapping
from typing import cast

import httpx

from contracts.capture import REPLIED, CaptureReply, Keyed, Order
from contracts.errors import ConfigError, ToolRefused, ToolUnavailable, ToolUncertain
from operations.tools.exchange import MAX_CODE, code_of, decoded, exchange
from operations.tools.settings import CaptureSettings

NAME = "secure capture"
MAX_ANSWER = 65_536
SHARED = 7
"""Digits of a card in a row that an answer must not repeat: its first six and last four may be kept (PCI DSS 3.4), and
tokens that look like cards keep them."""
CARD = 12
"""Digits from which an entry is a card number, whose last four may be kept."""
_FIELDS = {
    "token": re.compile(r"[A-Za-z0-9_.:+/=-]{1,256}"),
    "last_four": re.compile(r"[0-9]{4}"),
    "brand": re.compile(r"[A-Za-z][A-Za-z ]{0,29}"),
    "reference": re.compile(r"[A-Za-z0-9-]{1,32}"),
}


class _Body:
    """A request's body that gives the buffer itself, so that wiping it leaves no copy of ours."""

    def __init__(self, buffer: bytearray) -> None:
        self._buffer = buffer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield cast(bytes, self._buffer)  # whatever joins bytes takes it


class HttpPayments:
    """contracts.capture.Payments. ``transport``: instead of the network, such as httpx.ASGITransport."""

    def __init__(self, settings: CaptureSettings, transport: httpx.AsyncBaseTransport | None = None) -> None:
        """Raises ConfigError for files that cannot be read."""
        self._settings = settings
        headers = {"Accept": "application/json", "Accept-Encoding": "identity", "Content-Type": "application/json"}
        if token := settings.bearer():
            headers["Authorization"] = f"Bearer {token}"
        try:
            verify = ssl.create_default_context(cafile=str(settings.ca_file)) if settings.ca_file else True
        except OSError as error:
            raise ConfigError(f"tools.capture.ca_file: {settings.ca_file}: {error.strerror}") from error
        self._client = httpx.AsyncClient(
            headers=headers, timeout=None, follow_redirects=False, transport=transport, trust_env=False, verify=verify
        )

    async def close(self) -> None:
        """contracts.capture.Payments.close."""
        await self._client.aclose()

    async def post(self, order: Order) -> CaptureReply:
        """contracts.capture.Payments.post. Sent again only if it never left, or by ``once_more`` with the same key."""
        body = bytearray()
        try:
            body = body_of(order)
            try:
                return await self._send(order, body)
            except (ToolUnavailable, ToolUncertain) as error:
                again = isinstance(error, ToolUnavailable) or self._settings.once_more
                if not again:
                    raise
            return await self._send(order, body)
        finally:
            body[:] = bytes(len(body))
            order.wipe()

    async def _send(self, order: Order, body: bytearray) -> CaptureReply:
        settings = self._settings
        headers = {settings.idempotency_header: order.key, "Content-Length": str(len(body))}
        request = self._client.build_request("POST", str(settings.url), content=_Body(body), headers=headers)
        status, content = await exchange(
            self._client, request, name=NAME, timeout_s=settings.timeout_s, limit=MAX_ANSWER, writes=True
        )
        return read_reply(status, decoded(content), order.keyed)


def body_of(order: Order) -> bytearray:
    """The JSON object, as bytes that can be wiped. Details are our own values, never what was keyed in."""
    names = [json.dumps(name).encode() for name in order.keyed]
    head = json.dumps({"task": order.task, "call_id": order.call_id, "details": dict(order.details)}).encode()[:-1]
    head += b', "keyed": {'
    size = len(head) + sum(len(name) + len(one) + 6 for name, one in zip(names, order.keyed.values(), strict=True))
    body = bytearray(b" " * (size + 2))  # made whole at once: a buffer that grows leaves copies behind
    body[: len(head)] = head
    at = len(head)
    for index, (name, one) in enumerate(zip(names, order.keyed.values(), strict=True)):
        before = (b", " if index else b"") + name + b': "'
        body[at : at + len(before)] = before
        at = one.put(body, at + len(before))
        body[at : at + 1] = b'"'
        at += 1
    body[at : at + 2] = b"}}"
    return body


def read_reply(status: int, data: object, keyed: Mapping[str, Keyed]) -> CaptureReply:
    """What the endpoint said. Raises ToolRefused (4xx), ToolUnavailable (429, 503), ToolUncertain for anything odd."""
    if status in (429, 503):
        raise ToolUnavailable(f"{NAME}: the endpoint takes no requests now ({status})")
    if isinstance(data, dict) and any(_repeats(str(data.get(name, "")), keyed) for name in (*REPLIED, "code")):
        raise ToolUncertain(f"{NAME}: the answer repeats what was keyed in")
    code = re.sub(r"[^a-z_]", "", code_of(data).lower())[:MAX_CODE]
    if 400 <= status < 500 and status != 402:
        raise ToolRefused(f"{NAME}: the endpoint said no ({status})", code)
    if not isinstance(data, dict) or not (200 <= status < 300 or status == 402):
        raise ToolUncertain(f"{NAME}: the endpoint failed ({status})")
    if data.get("status") == "declined" or status == 402:
        return CaptureReply(False, {}, code or "declined")
    if data.get("status") != "approved":
        raise ToolUncertain(f"{NAME}: the answer says neither approved nor declined")
    return CaptureReply(True, {name: _kept(name, data.get(name), keyed) for name in sorted(REPLIED)}, code)


def _kept(name: str, value: object, keyed: Mapping[str, Keyed]) -> str:
    text = value if isinstance(value, str) and _FIELDS[name].fullmatch(value) else ""
    if name == "last_four":
        return text if any(len(one) >= CARD and one.ends(text) for one in keyed.values()) else ""
    return text


def _repeats(text: str, keyed: Mapping[str, Keyed]) -> bool:
    """Does it hold a card's digits? Shorter entries stand by chance in every other token."""
    return any(len(one) >= CARD and one.shares(text, SHARED) for one in keyed.values())
