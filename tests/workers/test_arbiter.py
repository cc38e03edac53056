from __future__ import annotations

import asyncio
import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.clock import ManualClock, MonotonicClock
from contracts.errors import DeadlineExceeded
from contracts.worker import Priority
from workers.arbiter import Action, Arbiter, Burst, BurstState, CoreArbiter, Decision

FAR = 1e9


class Bench:
    """The pure arbiter on a manual clock, with short words for its events."""

    def __init__(self, slots: int = 1, slice_s: float = math.inf) -> None:
        self.core = CoreArbiter(slots, slice_s)
        self.clock = ManualClock()

    def ask(
        self, number: int, priority: Priority, *, place: str = "", pausable: bool = True, deadline: float = FAR
    ) -> list[Decision]:
        burst = Burst(number, priority, deadline, place or f"w{number}", pausable)
        return self.core.ask(burst, self.clock.now())

    def release(self, number: int) -> list[Decision]:
        return self.core.release(number, self.clock.now())

    def paused(self, number: int) -> list[Decision]:
        return self.core.paused(number, self.clock.now())


def test_one_burst_at_a_time_and_the_most_urgent_next() -> None:
    bench = Bench()
    assert bench.ask(1, Priority.FIRST_AUDIO) == [(Action.GRANT, 1)]
    assert bench.ask(2, Priority.BACKGROUND) == []
    assert bench.ask(3, Priority.ANSWER) == []
    assert bench.release(1) == [(Action.GRANT, 3)]
    assert bench.release(3) == [(Action.GRANT, 2)]


def test_equals_are_served_in_the_order_in_which_they_asked() -> None:
    bench = Bench()
    bench.ask(1, Priority.ANSWER)
    bench.ask(2, Priority.ANSWER)
    bench.ask(3, Priority.ANSWER)
    assert bench.release(1) == [(Action.GRANT, 2)]
    assert bench.release(2) == [(Action.GRANT, 3)]


def test_a_less_urgent_burst_is_paused_and_the_cores_change_hands_only_when_it_stands_still() -> None:
    bench = Bench()
    bench.ask(1, Priority.ANSWER)
    assert bench.ask(2, Priority.FIRST_AUDIO) == [(Action.PAUSE, 1)]
    assert bench.paused(1) == [(Action.GRANT, 2)]
    assert bench.release(2) == [(Action.RESUME, 1)]


def test_a_burst_that_ends_instead_of_pausing_frees_the_cores_too() -> None:
    bench = Bench()
    bench.ask(1, Priority.ANSWER)
    bench.ask(2, Priority.FIRST_AUDIO)
    assert bench.release(1) == [(Action.GRANT, 2)]


def test_an_equally_urgent_or_unpausable_burst_is_waited_for() -> None:
    bench = Bench()
    bench.ask(1, Priority.ANSWER)
    assert bench.ask(2, Priority.ANSWER) == []
    bench = Bench()
    bench.ask(1, Priority.ANSWER, pausable=False)
    assert bench.ask(2, Priority.FIRST_AUDIO) == []
    assert bench.release(1) == [(Action.GRANT, 2)]


def test_a_paused_burst_is_told_once() -> None:
    bench = Bench()
    bench.ask(1, Priority.ANSWER)
    assert bench.ask(2, Priority.FIRST_AUDIO) == [(Action.PAUSE, 1)]
    assert bench.ask(3, Priority.FIRST_AUDIO) == []
    assert bench.paused(1) == [(Action.GRANT, 2)]
    assert bench.release(2) == [(Action.GRANT, 3)]
    assert bench.release(3) == [(Action.RESUME, 1)]


def test_a_paused_burst_comes_before_a_later_equal() -> None:
    bench = Bench()
    bench.ask(1, Priority.ANSWER)
    bench.ask(2, Priority.FIRST_AUDIO)
    bench.paused(1)
    bench.ask(3, Priority.ANSWER)
    assert bench.release(2) == [(Action.RESUME, 1)]


def test_a_waiter_whose_deadline_has_passed_is_dropped_and_never_granted() -> None:
    bench = Bench()
    bench.ask(1, Priority.ANSWER)
    bench.ask(2, Priority.ANSWER, deadline=bench.clock.now() + 1)
    bench.clock.advance(2)
    assert bench.release(1) == [(Action.DROP, 2)]
    assert bench.core.bursts == ()


def test_a_pause_whose_reason_is_gone_is_undone() -> None:
    bench = Bench()
    bench.ask(1, Priority.ANSWER)
    bench.ask(2, Priority.FIRST_AUDIO)
    bench.release(2)
    assert bench.paused(1) == [(Action.RESUME, 1)]


def test_a_worker_that_dies_while_paused_leaves_nothing_behind() -> None:
    bench = Bench()
    bench.ask(1, Priority.ANSWER)
    bench.ask(2, Priority.FIRST_AUDIO)
    bench.paused(1)
    assert bench.release(1) == []
    assert bench.release(2) == []
    assert bench.core.bursts == ()


def test_a_burst_is_not_granted_a_worker_that_another_one_holds() -> None:
    bench = Bench(slots=2)
    bench.ask(1, Priority.ANSWER, place="llm")
    assert bench.ask(2, Priority.FIRST_AUDIO, place="llm") == []
    assert bench.ask(3, Priority.BACKGROUND, place="other") == [(Action.GRANT, 3)]
    assert bench.release(1) == [(Action.GRANT, 2)]


def test_the_holder_of_a_worker_inherits_the_priority_of_those_who_wait_for_it() -> None:
    bench = Bench()
    bench.ask(1, Priority.SPECULATION, place="llm")
    bench.ask(2, Priority.FIRST_AUDIO, place="piper")
    bench.paused(1)
    bench.ask(3, Priority.FINAL_RECOGNITION, place="llm")
    bench.ask(4, Priority.ANSWER, place="third")
    assert bench.release(2) == [(Action.RESUME, 1)]
    assert bench.release(1) == [(Action.GRANT, 3)]


def test_two_slots_pause_no_more_than_is_needed() -> None:
    bench = Bench(slots=2)
    bench.ask(1, Priority.ANSWER)
    bench.ask(2, Priority.BACKGROUND)
    assert bench.ask(3, Priority.FIRST_AUDIO) == [(Action.PAUSE, 2)]
    assert bench.paused(2) == [(Action.GRANT, 3)]


@given(st.integers(1, 3), st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3), st.booleans(), st.integers(0, 99))))
def test_whatever_happens_slots_are_not_exceeded_places_not_shared_and_everybody_ends(
    slots: int, script: list[tuple[int, int, bool, int]]
) -> None:
    core, live = CoreArbiter(slots), dict[int, Burst]()

    def check() -> None:
        held = [b.place for b in core.bursts if b.state is not BurstState.WAITING]
        assert len(held) == len(set(held))
        busy = [b for b in core.bursts if b.state in (BurstState.RUNNING, BurstState.PAUSING)]
        assert len(busy) <= slots
        assert busy or not core.bursts, "somebody waits while the cores are free"

    for number, (priority, place, pausable, choice) in enumerate(script):
        burst = Burst(number, Priority(priority), FAR, f"w{place}", pausable)
        live[number] = burst
        core.ask(burst, 0.0)
        check()
        victim = list(live)[choice % len(live)]
        if live[victim].state is BurstState.PAUSING and choice % 2:
            core.paused(victim, 0.0)
        elif choice % 3 == 0:
            del live[victim]
            core.release(victim, 0.0)
        check()
    while core.bursts:
        done = next(b for b in core.bursts if b.state in (BurstState.RUNNING, BurstState.PAUSING))
        core.release(done.number, 0.0)
        check()


async def test_the_shell_calls_pause_and_resume_and_grants_in_between() -> None:
    arbiter, told = Arbiter(1, MonotonicClock()), list[str]()
    deadline = time.monotonic() + 60
    slow = await arbiter.acquire(
        Priority.ANSWER,
        deadline=deadline,
        place="a",
        pausable=True,
        pause=lambda: told.append("pause"),
        resume=lambda: told.append("resume"),
    )
    urgent = asyncio.create_task(arbiter.acquire(Priority.FIRST_AUDIO, deadline=deadline, place="b"))
    await asyncio.sleep(0)
    assert told == ["pause"]
    assert not urgent.done()
    arbiter.paused(slow)
    arbiter.release(await urgent)
    assert told == ["pause", "resume"]
    arbiter.release(slow)
    arbiter.release(slow)
    assert arbiter.bursts == ()


async def test_the_shell_gives_up_at_the_deadline_and_forgets_a_cancelled_waiter() -> None:
    arbiter = Arbiter(1, MonotonicClock())
    first = await arbiter.acquire(Priority.ANSWER, deadline=time.monotonic() + 60, place="a")
    with pytest.raises(DeadlineExceeded):
        await arbiter.acquire(Priority.ANSWER, deadline=time.monotonic() + 0.01, place="b")
    waiter = asyncio.create_task(arbiter.acquire(Priority.ANSWER, deadline=time.monotonic() + 60, place="c"))
    await asyncio.sleep(0)
    waiter.cancel()
    await asyncio.gather(waiter, return_exceptions=True)
    assert [burst.number for burst in arbiter.bursts] == [first]


# -------------------------------------------------------------------- shared places, slices


def shared(bench: Bench, number: int, priority: Priority = Priority.ANSWER, place: str = "llm") -> list[Decision]:
    burst = Burst(number, priority, FAR, place, pausable=True, shared=True)
    return bench.core.ask(burst, bench.clock.now())


def test_bursts_that_share_a_place_run_together_and_pause_and_resume_together() -> None:
    bench = Bench()
    assert shared(bench, 1) == [(Action.GRANT, 1)]
    assert shared(bench, 2, Priority.SPECULATION) == [(Action.GRANT, 2)]
    assert bench.ask(3, Priority.FIRST_AUDIO) == [(Action.PAUSE, 1), (Action.PAUSE, 2)]
    assert bench.paused(1) == []
    assert bench.paused(2) == [(Action.GRANT, 3)]
    assert bench.release(3) == [(Action.RESUME, 1), (Action.RESUME, 2)]


def test_one_that_comes_while_its_place_is_paused_begins_when_the_others_go_on() -> None:
    bench = Bench()
    shared(bench, 1, Priority.SPECULATION)
    bench.ask(2, Priority.FIRST_AUDIO)
    assert shared(bench, 3) == []
    assert bench.paused(1) == [(Action.GRANT, 2)]
    assert bench.release(2) == [(Action.RESUME, 1), (Action.GRANT, 3)]


def test_a_shared_place_is_as_urgent_as_its_most_urgent_burst() -> None:
    bench = Bench()
    shared(bench, 1, Priority.SPECULATION)
    shared(bench, 2, Priority.ANSWER)
    assert bench.ask(3, Priority.SPECULATION) == []
    assert bench.release(2) == []
    assert bench.ask(4, Priority.ANSWER) == [(Action.PAUSE, 1)]


def test_sharing_needs_both_sides() -> None:
    bench = Bench()
    shared(bench, 1)
    assert bench.ask(2, Priority.ANSWER, place="llm") == []
    assert shared(bench, 3) == [], "one that came before would be overtaken for ever"
    assert bench.release(1) == [(Action.GRANT, 2)]
    assert bench.release(2) == [(Action.GRANT, 3)]


def test_equals_take_turns_once_a_slice_is_over() -> None:
    bench = Bench(slice_s=0.25)
    shared(bench, 1, place="small")
    assert shared(bench, 2, place="large") == []
    assert bench.core.slice_ends() == pytest.approx(bench.clock.now() + 0.25)
    bench.clock.advance(0.25)
    assert bench.core.tick(bench.clock.now()) == [(Action.PAUSE, 1)]
    assert bench.core.slice_ends() is None
    assert bench.paused(1) == [(Action.GRANT, 2)]
    assert shared(bench, 3, place="small") == []
    bench.clock.advance(0.25)
    assert bench.core.tick(bench.clock.now()) == [(Action.PAUSE, 2)]
    assert bench.paused(2) == [(Action.RESUME, 1), (Action.GRANT, 3)]


def test_a_slice_is_no_reason_to_stop_for_what_is_less_urgent() -> None:
    bench = Bench(slice_s=0.25)
    bench.ask(1, Priority.ANSWER)
    bench.ask(2, Priority.SPECULATION)
    assert bench.core.slice_ends() is None
    bench.clock.advance(9)
    assert bench.core.tick(bench.clock.now()) == []


async def test_the_shell_ends_a_slice_by_itself() -> None:
    arbiter, told = Arbiter(1, MonotonicClock(), slice_s=0.01), asyncio.Event()
    deadline = time.monotonic() + 60
    first = await arbiter.acquire(Priority.ANSWER, deadline=deadline, place="a", pausable=True, pause=told.set)
    second = asyncio.create_task(arbiter.acquire(Priority.ANSWER, deadline=deadline, place="b"))
    await asyncio.wait_for(told.wait(), 30)
    arbiter.paused(first)
    arbiter.release(await second)
    arbiter.release(first)
    assert arbiter.bursts == ()


@given(
    st.integers(1, 3),
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3), st.booleans(), st.integers(0, 99), st.floats(0, 1))),
)
def test_places_with_and_without_sharing_never_hold_more_than_the_slots_and_all_end(
    slots: int, script: list[tuple[int, int, bool, int, float]]
) -> None:
    core, live, now = CoreArbiter(slots, slice_s=0.5), dict[int, Burst](), 0.0

    def check() -> None:
        held = [b for b in core.bursts if b.state is not BurstState.WAITING]
        for place in {b.place for b in held}:
            group = [b for b in held if b.place == place]
            assert len(group) == 1 or all(b.shared for b in group)
        busy = {b.place for b in held if b.state in (BurstState.RUNNING, BurstState.PAUSING)}
        assert len(busy) <= slots
        assert busy or not core.bursts, "somebody waits while the cores are free"

    for number, (priority, place, share, choice, passes) in enumerate(script):
        live[number] = Burst(number, Priority(priority), FAR, f"w{place}", pausable=True, shared=share)
        core.ask(live[number], now)
        check()
        now += passes
        core.tick(now)
        check()
        victim = list(live)[choice % len(live)]
        if live[victim].state is BurstState.PAUSING and choice % 2:
            core.paused(victim, now)
        elif choice % 3 == 0:
            del live[victim]
            core.release(victim, now)
        check()
    while core.bursts:
        now += 1.0
        core.tick(now)
        done = next(b for b in core.bursts if b.state in (BurstState.RUNNING, BurstState.PAUSING))
        core.release(done.number, now)
        check()
