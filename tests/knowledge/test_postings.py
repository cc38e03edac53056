"""The lexical index, measured against SQLite's FTS5: the same passages, and the same BM25 to the last digits."""

from __future__ import annotations

import random
import sqlite3

import numpy as np
import pytest

from knowledge.postings import COLUMNS, Collector, Posting, best, bm25
from knowledge.stems import TOKENIZE, stems

WORDS = [
    "fee",
    "Fees,",
    "wire-transfer",
    "O'Neill’s",
    "café",
    "CAFE!",
    "25",
    "$3.50",
    "the",
    "(the)",
    "a.m.",
    "…",
    "déjà",
]
Row = tuple[str, str, str]


def made_up(count: int, seed: int = 1) -> list[Row]:
    chosen = random.Random(seed)
    rare = [f"word{number}" for number in range(200)]

    def text(most: int) -> str:
        spaces = chosen.choice([" ", "  ", "\n", "\t", "\u00a0", "\u2003"])
        return spaces.join(
            chosen.choice(WORDS if chosen.random() < 0.6 else rare) for _ in range(chosen.randint(0, most))
        )

    return [(text(4), text(3), text(60)) for _ in range(count)]


def collected(rows: list[Row], pieces: int) -> tuple[dict[str, Posting], np.ndarray]:
    """Postings by term, as if the release were written in so many pieces, and the passages' lengths."""
    blobs: dict[str, list[bytes]] = {}
    lengths = []
    size = -(-len(rows) // pieces)
    for at in range(0, len(rows), size):
        words = Collector(at + 1)
        for row in rows[at : at + size]:
            words.add(*row)
        long, packed = words.finished()
        lengths.append(long)
        for term, count, blob in packed:
            assert len(Posting.unpacked([blob])) == count
            blobs.setdefault(term, []).append(blob)
    return {term: Posting.unpacked(parts) for term, parts in blobs.items()}, np.concatenate(lengths).astype(np.float32)


@pytest.mark.parametrize("pieces", [1, 3])
@pytest.mark.parametrize("weights", [(1.0, 1.0, 1.0), (3.0, 0.5, 1.0)])
def test_it_ranks_as_fts5_does(pieces: int, weights: tuple[float, float, float]) -> None:
    rows = made_up(400)
    postings, lengths = collected(rows, pieces)
    connection = sqlite3.connect(":memory:")
    connection.execute(f"CREATE VIRTUAL TABLE words USING fts5(title, heading, text, tokenize='{TOKENIZE}')")
    connection.executemany("INSERT INTO words VALUES (?, ?, ?)", rows)
    for asked in (("fee",), ("the", "word7"), ("cafe", "fees", "word1", "word2", "25"), ("deja", "neill")):
        match = " OR ".join(f'"{word}"' for word in asked)
        wanted = dict(
            connection.execute(f"SELECT rowid, -bm25(words, ?, ?, ?) FROM words WHERE words MATCH '{match}'", weights)
        )
        numbers, scores = bm25([postings[terms[0]] for terms in stems(asked)], lengths, weights)
        assert dict(zip(numbers.tolist(), scores.tolist(), strict=True)) == pytest.approx(wanted)
        order = sorted(wanted, key=lambda one: (-round(wanted[one], 9), one))[:7]
        assert best(numbers, np.round(scores, 9), 7)[0].tolist() == order


def test_a_passage_holds_all_pieces_of_a_word_that_is_cut() -> None:
    postings, _ = collected([("", "", "wire transfer"), ("", "", "wire"), ("wire", "", "a transfer, transfer")], 1)
    both = Posting.together([postings["wire"], postings["transfer"]])
    assert both.numbers.tolist() == [1, 3]
    assert both.counts.shape == (COLUMNS, 2)
    assert both.within(2, 9).tolist() == [3]


def test_what_is_empty_or_damaged_is_told_apart() -> None:
    lengths, packed = Collector().finished()
    assert (len(lengths), list(packed)) == (0, [])
    assert len(Posting.unpacked([])) == 0
    with pytest.raises(ValueError, match="odd length"):
        Posting.unpacked([b"12345678"])
