from itertools import pairwise

import pytest

from contracts.audio import FRAME_BYTES, FRAME_S
from telephony.sip.sending import Departures


def fill(departures: Departures, count: int, now: float) -> None:
    for _ in range(count):
        departures.next(None, now)


def test_each_frame_is_stamped_when_the_buffer_lost_it() -> None:
    departures = Departures()
    said = departures.send(b"\1\0" * 800)  # 2.5 frames
    fill(departures, 2, 10.0)
    assert departures.observe(2 * FRAME_S, 10.0, 10.0) == []
    assert len(departures.observe(FRAME_S, 10.005, 10.01)) == 1
    fill(departures, 1, 10.01)
    departures.observe(FRAME_S, 10.025, 10.03)
    departures.observe(0.0, 10.045, 10.05)
    assert said.sent
    assert said.left_at == pytest.approx([10.01, 10.03, 10.05])
    assert said.ended_at == pytest.approx(10.05 + 159 / 16000)


def test_the_estimate_closes_in_on_the_librarys_own_beat() -> None:
    departures = Departures()
    said = departures.send(bytes(FRAME_BYTES * 50))
    fill(departures, 2, 10.0)
    departures_of = [10.0031 + k * 0.0201 for k in range(50)]  # its beat is half a per cent slow
    left = 0
    for since, now in pairwise(10.0 + i * 0.005 for i in range(300)):
        true = sum(at <= now for at in departures_of)
        departures.observe((len(departures.in_buffer) - (true - left)) * FRAME_S, since, now)
        fill(departures, 2 - len(departures.in_buffer), now)
        left = true
    errors = [at - true for at, true in zip(said.left_at, departures_of, strict=True)]
    assert max(abs(error) for error in errors) <= 0.005


def test_breaking_off_drops_what_waits() -> None:
    departures = Departures()
    said = departures.send(bytes(FRAME_BYTES * 10))
    fill(departures, 2, 0.0)
    departures.stop()
    assert said.cancelled
    assert said.sent
    assert departures.next(None, 0.0) is None


def test_a_source_is_asked_only_when_nothing_waits_and_told_when_its_frame_leaves() -> None:
    departures = Departures()
    asked: list[float] = []

    def source(at: float) -> bytes:
        asked.append(at)
        return bytes(FRAME_BYTES)

    departures.send(bytes(FRAME_BYTES))
    departures.next(source, 5.0)
    assert asked == []
    departures.observe(0.0, 4.995, 5.0)
    departures.next(source, 5.002)
    assert asked == [pytest.approx(5.0 + FRAME_S)]
