"""Asking the media process over its local control socket."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from contracts import errors
from contracts.errors import CallwrightError

MAX_LINE = 16 << 20


class MediaProcessSilent(CallwrightError):
    """The media process does not answer."""


async def ask(path: Path, op: str, timeout_s: float, **fields: Any) -> dict[str, Any]:
    """One request, one answer. Raises MediaProcessSilent, or the error that the media process named."""
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_unix_connection(str(path), limit=MAX_LINE)
            try:
                writer.write(json.dumps({"op": op, **fields}).encode() + b"\n")
                await writer.drain()
                line = await reader.readline()
            finally:
                writer.close()
        answer = json.loads(line)
    except (OSError, TimeoutError, ValueError, RecursionError) as error:
        raise MediaProcessSilent(f"no answer from the media process on {path}") from error
    if not isinstance(answer, dict) or not answer.get("ok"):
        said = answer if isinstance(answer, dict) else {}
        kind = getattr(errors, str(said.get("kind", "")), None)
        if isinstance(kind, type) and issubclass(kind, CallwrightError):
            raise kind(str(said.get("error", "refused")))
        raise MediaProcessSilent(f"the media process refused {op!r}")
    return answer
