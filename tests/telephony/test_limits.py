from __future__ import annotations

from telephony.limits import TokenBucket


def test_a_burst_is_admitted_then_only_the_rate() -> None:
    bucket = TokenBucket(rate=10, burst=5, now=100.0)
    assert [bucket.take(100.0) for _ in range(6)] == [True] * 5 + [False]
    assert not bucket.take(100.05)
    assert bucket.take(100.2)


def test_it_never_holds_more_than_a_burst_and_time_does_not_go_backwards() -> None:
    bucket = TokenBucket(rate=10, burst=5, now=100.0)
    assert not bucket.take(1000.0, 6)
    assert bucket.take(1000.0, 5)
    assert not bucket.take(900.0)
