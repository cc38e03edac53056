"""One request to a service of the owner's, with a deadline and a limit on the answer; each failure has a name."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx

from contracts.errors import ToolError, ToolFailed, ToolUnavailable, ToolUncertain

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
    writes: bool,
) -> tuple[int, bytes]:
    """Status and body. Raises ToolUnavailable if it was not sent; then ToolUncertain if it ``writes``, else
    ToolUnavailable for no whole answer and ToolFailed for one that is too large."""
    try:
        async with asyncio.timeout(timeout_s):
            response = await client.send(request, stream=True)
            try:
                return response.status_code, await _content(name, response, limit, odd(writes))
            finally:
                await response.aclose()
    except UNREACHED as error:
        raise ToolUnavailable(f"{name}: the service was not reached ({type(error).__name__})") from error
    except (TimeoutError, httpx.TransportError) as error:
        lost = ToolUncertain if writes else ToolUnavailable
        raise lost(f"{name}: no answer within {timeout_s:g} s ({type(error).__name__})") from error


def odd(writes: bool) -> type[ToolError]:
    """What an answer of no use is, of a request that was sent: a write may have been done."""
    return ToolUncertain if writes else ToolFailed


async def _content(name: str, response: httpx.Response, limit: int, error: type[ToolError]) -> bytes:
    content = b""
    async for chunk in response.aiter_raw():
        content += chunk
        if len(content) > limit:
            raise error(f"{name}: the answer is larger than tools.max_answer_bytes ({limit})")
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
