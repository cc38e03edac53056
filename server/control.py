"""The local socket by which other processes of this machine ask the media process things.

Newline-delimited JSON over ``<home>/control.sock`` (mode 0600): one request object per line, one answer per line, but
for ``watch``, whose answer is a stream of events until the asker hangs up, and for streams (``seat``), which go on in a
form of their own after the first answer. Bodies of documents travel base64.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import structlog

from contracts.errors import CallwrightError
from contracts.events import Event
from operations.redacting import Redactor

log = structlog.get_logger()

Operation = Callable[[Mapping[str, Any]], Awaitable[dict[str, Any]]]
Stream = Callable[[Mapping[str, Any], asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""Given a request and its connection; acknowledges with one line, then the connection is its own until it returns."""
MAX_REQUEST = 24 << 20
"""Bytes of one request line: the largest document that settings allow (15 MiB) fits in base64."""
WATCH_QUEUE = 1000


class LiveEvents:
    """An EventSink that hands events to whoever watches; a slow watcher loses the oldest, never blocks a call."""

    def __init__(self, names: bool = False) -> None:
        self._queues: set[asyncio.Queue[Event]] = set()
        self._redactor = Redactor(names)

    def append(self, event: Event) -> None:
        """Give the event, redacted, to each watcher."""
        if not self._queues:
            return
        event = replace(event, body=self._redactor.body_of(event))
        for queue in self._queues:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(event)

    async def watch(self) -> AsyncIterator[Event]:
        """Events from now on."""
        queue: asyncio.Queue[Event] = asyncio.Queue(WATCH_QUEUE)
        self._queues.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._queues.discard(queue)


def event_to_json(event: Event) -> dict[str, Any]:
    """An event as the control socket shows it."""
    return {
        "kind": str(event.kind),
        "call_id": event.call_id,
        "turn": event.turn,
        "at": event.at.isoformat(),
        "body": event.body,
    }


class ControlServer:
    """Serves operations by name on a Unix socket."""

    def __init__(
        self,
        path: Path,
        operations: Mapping[str, Operation],
        live: LiveEvents,
        streams: Mapping[str, Stream] | None = None,
    ) -> None:
        self._path = path
        self._operations = dict(operations)
        self._streams = dict(streams or {})
        self._live = live
        self._server: asyncio.AbstractServer | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Open the socket; a stale file of a dead server is replaced."""
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()
        before = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._serve, str(self._path), limit=MAX_REQUEST)
        finally:
            os.umask(before)

    async def close(self) -> None:
        """Stop serving and remove the socket."""
        if self._server is not None:
            self._server.close()
        for task in list(self._connections):
            task.cancel()
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            while line := await reader.readline():
                if not await self._answer(line, reader, writer):
                    break
        except (ConnectionError, ValueError, asyncio.CancelledError):
            pass
        finally:
            self._connections.discard(task)
            writer.close()

    async def _answer(self, line: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        try:
            request = json.loads(line)
        except (ValueError, RecursionError):
            return await self._send(writer, {"ok": False, "error": "not JSON"})
        operation = request.get("op") if isinstance(request, dict) else None
        if operation == "watch":
            await self._watch(writer)
            return False
        handler, stream = self._operations.get(str(operation)), self._streams.get(str(operation))
        if handler is None and stream is None:
            names = ", ".join(sorted([*self._operations, *self._streams, "watch"]))
            return await self._send(writer, {"ok": False, "error": f"unknown op {operation!r}; known: {names}"})
        try:
            if handler is not None:
                return await self._send(writer, {"ok": True, **await handler(request)})
            assert stream is not None
            await stream(request, reader, writer)
            return False
        except CallwrightError as error:
            return await self._send(writer, {"ok": False, "error": str(error), "kind": type(error).__name__})
        except (KeyError, TypeError, ValueError) as error:
            return await self._send(writer, {"ok": False, "error": f"bad request: {error!r}"})

    async def _watch(self, writer: asyncio.StreamWriter) -> None:
        async with contextlib.aclosing(self._live.watch()) as events:  # type: ignore[type-var]
            await self._send(writer, {"ok": True, "watching": True})
            async for event in events:
                await self._send(writer, event_to_json(event))

    async def _send(self, writer: asyncio.StreamWriter, answer: Mapping[str, Any]) -> bool:
        writer.write(json.dumps(answer, default=str).encode() + b"\n")
        await writer.drain()
        return True
