from __future__ import annotations

from contracts.audio import FRAME_S
from telephony.websocket.playout import Playout


def frames_due(playout: Playout, now: float) -> int:
    count = 0
    while playout.due(now):
        count += 1
    return count


def test_the_lead_is_sent_once_and_then_one_frame_each_beat() -> None:
    playout = Playout(lead_s=0.04, mark_interval_s=1.0)
    assert playout.prime(100.0) == 2
    sent = [frames_due(playout, 100.0 + n * FRAME_S) for n in range(500)]
    assert sent == [1] * 500
    assert playout.prime(110.0) == 0


def test_beats_that_come_early_or_late_change_nothing_in_the_long_run() -> None:
    playout = Playout(lead_s=0.04, mark_interval_s=1.0)
    playout.prime(100.0)
    jitter = (0.0, 0.009, 0.001, 0.015, 0.0, 0.019)
    assert sum(frames_due(playout, 100.0 + n * FRAME_S + jitter[n % 6]) for n in range(600)) in (600, 601)


def test_after_a_stall_never_more_than_sixty_milliseconds_are_ahead() -> None:
    playout = Playout(lead_s=0.04, mark_interval_s=1.0)
    playout.prime(100.0)
    frames_due(playout, 100.0)
    assert frames_due(playout, 101.0) == 3  # it ran dry: what is late is not made up for
    assert frames_due(playout, 101.02) == 1


def test_a_short_stall_is_made_up_for() -> None:
    playout = Playout(lead_s=0.04, mark_interval_s=1.0)
    playout.prime(100.0)
    frames_due(playout, 100.0)
    assert frames_due(playout, 100.06) == 3


def test_after_a_flush_the_lead_is_built_again() -> None:
    playout = Playout(lead_s=0.04, mark_interval_s=1.0)
    playout.prime(100.0)
    playout.flushed()
    assert playout.prime(100.5) == 2


def test_marks_measure_the_lag_and_a_cleared_one_does_not() -> None:
    playout = Playout(lead_s=0.04, mark_interval_s=1.0)
    name = playout.mark_due(100.0)
    assert name
    assert playout.mark_due(100.5) == ""
    playout.marked(name, False, 100.09)
    assert abs(playout.lag_s - 0.09) < 1e-9
    later = playout.mark_due(101.0)
    playout.marked(later, True, 101.5)
    assert abs(playout.lag_s - 0.09) < 1e-9
    assert playout.marks_work


def test_a_delay_that_grew_is_taken_out_of_the_silence() -> None:
    playout = Playout(lead_s=0.04, mark_interval_s=1.0)
    playout.marked(playout.mark_due(100.0), False, 100.05)
    assert not playout.surplus
    playout.marked(playout.mark_due(101.0), False, 101.15)
    left_out = 0
    while playout.surplus:
        left_out += 1
    assert left_out == 3
