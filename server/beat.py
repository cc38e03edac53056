"""Keeps the interpreter itself from stopping the media beat: garbage collector, interpreter lock, matrix threads.

A full collection walks every object that is alive: 65 ms for the 115,000 that start-up leaves behind (measured): three
beats for all calls. What is there when the operator is ready stays for good and need not be walked.

Each look into the SIP library gives the interpreter lock away; another thread that computes keeps it for a whole switch
interval. And the matrix library would start a thread on each core that spins there, in the models' way.

``go_first``: with 200 calls the loop's thread waited longer for a core (0.31 s in each second) than it worked (0.20 s),
behind the SIP library's 600 threads, which wake in crowds.
"""

from __future__ import annotations

import gc
import os
import sys

from threadpoolctl import threadpool_limits

THRESHOLDS = (10_000, 20, 50)
"""Allocations until a young collection, young ones until a middle one, middle ones until a full one: what a call
leaves in cycles is little, and each full collection walks all calls that are up."""

SWITCH_S = 0.001
"""How long the media loop may wait for a busy thread of its own process; the interpreter's default is 5 ms."""


def spare_the_beat() -> None:
    """Call once, when everything that lives as long as the process has been made."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
    sys.setswitchinterval(SWITCH_S)
    threadpool_limits(limits=1, user_api="blas")


def go_first() -> bool:
    """The calling thread before all ordinary ones, real time of the least priority; False where that is not allowed.

    Not for its children: neither its threads nor its processes inherit it. Allowed by CAP_SYS_NICE or RLIMIT_RTPRIO.
    """
    if sys.platform != "linux":
        return False
    try:
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(1))
    except PermissionError:
        return False
    return True
