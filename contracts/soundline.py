"""Sound and words between two processes of this machine, over one stream. Pure: bytes in, pieces out.

Each piece is ``type (1 byte) length (2, big endian) payload`` as in Asterisk's AudioSocket: 0x01 words (a JSON object),
0x12 sound (640 bytes: 20 ms, s16le mono 16 kHz).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import IntEnum
from typing import Any

from contracts.audio import FRAME_BYTES

MAX_WORDS = 4096
"""Bytes of one JSON object."""
_HEAD = 3


class Kind(IntEnum):
    """What a piece holds."""

    WORDS = 0x01
    SOUND = 0x12


class LineBroken(ValueError):
    """What came is not of this protocol; the line has to be dropped."""


def sound(pcm: bytes) -> bytes:
    """20 ms as a piece."""
    return bytes((Kind.SOUND, len(pcm) >> 8, len(pcm) & 255)) + pcm


def words(said: Mapping[str, Any]) -> bytes:
    """A JSON object as a piece."""
    payload = json.dumps(said).encode()
    return bytes((Kind.WORDS, len(payload) >> 8, len(payload) & 255)) + payload


def object_of(payload: str | bytes) -> dict[str, Any]:
    """The JSON object that a piece of words holds. Raises LineBroken."""
    try:
        said = json.loads(payload) if len(payload) <= MAX_WORDS else None
    except (ValueError, RecursionError) as error:
        raise LineBroken("words that are no JSON") from error
    if not isinstance(said, dict):
        raise LineBroken("words that are no object, or too many")
    return said


class Pieces:
    """Cuts a stream into pieces: ``bytes`` of sound, ``dict`` of words."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> list[bytes | dict[str, Any]]:
        """Whole pieces that ``data`` completes, in order. Raises LineBroken."""
        self._data += data
        found: list[bytes | dict[str, Any]] = []
        while len(self._data) >= _HEAD:
            kind, length = self._data[0], int.from_bytes(self._data[1:_HEAD], "big")
            if not (length == FRAME_BYTES if kind == Kind.SOUND else kind == Kind.WORDS and length <= MAX_WORDS):
                raise LineBroken(f"a piece of type {kind:#x} and {length} bytes")
            if len(self._data) < _HEAD + length:
                break
            payload = bytes(self._data[_HEAD : _HEAD + length])
            del self._data[: _HEAD + length]
            found.append(payload if kind == Kind.SOUND else object_of(payload))
        return found
