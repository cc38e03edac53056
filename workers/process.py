"""One worker process from outside: spawn it, hear from it, know when it is gone."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from workers.settings import WorkerSettings
from workers.wire import Decoder, Message, WireError, encode

_ROOT = Path(__file__).resolve().parent.parent

PASSIVE = {
    # Waiting threads of OpenMP sleep instead of spinning: overlapping engines otherwise fall from 12-14 tokens/s to
    # 4-14 on two cores.
    "OMP_WAIT_POLICY": "passive",
    # … but for the few microseconds between two operators of one model: asleep there, every token pays for hundreds of
    # wake-ups (0.5 B on two cores: 30 ms a token, 17 with this; 1.5 B: 45 and 29; more spinning gains nothing).
    "GOMP_SPINCOUNT": "1000",
    "KMP_BLOCKTIME": "0",
    "OPENBLAS_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    # One allocation arena per thread keeps tens of MB per worker for nothing.
    "MALLOC_ARENA_MAX": "2",
}


def environment(settings: WorkerSettings) -> dict[str, str]:
    """The process's environment: ours, quiet waiting, thread counts, then the settings' own."""
    env = {**os.environ, **PASSIVE, "OMP_NUM_THREADS": str(settings.threads), **settings.env}
    env["PYTHONPATH"] = os.pathsep.join(filter(None, (str(_ROOT), env.get("PYTHONPATH", ""))))
    return env


class WorkerProcess:
    """A running worker. ``on_message`` is called on the event loop; ``closed`` is set at the end of the stream."""

    def __init__(self, settings: WorkerSettings, on_message: Callable[[Message], None]) -> None:
        self._on_message = on_message
        self.closed = asyncio.Event()
        self.broken = ""
        """What it sent that no worker sends."""
        ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-P", "-m", "workers.host", "--fd", str(theirs.fileno())]
            command += ["--parent", str(os.getpid()), "--nice", str(settings.nice)]
            self._popen = subprocess.Popen(
                command,
                env=environment(settings),
                stdin=subprocess.DEVNULL,
                stdout=2,  # the command line's own output stays clean
                pass_fds=(theirs.fileno(),),
            )
        ours.setblocking(False)
        self._sock = ours
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        return self._popen.pid

    async def open(self) -> None:
        """Start to read."""
        reader, self._writer = await asyncio.open_connection(sock=self._sock)
        self._reading = asyncio.create_task(self._read(reader), name=f"worker-{self.pid}-reader")

    def send(self, header: Mapping[str, Any], blob: bytes = b"") -> None:
        """Queue one message; silently nothing if the process is gone (its end is reported by ``closed``)."""
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(encode(header, blob))

    def kill(self) -> None:
        """SIGKILL: also ends a stopped process."""
        self._popen.kill()

    async def reap(self, grace_s: float = 0.0) -> str:
        """Wait ``grace_s`` for its end, kill it if need be, and say how it ended."""
        try:
            await asyncio.to_thread(self._popen.wait, grace_s)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            await asyncio.to_thread(self._popen.wait)
        if self._reading is not None:
            self._reading.cancel()
        if self._writer is not None:
            self._writer.close()
        else:
            self._sock.close()
        return ending(self._popen.returncode)

    async def _read(self, reader: asyncio.StreamReader) -> None:
        decoder = Decoder()
        try:
            while data := await reader.read(1 << 18):
                for message in decoder.feed(data):
                    self._on_message(message)
        except WireError as error:
            self.broken = f"sent nonsense: {error}"
        except ConnectionError:
            pass  # it died with our messages unread: how it ended says more
        finally:
            self.closed.set()


def ending(status: int) -> str:
    """A process's end in words."""
    if status >= 0:
        return f"ended with status {status}"
    name = signal.Signals(-status).name
    if name == "SIGILL":
        return "illegal instruction: llama.cpp was built for another CPU; rebuild it with `make setup`"
    return f"killed by {name}"
