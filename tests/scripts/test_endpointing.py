"""What the endpointing evaluation calls a turn, a pause, a cut-in and a delay."""

from __future__ import annotations

import numpy as np
import pytest

from scripts.endpoint_score import Frames, Verdicts, f1_figures, figures, judge_turn
from scripts.endpoint_truth import Span, Turn, Word, true_ends, turns_of
from scripts.eval_endpointing import silence_only, smart_turn_only
from voice.completeness import Completeness
from voice.patience import silence_wanted_s
from voice.settings import TurnSettings

WORDS = [Word(1.0, 1.4, "my"), Word(1.9, 2.3, "card"), Word(6.0, 6.5, "yes"), Word(8.0, 8.5, "please")]
ENDS = [word.end for word in WORDS]


def test_a_long_gap_ends_a_turn_and_a_short_one_is_a_pause() -> None:
    turns = turns_of(WORDS, ENDS, [], 10.0, 1.5, 0.2)
    assert [turn.text for turn in turns] == ["my card", "yes", "please"]
    assert [pause.length for pause in turns[0].pauses] == pytest.approx([0.5])
    assert (turns[0].end, turns[0].until) == (2.3, 6.0)


def test_the_other_side_speaking_in_a_gap_ends_a_turn_and_over_words_does_not() -> None:
    assert len(turns_of(WORDS[:2], ENDS[:2], [Span(1.5, 1.7)], 10.0, 1.5, 0.2)) == 2
    assert len(turns_of(WORDS[:2], ENDS[:2], [Span(1.1, 1.3)], 10.0, 1.5, 0.2)) == 1


def test_the_true_end_is_where_the_sound_ends() -> None:
    samples = np.zeros(8000 * 3, dtype=np.int16)
    samples[8000:12000] = (np.random.default_rng(2).standard_normal(4000) * 3000).astype(np.int16)
    assert true_ends(samples, [Word(1.0, 1.6, "card")]) == pytest.approx([1.5], abs=0.011)
    assert true_ends(samples, [Word(1.0, 1.4, "card")]) == pytest.approx([1.5], abs=0.011)


def turn() -> Turn:
    return Turn(tuple(WORDS[:2]), (Span(1.4, 1.9),), 2.3, 6.0)


def test_a_decision_in_a_pause_is_a_cut_in_and_the_first_after_the_end_is_the_delay() -> None:
    cut, elsewhere, delay = judge_turn(turn(), [1.7, 2.65, 3.0])
    assert (cut, elsewhere) == ({0}, 0)
    assert delay == pytest.approx(0.35)
    assert judge_turn(turn(), [2.0, 2.65])[0] == {0}
    assert judge_turn(turn(), [2.15, 2.65])[:2] == (set(), 1)
    assert judge_turn(turn(), []) == (set(), 0, None)


def test_cut_ins_elsewhere_count_above_and_below_the_line() -> None:
    found = Verdicts(turns=5, pauses=8, cut=1, cut_elsewhere=2, delays=[0.3])
    assert figures(found)["cut_in_rate"] == 0.3
    assert Verdicts().cut_in_rate == 0.0


def test_f1_of_channels_together_has_an_interval_around_it() -> None:
    found = f1_figures([Frames(90, 5, 5), Frames(60, 20, 20)])
    assert found["f1"] == pytest.approx(300 / 350, abs=1e-4)
    assert found["interval"][0] < found["f1"] < found["interval"][1]


@pytest.mark.parametrize("words", list(Completeness))
@pytest.mark.parametrize("probability", [0.02, 0.6, 0.98])
def test_the_ways_compared_with_look_at_one_sign_alone(words: Completeness, probability: float) -> None:
    silence = silence_only(TurnSettings(), 0.7)
    assert silence_wanted_s(silence.patience, silence.open, words, None, 0.35) == 0.7
    judge = smart_turn_only(TurnSettings(), 0.5)
    wanted = silence_wanted_s(judge.patience, judge.open, words, probability, 0.35)
    assert wanted == (1.2 if probability < 0.5 else 0.2)
