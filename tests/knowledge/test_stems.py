from __future__ import annotations

import pytest

from knowledge.stems import cut, stems


@pytest.mark.parametrize(
    ("word", "kept"),
    [
        ("transfers", ("transfer",)),
        ("Café", ("cafe",)),
        ("running", ("run",)),
        ("25", ("25",)),
        ("", ()),
        ("fees-and-fees", ("fee", "and", "fee")),
    ],
)
def test_words_are_as_the_index_keeps_them(word: str, kept: tuple[str, ...]) -> None:
    assert stems([word]) == stems([word]) == [kept]


def test_many_are_cut_in_their_order() -> None:
    words = [f"fees{number}" for number in range(45_000)]
    assert cut(words) == [(word,) for word in words]
