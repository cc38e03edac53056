"""The plain parts of the batching language-model engine: who gets which tokens, drafts, states by bytes, sampling."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.worker import Priority
from workers.engines.llama_batch import Share, Wish, next_in, plan, to_displace
from workers.engines.llama_lookup import PromptLookup
from workers.engines.llama_sample import Sampler
from workers.engines.llama_states import Saved, StateStore, common

ANSWER, SPECULATION = int(Priority.ANSWER), int(Priority.SPECULATION)


def decoding(number: int, priority: int = ANSWER, **more: int) -> Wish:
    return Wish(number, priority, 1, decoding=True, **more)


# -------------------------------------------------------------------- the next step


def test_every_decoding_sequence_has_its_token_before_a_prompt_has_any() -> None:
    shares = plan([Wish(1, ANSWER, 100), decoding(2), decoding(3)], chunk=16)
    assert shares == [Share(2, 1), Share(3, 1), Share(1, 14)]


def test_the_prompt_with_the_fewest_tokens_left_comes_first() -> None:
    assert plan([Wish(1, ANSWER, 100), Wish(2, ANSWER, 20)], chunk=64) == [Share(2, 20), Share(1, 44)]


def test_a_long_prompt_that_has_waited_comes_before_younger_ones() -> None:
    short = [Wish(number, ANSWER, 64) for number in (2, 3)]
    assert plan([Wish(1, ANSWER, 500, waited=7), *short], chunk=64, patience=8) == [Share(2, 64)]
    assert plan([Wish(1, ANSWER, 500, waited=8), *short], chunk=64, patience=8) == [Share(1, 64)]


def test_speculation_gets_nothing_while_an_answer_has_work_and_everything_otherwise() -> None:
    speculation = [decoding(1, SPECULATION), Wish(2, SPECULATION, 50)]
    assert plan([*speculation, decoding(3)], chunk=64) == [Share(3, 1)]
    assert plan(speculation, chunk=64) == [Share(1, 1), Share(2, 50)]
    assert plan([*speculation, Wish(3, ANSWER, 0)], chunk=64) == [Share(1, 1), Share(2, 50)]


def test_drafts_are_verified_when_no_prompt_waits_and_share_the_rows_evenly() -> None:
    assert plan([decoding(1, draft=5)], chunk=64, draft_rows=4) == [Share(1, 1, 3)]
    assert plan([decoding(1, draft=5), decoding(2, draft=5)], chunk=64, draft_rows=8) == [
        Share(1, 1, 3),
        Share(2, 1, 3),
    ]
    assert plan([decoding(1, draft=1), decoding(2, draft=5)], chunk=64, draft_rows=8) == [
        Share(1, 1, 1),
        Share(2, 1, 5),
    ]
    assert plan([decoding(1, draft=5), Wish(2, ANSWER, 9)], chunk=64) == [Share(1, 1), Share(2, 9)]
    eight = [decoding(number, draft=5) for number in range(8)]
    assert plan(eight, chunk=64, draft_rows=8) == [Share(number, 1) for number in range(8)]


def test_nothing_is_planned_when_nobody_has_anything_to_compute() -> None:
    assert plan([], chunk=64) == []
    assert plan([Wish(1, ANSWER, 0)], chunk=64) == []


wishes = st.lists(
    st.tuples(st.integers(2, 5), st.integers(0, 300), st.booleans(), st.integers(0, 20), st.integers(0, 8)), max_size=12
).map(
    lambda rows: [
        Wish(number, priority, min(pending, 1) if runs else pending, runs, waited, draft if runs else 0)
        for number, (priority, pending, runs, waited, draft) in enumerate(rows)
    ]
)


@given(wishes, st.integers(1, 64), st.integers(0, 16))
def test_a_step_never_exceeds_the_chunk_and_wastes_none_of_it(found: list[Wish], chunk: int, rows: int) -> None:
    shares = plan(found, chunk=chunk, draft_rows=rows)
    by_number = {wish.number: wish for wish in found}
    assert len({share.number for share in shares}) == len(shares)
    assert sum(share.tokens + share.draft for share in shares) <= chunk
    for share in shares:
        assert 1 <= share.tokens <= by_number[share.number].pending
        assert share.draft <= by_number[share.number].draft
    urgent = min((wish.priority for wish in found if wish.pending), default=None)
    wanted = sum(wish.pending for wish in found if wish.priority == urgent)
    assert sum(share.tokens for share in shares) == min(chunk, wanted)


@given(st.integers(1, 64), st.integers(1, 300), st.integers(0, 20))
def test_a_long_prompt_is_done_in_bounded_time_however_many_short_ones_keep_coming(
    chunk: int, length: int, patience: int
) -> None:
    left = {0: length}
    for step in range(patience + -(-length // chunk) + 1):
        left[step + 1] = chunk
        wishes = [Wish(number, ANSWER, tokens, waited=step - max(0, number - 1)) for number, tokens in left.items()]
        for share in plan(wishes, chunk=chunk, patience=patience):
            left[share.number] -= share.tokens
        left = {number: tokens for number, tokens in left.items() if tokens}
    assert 0 not in left


def test_the_most_urgent_and_oldest_waits_shortest_and_the_least_urgent_and_youngest_gives_way() -> None:
    assert next_in([]) is None
    first = next_in([Wish(1, SPECULATION, 9), Wish(3, ANSWER, 9), Wish(2, ANSWER, 9)])
    assert first is not None
    assert first.number == 2
    live = [decoding(1, SPECULATION), decoding(2, SPECULATION), decoding(3, ANSWER)]
    victim = to_displace(live, Wish(9, ANSWER, 9))
    assert victim is not None
    assert victim.number == 2
    assert to_displace(live, Wish(9, SPECULATION, 9)) is None
    assert to_displace([], Wish(9, ANSWER, 9)) is None


# -------------------------------------------------------------------- drafts


def test_what_followed_the_same_words_in_the_text_is_the_guess() -> None:
    lookup = PromptLookup([1, 2, 3, 4, 5, 6, 7, 8], most=4)
    assert lookup.draft(4) == []
    for token in (90, 3, 4):
        lookup.append(token)
    assert lookup.draft(4) == [5, 6, 7, 8]
    assert lookup.draft(2) == [5, 6]
    assert lookup.draft(0) == []


def test_three_words_are_a_better_witness_than_two_and_the_latest_place_than_an_earlier_one() -> None:
    lookup = PromptLookup([1, 2, 3, 50, 9, 2, 3, 60, 7, 2, 3, 70], most=1)
    for token in (1, 2, 3):
        lookup.append(token)
    assert lookup.draft(1) == [50]
    lookup = PromptLookup([9, 2, 3, 60, 7, 2, 3, 70, 8], most=1)
    for token in (2, 3):
        lookup.append(token)
    assert lookup.draft(1) == [70]


def test_drafts_that_miss_become_short_and_grow_again_with_success() -> None:
    lookup = PromptLookup([*range(20), *range(20)], most=6)
    lookup.append(0)
    lookup.append(1)
    assert len(lookup.draft(8)) == 6
    for _ in range(8):
        lookup.judged(6, 0)
    assert len(lookup.draft(8)) == 1
    lookup.judged(1, 1)
    lookup.judged(2, 2)
    assert len(lookup.draft(8)) >= 2
    assert (lookup.drafted, lookup.accepted) == (51, 3)


def test_an_earlier_answer_to_the_same_prompt_is_the_guess_until_it_differs() -> None:
    lookup = PromptLookup([1, 2, 3], most=0, donor=[70, 71, 72, 73])
    assert lookup.draft(2) == [70, 71]
    lookup.append(70)
    assert lookup.draft(8) == [71, 72, 73]
    lookup.judged(3, 0)
    for token in (99, 2, 3):
        lookup.append(token)
    assert lookup.draft(8) == []


# -------------------------------------------------------------------- states in host memory


def saved(tokens: Sequence[int], size: int, start: int = 0) -> Saved:
    return Saved(tuple(tokens), start, -1, bytes(size))


def test_states_are_given_up_by_bytes_the_least_recently_used_first() -> None:
    store = StateStore(100)
    for number in range(3):
        store.put(saved([number, 1, 2], 30))
    assert store.find([0, 1, 2, 9])[0] == 3
    store.put(saved([7, 1, 2], 30))
    assert (len(store), store.bytes) == (3, 90)
    assert store.find([1, 1, 2]) == (0, None)
    assert store.find([0, 1, 2])[0] == 3
    store.put(saved([8], 101))
    assert len(store) == 3


def test_a_longer_state_replaces_its_own_beginning_and_a_known_prompt_is_not_wanted_again() -> None:
    store = StateStore(100)
    store.put(saved([1, 2, 3], 30))
    assert store.wants([1, 2, 3, 4, 5], spare=1)
    store.put(saved([1, 2, 3, 4, 5], 50))
    assert (len(store), store.bytes) == (1, 50)
    assert not store.wants([1, 2, 3, 4, 9], spare=1)
    assert StateStore(0).wants([1], spare=0) is False


def test_a_state_that_begins_after_what_is_asked_for_is_of_no_use() -> None:
    store = StateStore(100)
    store.put(saved([1, 2, 3, 4], 10, start=2))
    assert store.find([1, 2, 9]) == (0, None)
    assert store.find([1, 2, 3, 9])[0] == 3
    assert common([1, 2, 3], [1, 2, 4]) == 2


# -------------------------------------------------------------------- sampling


def test_greedy_choice_reports_the_models_own_probability() -> None:
    logits = np.log(np.array([0.1, 0.7, 0.2], np.float32))
    rng = np.random.default_rng(0)
    sampler = Sampler(3, 40)
    token, logprob = sampler.choose(logits, 0.0, rng)
    assert token == 1
    assert logprob == pytest.approx(np.log(0.7), abs=1e-6)
    drawn = [sampler.choose(logits, 1.0, rng) for _ in range(500)]
    assert [token for token, _ in drawn].count(1) / 500 == pytest.approx(0.7, abs=0.1)
    assert {round(float(np.exp(logprob)), 3) for token, logprob in drawn if token == 2} == {0.2}
    assert {Sampler(3, 1).choose(logits, 5.0, rng)[0] for _ in range(20)} == {1}
