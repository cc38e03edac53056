"""Whisper on short windows: echoes cut off, silence appended, digits read as digits."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from contracts.engines import MOST_READINGS
from tests.workers.test_engines import SENTENCE, Inline, misheard, options, speak
from workers.engines.whisper import WhisperEngine, echo
from workers.engines.whisper_digits import agreed, digits_alone, likelier

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
def test_a_reading_of_expected_digits_has_just_so_many() -> None:
    engine = WhisperEngine(options("whisper-tiny-en"))
    engine.load()
    sound = speak("four, seven, one, zero, eight, two.")
    readings = engine.run("transcribe", {"digits": 6}, sound, Inline()).body["alternatives"]
    assert readings[0] == "4 7 1 0 8 2"
    assert {len(reading.split()) for reading in readings} == {6}
    fewer = speak("four, seven, one, zero.")
    assert engine.run("transcribe", {"digits": 6}, fewer, Inline()).body["alternatives"] == [], "none are invented"
    assert engine.run("transcribe", {"digits": 4}, fewer, Inline()).body["alternatives"][0] == "4 7 1 0"
    assert engine.run("transcribe", {"digits": 6}, speak(SENTENCE), Inline()).body["alternatives"] == []
    assert engine.run("transcribe", {"digits": 6}, bytes(32_000), Inline()).body["alternatives"] == []
    assert engine.run("transcribe", {}, sound, Inline()).body["alternatives"] == []


def test_another_count_of_digits_must_be_the_best_and_clearly_so() -> None:
    assert likelier({6: -3.9, 4: -1.0}, 4, 6, 1.0)
    assert likelier({4: -0.7, 1: -5.1}, 4, 6, 1.0)
    assert not likelier({6: -1.5, 5: -0.6}, 5, 6, 1.0)
    assert not likelier({6: -3.2, 5: -2.6, 1: -1.8}, 5, 6, 1.0)
    assert not likelier({}, 4, 6, 1.0)


@pytest.mark.parametrize(
    ("text", "count"),
    [("4, 7, 1, 0.", 4), ("471", 3), ("Four seven oh.", 3), ("9-1-9-8-2", 5), ("8-2-8-1-all-view", 0), ("", 0)],
)
def test_digits_are_counted_where_there_is_nothing_else(text: str, count: int) -> None:
    assert digits_alone(text) == count


def test_two_hearings_agree_on_what_neither_finds_improbable() -> None:
    both = agreed({"471": -0.2, "411": -0.4}, {"411": -0.1, "417": -3.0})
    assert max(both, key=lambda reading: both[reading]) == "411"
    assert both["411"] == pytest.approx(-0.25)
    assert both["471"] == pytest.approx((-0.2 - 5.0) / 2)
    assert agreed({}, {"4": -1.0}).keys() == {"4"}


@pytest.mark.models
def test_silence_before_the_sound_changes_no_words_and_gives_way_where_there_is_no_room() -> None:
    sound = speak(SENTENCE)
    for lead_s in (0.0, 0.5, 2.0):
        engine = WhisperEngine(options("whisper-tiny-en", lead_s=lead_s, lead_from_s=0.0))
        engine.load()
        body = engine.run("transcribe", {}, sound, Inline()).body
        assert misheard(body["text"]) <= 1
        assert len(body["words"]) == len(body["text"].split())
    assert engine._window(round(9.5 * 16_000)) == (160_000, 0)
    assert WhisperEngine(options("whisper-tiny-en"))._window(round(3.9 * 16_000)) == (160_000, 0)
    assert engine._window(round(8.5 * 16_000)) == (160_000, 16_000)


@pytest.mark.models
def test_a_partial_pass_has_the_words_without_their_probabilities() -> None:
    engine = WhisperEngine(options("whisper-tiny-en"))
    engine.load()
    body = engine.run("transcribe", {"final": False}, speak(SENTENCE), Inline()).body
    assert misheard(body["text"]) <= 1
    assert body["words"] == []


@pytest.mark.models
def test_sound_that_was_recognised_can_be_read_again_with_names() -> None:
    engine = WhisperEngine(options("whisper-tiny-en", sounds_kept=2))
    engine.load()
    asked = speak("Can I park my bike at Layne Hotel?")
    first = engine.run("transcribe", {}, asked, Inline()).body
    assert "Layne" not in first["text"]

    def again(*names: str, sound: str = first["sound"]) -> str:
        return str(engine.run("again", {"sound": sound, "names": list(names)}, b"", Inline()).body["text"])

    assert "Layne Hotel" in again("Luz Hotel", "Layne Hotel", "Bombay Corner")
    assert "Bombay" not in again("Bombay Corner")
    assert len(again(*["Layne Hotel"] * 300)) < 80
    assert again() == again("Layne Hotel", sound="another") == ""
    assert "sound" not in engine.run("transcribe", {"final": False}, asked, Inline()).body
    for _ in range(2):
        engine.run("transcribe", {}, asked, Inline())
    assert again("Layne Hotel") == ""


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
