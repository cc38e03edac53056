"""Whisper on short windows: echoes cut off, silence appended, digits read as digits."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from contracts.engines import MOST_READINGS
from tests.workers.test_engines import SENTENCE, Inline, misheard, options, speak
from voice.digits import heard_digits
from workers.engines.whisper import WhisperEngine, echo

MODELS = Path(os.environ.get("CALLWRIGHT_MODELS", "~/.cache/callwright")).expanduser()


def cut(text: str) -> str:
    words = text.split()
    return " ".join(words[: echo(words)])


def test_a_sentence_that_begins_anew_is_cut_off() -> None:
    once = "The branch in Mill Street opens at nine on weekdays."
    assert cut(f"{once} {once}") == once
    assert cut(f"{once} The branch in Mill Street opens at ni") == once
    assert cut(f"Good morning. {once} {once}") == f"Good morning. {once}"


def test_what_people_do_repeat_stays() -> None:
    for text in (
        "4 7 1 1 0 8. 4 7 1 1 0 8.",
        "Yes, yes. I know, I know.",
        "Is it open on Monday? Is it open on Tuesday?",
        "I want to pay my bill. I want to pay my bill and then change my address.",
        "I would like to pay the bill I would like to pay.",
        "",
    ):
        assert cut(text) == text


@pytest.mark.models
def test_a_second_reading_knows_only_digits() -> None:
    engine = WhisperEngine(options("whisper-tiny-en"))
    engine.load()
    sound = speak("four, seven, one, zero, eight, two.")
    body = engine.run("transcribe", {"digits": True}, sound, Inline()).body
    assert heard_digits(body["alternatives"][0]) == "471082"
    assert all(set(text) <= set("0123456789,. ") for text in body["alternatives"])
    assert engine.run("transcribe", {}, sound, Inline()).body["alternatives"] == []


@pytest.mark.models
def test_a_partial_pass_has_the_words_without_their_probabilities() -> None:
    engine = WhisperEngine(options("whisper-tiny-en"))
    engine.load()
    body = engine.run("transcribe", {"final": False}, speak(SENTENCE), Inline()).body
    assert misheard(body["text"]) <= 1
    assert body["words"] == []


@pytest.mark.models
def test_silence_after_the_window_changes_neither_words_nor_what_is_rejected() -> None:
    sound = speak(SENTENCE)
    for states in (0, 250, 1500):
        engine = WhisperEngine(options("whisper-tiny-en", silence_states=states))
        engine.load()
        assert misheard(engine.run("transcribe", {}, sound, Inline()).body["text"]) <= 1
        assert engine.run("transcribe", {}, bytes(32_000), Inline()).body["rejected"] == "silence"


@pytest.mark.models
def test_a_wide_search_tells_what_else_may_have_been_said() -> None:
    sound = speak("Do you offer group seating at Tacorea?")
    wide = WhisperEngine(options("whisper-tiny-en", beam_from_s=0.0))
    wide.load()
    body = wide.run("transcribe", {}, sound, Inline()).body
    assert 1 <= len(body["readings"]) <= MOST_READINGS
    plain = [re.sub(r"[\W_]+", " ", one.lower()).strip() for one in (body["text"], *body["readings"])]
    assert len(set(plain)) == len(plain), "capitals and marks alone make no other reading"
    assert wide.run("transcribe", {"final": False}, sound, Inline()).body["readings"] == []
