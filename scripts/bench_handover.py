"""How soon a caller who asks for a person is being handed over: end of their words → REFER or INVITE at its receiver.

    python -m scripts.bench_handover --count 20 --json handover.json
    python -m scripts.bench_handover --modes bridge --count 30

An operator of its own is started (temporary home, free ports, the demo bank) and called. The caller waits for the end
of the opening and asks in one of five ways. The clock starts when the last voiced sample of the request left the
caller's socket, and stops when the REFER is at the caller's telephone (``refer``) or the INVITE at the person's
(``bridge``; ``queue``: the plan names nobody, and somebody at the desk is ready at a telephone). What the operator
believes takes no part in it. The target is 1.5 s at the 95th percentile. Sound both ways with real telephones:
scripts/peers/handover.py.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from rich.console import Console
from rich.table import Table

from contracts.audio import RATE
from scripts.latency_report import machine
from scripts.operator_process import OperatorProcess
from scripts.stats import summary
from server.control_client import ask
from server.settings import ROOT
from telephony.lines import Speaker, trim
from telephony.sip.caller import CallerCall, CallerSettings, SipCaller

REQUESTS = (
    "Can I talk to a human, please?",
    "I want to speak to a person.",
    "Agent.",
    "Could you put me through to somebody?",
    "Operator, please.",
)
MODES = ("refer", "bridge", "queue")
TARGET_S = 1.5
QUIET_S = 0.9
QUIET_RMS = 60.0
PATIENCE_S = 8.0


class Quiet:
    """When the operator was last heard."""

    def __init__(self, call: CallerCall) -> None:
        self.last = 0.0
        self.heard = False
        call.listen(self._on_audio)

    def _on_audio(self, pcm: bytes, at: float) -> None:
        samples = np.frombuffer(pcm, "<i2").astype(np.float64)
        if len(samples) and float(np.sqrt(np.mean(samples**2))) > QUIET_RMS:
            self.last, self.heard = at, True

    async def wait(self) -> None:
        """Until the opening is over."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(40.0):
            while not self.heard or loop.time() - self.last < QUIET_S:  # noqa: ASYNC110 - the far end's speech
                await asyncio.sleep(0.02)


class PersonBot:
    """scripts/peers/sip_bot.py as the person's telephone; ``rung`` is told when an INVITE is there."""

    def __init__(self) -> None:
        self.port = 0
        self.rung: asyncio.Future[float] | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None

    async def __aenter__(self) -> PersonBot:
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "scripts.peers.sip_bot"), stdout=asyncio.subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert self._process.stdout is not None
        self.port = json.loads(await self._process.stdout.readline())["port"]
        self._reader = asyncio.create_task(self._read(self._process.stdout))
        return self

    async def _read(self, stdout: asyncio.StreamReader) -> None:
        while line := await stdout.readline():
            if json.loads(line)["event"] == "incoming" and self.rung is not None and not self.rung.done():
                self.rung.set_result(asyncio.get_running_loop().time())

    async def __aexit__(self, *_: object) -> None:
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):  # Ctrl-C has ended it too
            self._process.terminate()
        await self._process.wait()
        if self._reader is not None:
            self._reader.cancel()


def phone(port: int) -> str:
    """The person's address."""
    return f"sip:wait@127.0.0.1:{port}"


def config(folder: Path, person: int) -> Path:
    """The demo bank with a trunk for each mode."""
    data = yaml.safe_load((ROOT / "configs" / "demo.yaml").read_text())
    data["telephony"]["recording"] = {"enabled": False}
    data["tools"] = {"enabled": False}
    plans: dict[str, list[dict[str, Any]]] = {
        mode: [{"mode": mode, "target": phone(person), "ring_s": 5}] for mode in MODES if mode != "queue"
    }
    data["escalation"] = {
        "queue": {"phones": [phone(person)], "ring_s": 5},
        "trunks": [
            {"called": f"sip:{mode}@*", "targets": {"person": plan}} for mode, plan in {**plans, "queue": []}.items()
        ],
    }
    path = folder / "handover.yaml"
    path.write_text(yaml.safe_dump(data))
    return path


async def trial(caller: SipCaller, person: PersonBot, uri: str, mode: str, pcm: bytes) -> float | None:
    """Seconds from the end of the request to the REFER or INVITE; None: it never came."""
    call = await caller.dial(uri)
    came: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def referred(_: object) -> None:
        if not came.done():
            came.set_result(asyncio.get_running_loop().time())

    try:
        if mode == "refer":
            call.on_transfer = referred
        else:
            person.rung = came
        await Quiet(call).wait()
        said = call.send(pcm + bytes(RATE))
        voiced = len(pcm) // 2 - 1
        await call.said(said)
        try:
            at = await asyncio.wait_for(asyncio.shield(came), PATIENCE_S)
        except TimeoutError:
            return None
        end = said.sent_at(voiced)
        return at - end if end is not None else None
    finally:
        person.rung = None
        await call.hangup()


async def measure(options: argparse.Namespace) -> dict[str, list[float | None]]:
    """All trials, by mode."""
    speaker = Speaker()
    requests = [trim(speaker.say(text)) for text in REQUESTS]
    found: dict[str, list[float | None]] = {mode: [] for mode in options.modes}
    with tempfile.TemporaryDirectory() as name:
        async with PersonBot() as person, OperatorProcess(config(Path(name), person.port), apart=True) as operator:
            host = operator.sip_uri.partition("@")[2]
            async with SipCaller(CallerSettings(codecs=("pcma",), follow_transfers=False)) as caller:
                for index in range(options.count):
                    for mode in options.modes:
                        pcm = requests[index % len(requests)]
                        if mode == "queue":
                            control, reach = operator.settings.control_socket, phone(person.port)
                            await ask(control, "queue_ready", by="agent", skills=[], reach=reach)
                        took = await trial(caller, person, f"sip:{mode}@{host}", mode, pcm)
                        found[mode].append(took)
                        words = "never" if took is None else f"{took:.2f} s"
                        print(f"{mode} {REQUESTS[index % len(REQUESTS)]!r}: {words}", flush=True)
                        await operator.idle()
                        await asyncio.sleep(0.5)
    return found


def show(found: dict[str, list[float | None]]) -> None:
    """The table."""
    table = Table(title="End of the request → REFER or INVITE at its receiver, seconds")
    for name in ("mode", "n", "p50", "p95 [95 % interval]", "never", f"≤ {TARGET_S} s"):
        table.add_column(name)
    for mode, values in found.items():
        took = [value for value in values if value is not None]
        if not took:
            table.add_row(mode, str(len(values)), "–", "–", str(len(values)), "0")
            continue
        figures = summary(took)
        low, high = figures["p95_interval"]  # type: ignore[misc]
        within = sum(value <= TARGET_S for value in took)
        row = (f"{figures['p50']:.2f}", f"{figures['p95']:.2f} [{low:.2f}, {high:.2f}]", str(len(values) - len(took)))
        table.add_row(mode, str(len(values)), *row, f"{within} of {len(values)}")
    Console().print(table)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0 when it was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=20, help="requests for each mode")
    parser.add_argument("--modes", nargs="+", choices=MODES, default=list(MODES))
    parser.add_argument("--json", type=Path, help="write every trial")
    options = parser.parse_args(arguments)
    found = asyncio.run(measure(options))
    show(found)
    if options.json is not None:
        options.json.write_text(json.dumps({"machine": machine(), "seconds": found}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
