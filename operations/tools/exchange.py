"""One request to a service of the owner's, with a deadline and a limit on the answer; each failure has a name."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx

from contracts.errors import ToolError, ToolFailed, ToolUnavailable

UNREACHED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
"""Raised before the request was on its way."""
MAX_CODE = 64


async def exchange(
    client: httpx.AsyncClient,
    request: httpx.Request,
    *,
    name: str,
    timeout_s: float,
    limit: int,
    lost: type[ToolError],
) -> tuple[int, bytes]:
    """Status and body. ``lost``: raised when it was sent and no whole answer came; else ToolUnavailable, ToolFailed."""
    try:
        async with asyncio.timeout(timeout_s):
            response = await client.send(request, stream=True)
            try:
                return response.status_code, await _content(name, response, limit)
            finally:
                await response.aclose()
    except UNREACHED as error:
        raise ToolUnavailable(f"{name}: the service was not reached ({type(error).__name__})") from error
    except (TimeoutError, httpx.TransportError) as error:
        raise lost(f"{name}: no answer within {timeout_s:g} s ({type(error).__name__})") from error


async def _content(name: str, response: httpx.Response, limit: int) -> bytes:
    content = b""
    async for chunk in response.aiter_raw():
        content += chunk
        if len(content) > limit:
            raise ToolFailed(f"{name}: the answer is larger than tools.max_answer_bytes ({limit})")
    return content


def decoded(content: bytes) -> Any:
    """The JSON value; None for what is none."""
    try:
        return json.loads(content) if content.strip() else {}
    except (ValueError, RecursionError):
        return None


def code_of(data: Any) -> str:
    """Why a service said no, in its own short word."""
    code = data.get("code", "") if isinstance(data, dict) else ""
    return str(code)[:MAX_CODE]
