"""Phoneme durations out of a Piper voice's file, and phonetic words out of durations."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from workers.engines.durations import phonetic_words, with_durations

VOICE = Path(os.environ.get("CALLWRIGHT_MODELS", str(Path.home() / ".cache" / "callwright"))) / "piper-joe/voice.onnx"


def field(number: int, payload: bytes) -> bytes:
    assert len(payload) < 128
    return bytes([number << 3 | 2, len(payload)]) + payload


def node(kind: bytes, output: bytes) -> bytes:
    return field(1, field(1, b"x") + field(2, output) + field(4, kind))


def test_words_begin_at_their_first_sound_and_leave_pauses_out() -> None:
    phonemes = [
        ("^", 5),
        ("ˈ", 1),
        ("æ", 2),
        ("p", 3),
        (",", 4),
        (" ", 6),
        ("ɔ", 7),
        ("ː", 1),
        ("ɹ", 2),
        (".", 9),
        ("$", 1),
    ]
    assert phonetic_words(phonemes) == [(5, 11, 2), (21, 31, 2)]


def test_the_one_ceil_node_becomes_the_last_output() -> None:
    model = field(7, node(b"Add", b"sum") + node(b"Ceil", b"w_ceil") + field(12, field(1, b"output")))
    assert with_durations(model) == model + field(7, field(12, field(1, b"w_ceil")))


@pytest.mark.parametrize("nodes", [b"", node(b"Ceil", b"a") + node(b"Ceil", b"b")])
def test_a_network_without_one_place_for_durations_is_refused(nodes: bytes) -> None:
    with pytest.raises(ValueError, match="Ceil nodes"):
        with_durations(field(7, node(b"Add", b"sum") + nodes))


@pytest.mark.parametrize("data", [b"\x3a", b"\x3b\x00", b"\xff" * 9])
def test_what_is_no_model_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"ONNX|Ceil"):
        with_durations(data)


@pytest.mark.models
def test_a_real_voice_tells_its_words_within_its_sound() -> None:
    if not VOICE.exists():
        pytest.skip("piper-joe is missing: run `callwright models fetch`")
    from tests.workers.test_engines import Inline, options
    from workers.engines.piper import PiperEngine

    engine = PiperEngine(options("piper-joe/voice.onnx"))
    engine.load()
    job = Inline()
    engine.run("synthesise", {"text": "We open at nine. We close at five."}, b"", job)
    for body, pcm in job.emitted:
        edges = [edge for first, last, _ in body["words"] for edge in (first, last)]
        assert len(body["words"]) in (3, 4)
        assert edges == sorted(edges)
        assert edges[-1] <= len(pcm) // 2 + 800
