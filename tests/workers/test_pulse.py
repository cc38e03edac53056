from __future__ import annotations

import os
import signal
import subprocess
import sys

from workers.pulse import Pulse, is_stopped


def beats(pulse: Pulse, limit: int = 1000) -> tuple[int, str]:
    for count in range(1, limit):
        if why := pulse.beat():
            return count, why
    return limit, ""


def test_a_process_that_answers_lives_for_ever() -> None:
    pulse = Pulse(0.1, 0.5, lambda: True)
    for _ in range(100):
        assert pulse.beat() == ""
        pulse.heard()


def test_a_stopped_process_is_given_up_within_a_third_of_a_second() -> None:
    count, why = beats(Pulse(0.1, 30.0, lambda: True))
    assert (count - 1) * 0.1 <= 0.3
    assert why.startswith("stopped")


def test_a_silent_process_is_given_up_at_the_hang_timeout() -> None:
    count, why = beats(Pulse(0.1, 1.5, lambda: False))
    assert abs((count - 1) * 0.1 - 1.5) < 1e-9
    assert why == "hung: nothing heard for 1.5 s"


def test_one_unanswered_beat_may_be_our_own_scheduling() -> None:
    pulse = Pulse(0.1, 1.5, lambda: True)
    assert pulse.beat() == pulse.beat() == ""


def test_the_kernel_knows_a_stopped_process_from_a_sleeping_one() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        assert not is_stopped(child.pid)
        os.kill(child.pid, signal.SIGSTOP)
        os.waitpid(child.pid, os.WUNTRACED)
        assert is_stopped(child.pid)
    finally:
        child.kill()
        child.wait()
    assert not is_stopped(child.pid)
