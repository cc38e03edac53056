"""Asking over the control socket never hangs and never raises anything but its own error."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from console.control import MediaProcessSilent, ask


@asynccontextmanager
async def answering(path: Path, answer: bytes | None) -> AsyncIterator[None]:
    """A Unix socket that sends ``answer`` to each line; None: it says nothing until the asker goes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        if answer is None:
            await reader.read()
        else:
            writer.write(answer)
            await writer.drain()
        writer.close()

    server = await asyncio.start_unix_server(serve, str(path))
    async with server:
        yield


async def test_an_answer_is_an_object(tmp_path: Path) -> None:
    async with answering(tmp_path / "s", b'{"ok": true, "n": 1}\n'):
        assert await ask(tmp_path / "s", "ready", 5) == {"ok": True, "n": 1}


@pytest.mark.parametrize(
    "answer", [b"", b"not json\n", b"[1]\n", b'{"ok": false}\n', b'{"ok": true', b"[" * 100_000 + b"\n", b"\xff\n"]
)
async def test_a_bad_answer_is_silence(tmp_path: Path, answer: bytes) -> None:
    async with answering(tmp_path / "s", answer):
        with pytest.raises(MediaProcessSilent):
            await ask(tmp_path / "s", "ready", 5)


async def test_a_process_that_hangs_is_waited_for_no_longer_than_said(tmp_path: Path) -> None:
    async with answering(tmp_path / "s", None):
        with pytest.raises(MediaProcessSilent):
            await ask(tmp_path / "s", "ready", 0.05)


async def test_no_socket_is_silence(tmp_path: Path) -> None:
    with pytest.raises(MediaProcessSilent):
        await ask(tmp_path / "nothing", "ready", 5)
