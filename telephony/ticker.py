"""One 20 ms beat for all calls of the process.

::

    schedule  0    20    40    60    80   100      absolute: start + k · 20 ms, so lateness never adds up
    beats     |     |       |           |  |       a beat that is late is late once; beats that were missed are skipped,
                                                   not made up for in a burst (a leg reads from the clock what is due)

Legs register plain functions; nothing is awaited between them. What a leg raises ends that leg, never the beat.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType

import structlog

from contracts.audio import FRAME_S
from contracts.clock import Clock

log = structlog.get_logger()

TickFunction = Callable[[float], None]
"""Called with monotonic seconds on every beat; must return within a millisecond."""
TickFailed = Callable[[Exception], None]
"""Called once with what a tick function raised, after it was taken off the beat."""

_KEPT = 3000
"""Beats remembered for percentiles: one minute."""


@dataclass(slots=True)
class Beat:
    """The schedule alone, without a clock: when the next beat is due."""

    start: float
    period_s: float = FRAME_S
    count: int = 0

    @property
    def due(self) -> float:
        """Monotonic time of the next beat."""
        return self.start + self.count * self.period_s

    def take(self, now: float) -> tuple[float, int]:
        """Take the beat that is due: its lateness in seconds and how many later ones were missed meanwhile."""
        late = max(0.0, now - self.due)
        missed = int(late / self.period_s)
        self.count += 1 + missed
        return late, missed


@dataclass(slots=True, frozen=True)
class TickStats:
    """How well the beat was kept: lateness over the last minute, counts since the start, seconds."""

    beats: int
    missed: int
    late_p50_s: float
    late_p99_s: float
    late_max_s: float
    work_p99_s: float


class MediaTicker:
    """Calls every registered function each 20 ms while it runs.

    ``observe`` is told the lateness of each beat in seconds (a histogram, for example).
    """

    def __init__(self, clock: Clock, observe: Callable[[float], None] | None = None) -> None:
        self._clock = clock
        self._observe = observe
        self._functions: dict[TickFunction, TickFailed] = {}
        self._task: asyncio.Task[None] | None = None
        self._late: deque[float] = deque(maxlen=_KEPT)
        self._work: deque[float] = deque(maxlen=_KEPT)
        self._beats = 0
        self._missed = 0

    def register(self, function: TickFunction, failed: TickFailed) -> None:
        """Put a function on the beat. If it raises it is taken off and ``failed`` is called with the error."""
        self._functions[function] = failed

    def unregister(self, function: TickFunction) -> None:
        """Take a function off the beat; harmless if it is not on it."""
        self._functions.pop(function, None)

    @property
    def registered(self) -> int:
        """How many functions are on the beat."""
        return len(self._functions)

    def start(self) -> None:
        """Begin; needs a running loop."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name="media-ticker")

    async def close(self) -> None:
        """Stop; registered functions are called no more."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def stats(self) -> TickStats:
        """What was kept so far."""
        late, work = sorted(self._late), sorted(self._work)
        return TickStats(
            beats=self._beats,
            missed=self._missed,
            late_p50_s=_quantile(late, 0.5),
            late_p99_s=_quantile(late, 0.99),
            late_max_s=late[-1] if late else 0.0,
            work_p99_s=_quantile(work, 0.99),
        )

    def beat(self, now: float) -> None:
        """One beat: call every function. Public so that tests need no waiting."""
        for function, failed in list(self._functions.items()):
            with _Isolated(self, function, failed):
                function(now)

    async def _run(self) -> None:
        beat = Beat(self._clock.now())
        while True:
            await asyncio.sleep(max(0.0, beat.due - self._clock.now()))
            now = self._clock.now()
            if now < beat.due:
                continue  # the loop may wake a clock tick early
            late, missed = beat.take(now)
            self._beats += 1
            self._missed += missed
            self._late.append(late)
            if self._observe is not None:
                self._observe(late)
            self.beat(now)
            self._work.append(self._clock.now() - now)


class _Isolated:
    """The supervisor of one leg's beat: an error ends that leg and is logged; the other legs are not touched."""

    __slots__ = ("_failed", "_function", "_ticker")

    def __init__(self, ticker: MediaTicker, function: TickFunction, failed: TickFailed) -> None:
        self._ticker, self._function, self._failed = ticker, function, failed

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if not isinstance(error, Exception):
            return False
        self._ticker.unregister(self._function)
        log.error("tick.failed", function=repr(self._function), exc_info=error)
        self._failed(error)
        return True


def _quantile(ordered: list[float], q: float) -> float:
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))] if ordered else 0.0
