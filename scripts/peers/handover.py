"""Hand-overs by the real operator through Asterisk to a real telephone (Debian's baresip, answering by itself).

    CALL=scripts.peers.handover scripts/peers/asterisk.sh              all cases, a table
    CALL="scripts.peers.handover --cases bridge busy" scripts/peers/asterisk.sh

Needs what asterisk.sh needs, and: apt-get install baresip-core sox espeak-ng

::

    our caller ─► Asterisk 15x ─► operator (trunk 15x: the case's plan) ─ key 0 ─► 200: baresip · 201: 486 ·
               202: rings · 203: hangs up after 2 s · 204: a mailbox · 205: busy, and back to us · 999: 404

The cases ``queue…`` have no plan: people at the desk are ready at telephones, and key 1 takes the caller there.

Sound both ways is compared by correlation, what the person was told is transcribed, and each call's steps are read from
its events. Exit status 0 if every case ended as it should.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import yaml
from rich.console import Console
from rich.table import Table

from scripts.operator_process import OperatorProcess
from scripts.peers import phones
from scripts.peers.compare import match, read
from scripts.peers.handover_cases import ASTERISK, CASES, DEAD, HUMAN, NUMBERS, Case
from scripts.peers.real_call import transcribe
from server.control_client import ask
from server.settings import ROOT
from telephony.resample import resample
from telephony.sip.caller import CallerCall, CallerSettings, SipCaller
from telephony.websocket.client import TwilioClient

OPERATOR_PORT = 5170
PHONE_PORT = 5085
TALK_S = 6.0
LINES = 2
"""Calls that may talk to the operator at once."""
BRIEFED_S = 3.0
"""So much of the briefing is heard before the key."""
NEAR = 0.85


@dataclass(slots=True)
class Ended:
    """How a case went; correlations 0..1, seconds."""

    case: str
    person_heard: float = 0.0
    caller_heard: float = 0.0
    begun_s: float | None = None
    """From the key to the INVITE or REFER, by the operator's events."""
    joined_s: float | None = None
    briefing: str = ""
    steps: list[str] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)
    by: str = ""
    up: bool = False
    """The caller's call was still up after the talk."""
    heard_words: str = ""

    def fine(self, case: Case) -> bool:
        failed = [status for status in self.statuses if not status.startswith("ok ")]
        told = len(failed) == len(case.failures) and all(
            want in got for want, got in zip(case.failures, failed, strict=True)
        )
        if not case.reached:
            return told and self.up != case.lost
        return told and self.up and self.by == case.by and min(self.person_heard, self.caller_heard) > NEAR


def config(folder: Path) -> Path:
    """The demo bank with one trunk for each case."""
    data = yaml.safe_load((ROOT / "configs" / "demo.yaml").read_text())
    login = {"dial_login": "lab", "dial_password": "not-a-secret"}  # of asterisk/pjsip.conf
    data["telephony"]["sip"] = {"port": OPERATOR_PORT, "connect_timeout_s": 4.0, **login}
    data["telephony"]["recording"] = {"enabled": False}
    data["telephony"]["admission"] = {"max_calls": LINES}
    data["tools"] = {"enabled": False}
    data["engines"] = {"large": ""}
    data["dialog"]["targets"] = {"person": ""}
    queue = {"phones": [f"sip:*@{ASTERISK}", DEAD], "ring_s": 4, "again_s": 2}
    data["escalation"] = {
        "queue": queue,
        "handover": {"answer_s": 4},
        "trunks": [
            {"called": f"sip:{NUMBERS[name]}@*", "targets": {"person": case.plan}} for name, case in CASES.items()
        ],
    }
    path = folder / "handover.yaml"
    path.write_text(yaml.safe_dump(data))
    return path


@contextlib.asynccontextmanager
async def telephone(folder: Path, said: Path) -> AsyncIterator[asyncio.StreamWriter]:
    """Debian's baresip, answering by itself: plays ``said``, keeps what it hears in dump-*-dec.wav; its keyboard."""
    text = phones._BARESIP_CONFIG.format(port=PHONE_PORT, folder=folder)
    (folder / "config").write_text(
        text.replace(f"{folder}/speech.wav", str(said)).replace("40000-40100", "42000-42100")
    )
    account = f"<sip:human@127.0.0.1:{PHONE_PORT};transport=udp>;regint=0;answermode=auto;audio_codecs=PCMA\n"
    (folder / "accounts").write_text(account)
    (folder / "contacts").write_text("")
    process = await asyncio.create_subprocess_exec(
        *("baresip", "-f", str(folder)), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    await asyncio.sleep(1.0)  # it does not say when it listens
    try:
        assert process.stdin is not None
        yield process.stdin
    finally:
        process.terminate()
        await process.wait()


def sayings(folder: Path) -> tuple[Path, bytes]:
    """The telephone's WAV of about a minute (8 kHz) and the caller's words, in different voices."""
    words = (
        "Good afternoon, this is the advisory desk. I have read the notes about your call. How may I help you today? "
    )
    subprocess.run(["espeak-ng", "-v", "en+f3", "-w", str(folder / "raw.wav"), words * 12], check=True)
    person = folder / "person.wav"
    shape = ["-r", "8000", "-c", "1", "-b", "16", str(person)]
    subprocess.run(["sox", "-v", "0.7", str(folder / "raw.wav"), *shape], check=True)
    return person, read(phones.speech(folder, 16000, 1))[: round(TALK_S * 32000)]


class Caller(Protocol):
    """Whoever calls the operator."""

    @property
    def closed(self) -> bool: ...

    def heard(self) -> bytes:
        """Internal PCM since the answer."""
        ...

    async def press(self, key: str) -> None: ...

    async def say(self, pcm: bytes) -> None:
        """Until it is said."""
        ...


class Calling:
    """By SIP."""

    def __init__(self, call: CallerCall) -> None:
        self._call = call
        self._pieces: list[bytes] = []
        call.listen(lambda pcm, at: self._pieces.append(pcm))

    @property
    def closed(self) -> bool:
        return self._call.closed

    def heard(self) -> bytes:
        return b"".join(self._pieces)

    async def press(self, key: str) -> None:
        await self._call.dtmf(key)

    async def say(self, pcm: bytes) -> None:
        await self._call.said(self._call.send(pcm))


class Streaming:
    """By a provider's stream."""

    def __init__(self, client: TwilioClient) -> None:
        self._client = client

    @property
    def closed(self) -> bool:
        return self._client.closed.is_set()

    def heard(self) -> bytes:
        return resample(self._client.heard_pcm(), 8000, 16000)

    async def press(self, key: str) -> None:
        await self._client.digit(key)

    async def say(self, pcm: bytes) -> None:
        await self._client.say(pcm)


class Bench:
    """Runs the cases against a running operator."""

    def __init__(self, operator: OperatorProcess, folder: Path) -> None:
        self._operator = operator
        self._folder = folder
        self._person, self._said = sayings(folder)

    async def run(self, name: str) -> Ended:
        """One call."""
        case, ended = CASES[name], Ended(name)
        folder = self._folder / name
        folder.mkdir()
        async with telephone(folder, self._person) as keyboard, self._desk(case):
            async with self._caller(name, case) as caller:
                if not case.full:
                    await asyncio.sleep(4.0)  # the disclosure
                    await caller.press("0")
                await self._connected(name, case, caller, keyboard)
                before = b"" if not case.reached else caller.heard()
                if not case.lost:
                    await caller.say(self._said)
                await asyncio.sleep(1.5 if case.reached else 6.0)
                ended.up = not caller.closed
                heard = caller.heard()[len(before) :]
            await self._operator.idle()
            await asyncio.sleep(1.0)  # the telephone writes its recording when the call has ended
        self._sound(ended, case, folder, heard)
        self._events(ended, name)
        return ended

    @contextlib.asynccontextmanager
    async def _caller(self, name: str, case: Case) -> AsyncIterator[Caller]:
        if case.stream:
            websocket = self._operator.settings.telephony.websocket
            url = f"ws://{websocket.host}:{websocket.port}{websocket.path}"
            who = {"from": "+4930123456", "to": f"sip:{NUMBERS[name]}@stream"}
            async with TwilioClient(url, parameters=who) as client:
                yield Streaming(client)
            return
        settings = CallerSettings(user="alice", codecs=("pcma",), follow_transfers=case.follows or not case.direct)
        host = f"127.0.0.1:{OPERATOR_PORT}" if case.direct else ASTERISK
        async with SipCaller(settings) as caller:
            others = [await caller.dial(f"sip:bank@127.0.0.1:{OPERATOR_PORT}") for _ in range(LINES * case.full)]
            call = await caller.dial(f"sip:{NUMBERS[name]}@{host}")
            yield Calling(call)
            await call.hangup()
            for other in others:
                await other.hangup()

    @contextlib.asynccontextmanager
    async def _desk(self, case: Case) -> AsyncIterator[None]:
        """People who are ready at the case's telephones."""
        control = self._operator.settings.control_socket
        names = [f"agent{index}" for index in range(len(case.desk))]
        for name, reach in zip(names, case.desk, strict=True):
            await ask(control, "queue_ready", by=name, skills=[], reach=reach)
        try:
            yield
        finally:
            for name in names:
                await ask(control, "queue_away", by=name)

    async def _connected(self, name: str, case: Case, call: Caller, keyboard: asyncio.StreamWriter) -> None:
        """Until the person has the caller, or nobody came."""
        pressed = not case.desk
        async with asyncio.timeout(120):
            while not call.closed:
                kinds = [(one["kind"], one["body"]) for one in self._of(name)]
                if not pressed and any(body.get("step") == "answered" and body["target"] == HUMAN for _, body in kinds):
                    pressed = True
                    await asyncio.sleep(BRIEFED_S)
                    keyboard.write(b"1")
                    await keyboard.drain()
                ends = [body for kind, body in kinds if kind == "transfer.ended"]
                steps = [body["step"] for kind, body in kinds if kind == "transfer.step"]
                if "joined" in steps or any(body["ok"] for body in ends):
                    break
                if not case.reached and len(ends) == len(case.failures):
                    break
                await asyncio.sleep(0.1)
        await asyncio.sleep(0.5)

    def _of(self, name: str) -> list[dict[str, Any]]:
        called = f"sip:{NUMBERS[name]}@"
        events = self._operator.events
        ids = {one["call_id"] for one in events if str(one["body"].get("called", "")).startswith(called)}
        return [one for one in events if one["call_id"] in ids]

    def _sound(self, ended: Ended, case: Case, folder: Path, heard: bytes) -> None:
        if not case.reached:
            ended.heard_words = transcribe(heard)
            return
        ended.caller_heard = _share(heard, read(self._person))
        dumps = sorted(folder.glob("dump-*-dec.wav"))
        if dumps:
            told = read(dumps[-1])
            ended.person_heard = match(told, self._said)
            ended.briefing = transcribe(told[: 20 * 32000]) if ended.by != "refer" else ""

    def _events(self, ended: Ended, name: str) -> None:
        asked: datetime | None = None
        for one in self._of(name):
            kind, body, at = one["kind"], one["body"], datetime.fromisoformat(one["at"])
            if kind in ("dtmf.received", "call.refused"):
                asked = at
            elif kind == "transfer.begun" and asked is not None and ended.begun_s is None:
                ended.begun_s = (at - asked).total_seconds()
            elif kind == "transfer.step":
                ended.steps.append(body["step"])
                if body["step"] == "joined" and asked is not None:
                    ended.by, ended.joined_s = body["by"], (at - asked).total_seconds()
            elif kind == "transfer.ended":
                ended.statuses.append(f"ok {body['status']}" if body["ok"] else body["status"])
                if body["ok"] and body["mode"] == "refer" and asked is not None:
                    ended.by, ended.joined_s = "refer", (at - asked).total_seconds()


def _share(heard: bytes, said: bytes) -> float:
    """How well pieces of what was heard are found in what was said (a part of a longer file)."""
    return match(said, heard)


def show(results: Sequence[Ended]) -> int:
    """The table; how many were not as they should be."""
    table = Table(title="Hand-overs through Asterisk to baresip", show_lines=True)
    columns = (
        "case",
        "ok",
        "person hears caller",
        "caller hears person",
        "begun s",
        "joined s",
        "by",
        "targets",
        "steps",
    )
    for name in columns:
        table.add_column(name)
    wrong = 0
    for one in results:
        fine = one.fine(CASES[one.case])
        wrong += not fine
        table.add_row(
            one.case, "yes" if fine else "NO", f"{one.person_heard:.3f}", f"{one.caller_heard:.3f}",
            _seconds(one.begun_s), _seconds(one.joined_s), one.by, "; ".join(one.statuses), " ".join(one.steps),
        )  # fmt: skip
    console = Console(width=170)
    console.print(table)
    for one in results:
        for what, words in (("the person was told", one.briefing), ("the caller was told", one.heard_words)):
            if words:
                console.print(f"{one.case}: {what}: {words.strip()}")
    return wrong


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


async def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0 if every case ended as it should."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", nargs="+", choices=list(CASES), default=list(CASES))
    parser.add_argument("--json", type=Path, help="write what was measured")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        env = {"CALLWRIGHT_TELEPHONY__SIP__PORT": str(OPERATOR_PORT)}
        async with OperatorProcess(config(folder), env=env, apart=True) as operator:
            bench = Bench(operator, folder)
            results = []
            for case in options.cases:
                results.append(await bench.run(case))
                print(f"   {case}: {' '.join(results[-1].steps) or results[-1].statuses}", flush=True)
    wrong = show(results)
    if options.json is not None:
        options.json.write_text(json.dumps([{k: getattr(one, k) for k in one.__slots__} for one in results], indent=1))
    return 1 if wrong else 0


if __name__ == "__main__":
    os.environ.setdefault("CALLWRIGHT_TOOLS__ENABLED", "false")
    sys.exit(asyncio.run(main()))
