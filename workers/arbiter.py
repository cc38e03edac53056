"""Who gets the cores: one burst of computing at a time, the most urgent first.

Two engines that spin threads on the same two cores run 10-50 times slower than one after the other, so a burst
asks first. A running burst that is less urgent than a new one is told to pause; it keeps its slot until it says that
it has (an engine reaches its next checkpoint), so bursts never overlap::

    llm (ANSWER)       ▓▓▓▓▓▓▓▓▓▓▓░                    ▓▓▓▓▓▓▓▓▓▓
                            pause ┘└ paused     resume ┘
    piper (FIRST_AUDIO)     ask ··▓▓▓▓▓▓▓▓▓▓▓▓▓▓ release

A *place* is a worker process: it has one engine thread, so a burst that is paused there blocks whatever else asks for
the same place. The burst that holds a place therefore inherits the best priority of those who wait for that place,
and nobody is granted a place that is held. That is what makes a deadlock impossible.

`CoreArbiter` decides, without I/O; `Arbiter` is its asyncio shell.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from contracts.clock import Clock
from contracts.errors import DeadlineExceeded
from contracts.worker import Priority


class BurstState(StrEnum):
    """Where a burst is. Only RUNNING and PAUSING hold a slot."""

    WAITING = "waiting"
    RUNNING = "running"
    PAUSING = "pausing"
    PAUSED = "paused"


class Action(StrEnum):
    """What the shell has to do to a burst."""

    GRANT = "grant"
    PAUSE = "pause"
    RESUME = "resume"
    DROP = "drop"


@dataclass(slots=True)
class Burst:
    """One request for the cores. ``deadline`` monotonic seconds; ``place`` names its worker process."""

    number: int
    priority: Priority
    deadline: float
    place: str
    pausable: bool
    state: BurstState = BurstState.WAITING


Decision = tuple[Action, int]
"""What to do, and to the burst of which number."""


class CoreArbiter:
    """The decisions, as a plain object: events in, decisions out. Every event method returns what to do now."""

    def __init__(self, slots: int = 1) -> None:
        self._slots = slots
        self._bursts: dict[int, Burst] = {}

    @property
    def bursts(self) -> tuple[Burst, ...]:
        """All unfinished bursts, oldest first."""
        return tuple(self._bursts.values())

    def ask(self, burst: Burst, now: float) -> list[Decision]:
        """A new burst wants the cores."""
        self._bursts[burst.number] = burst
        return self.tick(now)

    def release(self, number: int, now: float) -> list[Decision]:
        """A burst is over, for whatever reason and in whatever state: done, withdrawn, its worker died."""
        self._bursts.pop(number, None)
        return self.tick(now)

    def paused(self, number: int, now: float) -> list[Decision]:
        """A burst says that it stands still."""
        burst = self._bursts.get(number)
        if burst is not None and burst.state is BurstState.PAUSING:
            burst.state = BurstState.PAUSED
        return self.tick(now)

    def tick(self, now: float) -> list[Decision]:
        """Drop waiters whose deadline has passed, then hand out what is free."""
        expired = [b.number for b in self._bursts.values() if b.state is BurstState.WAITING and b.deadline <= now]
        for number in expired:
            del self._bursts[number]
        decisions: list[Decision] = [(Action.DROP, number) for number in expired]
        while (decision := self._decide()) is not None:
            decisions.append(decision)
        return decisions

    def _decide(self) -> Decision | None:
        held = {b.place for b in self._bursts.values() if b.state is not BurstState.WAITING}
        candidates = [
            b
            for b in self._bursts.values()
            if b.state is BurstState.PAUSED or (b.state is BurstState.WAITING and b.place not in held)
        ]
        if not candidates:
            return None
        best = min(candidates, key=lambda b: (self._urgency(b), b.number))
        holders = [b for b in self._bursts.values() if b.state in (BurstState.RUNNING, BurstState.PAUSING)]
        if len(holders) < self._slots:
            action = Action.RESUME if best.state is BurstState.PAUSED else Action.GRANT
            best.state = BurstState.RUNNING
            return action, best.number
        return self._preempt(candidates, holders)

    def _preempt(self, candidates: list[Burst], holders: list[Burst]) -> Decision | None:
        running = [b for b in holders if b.state is BurstState.RUNNING and b.pausable]
        if not running:
            return None
        victim = max(running, key=lambda b: (self._urgency(b), b.number))
        more_urgent = sum(self._urgency(c) < self._urgency(victim) for c in candidates)
        if more_urgent <= len(holders) - sum(b.state is BurstState.RUNNING for b in holders):
            return None
        victim.state = BurstState.PAUSING
        return Action.PAUSE, victim.number

    def _urgency(self, burst: Burst) -> int:
        """Its own priority, or the best of those who cannot go on before it is out of their place."""
        if burst.state is BurstState.WAITING:
            return burst.priority
        waiting = (b for b in self._bursts.values() if b.state is BurstState.WAITING and b.place == burst.place)
        return min([burst.priority, *(b.priority for b in waiting)])


@dataclass(slots=True, frozen=True)
class _Handles:
    granted: asyncio.Future[None]
    pause: Callable[[], None]
    resume: Callable[[], None]


def _nothing() -> None:
    return None


class Arbiter:
    """The asyncio shell: acquire, compute, release. Belongs to one event loop."""

    def __init__(self, slots: int, clock: Clock) -> None:
        self._core = CoreArbiter(slots)
        self._clock = clock
        self._numbers = itertools.count(1)
        self._handles: dict[int, _Handles] = {}

    @property
    def bursts(self) -> tuple[Burst, ...]:
        """All unfinished bursts, oldest first."""
        return self._core.bursts

    async def acquire(
        self,
        priority: Priority,
        *,
        deadline: float,
        place: str,
        pausable: bool = False,
        pause: Callable[[], None] = _nothing,
        resume: Callable[[], None] = _nothing,
    ) -> int:
        """Wait for the cores and return the burst's number, to be given to release() whatever happens.

        ``pause`` and ``resume`` are called on the event loop; after ``pause``, paused() is owed (or release()).
        Raises DeadlineExceeded if the deadline passes first.
        """
        burst = Burst(next(self._numbers), priority, deadline, place, pausable)
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._handles[burst.number] = _Handles(granted, pause, resume)
        self._apply(self._core.ask(burst, self._clock.now()))
        try:
            async with asyncio.timeout(max(0.0, deadline - self._clock.now())):
                await granted
        except TimeoutError:
            self.release(burst.number)
            raise DeadlineExceeded("the cores were not free before the deadline") from None
        except (asyncio.CancelledError, DeadlineExceeded):
            self.release(burst.number)
            raise
        return burst.number

    def paused(self, number: int) -> None:
        """The burst stands still; its slot is free."""
        self._apply(self._core.paused(number, self._clock.now()))

    def release(self, number: int) -> None:
        """The burst is over; harmless if it already is."""
        self._handles.pop(number, None)
        self._apply(self._core.release(number, self._clock.now()))

    def _apply(self, decisions: list[Decision]) -> None:
        for action, number in decisions:
            handles = self._handles.get(number)
            if handles is None:
                continue
            if action is Action.PAUSE:
                handles.pause()
            elif action is Action.RESUME:
                handles.resume()
            elif not handles.granted.done():
                if action is Action.GRANT:
                    handles.granted.set_result(None)
                else:
                    handles.granted.set_exception(DeadlineExceeded("the deadline passed while waiting for the cores"))
