"""One 20 ms beat for each call, the calls spread over four phases so that no moment has all the work.

::

    schedule  0    5    10   15   20   25   30        absolute: start + k · 20 ms, so lateness never adds up
    phase 0   |-------------------|                   its calls: every 20 ms
    phase 1        |-------------------|              … so that of 200 calls 50 are served in a row, not 200
    late              |                  |            a beat that is late is late once; beats that were missed are
                                                      skipped, not made up for in a burst (a leg reads what is due)

    one phase     before(now) of each call ─► batch ─► tick(now) of each call ─► batch ─► after(now) of each call

Legs register plain functions; nothing is awaited between them. What a leg raises ends that leg, never the beat. What is
cheaper for many calls at once than for each (resampling) is put into ``batch``, which runs between the steps.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import TracebackType

import numpy as np
import structlog

from contracts.audio import FRAME_S
from contracts.clock import Clock
from telephony.batch import ResamplerBatch

log = structlog.get_logger()

TickFunction = Callable[[float], None]
"""Called with monotonic seconds on every beat; must return within a millisecond."""
TickFailed = Callable[[Exception], None]
"""Called once with what a tick function raised, after it was taken off the beat."""

PHASES = 4
_KEPT = 3000
"""Beats of each phase remembered for percentiles: one minute."""


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
    """How well the beat was kept: lateness over the last minute, counts since the start, seconds.

    A phase with calls counts as a beat of its own, so that there are up to 200 in a second.
    """

    beats: int
    missed: int
    late_p50_s: float
    late_p99_s: float
    late_max_s: float
    work_p50_s: float
    work_p99_s: float


@dataclass(slots=True, frozen=True, eq=False)
class _Steps:
    """What a leg does on its beat."""

    tick: TickFunction
    failed: TickFailed
    before: TickFunction | None
    after: TickFunction | None


@dataclass(slots=True)
class _Phase:
    beat: Beat
    legs: dict[TickFunction, _Steps] = field(default_factory=dict)
    late: deque[float] = field(default_factory=lambda: deque(maxlen=_KEPT))
    work: deque[float] = field(default_factory=lambda: deque(maxlen=_KEPT))


class MediaTicker:
    """Calls every registered function each 20 ms while it runs.

    ``observe`` is told the lateness of each beat in seconds (a histogram, for example). ``batch`` runs after all
    ``before`` of a beat, and again after all ``tick``.
    """

    def __init__(self, clock: Clock, observe: Callable[[float], None] | None = None) -> None:
        self._clock = clock
        self._observe = observe
        self.batch = ResamplerBatch()
        self._phases = [_Phase(Beat(0.0)) for _ in range(PHASES)]
        self._task: asyncio.Task[None] | None = None
        self._beats = 0
        self._missed = 0

    def register(
        self,
        function: TickFunction,
        failed: TickFailed,
        *,
        before: TickFunction | None = None,
        after: TickFunction | None = None,
    ) -> None:
        """Put a function on the beat. If it raises it is taken off and ``failed`` is called with the error.

        ``before`` and ``after``: what this leg does before and after the others' and its own ``function``.
        """
        phase = min(self._phases, key=lambda one: len(one.legs))
        if not phase.legs:
            self._skip_to_now(phase)
        phase.legs[function] = _Steps(function, failed, before, after)

    def unregister(self, function: TickFunction) -> None:
        """Take a function off the beat; harmless if it is not on it."""
        for phase in self._phases:
            phase.legs.pop(function, None)

    @property
    def registered(self) -> int:
        """How many functions are on the beat."""
        return sum(len(phase.legs) for phase in self._phases)

    def start(self) -> None:
        """Begin; needs a running loop."""
        if self._task is None:
            now = self._clock.now()
            for index, phase in enumerate(self._phases):
                phase.beat = Beat(now + index * FRAME_S / PHASES)
            self._task = asyncio.get_running_loop().create_task(self._run(), name="media-ticker")

    async def close(self) -> None:
        """Stop; registered functions are called no more."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def stats(self) -> TickStats:
        """What was kept so far."""
        late_p50, late_p99, late_max = _quantiles(phase.late for phase in self._phases)
        work_p50, work_p99, _ = _quantiles(phase.work for phase in self._phases)
        return TickStats(self._beats, self._missed, late_p50, late_p99, late_max, work_p50, work_p99)

    def beat(self, now: float) -> None:
        """One beat of all phases: call every function. Public so that tests need no waiting."""
        for phase in self._phases:
            self._serve(phase, now)

    def _serve(self, phase: _Phase, now: float) -> None:
        self._step(phase, [(one.before, one) for one in phase.legs.values() if one.before is not None], now)
        self.batch.run()
        self._step(phase, [(one.tick, one) for one in phase.legs.values()], now)
        self.batch.run()
        self._step(phase, [(one.after, one) for one in phase.legs.values() if one.after is not None], now)

    def _step(self, phase: _Phase, work: list[tuple[TickFunction, _Steps]], now: float) -> None:
        """All legs' one step. One supervisor watches them all: it is entered again behind the leg that failed."""
        left = iter(work)
        supervisor = _Supervisor(phase.legs)
        while not supervisor.done:
            with supervisor:
                for function, steps in left:
                    supervisor.serving = steps
                    function(now)
                supervisor.done = True

    def _skip_to_now(self, phase: _Phase) -> None:
        """A phase that had no legs kept no time."""
        late = self._clock.now() - phase.beat.due
        if late > 0.0:
            phase.beat.count += int(late / phase.beat.period_s) + 1

    async def _run(self) -> None:
        while True:
            busy = [phase for phase in self._phases if phase.legs]
            if not busy:
                await asyncio.sleep(FRAME_S)
                continue
            phase = min(busy, key=lambda one: one.beat.due)
            await asyncio.sleep(max(0.0, phase.beat.due - self._clock.now()))
            now = self._clock.now()
            if now < phase.beat.due:
                continue  # the loop may wake a clock tick early
            late, missed = phase.beat.take(now)
            self._beats += 1
            self._missed += missed
            phase.late.append(late)
            if self._observe is not None:
                self._observe(late)
            self._serve(phase, now)
            phase.work.append(self._clock.now() - now)


class _Supervisor:
    """Watches a step of all legs: an error ends the leg being served and is logged; the others are not touched."""

    __slots__ = ("_legs", "done", "serving")

    def __init__(self, legs: dict[TickFunction, _Steps]) -> None:
        self._legs = legs
        self.serving: _Steps | None = None
        self.done = False

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if not isinstance(error, Exception) or self.serving is None:
            return False
        self._legs.pop(self.serving.tick, None)
        log.error("tick.failed", function=repr(self.serving.tick), exc_info=error)
        self.serving.failed(error)
        return True


def _quantiles(parts: Iterable[deque[float]]) -> tuple[float, float, float]:
    """Median, 99th percentile and greatest; zeros for nothing."""
    values = np.concatenate([np.fromiter(part, dtype=np.float64, count=len(part)) for part in parts])
    if not len(values):
        return 0.0, 0.0, 0.0
    median, high = np.quantile(values, (0.5, 0.99))
    return float(median), float(high), float(values.max())
