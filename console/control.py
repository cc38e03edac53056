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
    answer, _, writer = await stream(path, op, timeout_s, **fields)
    writer.close()
    return answer


async def stream(
    path: Path, op: str, timeout_s: float, **fields: Any
) -> tuple[dict[str, Any], asyncio.StreamReader, asyncio.StreamWriter]:
    """One request and its answer, after which the connection goes on: close the writer. Raises as ``ask``."""
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_unix_connection(str(path), limit=MAX_LINE)
            writer.write(json.dumps({"op": op, **fields}).encode() + b"\n")
            await writer.drain()
            answer = json.loads(await reader.readline())
        _check(op, answer)
    except BaseException as error:
        if writer is not None:
            writer.close()
        if isinstance(error, OSError | TimeoutError | ValueError | RecursionError):
            raise MediaProcessSilent(f"no answer from the media process on {path}") from error
        raise
    return answer, reader, writer


def _check(op: str, answer: object) -> None:
    """Raises the error that the answer names."""
    if isinstance(answer, dict) and answer.get("ok"):
        return
    said = answer if isinstance(answer, dict) else {}
    kind = getattr(errors, str(said.get("kind", "")), None)
    if isinstance(kind, type) and issubclass(kind, CallwrightError):
        raise kind(str(said.get("error", "refused")))
    raise MediaProcessSilent(f"the media process refused {op!r}")
