"""What a Twilio-shaped stream says, as typed events; made by ``TwilioProtocol`` only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(slots=True, frozen=True)
class Connected:
    """The first message: which protocol the peer speaks."""

    protocol: str
    version: str


@dataclass(slots=True, frozen=True)
class Started:
    """The stream's metadata; everything in it was said by a stranger. ``parameters`` are printable strings."""

    stream_sid: str
    call_sid: str
    account_sid: str
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True, frozen=True)
class Media:
    """Sound of the caller: µ-law bytes at 8 kHz. ``missing`` chunks were left out before this one.

    ``timestamp_ms`` counts from the start of the stream at the peer, -1 if it did not say.
    """

    ulaw: bytes
    chunk: int
    timestamp_ms: int
    missing: int = 0


@dataclass(slots=True, frozen=True)
class Dtmf:
    """One key: 0-9 * # A-D."""

    digit: str


@dataclass(slots=True, frozen=True)
class Marked:
    """The peer played up to a mark of ours, or threw it away with what was cleared (``cleared``)."""

    name: str
    cleared: bool


@dataclass(slots=True, frozen=True)
class Stopped:
    """The call is over; nothing that follows counts."""

    call_sid: str


@dataclass(slots=True, frozen=True)
class Violation:
    """A message that broke the rules and was dropped. ``fatal``: the stream makes no sense any more."""

    reason: str
    fatal: bool = False


TwilioEvent = Connected | Started | Media | Dtmf | Marked | Stopped | Violation
