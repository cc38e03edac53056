"""The language-model engine with a small real model: many requests in one context."""

from __future__ import annotations

import pytest

from contracts.errors import Cancelled, DeadlineExceeded
from contracts.worker import Priority
from tests.workers import llama_asking
from tests.workers.llama_asking import PATTERNS, answer, ask, chat, finish, load

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def alone() -> list[str]:
    """How the model continues each pattern when it is asked nothing else."""
    return llama_asking.alone()


# -------------------------------------------------------------------- several at once


def test_requests_in_one_batch_say_what_each_says_alone(alone: list[str]) -> None:
    engine = load()
    asked = [ask(engine, pattern) for pattern in PATTERNS]
    finish(engine)
    assert [one.text for one in asked] == alone
    assert all(alone)
    assert all(logprob <= 0 for one in asked for logprob in one.logprobs)


def test_a_request_joins_while_another_decodes_and_neither_changes(alone: list[str]) -> None:
    engine = load()
    first = ask(engine, PATTERNS[0])
    while len(first.logprobs) < 5:
        engine.step()
    second = ask(engine, PATTERNS[1])
    finish(engine)
    assert [first.text, second.text] == alone[:2]


def test_withdrawing_one_leaves_the_text_of_the_others_as_it_is(alone: list[str]) -> None:
    engine = load()
    asked = [ask(engine, pattern) for pattern in PATTERNS]
    while len(asked[1].logprobs) < 3:
        engine.step()
    asked[1].fails = Cancelled("withdrawn")
    tokens = len(asked[1].logprobs)
    finish(engine)
    assert isinstance(asked[1].outcome, Cancelled)
    assert len(asked[1].logprobs) == tokens
    assert [asked[i].text for i in (0, 2, 3)] == [alone[i] for i in (0, 2, 3)]
    assert answer(engine, PATTERNS[1]).text == alone[1]


def test_each_request_has_its_own_deadline(alone: list[str]) -> None:
    engine = load()
    late, other = ask(engine, PATTERNS[0]), ask(engine, PATTERNS[1])
    late.fails = DeadlineExceeded("too late")
    finish(engine)
    assert isinstance(late.outcome, DeadlineExceeded)
    assert (late.text, other.text) == ("", alone[1])


def test_decoding_requests_advance_evenly() -> None:
    engine = load()
    asked = [
        ask(engine, chat(f"Tell me a long story about {thing}."), max_tokens=40) for thing in ("cats", "rain", "tea")
    ]
    while not all(one.logprobs for one in asked):
        engine.step()
    before = [len(one.logprobs) for one in asked]
    for _ in range(10):
        engine.step()
    grown = [len(one.logprobs) - start for one, start in zip(asked, before, strict=True)]
    assert max(grown) - min(grown) <= 1  # a character of several tokens comes as one piece


def test_speculation_stands_still_while_an_answer_is_computed_and_then_goes_on(alone: list[str]) -> None:
    engine = load()
    guess = ask(engine, PATTERNS[0], priority=Priority.SPECULATION)
    while len(guess.logprobs) < 3:
        engine.step()
    real = ask(engine, PATTERNS[1])
    seen = len(guess.logprobs)
    while real.outcome is None:
        engine.step()
    assert len(guess.logprobs) == seen
    finish(engine)
    assert [guess.text, real.text] == alone[:2]


def test_an_answer_takes_the_sequence_of_a_speculation_which_begins_again_where_it_was(alone: list[str]) -> None:
    engine = load(slots=1)
    guess = ask(engine, PATTERNS[0], priority=Priority.SPECULATION)
    while len(guess.logprobs) < 3:
        engine.step()
    real = ask(engine, PATTERNS[1])
    finish(engine)
    assert [guess.text, real.text] == alone[:2]


def test_what_is_raised_to_an_answer_while_it_runs_is_computed_with_the_answers() -> None:
    engine = load(chunk_tokens=64)  # a whole prompt in a step
    guess = ask(engine, PATTERNS[0], priority=Priority.SPECULATION)
    real = ask(engine, PATTERNS[1])
    while not real.logprobs:
        engine.step()
    assert not guess.logprobs
    guess.priority = Priority.ANSWER
    engine.step()
    assert guess.logprobs
    assert real.outcome is None


def test_a_paused_request_stands_still_and_the_others_do_not(alone: list[str]) -> None:
    engine = load()
    first, second = ask(engine, PATTERNS[0]), ask(engine, PATTERNS[1])
    while not first.logprobs:
        engine.step()
    first.paused, seen = True, len(first.logprobs)
    finish(engine)
    assert second.text == alone[1]
    assert len(first.logprobs) == seen
    assert engine.step() is False
    first.paused = False
    finish(engine)
    assert first.text == alone[0]


def test_more_requests_than_sequences_are_all_served_in_turn(alone: list[str]) -> None:
    engine = load(slots=2)
    asked = [ask(engine, pattern) for pattern in PATTERNS]
    finish(engine)
    assert [one.text for one in asked] == alone


def test_requests_that_do_not_fit_together_wait_for_one_another(alone: list[str]) -> None:
    engine = load(n_ctx=128)
    asked = [ask(engine, pattern) for pattern in PATTERNS]
    finish(engine)
    assert [one.text for one in asked] == alone


def test_an_interrupted_step_is_repeated_and_changes_nothing(alone: list[str]) -> None:
    engine = load(chunk_tokens=16)
    first = ask(engine, PATTERNS[0])
    engine.step()
    second = ask(engine, PATTERNS[1])
    cut = 0

    def poll() -> bool:
        # As the reader thread would: after the requests were looked at, before the step is computed.
        nonlocal cut
        if cut < 20:
            cut += 1
            engine.interrupt()
        return True

    second.poll = poll  # type: ignore[method-assign]
    finish(engine)
    assert cut == 20
    assert [first.text, second.text] == alone[:2]
