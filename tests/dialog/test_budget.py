"""The budget decides by what is left, on a manual clock."""

from __future__ import annotations

from contracts.clock import ManualClock
from dialog.budget import Step, TurnBudget
from dialog.settings import BudgetSettings

SETTINGS = BudgetSettings(filler_after_s=1.0, second_filler_after_s=4.0, turn_deadline_s=8.0, large_needs_s=2.5)


def budget() -> tuple[TurnBudget, ManualClock]:
    clock = ManualClock()
    return TurnBudget(SETTINGS, clock.now()), clock


def test_nothing_is_due_at_first() -> None:
    turn, clock = budget()
    assert turn.while_waiting(clock.advance(0.9)) is Step.GO_ON


def test_silence_is_filled_twice_and_no_more() -> None:
    turn, clock = budget()
    assert turn.while_waiting(clock.advance(1.0)) is Step.FILLER
    assert turn.while_waiting(clock.advance(1.0)) is Step.GO_ON
    assert turn.while_waiting(clock.advance(2.0)) is Step.FILLER_AGAIN
    assert turn.while_waiting(clock.advance(2.0)) is Step.GO_ON


def test_after_the_deadline_a_person_is_offered() -> None:
    turn, clock = budget()
    assert turn.while_waiting(clock.advance(8.0)) is Step.OFFER_PERSON


def test_the_large_model_is_not_begun_without_time_for_it() -> None:
    turn, clock = budget()
    assert turn.may_begin_large(clock.advance(5.0)) is Step.GO_ON
    assert turn.may_begin_large(clock.advance(1.0)) is Step.CHEAPER


def test_every_choice_is_kept_with_its_reason() -> None:
    turn, clock = budget()
    turn.while_waiting(clock.advance(1.2))
    assert turn.choices[0][1] is Step.FILLER
    assert "1.2 s" in turn.choices[0][2]
