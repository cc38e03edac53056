"""What the language-model engine keeps, drafts and leaves out, with a small real model."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.errors import EngineFailed
from contracts.worker import Priority, Reply
from tests.workers import llama_asking
from tests.workers.llama_asking import PATTERNS, SYSTEM, Asked, answer, ask, chat, finish, load, prefill

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def alone() -> list[str]:
    """How the model continues each pattern when it is asked nothing else."""
    return llama_asking.alone()


# -------------------------------------------------------------------- what is kept


def test_a_repeated_prompt_costs_one_token_and_gives_the_same_answer() -> None:
    engine = load()
    first = answer(engine, chat("When does the branch open?"))
    answer(engine, chat("Something else entirely"))
    again = answer(engine, chat("When does the branch open?"))
    assert first.text == again.text != ""
    assert first.generation["cached_tokens"] == 0
    assert again.generation["cached_tokens"] == again.generation["prompt_tokens"] - 1
    assert first.generation["stop"] in ("end", "length")


def test_an_answer_does_not_depend_on_what_the_cache_held() -> None:
    busy, fresh = load(slots=2), load()
    for number in range(5):
        answer(busy, chat(f"Question number {number}, is it {number * 7}?"))
    question = chat("Question number 3, when does the branch open?")
    assert answer(busy, question).text == answer(fresh, question).text


def test_prompts_that_do_not_fit_together_push_out_the_oldest() -> None:
    engine = load(n_ctx=512)
    for number in range(8):
        assert answer(engine, chat(f"{number} " + "The branch in Market Street opens at nine. " * 12)).text
    with pytest.raises(EngineFailed, match="exceed n_ctx"):
        answer(engine, chat("word " * 600))
    with pytest.raises(EngineFailed, match="is empty"):
        answer(engine, "")
    with pytest.raises(EngineFailed, match="no method"):
        Asked(engine, "dance", {}, Priority.ANSWER)


def test_the_pinned_prefix_is_stored_once_however_many_share_it(tmp_path: Path) -> None:
    """Eight requests that would not fit into the cells if each had its own system prompt."""
    long_system = SYSTEM.replace("briefly", "briefly, politely, " * 30)
    kept = {"prefixes": {"system": long_system}, "state_dir": str(tmp_path), "n_ctx": 512}
    for _ in range(2):
        engine = load(**kept)
        asked = [
            ask(engine, long_system + f"<|im_start|>user\nIs {i} even?<|im_end|>\n", max_tokens=8) for i in range(8)
        ]
        finish(engine)
        cached = [one.generation["cached_tokens"] for one in asked]
        assert min(cached) >= 100
        assert sum(cached) > 512
        assert len(list(tmp_path.glob("*.kv"))) == 1


def test_prefill_makes_the_generation_cheap(alone: list[str]) -> None:
    engine = load()
    first = prefill(engine, PATTERNS[0])
    finish(engine)
    assert isinstance(first.outcome, Reply)
    generation = answer(engine, PATTERNS[0])
    assert generation.generation["cached_tokens"] == first.outcome.body["prompt_tokens"] - 1
    assert generation.text == alone[0]
    again = prefill(engine, PATTERNS[0])
    assert not engine.step()
    assert isinstance(again.outcome, Reply)


def test_an_answer_goes_on_from_what_a_speculation_has_evaluated_so_far() -> None:
    engine = load(chunk_tokens=16)
    prompt = chat("The branch in Market Street opens at nine. " * 10)
    prefill(engine, prompt)
    for _ in range(3):
        engine.step()
    asked = ask(engine, prompt)
    finish(engine)
    assert asked.generation["cached_tokens"] == 48


def test_two_equal_prompts_at_once_are_evaluated_once() -> None:
    engine = load(chunk_tokens=32)
    prompt = chat("The branch in Market Street opens at nine. " * 20)
    first, second = ask(engine, prompt, max_tokens=4), ask(engine, prompt, max_tokens=4)
    steps = 0
    while engine.step():
        steps += 1
    assert first.text == second.text
    assert steps <= first.generation["prompt_tokens"] // 32 + 8


def test_a_passage_pushed_out_of_its_slot_comes_back_from_host_memory_the_same() -> None:
    passage = "The branch in Market Street opens at nine and closes at five. " * 6
    kept = {"prefixes": {"system": SYSTEM}, "slots": 2}
    engine, forgetful = load(**kept), load(**kept, state_bytes=0)
    expected = ""
    for one in (engine, forgetful):
        expected = answer(one, chat(passage + "When does it open?")).text
        for number in range(3):
            answer(one, chat(f"{number} is another matter. " * 12))
    back, lost = (answer(one, chat(passage + "When does it open?")) for one in (engine, forgetful))
    assert back.text == lost.text == expected
    assert back.generation["cached_tokens"] == back.generation["prompt_tokens"] - 1
    assert lost.generation["cached_tokens"] < 40
    other = answer(engine, chat(passage + "Where is it?"))
    assert other.generation["cached_tokens"] > 80


def test_stop_strings_end_the_text_unseen() -> None:
    engine = load()
    whole = answer(engine, chat("Count: one two three")).text
    middle = whole[5:8]
    stopped = answer(engine, chat("Count: one two three"), stop=[middle])
    assert stopped.text == whole.split(middle)[0]
    assert stopped.generation["stop"] == "stop"


# -------------------------------------------------------------------- drafts


def test_drafts_from_the_prompt_change_the_steps_and_not_the_text() -> None:
    prompt = chat("Repeat after me: the branch in Market Street opens at nine and closes at five on weekdays.")
    plain, drafting = load(), load(draft_tokens=6)
    expected = answer(plain, prompt, max_tokens=40)
    asked, steps = ask(drafting, prompt, max_tokens=40), 0
    while drafting.step():
        steps += 1
    assert asked.text == expected.text
    assert asked.generation["generated_tokens"] == expected.generation["generated_tokens"]
    assert steps < expected.generation["generated_tokens"]
    assert asked.logprobs == pytest.approx(expected.logprobs, abs=0.05)


def test_an_answer_that_was_speculated_is_verified_in_few_steps_when_asked_for_again(alone: list[str]) -> None:
    engine = load()
    answer(engine, PATTERNS[0], priority=Priority.SPECULATION)
    again, steps = ask(engine, PATTERNS[0]), 0
    while engine.step():
        steps += 1
    assert again.text == alone[0]
    assert steps <= 5


def test_with_a_temperature_nothing_is_drafted_and_a_seed_repeats_itself() -> None:
    engine = load(draft_tokens=6)
    texts = [answer(engine, PATTERNS[0], temperature=1.0, seed=7).text for _ in range(2)]
    assert texts[0] == texts[1]
    assert answer(engine, PATTERNS[0], temperature=1.0, seed=8).text != texts[0]
