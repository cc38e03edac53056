"""Asking the media process over its local control socket."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from contracts.errors import CallwrightError

MAX_LINE = 16 << 20


class MediaProcessSilent(CallwrightError):
    """The media process does not answer."""


async def ask(path: Path, op: str, timeout_s: float) -> dict[str, Any]:
    """One request, one answer. Raises MediaProcessSilent."""
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_unix_connection(str(path), limit=MAX_LINE)
            try:
                writer.write(json.dumps({"op": op}).encode() + b"\n")
                await writer.drain()
                line = await reader.readline()
            finally:
                writer.close()
        answer = json.loads(line)
    except (OSError, TimeoutError, ValueError, RecursionError) as error:
        raise MediaProcessSilent(f"no answer from the media process on {path}") from error
    if not isinstance(answer, dict) or not answer.get("ok"):
        raise MediaProcessSilent(f"the media process refused {op!r}")
    return answer
