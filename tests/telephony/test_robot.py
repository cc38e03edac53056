"""The robot caller has manners: it waits, it can interrupt, and it knows when its words truly ended."""

from __future__ import annotations

import numpy as np
import pytest

from contracts.audio import FRAME_S, SILENCE
from telephony.robot import CallerRobot, Line, Manners, split_turns, trailing_silence_s

TONE = (np.sin(np.arange(320) * 0.2) * 8000).astype("<i2").tobytes()


def drive(robot: CallerRobot, operator: list[bool], start: float = 100.0) -> list[bool]:
    """Runs the robot for as many frames as `operator` (True: it speaks); returns when the robot spoke."""
    said = []
    for index, voiced in enumerate(operator):
        now = start + index * FRAME_S
        robot.hear(TONE if voiced else SILENCE, now)
        said.append(robot.next_frame(now) != SILENCE)
    return said


def test_it_waits_for_the_greeting_to_end() -> None:
    robot = CallerRobot([Line("one", TONE * 10)], Manners(gap_s=0.5))
    said = drive(robot, [True] * 100 + [False] * 60)
    assert said.index(True) == pytest.approx(100 + 25, abs=1)
    assert robot.spoken[0].true_end_at == pytest.approx(100.0 + (said.index(True) + 9) * FRAME_S)


def test_it_speaks_anyway_when_nothing_is_heard() -> None:
    robot = CallerRobot([Line("one", TONE * 10)], Manners(patience_s=2.0))
    assert drive(robot, [False] * 150).index(True) == pytest.approx(100, abs=1)


def test_a_barge_in_line_is_said_over_the_operator() -> None:
    robot = CallerRobot([Line("one", TONE * 5, barge_in_after_s=1.0)])
    said = drive(robot, [False] * 10 + [True] * 100)
    assert said.index(True) == pytest.approx(60, abs=2)
    assert not robot.spoken[0].cut_in


def test_an_operator_who_starts_while_it_speaks_has_cut_in() -> None:
    robot = CallerRobot([Line("one", TONE * 100)], Manners(gap_s=0.2, wait_for_greeting=False))
    drive(robot, [False] * 60 + [True] * 20 + [False] * 60)
    assert robot.spoken[0].cut_in
    assert robot.spoken[0].overlapped_s == pytest.approx(0.4, abs=0.05)


def test_the_reply_is_timed_from_the_last_voiced_sample() -> None:
    robot = CallerRobot([Line("one", TONE * 10 + SILENCE * 5)], Manners(gap_s=0.2, wait_for_greeting=False))
    said = drive(robot, [False] * 60 + [True] * 20)
    ended = 100.0 + (said.index(True) + 14) * FRAME_S - 0.1
    assert robot.spoken[0].true_end_at == pytest.approx(ended)
    assert robot.spoken[0].reply_at == pytest.approx(101.22, abs=0.021)


def test_it_is_done_once_the_last_line_was_answered() -> None:
    robot = CallerRobot([Line("one", TONE)], Manners(gap_s=0.1, settle_s=0.5, wait_for_greeting=False))
    drive(robot, [False] * 20 + [True] * 20 + [False] * 40)
    assert robot.done


def test_trailing_silence_is_measured_in_ten_millisecond_steps() -> None:
    assert trailing_silence_s(TONE + SILENCE * 5) == pytest.approx(0.1, abs=0.011)
    assert trailing_silence_s(SILENCE) == pytest.approx(0.02)


def test_a_recording_is_cut_at_its_pauses() -> None:
    turns = split_turns(SILENCE * 5 + TONE * 50 + SILENCE * 20 + TONE * 30 + SILENCE * 3 + TONE * 30, pause_s=0.2)
    assert len(turns) == 2
    assert len(turns[1]) // 640 == pytest.approx(63 + 6, abs=3)


def test_told_of_its_answer_it_waits_through_a_filler_and_a_gap() -> None:
    robot = CallerRobot([Line("one", TONE * 5), Line("two", TONE * 5)], Manners(told=True, gap_s=0.2))
    drive(robot, [True] * 20 + [False] * 20)
    assert len(robot.spoken) == 1
    drive(robot, [True] * 30 + [False] * 150 + [True] * 30 + [False] * 50, start=101.0)  # a filler, 3 s, an answer
    assert len(robot.spoken) == 1
    assert robot.answered()
    assert not robot.answered()
    drive(robot, [False] * 5, start=107.0)
    assert [line.label for line in robot.spoken] == ["one", "two"]


def test_told_nothing_it_goes_on_when_its_patience_is_over() -> None:
    robot = CallerRobot([Line("one", TONE), Line("two", TONE)], Manners(told=True, gap_s=0.2, patience_s=2.0))
    drive(robot, [True] * 20 + [False] * 20 + [True] * 20)
    said = drive(robot, [False] * 150, start=101.2)
    assert said.index(True) == pytest.approx(100, abs=2)


def test_an_answer_told_of_while_it_speaks_is_not_to_that_line() -> None:
    robot = CallerRobot([Line("one", TONE * 50)], Manners(told=True, gap_s=0.2))
    drive(robot, [True] * 20 + [False] * 20)
    assert not robot.answered()


def test_what_the_operator_said_is_kept_as_times_of_sound() -> None:
    robot = CallerRobot([Line("one", TONE)])
    drive(robot, [True] * 10 + [False] * 2 + [True] * 10 + [False] * 20 + [True] * 5)
    assert robot.sounds == [pytest.approx((100.0, 100.44)), pytest.approx((100.84, 100.94))]


def test_sound_below_fifty_decibels_is_silence() -> None:
    faint = (np.sin(np.arange(320) * 0.2) * 130).astype("<i2").tobytes()
    robot = CallerRobot([Line("one", TONE)])
    robot.hear(faint, 100.0)
    assert robot.sounds == []
