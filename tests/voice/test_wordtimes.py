"""Written words laid against the phonetic words that the synthesiser timed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from voice.ledger import ClauseAudio
from voice.normalise import normalise
from voice.wordtimes import word_spans


def test_each_word_has_the_time_of_its_own_phonetic_word() -> None:
    assert word_spans([3.0, 4.0, 2.0], [(0, 100, 3), (150, 300, 4), (310, 400, 2)]) == [
        (0, 100),
        (150, 300),
        (310, 400),
    ]


def test_words_that_were_joined_share_the_time_of_their_group() -> None:
    spans = word_spans([6.0, 2.0, 2.0, 4.0], [(0, 600, 6), (700, 1100, 4), (1200, 1600, 4)])
    assert spans == [(0, 600), (700, 900), (900, 1100), (1200, 1600)]


def test_a_word_that_was_parted_lasts_from_its_first_group_to_its_last() -> None:
    spans = word_spans([3.0, 9.0, 3.0], [(0, 300, 3), (400, 700, 3), (800, 1100, 3), (1200, 1500, 3), (1600, 1900, 3)])
    assert spans == [(0, 300), (400, 1500), (1600, 1900)]


def test_rows_that_cannot_belong_together_give_nothing() -> None:
    assert word_spans([3.0], [(0, 10, 1)] * 9) == []
    assert word_spans([], []) == []


@given(
    st.lists(st.floats(1.0, 12.0), min_size=1, max_size=25),
    st.lists(st.tuples(st.integers(1, 12), st.integers(1, 4000), st.integers(0, 800)), min_size=1, max_size=25),
)
def test_spans_rise_and_stay_inside_the_sound(weights: list[float], groups: list[tuple[int, int, int]]) -> None:
    phonetic, at = [], 0
    for count, length, pause in groups:
        phonetic.append((at, at + length, count))
        at += length + pause
    spans = word_spans(weights, phonetic)
    if spans:
        edges = [edge for span in spans for edge in span]
        assert len(spans) == len(weights)
        assert edges == sorted(edges)
        assert edges[-1] <= at


def test_a_clause_of_two_sentences_keeps_the_times_of_both() -> None:
    clause = ClauseAudio(normalise("It is $12. Thank you."))
    clause.add(bytes(2 * 8000), 12, ((0, 1000, 2), (1200, 2000, 2), (2200, 4000, 5), (4200, 7000, 5)))
    clause.add(bytes(2 * 8000), 6, ((100, 3000, 5), (3100, 5000, 2)))
    clause.complete = True
    assert clause.spans().tolist() == [[0, 1000], [1200, 2000], [2200, 7000], [8100, 11000], [11100, 13000]]
