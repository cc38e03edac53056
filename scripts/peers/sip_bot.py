"""A SipServer with a stub for a session, for peers to call: says what happens as JSON lines on stdout.

The user part of what is called says what it does: ``echo`` (default), ``tone`` (500 Hz), ``mute``, ``reject``,
``wait`` (never answers), ``crash`` (the handler raises), ``badport`` (on_frame raises after a second), ``bye`` (hangs
up after 1 s), ``wav`` (records what it hears into --record DIR), ``late`` (answers after 1 s). Key ``*`` transfers to
--target, key ``#`` calls it and joins both calls here, key ``0`` calls it and lets the far end join them (Replaces);
key ``9`` takes such a call back. SIGTERM drains, SIGINT closes at once. Listens on 127.0.0.1.

    python -m scripts.peers.sip_bot --port 5070 --codecs pcma,pcmu
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import math
import os
import signal
import struct
import sys
import threading
import wave
from collections import deque
from pathlib import Path
from typing import Any

import structlog

from contracts.audio import FRAME_SAMPLES, RATE, AudioFrame
from contracts.clock import MonotonicClock
from contracts.dialling import Attended, Introduction
from contracts.errors import CallwrightError, LegClosed
from contracts.leg import CallLeg, HangupReason
from contracts.seats import Role
from server.beat import go_first, spare_the_beat
from telephony.patchbay import Patchbay, PatchbaySettings
from telephony.sip.leg import SipLeg
from telephony.sip.server import SipServer
from telephony.sip.settings import SipSettings
from telephony.ticker import MediaTicker

TONE = struct.pack(
    f"<{FRAME_SAMPLES}h", *(int(8000 * math.sin(2 * math.pi * 500 * n / RATE)) for n in range(FRAME_SAMPLES))
)
"""20 ms of 500 Hz: ten whole periods, so frames join without a click."""


def say(event: str, **fields: Any) -> None:
    """One line of JSON."""
    print(json.dumps({"event": event, **fields}), flush=True)


class BotPort:
    """Echo, tone or silence; counts what it hears."""

    def __init__(self, leg: CallLeg, mode: str, record: Path | None) -> None:
        self._leg = leg
        self._mode = mode
        self._echo: deque[bytes] = deque(maxlen=6)
        self._primed = False
        self.keys: asyncio.Queue[str] = asyncio.Queue()
        self.closed = asyncio.Event()
        self.frames = self.concealed = 0
        self._wav: wave.Wave_write | None = None
        if record is not None:
            self._wav = wave.open(str(record / f"{leg.info.call_id}.wav"), "wb")  # noqa: SIM115 - open as long as the call
            self._wav.setnchannels(1)
            self._wav.setsampwidth(2)
            self._wav.setframerate(RATE)

    def on_frame(self, frame: AudioFrame) -> None:
        self.frames += 1
        self.concealed += frame.concealed
        if self._mode == "badport" and self.frames > 50:
            raise RuntimeError("a port that fails")
        if self._wav is not None:
            self._wav.writeframes(frame.pcm)
        if self._mode == "echo":
            self._echo.append(frame.pcm)

    def next_frame(self) -> bytes | None:
        if self._mode == "tone":
            return TONE
        self._primed = len(self._echo) >= (1 if self._primed else 3)  # an echo has no stock to send ahead from
        return self._echo.popleft() if self._primed else None

    def on_dtmf(self, digit: str) -> None:
        say("dtmf", digit=digit)
        self.keys.put_nowait(digit)

    def on_hold(self, held: bool) -> None:
        say("hold", held=held)

    def on_closed(self, reason: HangupReason, detail: str) -> None:
        if self._wav is not None:
            self._wav.close()
        say(
            "closed",
            call_id=self._leg.info.call_id,
            reason=str(reason),
            detail=detail,
            frames=self.frames,
            concealed=self.concealed,
            **_packets(self._leg),
        )
        self.closed.set()


def _packets(leg: CallLeg) -> dict[str, int]:
    stats = leg.stats if isinstance(leg, SipLeg) else None
    return {"packets_in": stats.rx_packets, "packets_out": stats.tx_packets} if stats is not None else {}


class Beside:
    """Somebody whom we called: sits in the caller's bay."""

    def __init__(self, bay: Patchbay) -> None:
        self._seat = bay.join("called", Role.PERSON)
        self.gone = asyncio.Event()

    def on_frame(self, frame: AudioFrame) -> None:
        self._seat.say(frame.pcm)

    def next_frame(self) -> bytes | None:
        return self._seat.heard()

    def on_dtmf(self, digit: str) -> None:
        say("dtmf_beside", digit=digit)

    def on_hold(self, held: bool) -> None:
        say("hold_beside", held=held)

    def on_closed(self, reason: HangupReason, detail: str) -> None:
        say("left", reason=str(reason), detail=detail)
        self._seat.leave()
        self.gone.set()


class Bot:
    """The handler of all calls."""

    def __init__(self, target: str, record: Path | None, ring_s: float = 3.0) -> None:
        self._target = target
        self._record = record
        self._ring_s = ring_s
        self._joining: set[asyncio.Task[None]] = set()
        self.server: SipServer | None = None

    async def serve(self, leg: CallLeg) -> None:
        """Do what the called name says."""
        info = leg.info
        mode = info.called.partition("sip:")[2].partition("@")[0]
        say(
            "incoming",
            mode=mode,
            call_id=info.call_id,
            external_id=info.external_id,
            caller=info.caller,
            called=info.called,
            headers=dict(info.headers),
        )
        if mode == "crash":
            raise RuntimeError("a handler that fails")
        if mode == "reject":
            await leg.reject(HangupReason.REFUSED)
            return
        if mode == "wait":
            assert isinstance(leg, SipLeg)
            await leg.wait_closed()
            say("gone", call_id=info.call_id)
            return
        port = BotPort(
            leg, mode if mode in ("tone", "mute", "badport") else "echo", self._record if mode == "wav" else None
        )
        if mode == "late":
            await asyncio.sleep(1.0)
        bay = Patchbay(port, PatchbaySettings())
        try:
            await leg.answer(bay)
        except LegClosed as error:
            say("unanswered", error=str(error))
            return
        capabilities = leg.capabilities
        say("answered", call_id=info.call_id, codec=capabilities.codec, wire_rate=capabilities.wire_rate)
        if mode == "bye":
            await asyncio.sleep(1.0)
            await leg.hangup(HangupReason.OPERATOR, "said goodbye")
        await self._keys(leg, port, bay)

    async def _join(self, leg: CallLeg, bay: Patchbay, *, attended: bool) -> None:
        assert self.server is not None
        who = Introduction(leg.info.caller, leg.info.call_id, "asked")
        try:
            dialled = await self.server.dial(self._target, who, ring_s=self._ring_s, on_ringing=lambda: say("ringing"))
        except asyncio.CancelledError:
            say("taken_back")
            raise
        say("dialled", end=str(dialled.end), status=dialled.status)
        if dialled.leg is None:
            return
        bay.operator(False)
        beside = Beside(bay)
        try:
            await dialled.leg.attach(beside)
            if attended:
                assert isinstance(leg, Attended)
                result = await leg.transfer_to(dialled.leg)
                say("attended", ok=result.ok, status=result.status)
            await beside.gone.wait()
        finally:
            await asyncio.shield(dialled.leg.hangup(HangupReason.OPERATOR))

    async def _keys(self, leg: CallLeg, port: BotPort, bay: Patchbay) -> None:
        closed = asyncio.ensure_future(port.closed.wait())
        while not closed.done():
            key = asyncio.ensure_future(port.keys.get())
            await asyncio.wait({key, closed}, return_when=asyncio.FIRST_COMPLETED)
            if key.done() and key.result() == "*" and self._target:
                result = await leg.transfer(self._target, {"reason": "asked", "handoff": leg.info.call_id})
                say("transfer", ok=result.ok, status=result.status)
            if key.done() and key.result() in "#0":
                work = self._join(leg, bay, attended=key.result() == "0")
                self._joining.add(asyncio.ensure_future(work))
            if key.done() and key.result() == "9":
                self._stop_joining()
            key.cancel()
        self._stop_joining()

    def _stop_joining(self) -> None:
        for task in self._joining:
            task.cancel()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--codecs", default="opus,g722,pcma,pcmu")
    parser.add_argument("--target", default="", help="where key * transfers to")
    parser.add_argument("--ring-s", type=float, default=3.0, help="how long it may ring")
    parser.add_argument("--record", type=Path, help="folder for what wav@ hears")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=JSON", help="another SipSettings field")
    return parser.parse_args()


async def main() -> None:
    """Serve until SIGTERM (drain) or SIGINT (close), then say how the beat was kept."""
    args = _arguments()
    extra = {name: json.loads(value) for name, _, value in (item.partition("=") for item in args.set)}
    settings = SipSettings.model_validate({"port": args.port, "codecs": args.codecs.split(","), **extra})
    clock = MonotonicClock()
    ticker = MediaTicker(clock)
    server = SipServer(settings, ticker, clock)
    stop = asyncio.Queue[str]()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.put_nowait, "drain")
    loop.add_signal_handler(signal.SIGINT, stop.put_nowait, "close")
    loop.add_signal_handler(signal.SIGUSR1, lambda: _health(ticker, server))
    try:
        bot = Bot(args.target, args.record, args.ring_s)
        bot.server = server
        await server.start(bot.serve)
    except CallwrightError as error:
        sys.exit(str(error))
    ticker.start()
    spare_the_beat()
    go_first()
    say("ready", port=server.port, pid=os.getpid())
    if await stop.get() == "drain":
        draining = asyncio.ensure_future(server.drain())
        await asyncio.wait({draining}, timeout=0.3)  # by then new calls are refused
        say("draining", active=server.active)
        closing = asyncio.ensure_future(stop.get())
        await asyncio.wait({draining, closing}, return_when=asyncio.FIRST_COMPLETED)
        draining.cancel()
        closing.cancel()
    await server.close()
    _health(ticker, server)
    await ticker.close()


def _health(ticker: MediaTicker, server: SipServer) -> None:
    stats = ticker.stats()
    usage = os.times()
    say(
        "health",
        active=server.active,
        on_beat=ticker.registered,
        threads=threading.active_count(),
        native_threads=len(os.listdir("/proc/self/task")),
        descriptors=len(os.listdir("/proc/self/fd")),
        tasks=len(asyncio.all_tasks()),
        cpu_s=round(usage.user + usage.system, 2),
        beats=stats.beats,
        missed=stats.missed,
        late_p50_ms=round(stats.late_p50_s * 1000, 2),
        late_p99_ms=round(stats.late_p99_s * 1000, 2),
        late_max_ms=round(stats.late_max_s * 1000, 2),
        work_p99_ms=round(stats.work_p99_s * 1000, 2),
    )


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    asyncio.run(main())
