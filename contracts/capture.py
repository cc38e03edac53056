"""Secure capture: what a caller keys in, which the owner's payment endpoint gets once and nobody else ever.

::

    keys ─► Keyed (a buffer that is wiped) ─► Payments.post, once ─► CaptureReply: token, brand, last four, reference
                                                                    which is all that the conversation gets to know
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn, Protocol

MAX_KEYED = 32
"""Digits of one entry; a card number has 19 at most."""
REPLIED = frozenset({"token", "last_four", "brand", "reference"})
"""What a reply may give to a task's sentences and to its next operation."""


class Keyed:
    """The digits of one entry, in a buffer of fixed size that is zeroed: no text of them is ever made here.

    ``repr``, ``str`` and any formatting show none; it cannot be pickled or copied.
    """

    __slots__ = ("_buffer", "_count")

    def __init__(self) -> None:
        self._buffer = bytearray(MAX_KEYED)
        self._count = 0

    def add(self, digit: str) -> bool:
        """Another digit, 0-9; False: there is no room for more."""
        if self._count == MAX_KEYED:
            return False
        self._buffer[self._count] = ord(digit)
        self._count += 1
        return True

    def wipe(self) -> None:
        """Nothing of it is left in this buffer. Harmless twice."""
        self._buffer[:] = bytes(MAX_KEYED)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def value(self, at: int) -> int:
        """The digit at a place, 0..9."""
        return self._buffer[at] - 0x30

    def put(self, into: bytearray, at: int) -> int:
        """Write the digits there, as ASCII; where they end."""
        end = at + self._count
        into[at:end] = memoryview(self._buffer)[: self._count]
        return end

    def shares(self, text: str, run: int) -> bool:
        """Does ``text`` have ``run`` of these digits in a row, whatever stands between its digits?"""
        told = bytes(ord(one) for one in text if one in "0123456789")
        return any(
            told[at : at + run] == memoryview(self._buffer)[start : start + run]
            for at in range(len(told) - run + 1)
            for start in range(self._count - run + 1)
        )

    def ends(self, text: str) -> bool:
        """Are these its last digits?"""
        return 0 < len(text) <= self._count and (
            text.encode() == memoryview(self._buffer)[self._count - len(text) : self._count]
        )

    def __repr__(self) -> str:
        return "Keyed(•)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("what a caller has keyed in is neither copied nor stored")


@dataclass(slots=True, frozen=True)
class Order:
    """What is to be done with the digits. ``details``: what the endpoint is told besides, such as an amount."""

    task: str
    call_id: str
    key: str
    """Idempotency key: the same key does it once."""
    keyed: Mapping[str, Keyed]
    details: Mapping[str, object]

    def wipe(self) -> None:
        """It was posted, or never will be."""
        for one in self.keyed.values():
            one.wipe()


@dataclass(slots=True, frozen=True)
class CaptureReply:
    """The endpoint's answer. ``values``: of REPLIED, those that it gave; ``code``: why not, in a word."""

    approved: bool
    values: Mapping[str, str]
    code: str = ""


class Payments(Protocol):
    """The owner's payment endpoint: the one place that digits go to."""

    async def post(self, order: Order) -> CaptureReply:
        """Once. The digits are wiped when it returns or raises. Raises ToolError by name."""
        ...

    async def close(self) -> None:
        """Connections are closed. Harmless twice."""
        ...
