"""The control socket answers, complains clearly, and streams events without ever blocking a call."""

from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from contracts.errors import DocumentUnknown
from contracts.events import Event, EventKind
from server.control import WATCH_QUEUE, ControlServer, LiveEvents
from server.control_client import OperatorNotRunning, ask, watch


async def add(request: Mapping[str, Any]) -> dict[str, Any]:
    return {"sum": request["a"] + request["b"]}


async def refuse(request: Mapping[str, Any]) -> dict[str, Any]:
    raise DocumentUnknown("no such document: x.md")


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[tuple[Path, LiveEvents]]:
    live = LiveEvents()
    path = tmp_path / "c.sock"
    control = ControlServer(path, {"add": add, "refuse": refuse}, live)
    await control.start()
    yield path, live
    await control.close()


async def test_a_question_is_answered(server: tuple[Path, LiveEvents]) -> None:
    assert (await ask(server[0], "add", a=2, b=3))["sum"] == 5


async def test_only_the_owner_may_open_the_socket(server: tuple[Path, LiveEvents]) -> None:
    assert stat.S_IMODE(server[0].stat().st_mode) == 0o600


async def test_an_error_keeps_its_kind_across_the_socket(server: tuple[Path, LiveEvents]) -> None:
    with pytest.raises(DocumentUnknown, match=r"x\.md"):
        await ask(server[0], "refuse")


@pytest.mark.parametrize("line", [b"nonsense\n", b'{"op":"add"}\n', b'{"op":"what"}\n', b"[" * 100_000 + b"\n", b"7\n"])
async def test_bad_requests_get_an_error_and_hurt_nobody(server: tuple[Path, LiveEvents], line: bytes) -> None:
    reader, writer = await asyncio.open_unix_connection(str(server[0]))
    writer.write(line)
    assert json.loads(await reader.readline())["ok"] is False
    writer.close()
    assert (await ask(server[0], "add", a=1, b=1))["sum"] == 2


async def test_events_are_streamed_to_a_watcher(server: tuple[Path, LiveEvents]) -> None:
    path, live = server
    stream = watch(path)
    assert (await anext(stream))["watching"]
    live.append(Event(EventKind.CALL_STARTED, "c1", {"caller": "alice"}))
    got = await anext(stream)
    assert (got["kind"], got["body"]["caller"]) == ("call.started", "alice")
    await stream.aclose()  # type: ignore[attr-defined]


async def test_a_slow_watcher_loses_the_oldest_events() -> None:
    live = LiveEvents()
    stream = live.watch()
    first = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    for number in range(WATCH_QUEUE + 10):
        live.append(Event(EventKind.TROUBLE, str(number)))
    assert (await first).call_id == "10"


async def test_nobody_listening_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(OperatorNotRunning, match="callwright serve"):
        await ask(tmp_path / "none.sock", "ready")
