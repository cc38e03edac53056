"""Messages between the media process and a worker: a JSON header and an optional blob, length-prefixed.

::

    0        4        8
    ┌────────┬────────┬───────────────┬──────────────┐
    │ header │  blob  │ header (JSON  │ blob (bytes, │
    │ length │ length │ object, UTF-8)│ may be empty)│
    └────────┴────────┴───────────────┴──────────────┘   lengths: unsigned 32 bit, big-endian

The decoder has no I/O: bytes in, messages out. Both ends are ours, yet sizes are limited, so that a broken engine
cannot make the media process allocate without bound.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MAX_HEADER = 1 << 20
"""Bytes of JSON in one message."""
MAX_BLOB = 16 << 20
"""Bytes of blob in one message: 30 s of PCM is under one MiB."""

_LENGTHS = struct.Struct(">II")


class WireError(ValueError):
    """The bytes are not a message of ours; the connection cannot be used any further."""


@dataclass(slots=True, frozen=True)
class Message:
    """One message: ``header`` is a JSON object, ``blob`` any bytes."""

    header: Mapping[str, Any] = field(default_factory=dict)
    blob: bytes = b""


def encode(header: Mapping[str, Any], blob: bytes = b"") -> bytes:
    """The bytes of a message. Raises WireError if it is too large or not JSON."""
    try:
        text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise WireError(f"header is not JSON: {error}") from error
    if len(text) > MAX_HEADER or len(blob) > MAX_BLOB:
        raise WireError(f"message too large: header {len(text)} bytes, blob {len(blob)} bytes")
    return b"".join((_LENGTHS.pack(len(text), len(blob)), text, blob))


class Decoder:
    """Turns a byte stream, cut anywhere, into messages."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Message]:
        """Messages completed by ``data``, in order. Raises WireError at the first thing that is not a message."""
        self._buffer += data
        messages: list[Message] = []
        while (message := self._next()) is not None:
            messages.append(message)
        return messages

    @property
    def pending(self) -> int:
        """Bytes held of a message that is not complete yet."""
        return len(self._buffer)

    def _next(self) -> Message | None:
        if len(self._buffer) < _LENGTHS.size:
            return None
        header_length, blob_length = _LENGTHS.unpack_from(self._buffer)
        if header_length > MAX_HEADER or blob_length > MAX_BLOB:
            raise WireError(f"announced sizes are too large: header {header_length}, blob {blob_length}")
        end = _LENGTHS.size + header_length + blob_length
        if len(self._buffer) < end:
            return None
        split = _LENGTHS.size + header_length
        text, blob = bytes(self._buffer[_LENGTHS.size : split]), bytes(self._buffer[split:end])
        del self._buffer[:end]
        return Message(_parse(text), blob)


def _parse(text: bytes) -> dict[str, Any]:
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise WireError(f"header is not JSON: {error}") from error
    if not isinstance(header, dict):
        raise WireError(f"header is a JSON {type(header).__name__}, not an object")
    return header


class BlockingWire:
    """A blocking shell for the worker's side: any thread may send, one thread receives."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._decoder = Decoder()
        self._lock = threading.Lock()

    def send(self, header: Mapping[str, Any], blob: bytes = b"") -> None:
        """Send one message. Raises OSError when the other end is gone, WireError when it cannot be encoded."""
        data = encode(header, blob)
        with self._lock:
            self._sock.sendall(data)

    def receive(self) -> list[Message] | None:
        """At least one read's worth of messages (perhaps none yet); None at the end of the stream."""
        data = self._sock.recv(1 << 16)
        return self._decoder.feed(data) if data else None
