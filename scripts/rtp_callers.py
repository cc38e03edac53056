"""Many SIP callers in one thread, for load and for faults: plain G.711 over one RTP socket, timed by the kernel.

A full user agent per caller would take the cores that are to be measured. Here all calls share one UDP socket for SIP
and one for RTP (told apart by the far end's port), sending is spread over the 20 ms, and each received packet carries
the kernel's arrival time, so that this process being late spoils no figure. What it cost itself is in ``Callers.load``.

::

    every 5 ms     group 0 sends │ group 1 │ group 2 │ group 3 │ group 0 …     and all that came is read
    a call         voice.payload(now) ──► 160 µ-law bytes ──► RTP          RTP ──► voice.heard(payload, seq, arrived)

It speaks as much SIP as the operator needs: INVITE, ACK, BYE, and politeness to re-INVITE, UPDATE and OPTIONS. A REFER
is taken as done at once (202, NOTIFY 200): the caller is with a person.
"""

from __future__ import annotations

import array
import asyncio
import contextlib
import resource
import secrets
import socket
import struct
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Protocol, Self

from contracts.audio import FRAME_S
from contracts.errors import DialFailed
from scripts.sip_message import Message, audio_port
from server.beat import go_first
from telephony.sip.stack import usable_port

GROUPS = 4
BEAT_S = FRAME_S / GROUPS
PAYLOAD_BYTES = 160
"""20 ms of G.711."""
RTP_HEADER = struct.Struct("!BBHII")
SILENT_PAYLOAD = b"\xff" * PAYLOAD_BYTES
_SO_TIMESTAMPNS = 35
"""Linux: recvmsg brings the packet's arrival on CLOCK_REALTIME (socket(7)); Python has no name for it."""
_TIMESPEC = struct.Struct("@qq")
_RECEIVE_BUFFER = 8 << 20
STALL_S = 0.1
_T1_S = 0.5
"""RFC 3261 17.1.1.1: first retransmission; doubles."""


class Voice(Protocol):
    """One caller's mouth and ears."""

    def payload(self, now: float) -> bytes:
        """The 160 bytes of µ-law that leave ``now``."""
        ...

    def heard(self, payload: bytes, seq: int, arrived: float) -> None:
        """A packet came; ``arrived`` by the kernel, monotonic seconds."""
        ...


@dataclass(slots=True, eq=False)
class RtpCall:
    """One call. Times are monotonic seconds, 0.0: not yet."""

    call_id: str
    voice: Voice
    group: int
    target: str
    tag: str = field(default_factory=lambda: secrets.token_hex(4))
    ssrc: int = field(default_factory=lambda: secrets.randbits(32))
    seq: int = 0
    cseq: int = 1
    peer_tag: str = ""
    contact: str = ""
    rtp_port: int = 0
    answered_at: float = 0.0
    referred_at: float = 0.0
    referred_to: str = ""
    closed_at: float = 0.0
    status: int = 0
    """Of the INVITE's final response."""
    settled: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def up(self) -> bool:
        """Answered and not over."""
        return bool(self.answered_at) and not self.closed_at


@dataclass(slots=True)
class OwnLoad:
    """What the callers themselves cost, and how well they kept their own time."""

    began: float
    cpu_s: float
    late: array.array[float] = field(default_factory=lambda: array.array("d"))
    sent: int = 0
    received: int = 0
    realtime: bool = False
    """The kernel let this thread go before others."""
    skipped: int = 0
    """Beats that were left out because this process was not given a core; the figures are worth less for each."""

    def report(self) -> dict[str, float]:
        """Seconds, shares of one core, and milliseconds of lateness of the sending beat."""
        elapsed = max(1e-9, time.monotonic() - self.began)
        late = sorted(self.late)
        return {
            "cores": round((_cpu_s() - self.cpu_s) / elapsed, 4),
            "packets_sent": self.sent,
            "packets_received": self.received,
            "beats_skipped": self.skipped,
            "realtime": self.realtime,
            "late_p99_ms": round(late[int(len(late) * 0.99)] * 1e3, 3) if late else 0.0,
            "late_max_ms": round(late[-1] * 1e3, 3) if late else 0.0,
        }


class Callers:
    """``async with Callers() as callers: call = await callers.dial(uri, voice)``."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self._host = host
        self._sip: asyncio.DatagramTransport | None = None
        self._rtp, self._rtcp = _rtp_pair(host)
        self._calls: dict[str, RtpCall] = {}
        self._by_port: dict[int, RtpCall] = {}
        self._groups: list[list[RtpCall]] = [[] for _ in range(GROUPS)]
        self._pump: asyncio.Task[None] | None = None
        self._port = 0
        self.load = OwnLoad(time.monotonic(), _cpu_s())

    async def __aenter__(self) -> Self:
        """Open the sockets and start the beat."""
        # Real callers have machines of their own: ours must not wait for the operator's threads. Needs the right to.
        self.load.realtime = go_first()
        self._port = usable_port(self._host, 0)
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: _Sip(self), local_addr=(self._host, self._port))
        self._sip = transport
        self._pump = loop.create_task(self._run(), name="rtp-callers")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hang up what is up, close the sockets."""
        await asyncio.gather(*(self.hangup(call) for call in list(self._calls.values()) if call.up))
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.gather(self._pump, return_exceptions=True)
        if self._sip is not None:
            self._sip.close()
        self._rtp.close()
        self._rtcp.close()

    def restart_load(self) -> None:
        """Count the callers' own cost from here."""
        self.load = OwnLoad(time.monotonic(), _cpu_s(), realtime=self.load.realtime)

    # ------------------------------------------------------------------ calls

    async def dial(self, uri: str, voice: Voice, *, timeout_s: float = 30.0) -> RtpCall:
        """Call ``sip:user@host:port`` and wait for the answer. Raises DialFailed."""
        call_id = f"{secrets.token_hex(8)}@{self._host}"
        group = min(range(GROUPS), key=lambda index: len(self._groups[index]))
        call = RtpCall(call_id, voice, group, uri)
        self._calls[call_id] = call
        self._groups[group].append(call)
        port = self._rtp.getsockname()[1]
        sdp = (
            f"v=0\r\no=- 1 1 IN IP4 {self._host}\r\ns=-\r\nc=IN IP4 {self._host}\r\nt=0 0\r\n"
            f"m=audio {port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=ptime:20\r\na=sendrecv\r\n"
        )
        try:
            await self._until(call.settled, self._request(call, "INVITE", sdp), call, timeout_s)
        except TimeoutError:
            self._forget(call)
            raise DialFailed(f"{uri} did not answer within {timeout_s:g} s") from None
        if not call.answered_at:
            self._forget(call)
            raise DialFailed(f"{uri} refused the call: {call.status}")
        return call

    async def hangup(self, call: RtpCall) -> None:
        """BYE; harmless if the call is over."""
        if not call.up:
            return
        with contextlib.suppress(TimeoutError):
            await self._until(call.over, self._request(call, "BYE"), call, 5.0)
        self._close(call)

    async def _until(self, event: asyncio.Event, data: bytes, call: RtpCall, timeout_s: float) -> None:
        """Send, and send again at T1, 2·T1 … until ``event``. Raises TimeoutError."""
        pause = _T1_S
        async with asyncio.timeout(timeout_s):
            while not event.is_set():
                self._send(call, data)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await event.wait()
                pause *= 2

    def _request(self, call: RtpCall, method: str, body: str = "", kind: str = "application/sdp") -> bytes:
        if method not in ("INVITE", "ACK"):
            call.cseq += 1
        cseq = 1 if method in ("INVITE", "ACK") else call.cseq
        lines = [
            f"{method} {call.contact or call.target} SIP/2.0",
            f"Via: SIP/2.0/UDP {self._host}:{self._port};branch=z9hG4bK{secrets.token_hex(8)}",
            f"From: <sip:caller@{self._host}:{self._port}>;tag={call.tag}",
            f"To: <{call.target}>" + (f";tag={call.peer_tag}" if call.peer_tag else ""),
            f"Call-ID: {call.call_id}",
            f"CSeq: {cseq} {method}",
            f"Contact: <sip:caller@{self._host}:{self._port}>",
            "Max-Forwards: 70",
        ]
        if method == "NOTIFY":
            lines += ["Event: refer", "Subscription-State: terminated;reason=noresource"]
        if body:
            lines.append(f"Content-Type: {kind}")
        lines.append(f"Content-Length: {len(body.encode())}")
        return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()

    def _send(self, call: RtpCall, data: bytes) -> None:
        host, _, port = call.target.partition("@")[2].partition(";")[0].partition(":")
        if self._sip is not None:
            self._sip.sendto(data, (host, int(port or 5060)))

    def received(self, message: Message, source: Any) -> None:
        """A SIP message for one of the calls."""
        call = self._calls.get(message.headers.get("call-id", ""))
        if call is None or self._sip is None:
            return
        if message.status:
            self._response(call, message)
            return
        if message.method != "ACK":
            self._sip.sendto(self._answer(call, message), source)
        if message.method == "BYE":
            self._close(call)
        elif message.method == "REFER" and not call.referred_at:
            call.referred_at, call.referred_to = time.monotonic(), message.headers.get("refer-to", "")
            self._send(call, self._request(call, "NOTIFY", "SIP/2.0 200 OK\r\n", "message/sipfrag;version=2.0"))

    def _response(self, call: RtpCall, message: Message) -> None:
        if message.method == "BYE" and message.status >= 200:
            self._close(call)
        if message.method != "INVITE" or message.status < 200:
            return
        call.status = message.status
        call.peer_tag = message.headers.get("to", "").partition("tag=")[2].partition(";")[0]
        if message.status < 300:
            call.contact = message.headers.get("contact", "").partition("<")[2].partition(">")[0]
            if not call.answered_at:
                call.rtp_port = audio_port(message.body)
                self._by_port[call.rtp_port] = call
                call.answered_at = time.monotonic()
        self._send(call, self._request(call, "ACK"))
        call.settled.set()

    def _answer(self, call: RtpCall, message: Message) -> bytes:
        status = "202 Accepted" if message.method == "REFER" else "200 OK"
        copied = [f"{name}: {value}" for name in ("Via", "From", "To", "Call-ID", "CSeq")
                  for value in message.headers.get(name.lower(), "").split("\n")]  # fmt: skip
        contact = f"Contact: <sip:caller@{self._host}:{self._port}>"
        return ("\r\n".join([f"SIP/2.0 {status}", *copied, contact, "Content-Length: 0"]) + "\r\n\r\n").encode()

    def _close(self, call: RtpCall) -> None:
        if not call.closed_at:
            call.closed_at = time.monotonic()
            call.over.set()
            call.settled.set()
            if call in self._groups[call.group]:
                self._groups[call.group].remove(call)

    def _forget(self, call: RtpCall) -> None:
        self._close(call)
        self._calls.pop(call.call_id, None)

    # ------------------------------------------------------------------ media

    async def _run(self) -> None:
        due, beat = time.monotonic(), 0
        while True:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            now = time.monotonic()
            self.load.late.append(max(0.0, now - due))
            if now - due > STALL_S:  # what was not said in time is not said: a burst of old packets helps nobody
                self.load.skipped += int((now - due) / BEAT_S)
                due = now
            for call in tuple(self._groups[beat % GROUPS]):
                if call.up:
                    self._speak(call, now)
            self._drain()
            due += BEAT_S
            beat += 1

    def _speak(self, call: RtpCall, now: float) -> None:
        header = RTP_HEADER.pack(0x80, 0, call.seq & 0xFFFF, call.seq * PAYLOAD_BYTES & 0xFFFFFFFF, call.ssrc)
        call.seq += 1
        with contextlib.suppress(BlockingIOError, ConnectionError):
            self._rtp.sendto(header + call.voice.payload(now), (self._host, call.rtp_port))
            self.load.sent += 1

    def _drain(self) -> None:
        """Read everything that came. The kernel stamps with the wall clock; the house counts monotonic seconds."""
        to_monotonic = time.monotonic() - time.time()
        receive, by_port = self._rtp.recvmsg, self._by_port
        while True:
            try:
                packet, ancillary, _, source = receive(2048, 64)
            except BlockingIOError:
                return
            except ConnectionError:
                continue  # the ICMP answer to a packet for a call that is over
            call = by_port.get(source[1])
            if call is None or len(packet) <= RTP_HEADER.size or packet[1] & 0x7F:
                continue
            self.load.received += 1
            seconds, nanoseconds = _TIMESPEC.unpack(ancillary[0][2][: _TIMESPEC.size])
            arrived = seconds + nanoseconds * 1e-9 + to_monotonic
            call.voice.heard(packet[RTP_HEADER.size :], packet[2] << 8 | packet[3], arrived)


class _Sip(asyncio.DatagramProtocol):
    def __init__(self, callers: Callers) -> None:
        self._callers = callers

    def datagram_received(self, data: bytes, addr: Any) -> None:
        with contextlib.suppress(ValueError):  # keep-alives
            self._callers.received(Message.parse(data), addr)


def _rtp_pair(host: str) -> tuple[socket.socket, socket.socket]:
    """Two neighbouring ports, the even one for RTP; what comes for RTCP is left lying."""
    for _ in range(100):
        rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        rtp.bind((host, 0))
        port = rtp.getsockname()[1]
        rtcp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            if port % 2 == 0:
                rtcp.bind((host, port + 1))
                rtp.setblocking(False)
                rtp.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
                # Beyond net.core.rmem_max only root may go; what is granted is enough for 200 calls read every 5 ms.
                rtp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
                return rtp, rtcp
        except OSError:
            pass
        rtp.close()
        rtcp.close()
    raise DialFailed(f"no free pair of UDP ports on {host}")


def _cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
