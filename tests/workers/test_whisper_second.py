"""A second recogniser's opinion on long turns."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import pytest

from tests.workers.test_engines import SENTENCE, Inline, misheard, options, speak
from workers.engines.whisper import WhisperEngine
from workers.engines.whisper_second import Opinion, prefers

LONGER = f"{SENTENCE} And please tell me what a new card costs."


class Opinionated:
    """A second recogniser with these words, which finds any others out of the question."""

    def __init__(self, text: str) -> None:
        self._said = Opinion(text, -1.0, None)
        self.asked = 0

    def _opinion(self, audio: Any, cap: int) -> Opinion:
        self.asked += 1
        return self._said

    def _weighed(self, text: str, encoded: Any) -> float:
        return -60.0


@cache
def sound(text: str = LONGER) -> bytes:
    return speak(text)


def first_sentence(text: str) -> str:
    """Whether a sentence ends before "and" is a matter of taste."""
    return re.split(r"\W+and ", text, flags=re.IGNORECASE)[0]


def heard(second: Opinionated, text: str = LONGER, **more: Any) -> dict[str, Any]:
    engine = WhisperEngine(options("whisper-tiny-en", **more))
    engine.load()
    engine._second = second  # type: ignore[assignment]  # exact words are wanted
    return dict(engine.run("transcribe", {}, sound(text), Inline()).body)


def test_the_words_that_both_find_more_probable_are_taken() -> None:
    mine, other = Opinion("better than is", -9.0, None), Opinion("better than this", -7.0, None)
    assert prefers(mine, other, mine_weighed=-12.0, others_weighed=-11.0, weight=1.0)
    assert not prefers(mine, other, mine_weighed=-12.0, others_weighed=-15.0, weight=1.0)
    assert not prefers(mine, other, mine_weighed=-12.0, others_weighed=-11.6, weight=0.5)
    assert not prefers(mine, mine, mine_weighed=-9.0, others_weighed=-9.0, weight=1.0)


@pytest.mark.models
def test_other_words_that_the_first_finds_possible_replace_its_own() -> None:
    second = Opinionated(LONGER.replace("savings account", "saving account"))
    body = heard(second)
    assert second.asked == 1
    assert "saving account" in body["text"]
    assert [word for word, *_ in body["words"]] == body["text"].split()
    assert misheard(first_sentence(body["readings"][0])) <= 1, "what the first one wrote may be meant all the same"
    assert body["avg_logprob"] < 0


@pytest.mark.models
def test_words_that_are_absurd_to_the_first_are_only_another_reading() -> None:
    body = heard(Opinionated("Purple elephants sing on Tuesdays under seven bridges and nobody minds at all."))
    assert misheard(first_sentence(body["text"])) <= 1
    assert body["readings"][0].startswith("Purple elephants")


@pytest.mark.models
def test_short_turns_numbers_and_what_was_rejected_are_heard_once() -> None:
    short, empty = Opinionated("Other words."), Opinionated("")
    assert heard(short, SENTENCE, second_from_s=10.0, sure_logprob=-5.0)["readings"][:1] != ["Other words."]
    assert short.asked == 0
    assert heard(short, SENTENCE, second_from_s=10.0, sure_logprob=0.0)["text"]
    assert short.asked == 1, "a doubtful one is heard twice"
    engine = WhisperEngine(options("whisper-tiny-en"))
    engine.load()
    engine._second = empty  # type: ignore[assignment]
    assert engine.run("transcribe", {"digits": 6}, sound(), Inline()).body["text"]
    assert engine.run("transcribe", {"final": False}, sound(), Inline()).body["text"]
    assert engine.run("transcribe", {}, bytes(160_000), Inline()).body["rejected"] == "silence"
    assert empty.asked == 0
    assert misheard(first_sentence(engine.run("transcribe", {}, sound(), Inline()).body["text"])) <= 1
    assert empty.asked == 1


@pytest.mark.models
def test_a_second_recogniser_of_the_same_mind_changes_nothing() -> None:
    alone = WhisperEngine(options("whisper-tiny-en"))
    both = WhisperEngine(options("whisper-tiny-en", second=options("whisper-tiny-en")["path"]))
    bodies = []
    for engine in (alone, both):
        engine.load()
        body = dict(engine.run("transcribe", {}, sound(), Inline()).body)
        bodies.append({key: body[key] for key in ("text", "avg_logprob", "readings", "rejected")})
    assert bodies[0] == bodies[1]
