"""A running operator for the demo, benchmarks and replays: started as a user would, watched on its socket."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from contracts.errors import CallwrightError
from server.control_client import OperatorNotRunning, ask, watch
from server.settings import OperatorSettings, load_settings

OnEvent = Callable[[dict[str, Any]], None]
START_S = 300.0


class OperatorFailed(CallwrightError):
    """`callwright serve` ended by itself; the message has its last words."""


class OperatorProcess:
    """``async with OperatorProcess(config)``: `callwright serve` is up inside, and ended outside.

    ``env`` is added to the environment (CALLWRIGHT_HOME …). If an operator already answers on that home's control
    socket, it is used and left running.
    """

    def __init__(self, config: Path, *, env: dict[str, str] | None = None, on_event: OnEvent | None = None) -> None:
        self._config = config
        self._env = {**os.environ, **(env or {})}
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
        begun = asyncio.get_running_loop().time()
        if not await self._running():
            await self._spawn()
        self.started_in_s = asyncio.get_running_loop().time() - begun
        ready = asyncio.Event()
        self._watcher = asyncio.create_task(self._watch(ready))
        await ready.wait()
        return self

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
                sys.executable, "-m", "server.cli", "serve", "--config", str(self._config),
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

    async def events_of(self, external_id: str, patience_s: float = 15.0) -> list[dict[str, Any]]:
        """All events of the call with that SIP Call-ID, once it has ended (or patience has)."""
        until = asyncio.get_running_loop().time() + patience_s
        while True:
            started = [event for event in self.events if event["body"].get("external_id") == external_id]
            own = {event["call_id"] for event in started}
            found = [event for event in self.events if event["call_id"] in own]
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
        if self._watcher is not None:
            self._watcher.cancel()
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(self._process.wait(), 20.0)
            except TimeoutError:
                self._process.kill()
                await self._process.wait()
