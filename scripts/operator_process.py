"""A running operator for the demo, benchmarks and replays: started as a user would, watched on its socket."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from contracts.errors import CallwrightError
from server.control_client import OperatorNotRunning, ask, watch
from server.settings import OperatorSettings, load_settings

OnEvent = Callable[[dict[str, Any]], None]
START_S = 300.0
STOP_S = 20.0
RTP_PORTS = 240
"""For 120 calls: two each."""
DIE_WITH_PARENT = (
    "import ctypes, os, signal, sys; ctypes.CDLL(None).prctl(1, signal.SIGKILL)\n"
    "os.getppid() == int(sys.argv[1]) or sys.exit('the script that started the operator is gone')\n"
    "os.execv(sys.executable, [sys.executable, *sys.argv[2:]])"
)
"""PR_SET_PDEATHSIG is 1 (prctl(2)) and is kept by execve: an operator that we started ends with us, even if we are
killed; its workers and its console then end by the same means."""


class OperatorFailed(CallwrightError):
    """`callwright serve` ended by itself; the message has its last words."""


class OperatorProcess:
    """``async with OperatorProcess(config)``: `callwright serve` is up inside, and ended outside.

    ``env`` is added to the environment (CALLWRIGHT_HOME …). If an operator already answers on that home's control
    socket, it is used and left running. ``apart``: in a temporary home and on ports that nobody has, so that it meets
    no other operator of this machine; the home is removed at the end.

    While inside, SIGTERM cancels the task that entered, so that the operator is ended as on Ctrl-C; a killed script
    takes it along.
    """

    def __init__(
        self,
        config: Path,
        *,
        env: dict[str, str] | None = None,
        on_event: OnEvent | None = None,
        apart: bool = False,
    ) -> None:
        self._config = config
        self._stack = contextlib.ExitStack()
        own: dict[str, str] = {}
        if apart:
            own = ports_apart()
            own["CALLWRIGHT_HOME"] = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="callwright-"))
        # What is measured is how questions are answered; the bank that tools need does not run beside it.
        self._env = {"CALLWRIGHT_TOOLS__ENABLED": "false", **os.environ, **own, **(env or {})}
        self._on_event = on_event
        self._process: asyncio.subprocess.Process | None = None
        self._watcher: asyncio.Task[None] | None = None
        self.events: list[dict[str, Any]] = []
        self.started_in_s = 0.0
        self.settings = self._load()

    def _load(self) -> OperatorSettings:
        before = dict(os.environ)
        os.environ.update(self._env)
        try:
            return load_settings(self._config)
        finally:
            os.environ.clear()
            os.environ.update(before)

    @property
    def pid(self) -> int:
        """Of the process we started; 0 if it was running before."""
        return self._process.pid if self._process is not None else 0

    @property
    def sip_uri(self) -> str:
        """Where to call."""
        sip = self.settings.telephony.sip
        return f"sip:bank@{sip.host}:{sip.port}"

    @property
    def log_path(self) -> Path:
        """What it wrote to its standard error."""
        return self.settings.home_dir / "serve.log"

    async def __aenter__(self) -> Self:
        """Start and wait until it is ready. Raises OperatorFailed."""
        self._heed_sigterm()
        async with contextlib.AsyncExitStack() as undo:
            undo.push_async_callback(self._stop)
            await self._start()
            undo.pop_all()
        return self

    def _heed_sigterm(self) -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        try:
            loop.add_signal_handler(signal.SIGTERM, task.cancel)
        except (RuntimeError, ValueError):
            return  # signals belong to the main thread; elsewhere the operator ends when the process does
        self._stack.callback(loop.remove_signal_handler, signal.SIGTERM)

    async def _start(self) -> None:
        begun = asyncio.get_running_loop().time()
        if not await self._running():
            await self._spawn()
        self.started_in_s = asyncio.get_running_loop().time() - begun
        ready = asyncio.Event()
        self._watcher = asyncio.create_task(self._watch(ready))
        await ready.wait()

    async def _running(self) -> bool:
        """An operator is there and takes calls. One that drains is waited for until it is gone."""
        while True:
            try:
                status = await ask(self.settings.control_socket, "ready", timeout_s=2.0)
            except OperatorNotRunning:
                return False
            if status["ready"]:
                return True
            await asyncio.sleep(0.5)

    async def _spawn(self) -> None:
        self.settings.home_dir.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", DIE_WITH_PARENT, str(os.getpid()), "-m", "server.cli", "serve",
                "--config", str(self._config),
                env=self._env, stderr=log, stdout=log, start_new_session=True,
            )  # fmt: skip
        loop = asyncio.get_running_loop()
        until = loop.time() + START_S
        while loop.time() < until:
            if self._process.returncode is not None:
                tail = self.log_path.read_text(errors="replace").strip().splitlines()[-5:]
                raise OperatorFailed("the operator did not start:\n  " + "\n  ".join(tail))
            try:
                if (await ask(self.settings.control_socket, "ready", timeout_s=5.0))["ready"]:
                    return
            except OperatorNotRunning:
                pass
            await asyncio.sleep(0.1)
        raise OperatorFailed(f"the operator was not ready after {START_S:g} s; see {self.log_path}")

    async def _watch(self, ready: asyncio.Event) -> None:
        async for event in watch(self.settings.control_socket):
            if event.get("watching"):
                ready.set()
                continue
            self.events.append(event)
            if self._on_event is not None:
                self._on_event(event)

    def watch_with(self, on_event: OnEvent) -> None:
        """Tell ``on_event`` of events from now on."""
        self._on_event = on_event

    async def status(self) -> dict[str, Any]:
        """The control socket's answer to ``ready``."""
        return await ask(self.settings.control_socket, "ready")

    async def read_ahead(self, patience_s: float = 180.0) -> int:
        """Wait until the small model has read what callers will probably need. How many pieces of evidence.

        Raises OperatorFailed if that takes longer.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + patience_s
        while loop.time() < until:
            read = (await self.status())["evidence_read"]
            if read["done"]:
                return int(read["pieces"])
            await asyncio.sleep(0.5)
        raise OperatorFailed(f"not all evidence was read within {patience_s:g} s; see {self.log_path}")

    def events_so_far(self, external_id: str) -> list[dict[str, Any]]:
        """The events of the call with that SIP Call-ID or Twilio call SID, as far as they have come."""
        own = {event["call_id"] for event in self.events if event["body"].get("external_id") == external_id}
        return [event for event in self.events if event["call_id"] in own]

    async def events_of(self, external_id: str, patience_s: float = 15.0) -> list[dict[str, Any]]:
        """All events of that call (see events_so_far), once it has ended (or patience has)."""
        until = asyncio.get_running_loop().time() + patience_s
        while True:
            found = self.events_so_far(external_id)
            ended = any(event["kind"] == "call.ended" for event in found)
            if ended or asyncio.get_running_loop().time() > until:
                return found
            await asyncio.sleep(0.1)

    async def idle(self, patience_s: float = 15.0) -> None:
        """Wait until no call is left."""
        until = asyncio.get_running_loop().time() + patience_s
        while asyncio.get_running_loop().time() < until:
            if (await self.status())["active_calls"] == 0:
                return
            await asyncio.sleep(0.1)

    async def __aexit__(self, *_: object) -> None:
        """End what we started."""
        await self._stop()

    async def _stop(self) -> None:
        with self._stack:
            if self._watcher is not None:
                self._watcher.cancel()
            if self._process is None or self._process.returncode is not None:
                return
            self._process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(self._process.wait(), STOP_S)
            except (TimeoutError, asyncio.CancelledError):
                self._process.kill()
                await self._process.wait()


def ports_apart() -> dict[str, str]:
    """Settings, as environment, of an operator on ports that are free now."""
    with contextlib.ExitStack() as stack:
        sip, websocket, http = (_free_port(stack) for _ in range(3))
    rtp = _free_range(RTP_PORTS)
    return {
        "CALLWRIGHT_TELEPHONY__SIP__PORT": str(sip),
        "CALLWRIGHT_TELEPHONY__SIP__RTP_PORT_MIN": str(rtp),
        "CALLWRIGHT_TELEPHONY__SIP__RTP_PORT_MAX": str(rtp + RTP_PORTS - 2),
        "CALLWRIGHT_TELEPHONY__WEBSOCKET__PORT": str(websocket),
        "CALLWRIGHT_TELEPHONY__DRAIN_S": "2",
        "CALLWRIGHT_CONSOLE__PORT": str(http),
    }


def _free_port(stack: contextlib.ExitStack) -> int:
    """Free for TCP and UDP; held until ``stack`` closes, so that no two are the same."""
    while True:
        tcp = stack.enter_context(socket.socket())
        tcp.bind(("127.0.0.1", 0))
        udp = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
        try:
            udp.bind(tcp.getsockname())
        except OSError:
            continue
        return int(tcp.getsockname()[1])


def _free_range(count: int) -> int:
    """First of ``count`` free UDP ports below those which the kernel hands out. Raises OperatorFailed.

    The search starts at a place of this process's own: two operators started at once do not find the same.
    """
    places = range(12000, 32000 - count, count)
    for step in range(len(places)):
        first = places[(os.getpid() + step) % len(places)]
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            for port in range(first, first + count):
                stack.enter_context(socket.socket(type=socket.SOCK_DGRAM)).bind(("0.0.0.0", port))
            return first
    raise OperatorFailed(f"no {count} free UDP ports in a row below 32000; end other operators")
