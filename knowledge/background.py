"""How work beside the calls takes its place: in a process of its own, behind everything that a caller waits for.

Measured on two cores with 100,000 passages: a search waits for whatever else wants the same core. A process of the
SCHED_BATCH class is not favoured when it wakes (sched(7)), and at a niceness of 5 it gets a quarter of a core that is
fought for, at 10 a tenth: a draft is still published while calls use all there is (at 10, and a load of 14, in 112 s).
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from contextlib import suppress

NICENESS = 5
_PR_SET_PDEATHSIG = 1


def step_back(niceness: int = NICENESS) -> None:
    """This process, and what it starts, takes its turn after the others."""
    with suppress(OSError):  # a container may forbid it; then only the niceness tells
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    os.nice(niceness)


def die_with(parent: int) -> None:
    """This process ends when ``parent`` does: whoever comes after that one writes under the same names."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(1)
