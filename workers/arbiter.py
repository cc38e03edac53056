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

The bursts of an engine that batches its requests are *shared*: they hold their place together and are computed in the
same steps, so a further one joins at once while the others run. Such a place counts as one burst, as urgent as its most
urgent request, and is paused and resumed as a whole::

    llm   call A (ANSWER)       ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓░                    ▓▓▓▓▓▓▓▓
          call B (ANSWER)        join ┘▓▓▓▓▓▓▓▓▓░                   ▓▓▓▓▓▓▓▓▓▓▓▓
    piper (FIRST_AUDIO)                     ask ··▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ release

Since others keep joining, such a place might never be free. So a place that has run for ``slice_s`` seconds while an
equally urgent one waits gives way to it, and comes after it.

`CoreArbiter` decides, without I/O; `Arbiter` is its asyncio shell.
"""

from __future__ import annotations

import asyncio
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from contracts.clock import Clock
from contracts.errors import DeadlineExceeded
from contracts.worker import Priority, Urgency


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
    """One request for the cores. ``deadline`` monotonic seconds; ``place`` names its worker process.

    ``shared``: computed together with the other shared bursts of its place.
    """

    number: int
    priority: Priority
    deadline: float
    place: str
    pausable: bool
    shared: bool = False
    state: BurstState = BurstState.WAITING
    turn: int = 0
    """Among equals the lowest is next; given by the arbiter."""


Decision = tuple[Action, int]
"""What to do, and to the burst of which number."""


class CoreArbiter:
    """The decisions, as a plain object: events in, decisions out. Every event method returns what to do now."""

    def __init__(self, slots: int = 1, slice_s: float = math.inf) -> None:
        self._slots, self._slice_s = slots, slice_s
        self._bursts: dict[int, Burst] = {}
        self._turns = itertools.count()
        self._since: dict[str, float] = {}

    @property
    def bursts(self) -> tuple[Burst, ...]:
        """All unfinished bursts, oldest first."""
        return tuple(self._bursts.values())

    def ask(self, burst: Burst, now: float) -> list[Decision]:
        """A new burst wants the cores."""
        burst.turn = next(self._turns)
        self._bursts[burst.number] = burst
        return self.tick(now)

    def release(self, number: int, now: float) -> list[Decision]:
        """A burst is over, for whatever reason and in whatever state: done, withdrawn, its worker died."""
        self._bursts.pop(number, None)
        return self.tick(now)

    def promote(self, number: int, priority: Priority, now: float) -> list[Decision]:
        """A burst has become more urgent; harmless if it is over."""
        burst = self._bursts.get(number)
        if burst is not None:
            burst.priority = min(burst.priority, priority)
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
        while found := self._decide(now):
            decisions += found
        return decisions

    def slice_ends(self) -> float | None:
        """When to call tick() next, though nothing may have happened; None: not needed."""
        candidates, holders = self._sides()
        running = [group for group in holders if _pausable(group)]
        pausing = any(group[0].state is BurstState.PAUSING for group in holders)
        if not running or pausing or math.isinf(self._slice_s):
            return None
        next_to_go = max(running, key=self._rank)
        equals = any(self._urgency(group) == self._urgency(next_to_go) for group in candidates)
        return self._since[next_to_go[0].place] + self._slice_s if equals else None

    def _decide(self, now: float) -> list[Decision]:
        """The next thing to do, to all bursts of one place; nothing if all is as it should be."""
        for burst in self._bursts.values():
            if burst.state is BurstState.WAITING and self._may_join(burst):
                return self._go([burst], self._since[burst.place])
        candidates, holders = self._sides()
        if not candidates:
            return []
        if len(holders) < self._slots:
            return self._go(min(candidates, key=self._rank), now)
        return self._preempt(candidates, holders, now)

    def _may_join(self, burst: Burst) -> bool:
        """Do the other bursts of its place run, and share it? Not past one that cannot share and came before."""
        place = [b for b in self._bursts.values() if b.place == burst.place]
        others = [b for b in place if b.state is not BurstState.WAITING]
        overtaken = any(b.state is BurstState.WAITING and not b.shared and b.turn < burst.turn for b in place)
        running = bool(others) and all(b.shared and b.state is BurstState.RUNNING for b in others)
        return burst.shared and running and not overtaken

    def _sides(self) -> tuple[list[list[Burst]], list[list[Burst]]]:
        """Who could go on, and who holds a slot. Decided upon as one: all who hold a place, or one who waits for it."""
        places: dict[str, list[Burst]] = {}
        for burst in self._bursts.values():
            if burst.state is not BurstState.WAITING:
                places.setdefault(burst.place, []).append(burst)
        order = (BurstState.PAUSING, BurstState.RUNNING, BurstState.PAUSED)
        held = [sorted(group, key=lambda b: (order.index(b.state), b.number)) for group in places.values()]
        free = [[b] for b in self._bursts.values() if b.state is BurstState.WAITING and b.place not in places]
        holders = [group for group in held if group[0].state is not BurstState.PAUSED]
        return [group for group in held if group[0].state is BurstState.PAUSED] + free, holders

    def _go(self, group: list[Burst], since: float) -> list[Decision]:
        decisions = [(Action.RESUME if b.state is BurstState.PAUSED else Action.GRANT, b.number) for b in group]
        self._since[group[0].place] = since
        for burst in group:
            burst.state = BurstState.RUNNING
        return decisions

    def _preempt(self, candidates: list[list[Burst]], holders: list[list[Burst]], now: float) -> list[Decision]:
        running = [group for group in holders if _pausable(group)]
        if not running:
            return []
        victim = max(running, key=self._rank)
        urgency = self._urgency(victim)
        before = sum(self._urgency(group) < urgency for group in candidates)
        if now >= self._since[victim[0].place] + self._slice_s:
            before += sum(self._urgency(group) == urgency for group in candidates)
        if before <= sum(group[0].state is BurstState.PAUSING for group in holders):
            return []
        if all(self._urgency(group) >= urgency for group in candidates):
            for burst in victim:
                burst.turn = next(self._turns)
        for burst in victim:
            burst.state = BurstState.PAUSING
        return [(Action.PAUSE, burst.number) for burst in victim]

    def _rank(self, group: list[Burst]) -> tuple[int, int]:
        """The lowest is next."""
        return self._urgency(group), min(burst.turn for burst in group)

    def _urgency(self, group: list[Burst]) -> int:
        """The best priority in it, or of those who cannot go on before it is out of their place."""
        own = [burst.priority for burst in group]
        if group[0].state is BurstState.WAITING:
            return min(own)
        waiting = (b for b in self._bursts.values() if b.state is BurstState.WAITING and b.place == group[0].place)
        return min([*own, *(b.priority for b in waiting)])


def _pausable(group: list[Burst]) -> bool:
    return all(burst.pausable and burst.state is BurstState.RUNNING for burst in group)


@dataclass(slots=True, frozen=True)
class _Handles:
    granted: asyncio.Future[None]
    pause: Callable[[], None]
    resume: Callable[[], None]


def _nothing() -> None:
    return None


class Arbiter:
    """The asyncio shell: acquire, compute, release. Belongs to one event loop."""

    def __init__(self, slots: int, clock: Clock, *, slice_s: float = math.inf) -> None:
        self._core = CoreArbiter(slots, slice_s)
        self._clock = clock
        self._timer: asyncio.TimerHandle | None = None
        self._numbers = itertools.count(1)
        self._handles: dict[int, _Handles] = {}

    @property
    def bursts(self) -> tuple[Burst, ...]:
        """All unfinished bursts, oldest first."""
        return self._core.bursts

    async def acquire(
        self,
        priority: Priority | Urgency,
        *,
        deadline: float,
        place: str,
        pausable: bool = False,
        shared: bool = False,
        pause: Callable[[], None] = _nothing,
        resume: Callable[[], None] = _nothing,
    ) -> int:
        """Wait for the cores and return the burst's number, to be given to release() whatever happens.

        ``pause`` and ``resume`` are called on the event loop; after ``pause``, paused() is owed (or release()).
        Raises DeadlineExceeded if the deadline passes first.
        """
        urgency = priority if isinstance(priority, Urgency) else Urgency(priority)
        burst = Burst(next(self._numbers), urgency.priority, deadline, place, pausable, shared)
        urgency.on_raise(lambda raised: self._apply(self._core.promote(burst.number, raised, self._clock.now())))
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
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        ends = self._core.slice_ends()
        if ends is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(max(0.0, ends - self._clock.now()), self._slice_over)

    def _slice_over(self) -> None:
        self._timer = None
        self._apply(self._core.tick(self._clock.now()))
