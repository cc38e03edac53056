"""`python -m console`: the HTTP process; started by `callwright serve`, or by hand beside a running operator."""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import signal
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from console.api import make_api
from console.settings import ConsoleSettings
from operations.database import open_database

_PR_SET_PDEATHSIG = 1


def timed_protocol(header_timeout_s: float) -> type[H11Protocol]:
    """uvicorn's protocol with what it lacks: a connection that sends no whole request in time is dropped."""

    class TimedProtocol(H11Protocol):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            loop = asyncio.get_running_loop()
            self._headers_due = loop.call_later(header_timeout_s, self._headers_late)

        def _headers_late(self) -> None:
            if self.cycle is None and not self.transport.is_closing():
                self.transport.close()

        def connection_lost(self, exc: Exception | None) -> None:
            self._headers_due.cancel()
            super().connection_lost(exc)

    return TimedProtocol


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--database-url", default="sqlite:///callwright.db")
    parser.add_argument("--settings", default="{}", help="ConsoleSettings as JSON")
    options = parser.parse_args()
    # Ends with the operator that started it, even if that is killed.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    settings = ConsoleSettings.model_validate_json(options.settings)
    engine = open_database(options.database_url, options.home)
    api = make_api(settings, engine, options.home / "control.sock")
    uvicorn.run(
        api,
        host=settings.host,
        port=settings.port,
        http=timed_protocol(settings.header_timeout_s),
        ws="none",
        log_level="warning",
        access_log=False,
        server_header=False,
        limit_concurrency=settings.max_connections,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=3,
        h11_max_incomplete_event_size=16_384,
    )


if __name__ == "__main__":
    main()
