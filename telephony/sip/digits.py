"""Keys that the caller presses, at a rate that a finger can reach."""

from __future__ import annotations

import logging
import re

from telephony.limits import TokenBucket

KEYS = frozenset("0123456789*#ABCD")
_TELLS_KEYS = re.compile(r"Content-Type:\s*application/dtmf|^\s*Signal\s*=|DTMF[^\n]*'.'", re.IGNORECASE | re.MULTILINE)
"""Of the library's own log: SIP INFO requests (RFC 6086, draft-kaplan-dispatch-info-dtmf), and its lines about keys."""


def without_keys(record: logging.LogRecord) -> bool:
    """Filter of a logger: a line that tells which key was pressed is left out, also of a trace of all SIP messages."""
    return _TELLS_KEYS.search(record.getMessage()) is None


class DigitGate:
    """Lets ``burst`` digits through at once and ``per_second`` in the long run. Pure; ``now`` is monotonic seconds.

    A telephone may send a stored number, or what a stalled network held back, in one burst: a card with its date and
    code is 26 keys (linphonec, by SIP INFO), and one that is lost of them is a wrong number.
    """

    def __init__(self, per_second: int, burst: int) -> None:
        self._bucket = TokenBucket(per_second, burst, 0.0)
        self.dropped = 0

    def admit(self, digit: str, now: float) -> bool:
        """Whether this press goes on to the session; unknown keys never do."""
        if digit not in KEYS or not self._bucket.take(now):
            self.dropped += 1
            return False
        return True
