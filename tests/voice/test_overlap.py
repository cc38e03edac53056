"""The first 200 ms of a sound over the operator's speech: softer, silent, or nothing at all."""

from __future__ import annotations

import pytest

from voice.overlap import OverlapWatch, Step
from voice.settings import OverlapSettings
from voice.vad import Activity

SETTINGS = OverlapSettings()
LINE = Activity(voiced=False, probability=0.0, level_dbfs=-66.0)
SOUND = Activity(voiced=False, probability=0.1, level_dbfs=-25.0)
HISS = Activity(voiced=False, probability=0.02, level_dbfs=-52.0)
VOICE = Activity(voiced=True, probability=0.95, level_dbfs=-20.0)
DOUBTFUL = Activity(voiced=True, probability=0.6, level_dbfs=-20.0)


def steps(watch: OverlapWatch, *frames: Activity, speaking: bool = True) -> list[tuple[int, Step]]:
    """(ms since the first frame at which it was said, what was said)."""
    said = [watch.frame(frame, operator_speaking=speaking) for frame in frames]
    return [((index + 1) * 20, step) for index, step in enumerate(said) if step is not None]


def sound(level_dbfs: float) -> Activity:
    return Activity(voiced=False, probability=0.1, level_dbfs=level_dbfs)


@pytest.fixture
def fresh() -> OverlapWatch:
    """On a quiet line, two seconds old."""
    watch = OverlapWatch(SETTINGS)
    steps(watch, *[LINE] * 100)
    return watch


@pytest.fixture
def watch() -> OverlapWatch:
    """On a quiet line that must not be silenced on trial."""
    watch = OverlapWatch(OverlapSettings(settle_s=600.0))
    steps(watch, *[LINE] * 100)
    return watch


def test_a_voice_softens_speech_at_once_and_silences_it_after_80_ms(watch: OverlapWatch) -> None:
    assert steps(watch, *[VOICE] * 10) == [(20, Step.DUCK), (80, Step.HOLD)]


def test_the_s_before_the_vowel_counts_as_part_of_the_word(watch: OverlapWatch) -> None:
    assert steps(watch, *[SOUND] * 7, *[VOICE] * 5) == [(160, Step.HOLD)]


def test_a_sound_without_a_voice_changes_nothing_however_long_and_loud(watch: OverlapWatch) -> None:
    assert steps(watch, *[SOUND] * 500) == []


def test_a_voice_over_a_noise_that_was_there_all_along_must_itself_last(watch: OverlapWatch) -> None:
    assert steps(watch, *[SOUND] * 50, *[VOICE] * 5) == [(1020, Step.DUCK), (1080, Step.HOLD)]


def test_what_silero_half_believes_must_be_heard_longer_and_a_dish_is_not(watch: OverlapWatch) -> None:
    assert steps(watch, *[SOUND] * 4, DOUBTFUL, *[SOUND] * 4, *[LINE] * 20) == [(100, Step.DUCK), (480, Step.OVER)]
    assert steps(watch, *[SOUND] * 4, *[DOUBTFUL] * 5) == [(100, Step.DUCK), (160, Step.HOLD)]


def test_a_plosive_does_not_part_a_word_but_a_pause_does(watch: OverlapWatch) -> None:
    assert steps(watch, *[SOUND] * 2, *[LINE] * 2, *[VOICE] * 2) == [(100, Step.DUCK), (120, Step.HOLD)]
    watch.reset()
    assert steps(watch, *[SOUND] * 2, *[LINE] * 4, *[VOICE] * 2) == [(140, Step.DUCK)]


def test_a_sound_that_is_over_is_told_once(watch: OverlapWatch) -> None:
    assert steps(watch, *[VOICE] * 5, *[LINE] * 100) == [(20, Step.DUCK), (80, Step.HOLD), (400, Step.OVER)]


def test_while_the_operator_is_silent_nothing_is_counted(watch: OverlapWatch) -> None:
    assert steps(watch, *[VOICE] * 50, speaking=False) == []
    assert steps(watch, VOICE) == [(20, Step.DUCK)]


def test_the_noise_of_the_line_is_learned_and_a_voice_must_stand_above_it() -> None:
    watch = OverlapWatch(SETTINGS)
    hum = Activity(voiced=False, probability=0.0, level_dbfs=-40.0)
    assert steps(watch, *[hum] * 500) == []
    assert steps(watch, *[hum] * 6, VOICE) == [(140, Step.DUCK)]


def test_a_hiss_out_of_silence_is_held_for_before_there_is_a_voice_and_the_voice_keeps_the_hold(
    fresh: OverlapWatch,
) -> None:
    assert steps(fresh, *[HISS] * 7, *[VOICE] * 50) == [(80, Step.HOLD)]


def test_an_s_and_the_stop_after_it_leave_time_for_the_vowel(fresh: OverlapWatch) -> None:
    assert steps(fresh, *[HISS] * 5, *[LINE] * 3, SOUND, *[VOICE] * 20) == [(80, Step.HOLD)]


def test_a_sound_that_no_voice_follows_is_held_for_once_and_its_like_no_more(fresh: OverlapWatch) -> None:
    held = [(80, Step.HOLD), (360, Step.OVER)]
    assert steps(fresh, *[SOUND] * 15, *[LINE] * 50) == held
    assert steps(fresh, *[sound(-5.0)] * 15, *[LINE] * 50) == []  # at rest
    steps(fresh, *[LINE] * round(SETTINGS.rest_s / 0.02))
    assert steps(fresh, *[sound(-2.0)] * 15, *[LINE] * 50) == held


def test_a_noise_that_was_heard_is_forgotten_by_and_by(fresh: OverlapWatch) -> None:
    steps(fresh, *[SOUND] * 15, *[LINE] * round(SETTINGS.rest_s / 0.02))
    assert steps(fresh, *[SOUND] * 15, *[LINE] * 50) == []
    forgotten = [LINE] * round((SETTINGS.rise_db + 1.0) / SETTINGS.forget_db_s / 0.02)
    steps(fresh, *forgotten)
    assert steps(fresh, *[SOUND] * 15, *[LINE] * 50) == [(80, Step.HOLD), (360, Step.OVER)]


def test_what_dies_away_at_once_is_a_knock_and_not_held_for(fresh: OverlapWatch) -> None:
    knock = [sound(-12.0 - 6.0 * index) for index in range(8)]
    assert steps(fresh, *knock, *[LINE] * 50) == []


def test_a_line_must_be_known_before_its_sounds_startle() -> None:
    watch = OverlapWatch(SETTINGS)
    assert steps(watch, *[LINE] * 25, *[SOUND] * 15, *[LINE] * 50) == []


def test_after_a_trial_that_was_wrong_a_voice_is_held_for_as_ever(fresh: OverlapWatch) -> None:
    said = steps(fresh, *[SOUND] * 18, *[VOICE] * 10)
    assert said == [(80, Step.HOLD), (360, Step.OVER), (380, Step.HOLD)]


def test_a_line_whose_noise_comes_back_after_a_gap_in_its_packets_startles_nobody() -> None:
    watch = OverlapWatch(SETTINGS)
    noise, nothing = sound(-55.0), sound(-120.0)
    assert steps(watch, *[noise] * 200, *[nothing] * 3, *[noise] * 100) == []
