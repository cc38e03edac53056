"""Asking a running operator over its control socket: used by the command line, the demo and the benchmarks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from contracts import errors
from contracts.errors import CallwrightError

MAX_LINE = 64 << 20


class OperatorNotRunning(CallwrightError):
    """Nobody answers on the control socket."""


async def ask(path: Path, op: str, timeout_s: float = 30.0, **fields: Any) -> dict[str, Any]:
    """One question, one answer. Raises OperatorNotRunning, or the error that the operator named."""
    try:
        reader, writer = await asyncio.open_unix_connection(str(path), limit=MAX_LINE)
    except OSError as error:
        raise OperatorNotRunning(f"no operator is running on {path}; start one with `callwright serve`") from error
    try:
        writer.write(json.dumps({"op": op, **fields}).encode() + b"\n")
        await writer.drain()
        line = await asyncio.wait_for(reader.readline(), timeout_s)
    except (TimeoutError, ConnectionError) as error:
        raise OperatorNotRunning(f"the operator on {path} did not answer within {timeout_s:g} s") from error
    finally:
        writer.close()
    if not line:
        raise OperatorNotRunning(f"the operator on {path} hung up")
    answer: dict[str, Any] = json.loads(line)
    if not answer.get("ok"):
        kind = getattr(errors, str(answer.get("kind", "")), CallwrightError)
        raise kind(str(answer.get("error", "refused")))
    return answer


async def watch(path: Path) -> AsyncIterator[dict[str, Any]]:
    """Events of the running operator from now on, as dictionaries; the first item is the acknowledgement."""
    try:
        reader, writer = await asyncio.open_unix_connection(str(path), limit=MAX_LINE)
    except OSError as error:
        raise OperatorNotRunning(f"no operator is running on {path}") from error
    try:
        writer.write(b'{"op":"watch"}\n')
        await writer.drain()
        while line := await reader.readline():
            yield json.loads(line)
    finally:
        writer.close()
