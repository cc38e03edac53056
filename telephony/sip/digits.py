"""Keys that the caller presses, at a rate that a finger can reach."""

from __future__ import annotations

import logging
import re
from collections import deque

KEYS = frozenset("0123456789*#ABCD")
_TELLS_KEYS = re.compile(r"Content-Type:\s*application/dtmf|^\s*Signal\s*=|DTMF[^\n]*'.'", re.IGNORECASE | re.MULTILINE)
"""Of the library's own log: SIP INFO requests (RFC 6086, draft-kaplan-dispatch-info-dtmf), and its lines about keys."""


def without_keys(record: logging.LogRecord) -> bool:
    """Filter of a logger: a line that tells which key was pressed is left out, also of a trace of all SIP messages."""
    return _TELLS_KEYS.search(record.getMessage()) is None


class DigitGate:
    """Lets at most ``per_second`` digits of any second through. Pure; ``now`` is monotonic seconds."""

    def __init__(self, per_second: int) -> None:
        self._per_second = per_second
        self._passed: deque[float] = deque(maxlen=per_second)
        self.dropped = 0

    def admit(self, digit: str, now: float) -> bool:
        """Whether this press goes on to the session; unknown keys never do."""
        full = len(self._passed) == self._per_second and now - self._passed[0] < 1.0
        if digit not in KEYS or full:
            self.dropped += 1
            return False
        self._passed.append(now)
        return True
