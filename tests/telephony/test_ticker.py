import asyncio

import pytest

from contracts.clock import ManualClock, MonotonicClock
from telephony.ticker import Beat, MediaTicker


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
