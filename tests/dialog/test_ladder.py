"""Whom the cascade asks while workers are lost: decided from who is away, for how long, and how fast each one is."""

from __future__ import annotations

import math

import pytest

from contracts.events import Rung
from dialog.ladder import Ladder
from dialog.pace import Pace
from tests.dialog.kit import Away

NOW = 100.0
BOTH = (Rung.SMALL, Rung.LARGE)


def ladder(**away_s: float) -> Ladder:
    """``small`` has its words 0.5 s after it is asked, ``large`` after 2 s."""
    names = [(Rung.SMALL, "s"), (Rung.LARGE, "l")]
    return Ladder(names, Pace({"s": 0.5, "l": 2.0}), Away({name: NOW + wait for name, wait in away_s.items()}))


@pytest.mark.parametrize("usual", [BOTH, (Rung.LARGE,)])
def test_while_all_are_there_nothing_changes(usual: tuple[Rung, ...]) -> None:
    assert ladder().climb(usual, NOW) == (list(usual), "")


def test_for_a_lost_large_model_the_small_one_is_asked_at_once_and_the_large_one_after_it() -> None:
    order, why = ladder(large=1.5).climb((Rung.LARGE,), NOW)
    assert order == [Rung.SMALL, Rung.LARGE]
    assert "large is lost, is expected back in 1.5 s" in why
    assert "small needs 0.5 s" in why


def test_a_small_model_that_is_back_before_the_large_one_could_speak_is_waited_for() -> None:
    assert ladder(small=1.0).climb(BOTH, NOW) == (list(BOTH), "")


@pytest.mark.parametrize("away_s", [3.0, math.inf])
def test_a_small_model_that_stays_away_longer_leaves_it_to_the_large_one(away_s: float) -> None:
    order, why = ladder(small=away_s).climb(BOTH, NOW)
    assert order == [Rung.LARGE, Rung.SMALL]
    assert "small is lost" in why


def test_where_both_are_lost_the_sooner_one_is_waited_for() -> None:
    assert ladder(small=0.5, large=0.5).climb((Rung.LARGE,), NOW)[0][0] is Rung.SMALL


def test_whoever_speaks_first_takes_over_from_a_model_that_was_lost_at_work() -> None:
    def after(failed: Rung, **away_s: float) -> Rung:
        found = ladder(**away_s).rescue(failed, True, NOW)
        assert found is not None
        return found.rung

    assert after(Rung.LARGE, large=1.5) is Rung.SMALL
    assert after(Rung.SMALL, small=0.7) is Rung.SMALL
    assert after(Rung.SMALL, small=4.0) is Rung.LARGE


def test_a_model_that_would_fail_the_same_way_is_not_asked_again() -> None:
    only = Ladder([(Rung.SMALL, "s")], Pace({"s": 0.5}), Away({}))
    assert only.rescue(Rung.SMALL, False, NOW) is None
