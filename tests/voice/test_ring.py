from __future__ import annotations

from contracts.audio import FRAME_BYTES, FRAME_S
from voice.ring import AudioRing


def filled(ring: AudioRing, seconds: float) -> AudioRing:
    for count in range(round(seconds / FRAME_S)):
        ring.append(bytes([count % 251]) * FRAME_BYTES, (count + 1) * FRAME_S)
    return ring


def test_what_is_asked_for_by_time_is_what_was_there() -> None:
    ring = filled(AudioRing(10.0), 2.0)
    assert ring.between(1.0, 1.0 + FRAME_S) == bytes([50]) * FRAME_BYTES


def test_a_trimmed_ring_keeps_the_last_seconds_and_their_times() -> None:
    ring = filled(AudioRing(40.0), 20.0)
    whole = ring.between(17.0, 20.0)
    ring.trim(3.0)
    assert ring.between(17.0, 20.0) == whole
    assert len(ring.between(0.0, 20.0)) == 3 * 16000 * 2


def test_a_trimmed_ring_may_grow_again() -> None:
    ring = filled(AudioRing(40.0), 20.0)
    ring.trim(3.0)
    for count in range(500):
        ring.append(bytes(FRAME_BYTES), 20.0 + (count + 1) * FRAME_S)
    assert len(ring.between(0.0, 30.0)) == 13 * 16000 * 2
