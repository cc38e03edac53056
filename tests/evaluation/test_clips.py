"""Recorded callers, heard and judged: what is counted, and that a folder without them is left alone."""

from __future__ import annotations

from pathlib import Path

from contracts.engines import Transcript
from evaluation.clips import Clip, heard


def test_turns_with_words_are_judged_and_runs_of_turns_without_are_counted() -> None:
    turns = [
        Transcript("hello"),
        Transcript(""),
        Transcript(" ", rejected="loop"),
        Transcript("my card"),
        Transcript(""),
    ]
    clip = Clip("a.wav", "replace card", turns)
    assert [(case.id, case.text) for case in clip.cases()] == [("a.wav-1", "hello"), ("a.wav-4", "my card")]
    assert clip.wordless_run == 2


def test_a_folder_without_clips_needs_no_models(tmp_path: Path) -> None:
    assert heard(tmp_path, tmp_path / "no-models", None, lambda: None) == []
