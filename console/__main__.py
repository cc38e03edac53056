"""`python -m console`: the HTTP process; started by `callwright serve`, or by hand beside a running operator."""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import os
import signal
from pathlib import Path
from typing import Any

import h11
import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

from console.api import make_api
from console.audio import MAX_MESSAGE
from console.settings import ConsoleSettings
from console.start import VARIABLE, ConsoleStart
from operations.callerfile import Folders
from operations.database import open_database

_PR_SET_PDEATHSIG = 1


def timed_protocol(header_timeout_s: float) -> type[H11Protocol]:
    """uvicorn's protocol with what it lacks: a time limit for the head of a request.

    A connection must send the whole head of its first request, and of each later one once it has begun it, within
    ``header_timeout_s``; between requests uvicorn's keep-alive limit holds.
    """

    class TimedProtocol(H11Protocol):
        _head_due: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._arm()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.conn.their_state is h11.IDLE and not self.transport.is_closing():
                self._arm()
            else:
                self._disarm()

        def connection_lost(self, exc: Exception | None) -> None:
            self._disarm()
            super().connection_lost(exc)

        def _arm(self) -> None:
            if self._head_due is None:
                self._head_due = self.loop.call_later(header_timeout_s, self.transport.close)

        def _disarm(self) -> None:
            if self._head_due is not None:
                self._head_due.cancel()
                self._head_due = None

    return TimedProtocol


def make_server(settings: ConsoleSettings, api: Starlette) -> uvicorn.Server:
    """uvicorn with every limit that it has, and the one that it lacks."""
    return uvicorn.Server(
        uvicorn.Config(
            api,
            host=settings.host,
            port=settings.port,
            http=timed_protocol(settings.header_timeout_s),
            ws="websockets-sansio",
            ws_max_size=MAX_MESSAGE,
            ws_max_queue=64,
            ws_ping_interval=1.0,
            ws_ping_timeout=2.0,
            ws_per_message_deflate=False,
            log_level="warning",
            access_log=False,
            server_header=False,
            limit_concurrency=settings.max_connections,
            timeout_keep_alive=5,
            timeout_graceful_shutdown=3,
            h11_max_incomplete_event_size=16_384,
        )
    )


def main() -> None:
    """Serve until SIGTERM."""
    start = _start_from(os.environ.get(VARIABLE))
    # Ends with the operator that started it, even if that is killed; perhaps it was, while this module was loaded.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if VARIABLE in os.environ and os.getppid() != start.parent:
        return
    engine = open_database(start.database_url.get_secret_value(), start.home)
    folders = Folders.under(start.home, start.spool, start.logs)
    api = make_api(start.settings, engine, start.home / "control.sock", folders)
    make_server(start.settings, api).run()


def _start_from(variable: str | None) -> ConsoleStart:
    """From the environment (how `callwright serve` does it) or the command line (by hand)."""
    if variable is not None:
        return ConsoleStart.model_validate_json(variable)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--database-url", default="sqlite:///callwright.db")
    parser.add_argument("--settings", default="{}", help="ConsoleSettings as JSON")
    options = parser.parse_args()
    settings = ConsoleSettings.model_validate_json(options.settings)
    return ConsoleStart(home=options.home, database_url=options.database_url, settings=settings)


if __name__ == "__main__":
    main()
