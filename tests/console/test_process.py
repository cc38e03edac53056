"""The process as it is started, and the limits of its connections."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr, ValidationError

from console.__main__ import make_server
from console.api import make_api
from console.settings import ConsoleSettings
from console.start import VARIABLE, ConsoleStart
from operations.database import migrate, open_database

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def serving(tmp_path: Path, header_timeout_s: float) -> AsyncIterator[int]:
    """The real server on a free port of loopback."""
    settings = ConsoleSettings(header_timeout_s=header_timeout_s)
    api = make_api(settings, open_database("sqlite:///record.db", tmp_path), tmp_path / "control.sock")
    server = make_server(settings, api)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        server.config.load()
        server.lifespan = server.config.lifespan_class(server.config)
        await server.startup(sockets=[listener])
        try:
            yield int(listener.getsockname()[1])
        finally:
            await server.shutdown(sockets=[listener])


async def test_a_client_that_dribbles_its_request_is_dropped(tmp_path: Path) -> None:
    async with serving(tmp_path, 0.1) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: ")
        assert await asyncio.wait_for(reader.read(), 10) == b""
        writer.close()


async def test_a_client_that_dribbles_its_second_request_is_dropped_too(tmp_path: Path) -> None:
    async with serving(tmp_path, 0.1) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"200 OK" in await asyncio.wait_for(reader.readuntil(b'{"ok":true}'), 10)
        writer.write(b"GET /hea")
        assert await asyncio.wait_for(reader.read(), 10) == b""
        writer.close()


async def test_an_endless_head_is_refused(tmp_path: Path) -> None:
    async with serving(tmp_path, 10) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /healthz HTTP/1.1\r\nX: " + b"a" * 40_000)
        assert (await asyncio.wait_for(reader.read(), 10)).startswith(b"HTTP/1.1 400")
        writer.close()


def test_what_it_is_started_with_survives_the_way_secrets_included() -> None:
    start = ConsoleStart(
        home=Path("/h"), database_url=SecretStr("sqlite:///x"), settings=ConsoleSettings(token=SecretStr("t0ken"))
    )
    assert ConsoleStart.model_validate_json(start.environment()[VARIABLE]) == start
    assert "t0ken" not in repr(start)


def test_a_masked_token_is_refused() -> None:
    with pytest.raises(ValidationError, match="masked"):
        ConsoleSettings(token=SecretStr("**********"))


def test_python_m_console_serves_the_record_and_ends_on_sigterm(tmp_path: Path) -> None:
    migrate(open_database("sqlite:///callwright.db", tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    start = ConsoleStart(home=tmp_path, settings=ConsoleSettings(port=port, token=SecretStr("t0ken")))
    process = subprocess.Popen(
        [sys.executable, "-m", "console"], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT), **start.environment()}
    )
    try:
        transport = httpx.HTTPTransport(retries=7)
        with httpx.Client(transport=transport, base_url=f"http://127.0.0.1:{port}") as http:
            assert http.get("/v1/calls", headers={"Authorization": "Bearer t0ken"}).json() == {"calls": []}
            assert http.get("/v1/calls").status_code == 401
            assert http.get("/readyz").status_code == 503
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) in (0, -signal.SIGTERM)
