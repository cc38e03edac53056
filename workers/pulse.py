"""Is a worker process alive? Decided from heartbeats that nobody answered, and from what the kernel says of it.

::

    beat      |    |    |    |    |    |    |      each heartbeat_s we ask; whatever is heard answers all that was asked
    silent    0    0    1    2    3    …    n
                             │              └ n · heartbeat_s ≥ hang_timeout_s: hung, whatever the kernel says
                             └ the kernel says "stopped": it cannot answer, so there is nothing to wait for

Beats are counted, not seconds: when our own loop stood still, no beat passed, and nobody is blamed for our lateness.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

STOPPED_BEATS = 2
"""Unanswered beats after which the kernel is asked: one alone may be our own scheduling."""


@dataclass(slots=True)
class Pulse:
    """One process's heartbeat. ``stopped`` asks the kernel whether it is held by SIGSTOP."""

    heartbeat_s: float
    hang_timeout_s: float
    stopped: Callable[[], bool]
    silent: int = 0

    def heard(self) -> None:
        """A message came."""
        self.silent = 0

    def beat(self) -> str:
        """A heartbeat's time has come: why the process must be given up, or nothing. Ask it something afterwards."""
        silent, self.silent = self.silent, self.silent + 1
        silent_s = silent * self.heartbeat_s
        if silent >= STOPPED_BEATS and self.stopped():
            return f"stopped: nothing heard for {silent_s:.1f} s, and the kernel holds it"
        if silent_s >= self.hang_timeout_s:
            return f"hung: nothing heard for {silent_s:.1f} s"
        return ""


def is_stopped(pid: int) -> bool:
    """Held by SIGSTOP or SIGTSTP (state T, proc(5)). False where there is no /proc, and under a debugger (state t)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return False
    return fields[:1] == [b"T"]
