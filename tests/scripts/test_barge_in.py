"""What the barge-in benchmark reads off a recording, on recordings made by arithmetic."""

from __future__ import annotations

import numpy as np
import pytest

from scripts.barge_calls import BACKCHANNEL, INTERRUPTION, Round, cough, rounds_of
from scripts.barge_hearing import Hearing, first_sound, last_sound, overlap, silent_after
from scripts.barge_words import lost_and_repeated, prefix_length, spoken_words, written_words_heard
from scripts.bench_barge_in import measure

RATE = 16000


def noise(seconds: float, seed: int = 1, level: float = 3000.0) -> bytes:
    samples = np.random.default_rng(seed).standard_normal(round(seconds * RATE)) * level
    pcm: bytes = samples.astype("<i2").tobytes()
    return pcm


def quiet(seconds: float) -> bytes:
    return bytes(2 * round(seconds * RATE))


def heard(*pieces: bytes) -> Hearing:
    """Packets of 20 ms from 100.0 s on, as they arrive at a socket."""
    hearing, pcm = Hearing(), b"".join(pieces)
    for index in range(len(pcm) // 640):
        hearing.arrived(pcm[index * 640 : index * 640 + 640], 100.0 + index * 0.02)
    return hearing


def test_the_operator_is_silent_when_its_last_sound_is_over() -> None:
    hearing = heard(noise(1.2), quiet(1.0))
    assert silent_after(hearing, 101.0, 101.9) == pytest.approx(101.2, abs=0.011)


def test_an_operator_that_speaks_on_or_was_silent_before_is_told_apart() -> None:
    assert silent_after(heard(noise(2.2)), 101.0, 101.9) is None
    assert silent_after(heard(noise(0.5), quiet(2.0)), 101.0, 101.9) is None


def test_a_pause_in_its_speech_is_not_its_silence() -> None:
    hearing = heard(noise(1.1), quiet(0.3), noise(0.3), quiet(1.0))
    assert silent_after(hearing, 101.0, 102.2) == pytest.approx(101.7, abs=0.011)


def test_edges_of_a_line_are_found_in_its_samples() -> None:
    line = quiet(0.05) + noise(0.2) + quiet(0.1)
    assert first_sound(line) == 800
    assert last_sound(line) == 4000


def test_what_is_said_again_after_a_pause_is_found_though_it_was_softer_before() -> None:
    speech = np.frombuffer(noise(3.0, seed=4), dtype="<i2")
    before, after = (speech[:24000] * 0.25).astype("<i2").tobytes(), speech[20000:].tobytes()
    assert overlap(before, after) == pytest.approx(4000, abs=2)
    assert overlap(before, noise(1.0, seed=9)) == 0


def test_a_round_is_measured_from_the_received_sound_and_the_record() -> None:
    one = Round(INTERRUPTION, "Stop.", "Why?", 1.0, onset=101.0, ended=101.9, began=100.0, until=103.0)
    one.operator = [{"text": "One two three.", "heard": "One two", "interrupted": True}]
    found = measure(one, heard(noise(1.16), quiet(2.0)))
    assert found.counted
    assert found.stop_s == pytest.approx(0.16, abs=0.011)
    assert (found.interrupted, found.heard) == (True, "One two")


def test_a_filler_before_the_answer_counts_among_the_words_and_what_follows_the_interruption_does_not() -> None:
    one = Round(INTERRUPTION, "Stop.", "Why?", 1.0, onset=101.0, ended=101.9, began=100.5, until=103.0)
    one.operator = [
        {"text": "One moment.", "heard": "One moment.", "interrupted": False},
        {"text": "Two three.", "heard": "", "interrupted": True},
        {"text": "Four.", "heard": "Four.", "interrupted": False},
    ]
    found = measure(one, heard(noise(1.16), quiet(2.0)))
    assert (found.interrupted, found.text, found.heard) == (True, "One moment. Two three.", "One moment.")
    assert len(found.sound) >= 2 * 1.15 * RATE


def test_the_pause_of_a_backchannel_and_what_was_said_again() -> None:
    speech = noise(4.0, seed=2)
    one = Round(BACKCHANNEL, "Mm-hm.", "Why?", 1.0, onset=101.0, ended=101.4, began=100.0, until=105.0)
    one.operator = [{"text": "One two three.", "heard": "One two three.", "interrupted": False}]
    found = measure(one, heard(speech[:38400], quiet(0.8), speech[32000:]))
    assert found.pause_s == pytest.approx(0.8, abs=0.011)
    assert found.said_again_s == pytest.approx(0.2, abs=0.001)
    assert found.sound == speech[: len(found.sound)]


def test_a_natural_gap_in_speech_is_no_pause() -> None:
    one = Round(BACKCHANNEL, "Mm-hm.", "Why?", 1.0, onset=101.0, ended=101.4, began=100.0, until=103.0)
    one.operator = [{"text": "One.", "heard": "One.", "interrupted": False}]
    assert measure(one, heard(noise(1.2), quiet(0.16), noise(1.0, seed=3), quiet(0.5))).pause_s == 0.0


def test_heard_words_are_counted_in_the_written_form() -> None:
    text = "The fee is $25, paid on March 5, 2025."
    assert written_words_heard(text, spoken_words("the fee is $25")) == 4
    assert written_words_heard(text, ["the", "fee", "is", "twenty"]) == 3
    assert written_words_heard(text, ["the", "bee", "is"]) == 3
    assert written_words_heard(text, []) == 0
    assert prefix_length(["a", "b", "x", "d"], ["a", "b", "c", "d", "e", "f"]) == 4


def test_lost_and_repeated_words_are_told_from_misheard_ones() -> None:
    whole = "you can order checks in the app".split()
    assert lost_and_repeated("you can order checks in the app".split(), whole) == (0, 0)
    assert lost_and_repeated("you can order checks checks in the app".split(), whole) == (0, 1)
    assert lost_and_repeated("you can checks in the app".split(), whole) == (1, 0)
    assert lost_and_repeated("you can order chicks in the app".split(), whole) == (0, 0)


def test_rounds_are_the_same_for_the_same_seed_and_cover_every_kind() -> None:
    rounds = rounds_of((INTERRUPTION, BACKCHANNEL), 12, seed=3)
    assert [one.line for one in rounds] == [one.line for one in rounds_of((INTERRUPTION, BACKCHANNEL), 12, seed=3)]
    assert sum(one.kind == BACKCHANNEL for one in rounds) == 12
    assert all(one.question for one in rounds)


def test_a_cough_is_two_short_bursts() -> None:
    assert 0.3 < len(cough()) / 2 / RATE < 0.6
    assert cough() == cough()
