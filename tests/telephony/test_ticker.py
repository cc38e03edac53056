import asyncio

import pytest

from contracts.clock import ManualClock, MonotonicClock
from telephony.ticker import PHASES, Beat, MediaTicker, TickFunction


def test_a_late_beat_does_not_move_the_schedule() -> None:
    beat = Beat(start=0.0)
    assert beat.take(0.0) == (0.0, 0)
    late, missed = beat.take(0.025)
    assert late == pytest.approx(0.005)
    assert missed == 0
    assert beat.due == pytest.approx(0.04)


def test_missed_beats_are_skipped_not_made_up_for() -> None:
    beat = Beat(start=0.0)
    late, missed = beat.take(0.105)
    assert late == pytest.approx(0.105)
    assert missed == 5
    assert beat.due == pytest.approx(0.12)


def test_an_hour_of_beats_does_not_drift() -> None:
    beat = Beat(start=1000.0)
    for _ in range(180_000):
        beat.take(beat.due)
    assert beat.due == pytest.approx(1000.0 + 3600.0, abs=1e-6)


def test_a_leg_that_raises_ends_alone() -> None:
    ticker = MediaTicker(ManualClock())
    heard: list[float] = []
    errors: list[Exception] = []

    def broken(now: float) -> None:
        raise RuntimeError("a bad leg")

    ticker.register(broken, errors.append)
    ticker.register(heard.append, errors.append)
    ticker.beat(1.0)
    ticker.beat(2.0)
    assert heard == [1.0, 2.0]
    assert [str(error) for error in errors] == ["a bad leg"]
    assert ticker.registered == 1


def test_cancelling_passes_through_the_beat() -> None:
    ticker = MediaTicker(ManualClock())

    def cancelled(now: float) -> None:
        raise asyncio.CancelledError

    ticker.register(cancelled, lambda error: None)
    with pytest.raises(asyncio.CancelledError):
        ticker.beat(1.0)


def test_a_leg_may_leave_during_its_own_beat() -> None:
    ticker = MediaTicker(ManualClock())
    beats: list[float] = []

    def once(now: float) -> None:
        beats.append(now)
        ticker.unregister(once)

    ticker.register(once, lambda error: None)
    ticker.beat(1.0)
    ticker.beat(2.0)
    assert beats == [1.0]


async def test_the_running_beat_reports_its_lateness() -> None:
    seen: list[float] = []
    ticker = MediaTicker(MonotonicClock(), seen.append)
    done = asyncio.Event()
    times: list[float] = []

    def count(now: float) -> None:
        times.append(now)
        if len(times) == 10:
            done.set()

    ticker.register(count, lambda error: None)
    ticker.start()
    await asyncio.wait_for(done.wait(), 5)
    await ticker.close()
    stats = ticker.stats()
    assert stats.beats >= 10
    assert len(seen) >= 10
    assert times[-1] - times[0] == pytest.approx((9 + stats.missed) * 0.02, abs=0.1)
    assert 0 <= stats.late_p50_s <= stats.late_p99_s <= stats.late_max_s


def test_legs_are_spread_over_the_phases_and_each_is_served_once_a_beat() -> None:
    clock = ManualClock()
    ticker = MediaTicker(clock)
    served: list[int] = []
    for number in range(10):
        ticker.register(lambda now, number=number: served.append(number), lambda error: None)  # type: ignore[misc]
    assert [len(phase.legs) for phase in ticker._phases] == [3, 3, 2, 2]
    ticker.beat(clock.advance(0.02))
    assert sorted(served) == list(range(10))


def test_the_steps_of_a_phase_go_through_all_its_legs_one_after_the_other() -> None:
    ticker = MediaTicker(ManualClock())
    steps: list[str] = []
    for number in range(PHASES + 1):

        def step(name: str, number: int = number) -> TickFunction:
            return lambda now: steps.append(f"{name} {number}")

        ticker.register(step("tick"), lambda error: None, before=step("before"), after=step("after"))
    ticker.beat(1.0)
    ours = [one for one in steps if one.endswith((" 0", f" {PHASES}"))]
    assert ours == ["before 0", f"before {PHASES}", "tick 0", f"tick {PHASES}", "after 0", f"after {PHASES}"]


def test_a_leg_that_raises_in_any_step_takes_no_further_one() -> None:
    for broken in ("before", "tick", "after"):
        ticker = MediaTicker(ManualClock())
        steps: list[str] = []
        errors: list[Exception] = []

        def step(name: str, bad: str = "", steps: list[str] = steps) -> TickFunction:
            def run(now: float) -> None:
                steps.append(name)
                if name == bad:
                    raise RuntimeError(name)

            return run

        for bad in (broken, *[""] * PHASES):  # the first and the last share a phase
            ticker.register(step("tick", bad), errors.append, before=step("before", bad), after=step("after", bad))
        ticker.beat(1.0)
        first = ["before", "tick", "after"].index(broken) + 1
        assert len(steps) == first + 3 * PHASES
        assert [str(error) for error in errors] == [broken]
        assert ticker.registered == PHASES
