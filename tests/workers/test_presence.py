"""Who is there, since when not, and until when, on a manual clock."""

from __future__ import annotations

import math

import pytest

from contracts.clock import ManualClock
from workers.presence import Attendance


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def replaced(seconds: float, clock: ManualClock) -> Attendance:
    worker = Attendance()
    worker.left(clock.now())
    worker.came(clock.advance(seconds))
    return worker


def test_a_worker_that_takes_requests_is_not_away(clock: ManualClock) -> None:
    assert replaced(2.0, clock).absence(clock.now()) is None


def test_a_lost_worker_is_expected_back_after_as_long_as_the_last_time(clock: ManualClock) -> None:
    worker = replaced(2.0, clock)
    lost_at = clock.advance(10.0)
    worker.left(lost_at)
    absence = worker.absence(clock.advance(0.5))
    assert absence is not None
    assert (absence.since, absence.wait_s(clock.now())) == (lost_at, 1.5)


def test_being_missed_twice_does_not_put_off_its_return(clock: ManualClock) -> None:
    worker = replaced(2.0, clock)
    worker.left(clock.now())
    worker.left(clock.advance(1.0))
    absence = worker.absence(clock.now())
    assert absence is not None
    assert absence.wait_s(clock.now()) == 1.0


def test_one_that_is_overdue_is_given_as_long_again_as_it_is_late(clock: ManualClock) -> None:
    worker = replaced(2.0, clock)
    worker.left(clock.now())
    absence = worker.absence(clock.advance(3.5))
    assert absence is not None
    assert absence.wait_s(clock.now()) == 1.5


def test_nobody_knows_when_one_is_back_whose_replacement_failed_until_one_comes(clock: ManualClock) -> None:
    worker = replaced(2.0, clock)
    worker.left(clock.now())
    worker.failed()
    absence = worker.absence(clock.advance(0.5))
    assert absence is not None
    assert math.isinf(absence.wait_s(clock.now()))
    worker.came(clock.now())
    worker.left(clock.now())
    again = worker.absence(clock.now())
    assert again is not None
    assert again.wait_s(clock.now()) == 0.5
