from __future__ import annotations

import pytest

from knowledge.stems import stem


@pytest.mark.parametrize(
    ("word", "kept"),
    [("transfers", "transfer"), ("Café", "cafe"), ("running", "run"), ("25", "25"), ("", ""), ("a-b", "")],
)
def test_words_are_as_the_index_keeps_them(word: str, kept: str) -> None:
    assert stem(word) == kept
