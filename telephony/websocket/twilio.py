"""Twilio Media Streams without sockets: text messages in, typed events out; commands in, text messages out.

::

    WAITING ──connected──► CONNECTED ──start──► STREAMING ──stop──► STOPPED
       └──────start (peers that leave `connected` out)──▲  media* dtmf* mark*

Source: https://www.twilio.com/docs/voice/media-streams/websocket-messages. Numbers are strings there; integers, as
some Twilio-shaped peers send them, are taken too. A message that breaks the rules yields one ``Violation`` and changes
nothing else; it is ``fatal`` when the stream cannot go on (a second start, sound before any start, too many errors).
"""

from __future__ import annotations

import binascii
import json
import re
from base64 import b64encode
from collections.abc import Mapping
from enum import Enum
from typing import Any, NoReturn

from telephony.websocket.events import (
    Connected,
    Dtmf,
    Marked,
    Media,
    Started,
    Stopped,
    TwilioEvent,
    Violation,
)

ENCODING = "audio/x-mulaw"
RATE = 8000
MAX_MEDIA_BYTES = 1600
"""200 ms: ten times what Twilio sends in a message."""
MAX_BRACKETS = 256
"""Opening brackets of a message; the deepest rightful one has five."""
MAX_PARAMETERS = 64
MAX_PARAMETER_CHARS = 2048
MAX_PENDING_MARKS = 64
MAX_MARK_CHARS = 64

_MAX_BASE64 = (MAX_MEDIA_BYTES + 2) // 3 * 4
_SID = re.compile(r"[A-Za-z0-9_.:-]{1,64}", re.ASCII)
_DIGITS = frozenset("0123456789*#ABCD")
_INBOUND = ("inbound", "inbound_track")


class State(Enum):
    """Where the stream is."""

    WAITING = "waiting"
    CONNECTED = "connected"
    STREAMING = "streaming"
    STOPPED = "stopped"


class _Bad(Exception):
    """A message that breaks the rules; never leaves this module."""

    def __init__(self, reason: str, fatal: bool = False) -> None:
        super().__init__(reason)
        self.fatal = fatal


def bad(reason: str, fatal: bool = False) -> NoReturn:
    """Give up on the present message."""
    raise _Bad(reason, fatal)


class TwilioProtocol:
    """The server's side of one stream. Not thread-safe, does no I/O, knows no time.

    ``max_violations`` bad messages are dropped and counted; the next one is fatal. After a fatal violation or ``stop``
    all input is ignored. ``violations`` and ``messages`` count.
    """

    def __init__(self, max_violations: int = 50) -> None:
        self.state = State.WAITING
        self.violations = 0
        self.messages = 0
        self.stream_sid = ""
        self._max_violations = max_violations
        self._dead = False
        self._chunk = 0
        self._marks: dict[str, bool] = {}
        self._marks_sent = 0

    # ------------------------------------------------------------------ in

    def receive(self, message: str | bytes) -> TwilioEvent | None:
        """What one WebSocket message means; None if nothing (another track, or after the end).

        ``bytes`` is a binary message, which this protocol has none of.
        """
        if self._dead or self.state is State.STOPPED:
            return None
        self.messages += 1
        try:
            if isinstance(message, bytes):
                bad("a binary message where text is due")
            return self._understand(_parse(message))
        except _Bad as error:
            self.violations += 1
            fatal = error.fatal or self.violations > self._max_violations
            self._dead = fatal
            return Violation(str(error), fatal)

    def _understand(self, body: dict[str, Any]) -> TwilioEvent | None:
        match body.get("event"):
            case "media":
                return self._media(body)
            case "mark":
                return self._mark(body)
            case "dtmf":
                return self._dtmf(body)
            case "connected":
                return self._connected(body)
            case "start":
                return self._start(body)
            case "stop":
                return self._stop(body)
            case str(name):
                bad(f"unknown event {name[:32]!a}")
            case _:
                bad("no event name")

    def _connected(self, body: dict[str, Any]) -> Connected:
        if self.state is not State.WAITING:
            bad("a second `connected`")
        self.state = State.CONNECTED
        return Connected(_text(body, "protocol", default=""), _text(body, "version", default=""))

    def _start(self, body: dict[str, Any]) -> Started:
        if self.state is State.STREAMING:
            bad("a second `start`", fatal=True)
        start = _object(body, "start")
        stream_sid = _sid(start if "streamSid" in start else body, "streamSid")
        if body.get("streamSid", stream_sid) != stream_sid:
            bad("`start` names two streams", fatal=True)
        form = _object(start, "mediaFormat")
        if form.get("encoding") != ENCODING or _number(form, "sampleRate") != RATE or _number(form, "channels") != 1:
            bad(f"media format is not {ENCODING}, {RATE} Hz, 1 channel", fatal=True)
        started = Started(
            stream_sid=stream_sid,
            call_sid=_sid(start, "callSid"),
            account_sid=_sid(start, "accountSid") if start.get("accountSid") else "",
            parameters=_parameters(start.get("customParameters", {})),
        )
        self.stream_sid = stream_sid
        self.state = State.STREAMING
        return started

    def _media(self, body: dict[str, Any]) -> Media | None:
        self._need_stream(body, "media")
        media = _object(body, "media")
        if media.get("track", "inbound") not in _INBOUND:
            return None
        ulaw = _payload(media.get("payload"))
        chunk = _number(media, "chunk", default=self._chunk + 1)
        if chunk <= self._chunk:
            bad("media out of order")
        timestamp_ms = _number(media, "timestamp", default=-1)
        missing = chunk - self._chunk - 1 if self._chunk else 0
        self._chunk = chunk
        return Media(ulaw, chunk, timestamp_ms, missing)

    def _dtmf(self, body: dict[str, Any]) -> Dtmf:
        self._need_stream(body, "dtmf")
        digit = _object(body, "dtmf").get("digit")
        if not isinstance(digit, str) or digit.upper() not in _DIGITS:
            bad("dtmf without a digit of 0-9 * # A-D")
        return Dtmf(digit.upper())

    def _mark(self, body: dict[str, Any]) -> Marked:
        self._need_stream(body, "mark")
        name = _object(body, "mark").get("name")
        if not isinstance(name, str) or name not in self._marks:
            bad("a mark that we did not send")
        return Marked(name, self._marks.pop(name))

    def _stop(self, body: dict[str, Any]) -> Stopped:
        self._need_stream(body, "stop")
        stop = body.get("stop")
        self.state = State.STOPPED
        return Stopped(_text(stop, "callSid", default="") if isinstance(stop, dict) else "")

    def _need_stream(self, body: dict[str, Any], what: str) -> None:
        if self.state is not State.STREAMING:
            bad(f"`{what}` before `start`", fatal=True)
        if body.get("streamSid", self.stream_sid) != self.stream_sid:
            bad(f"`{what}` of another stream")

    # ------------------------------------------------------------------ out

    def media(self, ulaw: bytes) -> bytes:
        """The message that plays µ-law at 8 kHz after what was sent before."""
        self._need_open()
        payload = b64encode(ulaw)
        return b'{"event":"media","streamSid":"%b","media":{"payload":"%b"}}' % (self.stream_sid.encode(), payload)

    def mark(self, name: str) -> bytes | None:
        """The message that asks to be told when all before it was played; None while too many are unanswered.

        Raises ValueError for a name that is too long, not printable ASCII, or already pending.
        """
        self._need_open()
        if not 0 < len(name) <= MAX_MARK_CHARS or not (name.isascii() and name.isprintable()) or name in self._marks:
            raise ValueError(f"unusable mark name {name!r}")
        if len(self._marks) >= MAX_PENDING_MARKS:
            return None
        self._marks[name] = False
        return json.dumps({"event": "mark", "streamSid": self.stream_sid, "mark": {"name": name}}).encode()

    def clear(self) -> bytes:
        """The message that empties the peer's buffer. Pending marks come back at once: they prove nothing then."""
        self._need_open()
        for name in self._marks:
            self._marks[name] = True
        return b'{"event":"clear","streamSid":"%b"}' % self.stream_sid.encode()

    @property
    def pending_marks(self) -> tuple[str, ...]:
        """Marks that were sent and did not come back yet."""
        return tuple(self._marks)

    def _need_open(self) -> None:
        if self.state is not State.STREAMING:
            raise ValueError("nothing can be sent before `start` or after `stop`")


# ---------------------------------------------------------------------- fields


def _parse(text: str) -> dict[str, Any]:
    if text.count("[") + text.count("{") > MAX_BRACKETS:
        bad("nested too deeply")
    try:
        body = json.loads(text)
    except RecursionError:
        bad("nested too deeply")
    except ValueError:
        bad("malformed JSON")
    if not isinstance(body, dict):
        bad("not a JSON object")
    return body


def _object(body: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = body.get(name)
    if not isinstance(value, dict):
        bad(f"`{name}` is missing or not an object")
    return value


def _text(body: Mapping[str, Any], name: str, default: str) -> str:
    value = body.get(name, default)
    if not isinstance(value, str):
        bad(f"`{name}` is not a string")
    return printable(value, 64)


def _sid(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not _SID.fullmatch(value):
        bad(f"`{name}` is missing or not an identifier")
    return value


def _number(body: Mapping[str, Any], name: str, default: int | None = None) -> int:
    """A count, as the documented string of digits or as an integer."""
    value = body.get(name, default)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 15:
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and -1 <= value < 10**15:
        return value
    bad(f"`{name}` is missing or not a number")


def _payload(value: object) -> bytes:
    if not isinstance(value, str) or not value:
        bad("media without a payload")
    if len(value) > _MAX_BASE64:
        bad(f"media of more than {MAX_MEDIA_BYTES} bytes")
    if value.endswith("==="):  # binascii lets a whole quad of padding pass
        bad("payload is not base64")
    try:
        return binascii.a2b_base64(value, strict_mode=True)
    except ValueError:  # also binascii.Error, and characters that are not ASCII
        bad("payload is not base64")


def _parameters(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        bad("`customParameters` is not an object")
    if len(value) > MAX_PARAMETERS:
        bad(f"more than {MAX_PARAMETERS} custom parameters")
    if not all(isinstance(each, str) for each in value.values()):
        bad("a custom parameter is not a string")
    return {printable(name, 128): printable(each, MAX_PARAMETER_CHARS) for name, each in value.items()}


def printable(text: str, limit: int) -> str:
    """A stranger's text without control characters and lone surrogates, cut to ``limit`` characters."""
    return "".join(c for c in text[:limit] if c.isprintable())
