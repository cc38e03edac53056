"""Six spoken card numbers through a whole call: none is found in any file, table or recording."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from stdnum import luhn

from scripts.eval_spoken_cards import kept, leaves, measure
from scripts.spoken_cards import STYLES, cards, voices
from voice.digits import heard_digits
from voice.settings import VoiceSettings
from workers.manifest import ModelStore, load_manifest


def test_numbers_are_valid_and_their_words_say_them() -> None:
    made = cards(60, 5)
    assert {card.style for card in made} == set(STYLES)
    for card in made:
        assert luhn.is_valid(card.number)
        assert kept(card.number, heard_digits(card.text.replace("-", " "))) == len(card.number)


def test_the_search_finds_what_was_kept() -> None:
    assert kept("4111222233334444", "so 4111222233 it is".replace(" ", "")) == 10
    assert kept("4111222233334444", "99") == 0


@pytest.mark.models
def test_six_spoken_numbers_are_in_no_file_table_or_recording(tmp_path: Path) -> None:
    if shutil.which("espeak-ng") is None:
        pytest.skip("espeak-ng missing: apt install espeak-ng")
    pytest.importorskip("hibari", reason="hibari-tts missing: pip install -e .[demo]")
    from evaluation.hearing import Listener

    store = ModelStore(load_manifest())
    lacking = [name for name in ("whisper-base", "smart-turn", "silero-vad") if store.faults(name)]
    if lacking:
        pytest.skip(f"{', '.join(lacking)} missing: run `callwright models fetch`")
    result = measure(6, tmp_path, Listener(store, VoiceSettings()), list(voices())[:2], logs=False)
    assert result["found"] == 0
    assert result["redacted_in_text"] == 6
    for row in result["calls"]:
        assert row["runs"]["turns"] <= 8
        assert (tmp_path / "recordings" / f"{row['call']}.wav").stat().st_size > 100_000


def test_fields_of_a_cell_are_searched_each_for_itself() -> None:
    cell = '{"text": "4,400, 3,388", "confidence": 0.699, "more": [{"asked": "02"}]}'
    assert sorted(leaves(cell)) == ["0.699", "02", "4,400, 3,388", "asked", "confidence", "more", "text"]
    assert leaves("4400 3388 02") == ["4400 3388 02"]
