from __future__ import annotations

import gc
import sys
import time
from collections.abc import Iterator

import numpy  # noqa: F401 - its matrix library is what is looked at
import pytest
from threadpoolctl import threadpool_info

from server.beat import SWITCH_S, THRESHOLDS, spare_the_beat


@pytest.fixture
def as_before() -> Iterator[None]:
    before, interval = gc.get_threshold(), sys.getswitchinterval()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("as_before")
def test_what_is_there_at_the_start_is_walked_no_more() -> None:
    kept = [[number] for number in range(200_000)]
    begun = time.thread_time()
    gc.collect()
    before_s = time.thread_time() - begun
    spare_the_beat()
    begun = time.thread_time()
    gc.collect()
    after_s = time.thread_time() - begun
    assert gc.get_threshold() == THRESHOLDS
    assert gc.get_freeze_count() >= len(kept)
    assert after_s < before_s / 4


@pytest.mark.usefixtures("as_before")
def test_what_comes_later_is_still_collected() -> None:
    spare_the_beat()

    class Node:
        def __init__(self) -> None:
            self.self = self

        def __del__(self) -> None:
            gone.append(1)

    gone: list[int] = []
    Node()
    gc.collect()
    assert gone


@pytest.mark.usefixtures("as_before")
def test_no_thread_of_ours_is_waited_for_long_and_matrices_start_none() -> None:
    spare_the_beat()
    assert sys.getswitchinterval() == pytest.approx(SWITCH_S)
    assert {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"} <= {1}
