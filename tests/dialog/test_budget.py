"""The budget decides by what is left, on a manual clock."""

from __future__ import annotations

from contracts.clock import ManualClock
from dialog.budget import Step, TurnBudget
from dialog.settings import BudgetSettings

SETTINGS = BudgetSettings(filler_after_s=1.0, filler_beyond_s=1.5, dead_air_s=1.5, turn_deadline_s=8.0)


def budget() -> tuple[TurnBudget, ManualClock]:
    clock = ManualClock()
    return TurnBudget(SETTINGS, clock.now()), clock


def test_nothing_is_due_at_first() -> None:
    turn, clock = budget()
    assert turn.while_waiting(clock.advance(0.9)) is Step.GO_ON


def test_an_answer_that_is_expected_late_is_announced_at_once() -> None:
    turn, clock = budget()
    turn.expects("large", 1.5, clock.advance(0.3))
    assert turn.next_filler_at() <= clock.now()
    assert turn.while_waiting(clock.now()) is Step.FILLER
    assert "large is expected after 1.8 s" in turn.choices[0][2]


def test_an_answer_that_is_expected_soon_is_waited_for() -> None:
    turn, clock = budget()
    turn.expects("small", 0.5, clock.advance(0.3))
    assert turn.while_waiting(clock.advance(0.5)) is Step.GO_ON
    assert turn.while_waiting(clock.advance(0.3)) is Step.FILLER


def test_an_answer_that_is_nearly_there_is_not_kept_waiting_by_a_filler() -> None:
    turn, clock = budget()
    turn.expects("small", 0.9, clock.advance(0.3))
    assert turn.while_waiting(clock.advance(1.05)) is Step.GO_ON
    assert turn.while_waiting(clock.advance(0.3)) is Step.FILLER


def test_an_answer_that_is_being_written_is_waited_for_a_little_longer() -> None:
    turn, clock = budget()
    turn.expects("small", 0.6, clock.advance(0.3))
    turn.writing()
    assert turn.while_waiting(clock.advance(1.3)) is Step.GO_ON
    assert turn.while_waiting(clock.advance(0.1)) is Step.FILLER
    turn.filled(clock.now())
    assert turn.while_waiting(clock.advance(1.4)) is Step.GO_ON
    assert turn.while_waiting(clock.advance(0.1)) is Step.FILLER_AGAIN


def test_being_written_is_no_comfort_when_it_is_known_to_be_late_or_a_worker_is_lost() -> None:
    late, clock = budget()
    late.writing()
    late.expects("large", 1.5, clock.advance(0.3))
    assert late.while_waiting(clock.now()) is Step.FILLER
    lost, clock = budget()
    lost.writing()
    lost.lost("small", 2.0, clock.advance(0.3))
    assert lost.while_waiting(clock.now()) is Step.FILLER


def test_no_silence_is_longer_than_allowed_until_the_deadline() -> None:
    turn, clock = budget()
    said, silent_since, longest = 0, 0.0, 0.0
    start = clock.now()
    while (step := turn.while_waiting(clock.now())) is not Step.OFFER_PERSON:
        if step is Step.GO_ON:
            clock.advance(0.05)
            continue
        said += 1
        longest = max(longest, clock.now() - start - silent_since)
        turn.filled(clock.advance(1.2))
        silent_since = clock.now() - start
    assert said >= 3
    assert longest <= SETTINGS.dead_air_s + 0.06


def test_a_lost_worker_is_bridged_at_once_unless_the_answer_is_there_before_a_filler_would_be_due() -> None:
    turn, clock = budget()
    turn.lost("small", 0.4, clock.advance(0.3))
    assert turn.next_filler_at() == turn.began + SETTINGS.bereft_filler_s
    turn.lost("small", 0.9, clock.now())
    assert turn.while_waiting(clock.now()) is Step.FILLER


def test_after_a_lost_worker_a_person_is_owed_sooner_than_the_deadline() -> None:
    turn, clock = budget()
    turn.lost("small", 1.0, clock.advance(0.5))
    turn.filling()
    assert turn.while_waiting(clock.advance(SETTINGS.rescue_s - 0.01)) is Step.GO_ON
    assert turn.while_waiting(clock.advance(0.02)) is Step.OFFER_PERSON
    assert "small" in turn.choices[-1][2]


def test_a_worker_lost_before_the_turn_was_over_is_counted_from_its_end() -> None:
    turn, clock = budget()
    turn.lost("knowledge", 1.0, clock.now())
    turn.began = clock.advance(2.0)
    assert turn.owed_by == turn.began + SETTINGS.rescue_s


def test_a_turn_that_comes_to_need_a_lost_worker_late_is_owed_a_person_no_later() -> None:
    turn, clock = budget()
    since = clock.advance(0.2)
    turn.lost("small", 1.0, clock.advance(0.6), since)
    assert turn.owed_by == since + SETTINGS.rescue_s


def test_while_any_worker_is_lost_nothing_is_taken_to_come_when_it_is_expected() -> None:
    turn, clock = budget()
    turn.expects("the answer's sound", 0.1, clock.advance(0.7))
    assert turn.next_filler_at() > turn.began + SETTINGS.bereft_filler_s
    turn.disturbed = True
    assert turn.next_filler_at() == turn.began + SETTINGS.bereft_filler_s


def test_no_second_filler_is_due_while_one_is_being_said() -> None:
    turn, clock = budget()
    turn.filling()
    assert turn.while_waiting(clock.advance(3.0)) is Step.GO_ON
    turn.filled(clock.now())
    assert turn.while_waiting(clock.advance(1.6)) is Step.FILLER_AGAIN


def test_after_the_deadline_a_person_is_offered() -> None:
    turn, clock = budget()
    assert turn.while_waiting(clock.advance(8.0)) is Step.OFFER_PERSON


def test_the_large_model_is_not_begun_without_time_for_it() -> None:
    turn, clock = budget()
    assert turn.may_begin("large", 2.5, clock.advance(5.0), Step.CHEAPER) is Step.GO_ON
    assert turn.may_begin("large", 2.5, clock.advance(1.0), Step.CHEAPER) is Step.CHEAPER
    assert "2.0 s left, large needs 2.5 s" in turn.choices[0][2]


def test_every_choice_is_kept_with_its_reason() -> None:
    turn, clock = budget()
    turn.while_waiting(clock.advance(1.2))
    assert turn.choices[0][1] is Step.FILLER
    assert "1.2 s" in turn.choices[0][2]
