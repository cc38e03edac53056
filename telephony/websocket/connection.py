"""A WebSocket connection that counts what a stranger sends, before websockets parses it.

::

    TCP accept ──► half open ──upgrade──► open ──► gone
                   handshake_s, _bytes     bytes_per_s, messages_per_s (frames, so pings and fragments count too)
                   oldest dropped beyond half_open

Input is fed to the parser in small pieces, so that a megabyte of six-byte frames cannot hold the loop.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any, ClassVar

from websockets.asyncio.server import ServerConnection
from websockets.frames import CloseCode
from websockets.protocol import Event, State

from contracts.clock import Clock
from telephony.limits import TokenBucket
from telephony.websocket.settings import ConnectionLimits

_PIECE = 4096


class Door:
    """Counts the connections of one server by state and address; ``refused`` counts refusals by reason."""

    def __init__(self, limits: ConnectionLimits, clock: Clock) -> None:
        self.limits = limits
        self.clock = clock
        self.refused: Counter[str] = Counter()
        self._half_open: dict[GuardedConnection, None] = {}
        self._open: dict[GuardedConnection, str] = {}
        self._by_address: Counter[str] = Counter()

    @property
    def open(self) -> int:
        """Connections that were upgraded and are not gone."""
        return len(self._open)

    @property
    def half_open(self) -> int:
        """TCP connections without an upgrade."""
        return len(self._half_open)

    def arrived(self, connection: GuardedConnection) -> None:
        """A TCP connection; the oldest half-open one makes room, as an honest one needs only milliseconds."""
        if len(self._half_open) >= self.limits.half_open:
            oldest = next(iter(self._half_open))
            del self._half_open[oldest]
            self.refused["half_open"] += 1
            oldest.transport.abort()
        self._half_open[connection] = None

    def room_for(self, address: str) -> str:
        """Why one more upgrade is refused; empty if it is not."""
        if len(self._open) >= self.limits.connections:
            return "connections"
        per_address = self.limits.connections_per_address
        if per_address and self._by_address[address] >= per_address:
            return "connections_per_address"
        return ""

    def upgraded(self, connection: GuardedConnection, address: str) -> None:
        """The upgrade was granted."""
        self._half_open.pop(connection, None)
        self._open[connection] = address
        self._by_address[address] += 1

    def abort_half_open(self) -> None:
        """Drop every connection that was not upgraded."""
        for connection in list(self._half_open):
            connection.transport.abort()

    def gone(self, connection: GuardedConnection) -> None:
        """The TCP connection is lost."""
        self._half_open.pop(connection, None)
        address = self._open.pop(connection, None)
        if address is not None:
            self._by_address[address] -= 1
            if not self._by_address[address]:
                del self._by_address[address]


class GuardedConnection(ServerConnection):
    """ServerConnection with limits; a server makes a subclass of its own with ``door`` set.

    ``token_due``: the shared token was not in the URL, so the start message must bring it.
    """

    door: ClassVar[Door]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        limits, now = self.door.limits, self.door.clock.now()
        self._bytes = TokenBucket(limits.bytes_per_s, limits.bytes_burst, now)
        self._frames = TokenBucket(limits.messages_per_s, limits.messages_burst, now)
        self._shaken = 0
        self._failed = False
        self.token_due = False
        self._last_resort: asyncio.TimerHandle | None = None

    @property
    def address(self) -> str:
        """The peer's IP address."""
        name = self.remote_address
        return str(name[0]) if name else ""

    @property
    def unsent(self) -> int:
        """Bytes that the peer has not taken yet, beyond what the kernel holds."""
        return self.transport.get_write_buffer_size()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count it; the oldest half-open connection may have to go."""
        super().connection_made(transport)
        self.door.arrived(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Count it out."""
        if self._last_resort is not None:
            self._last_resort.cancel()
        self.door.gone(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Weigh the bytes, then parse them piece by piece."""
        if self.protocol.state is State.CONNECTING:
            self._shaken += len(data)
            if self._shaken > self.door.limits.handshake_bytes:
                self.door.refused["handshake_bytes"] += 1
                self.transport.abort()
                return
        elif not self._bytes.take(self.door.clock.now(), len(data)):
            self.fail(CloseCode.POLICY_VIOLATION, "too many bytes")
        for at in range(0, len(data), _PIECE):
            if self._failed or self.transport.is_closing():
                break
            super().data_received(data[at : at + _PIECE])
        if self.protocol.state in (State.CLOSING, State.CLOSED):
            self._end_soon()

    def process_event(self, event: Event) -> None:
        """Count each frame; messages over the rate end the connection."""
        if self.request is not None and not self._frames.take(self.door.clock.now()):
            self.fail(CloseCode.POLICY_VIOLATION, "too many messages")
            return
        super().process_event(event)

    def fail(self, code: CloseCode, reason: str) -> None:
        """Send a close frame and read nothing more; the peer may take its time to read why."""
        if self.protocol.state is State.OPEN:
            self.door.refused[reason.replace(" ", "_")] += 1
            self.protocol.fail(code, reason)
            self.send_data()
        self._failed = True
        self.transport.pause_reading()
        self._end_soon()

    def _end_soon(self) -> None:
        """A peer that ignores our close frame keeps nothing: websockets itself would wait for it in recv()."""
        if self._last_resort is None:
            self._last_resort = self.loop.call_later(self.close_timeout or 1.0, self.transport.abort)
