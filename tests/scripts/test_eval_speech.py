"""Scoring and mixing of scripts/eval_speech.py, on text and sound made here."""

from __future__ import annotations

import argparse
import json
import random
import wave
from pathlib import Path

import numpy as np
import pytest

from contracts.audio import FRAME_BYTES
from contracts.engines import Transcript
from contracts.events import Backchannel, TurnEnded, TurnTimings
from evaluation.hearing import PACKET, TAIL_S, WIRE_RATE, Heard, Samples, line_frames
from scripts import speech_sets as sets
from scripts.eval_speech import PARTS, noisy, score, score_digits, score_noise
from scripts.parts import some_of
from scripts.speech_score import Errors, comparable, count_errors, rate_interval


def tone(hertz: float, seconds: float, level: float = 0.3) -> Samples:
    time = np.arange(int(seconds * WIRE_RATE)) / WIRE_RATE
    return sets.to_samples(level * np.sin(2 * np.pi * hertz * time))


def save(path: Path, samples: Samples, rate: int = WIRE_RATE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())


def ended(text: str, continues: bool = False, rejected: str = "") -> TurnEnded:
    return TurnEnded(Transcript(text, rejected=rejected), TurnTimings(0, 0, 0, 0), continues=continues)


@pytest.mark.parametrize(
    ("said", "recognised"),
    [
        ("five two six", "5 2 6"),
        ("five two six", "526."),
        ("from half past to nine thirty a m", "From half past to 9:30 AM"),
        ("it is eleven p m", "It's 11 p.m."),
        ("a hundred and twenty dollars", "$120"),
        ("uh okay all right", "OK, alright."),
        ("[noise] good bye <unk>", "Good bye!"),
    ],
)
def test_spellings_of_the_same_words_are_no_errors(said: str, recognised: str) -> None:
    assert comparable(said) == comparable(recognised)
    assert count_errors(said, recognised).wrong == 0


def test_each_digit_is_a_word_of_its_own() -> None:
    assert count_errors("four seven one one", "4-7-1-2") == Errors(substituted=1, words=4)
    assert count_errors("my pin is one two three four", "My pin is 12.").deleted == 2


def test_words_thrown_away_are_deletions_and_words_out_of_noise_insertions() -> None:
    assert count_errors("please close my account", "") == Errors(deleted=4, words=4)
    assert count_errors("[noise]", "thank you") == Errors(inserted=2)
    assert count_errors("[noise]", "").rate == 0.0
    assert count_errors("[noise]", "you").rate == 1.0


def test_rates_are_of_all_words_together_and_recordings_are_drawn_whole() -> None:
    each = [Errors(deleted=1, words=1), Errors(words=99)]
    assert sum(each, Errors()).rate == 0.01
    assert rate_interval([Errors(inserted=2, words=20)] * 8) == (0.1, 0.1)
    low, high = rate_interval(each)
    assert low == 0.0
    assert high == 1.0
    assert rate_interval([]) == (0.0, 1.0)


def test_a_turn_that_goes_on_stands_in_place_of_what_it_continues() -> None:
    heard = Heard()
    for event in (ended("I want"), ended("I want to pay", continues=True), Backchannel("mm-hm", 0.0), ended("Yes.")):
        heard.take(event)
    assert heard.text == "I want to pay mm-hm Yes."


def test_loops_are_counted_whether_they_were_thrown_away_or_not() -> None:
    heard = Heard()
    for event in (ended("", rejected="loop"), ended("no " * 12), ended("", rejected="silence"), ended("no no")):
        heard.take(event)
    assert heard.loops == 2
    row = score([(sets.Recording("one", tone(440, 0.1), "no no no"), heard)])
    assert row["loops"] == 2
    assert row["inserted"] == 11
    assert row["recordings"][0]["heard"][0] == "[loop]"


def test_digit_strings_and_noise_files_are_counted_whole() -> None:
    sound = tone(440, 0.1)
    split = Heard([Transcript("four 2 seven"), Transcript("double one oh")])
    wrong = Heard([Transcript("4 2 7 1 1")])
    row = score_digits([(sets.Recording("a", sound, "427110"), split), (sets.Recording("b", sound, "427110"), wrong)])
    assert row["exact"] == 0.5
    assert row["split"] == 1
    silent = Heard([Transcript("", rejected="silence")])
    assert score_noise([(sets.Recording("tap", sound, ""), silent)])["files_with_text"] == 0
    assert score_noise([(sets.Recording("tap", sound, ""), split)])["files_with_text"] == 1


def test_a_recording_becomes_whole_frames_with_silence_behind() -> None:
    samples = tone(1000, 0.5)[:-37]
    frames = list(line_frames(samples))
    assert {len(frame) for frame in frames} == {FRAME_BYTES}
    assert len(frames) * PACKET >= len(samples) + TAIL_S * WIRE_RATE
    sound = np.frombuffer(b"".join(frames), dtype="<i2").astype(float)
    assert np.sqrt((sound[2000:6000] ** 2).mean()) == pytest.approx(0.3 * 32768 / np.sqrt(2), rel=0.02)
    assert not sound[-RATE_TAIL:].any()


RATE_TAIL = 16_000


def test_noise_is_mixed_so_far_below_the_speech_whatever_its_pauses() -> None:
    speech = np.concatenate([tone(500, 1.0, 0.2), np.zeros(3 * WIRE_RATE, np.int16)])
    noise = np.random.default_rng(3).standard_normal(len(speech))
    both = sets.to_floats(sets.mixed(speech, noise, 10.0))
    heard_noise = np.sqrt((both[-WIRE_RATE:] ** 2).mean())
    assert 20 * np.log10(0.2 / np.sqrt(2) / heard_noise) == pytest.approx(10.0, abs=0.3)
    loud = sets.mixed(tone(500, 1.0, 0.99), noise[:WIRE_RATE], 0.0)
    assert np.abs(loud.astype(int)).max() >= 32000
    recordings = [sets.Recording("a", speech, "x")]
    source = [sets.Recording("tap", sets.to_samples(noise / 10), "")]
    assert (noisy(recordings, source, 4)[0].samples == noisy(recordings, source, 4)[0].samples).all()
    assert (noisy(recordings, source, 4)[0].samples != noisy(recordings, source, 5)[0].samples).any()


def test_babble_is_taken_from_people_or_else_from_long_ambient_sound(tmp_path: Path) -> None:
    save(tmp_path / "noise" / "horn.wav", tone(400, 1.0))
    assert [one.name for one in sets.babble(tmp_path)] == ["horn"]
    save(tmp_path / "noise" / "kitchen.wav", tone(300, 9.0))
    assert [one.name for one in sets.babble(tmp_path)] == ["kitchen"]
    save(tmp_path / "noise" / "cafe_crowd.wav", tone(300, 2.0))
    assert [one.name for one in sets.babble(tmp_path)] == ["cafe_crowd"]


def test_talkers_are_other_speakers(tmp_path: Path) -> None:
    speech = [sets.Recording(f"{speaker}-1", tone(100.0 * speaker, 1.0), "x") for speaker in range(1, 9)]
    sound = sets.to_floats(sets.talkers(speech, "3-1", random.Random(1), WIRE_RATE))
    spectrum = np.abs(np.fft.rfft(sound))
    present = {hertz // 100 for hertz in range(100, 900, 100) if spectrum[hertz] > spectrum.max() / 10}
    assert len(present) == sets.VOICES
    assert 3 not in present


def test_digit_strings_are_one_speakers_and_the_same_each_time(tmp_path: Path) -> None:
    for speaker in ("ann", "bob"):
        for digit in range(10):
            save(tmp_path / "digits" / f"{digit}_{speaker}_0.wav", tone(200 + 50 * digit, 0.2))
    save(tmp_path / "digits" / "3_incomplete_0.wav", tone(200, 0.2))
    strings = sets.digit_strings(tmp_path, 4, seed=9)
    assert [one.name.split("-")[0] for one in strings] == ["ann", "bob", "ann", "bob"]
    assert all(len(one.said) == sets.STRING_LENGTH and one.said.isdigit() for one in strings)
    again = sets.digit_strings(tmp_path, 4, seed=9)
    assert all((a.samples == b.samples).all() for a, b in zip(strings, again, strict=True))
    seconds = len(strings[0].samples) / WIRE_RATE
    assert 1.0 + 6 * 0.2 + 5 * 0.12 + 0.4 <= seconds <= 1.0 + 6 * 0.2 + 5 * 0.4 + 0.7


def test_calls_are_read_by_side_and_in_the_order_of_their_times(tmp_path: Path) -> None:
    save(tmp_path / "calls" / "caller" / "c1.wav", tone(200, 0.4, 0.2), rate=16_000)
    rows = [
        {"speaker_role": "caller", "start_ms": 900, "human_transcript": "second"},
        {"speaker_role": "agent", "start_ms": 500, "human_transcript": "not mine"},
        {"speaker_role": "caller", "start_ms": 100, "human_transcript": "first"},
    ]
    transcript = tmp_path / "calls" / "transcript" / "c1.json"
    transcript.parent.mkdir()
    transcript.write_text(json.dumps(rows))
    (call,) = sets.calls(tmp_path, "caller")
    assert call.said == "first second"
    assert len(call.samples) == pytest.approx(0.2 * WIRE_RATE, abs=2)
    transcript.write_text("{")
    with pytest.raises(sets.DataError, match=r"c1\.json: not a transcript"):
        sets.calls(tmp_path, "caller")


def test_wrong_folders_and_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(sets.DataError, match=r"noise: no \*\.wav in it"):
        sets.noises(tmp_path)
    with pytest.raises(sets.DataError, match=r"text\.tsv"):
        sets.read_speech(tmp_path)
    (tmp_path / "noise").mkdir()
    (tmp_path / "noise" / "bad.wav").write_bytes(b"no sound")
    with pytest.raises(sets.DataError, match=r"bad\.wav: not a readable sound file"):
        sets.noises(tmp_path)
    (tmp_path / "read_speech").mkdir()
    (tmp_path / "read_speech" / "text.tsv").write_text("a-1\thello\n")
    with pytest.raises(sets.DataError, match="no sound for a-1"):
        sets.read_speech(tmp_path)


def test_parts_are_chosen_by_name() -> None:
    assert some_of(PARTS)("noise, calls") == ["calls", "noise"]
    with pytest.raises(argparse.ArgumentTypeError, match="no part 'call'"):
        some_of(PARTS)("call")
