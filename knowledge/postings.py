"""Which passages hold which word, and how often: the lexical index of a release, and BM25 over it.

::

    passages ──cut at spaces──► pieces of text, each tokenised once ──► (term, passage, column) sorted ──► a blob a term

A question's words are few rows to read and a few sums over arrays, where SQLite's FTS5 computes its BM25 row by row
(1 ms for 2,500 passages, with the interpreter's lock changing hands at each). Tokeniser and formula are those of FTS5.
A column is one of title, heading, text.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from knowledge.stems import cut

COLUMNS = 3
"""Title, heading, text."""
_POSTING = 4 + COLUMNS
"""Bytes: the passage's number, how often the term stands in each column."""
_MOST = 255
_K1, _B = 1.2, 0.75
"""As FTS5 has them, and most others (Robertson and Zaragoza, "The Probabilistic Relevance Framework", 2009)."""
_LEAST_IDF = 1e-6
"""Of a term that more than half of the passages hold; as FTS5."""


class _Numbers(dict[str, int]):
    """A number for each text, in the order in which they come."""

    def __missing__(self, text: str) -> int:
        self[text] = number = len(self)
        return number


@dataclass(slots=True, frozen=True)
class Posting:
    """The passages that hold a term: ``numbers`` uint32, ascending; ``counts`` uint8 [COLUMNS, passages]."""

    numbers: NDArray[np.uint32]
    counts: NDArray[np.uint8]

    @classmethod
    def unpacked(cls, blobs: Sequence[bytes]) -> Posting:
        """From what ``Collector`` packed, the pieces of a release in their order. Raises ValueError."""
        numbers, counts = [np.zeros(0, np.uint32)], [np.zeros((COLUMNS, 0), np.uint8)]
        for blob in blobs:
            size, rest = divmod(len(blob), _POSTING)
            if rest:
                raise ValueError("a posting of odd length")
            numbers.append(np.frombuffer(blob, "<u4", size))
            counts.append(np.frombuffer(blob, np.uint8, offset=4 * size).reshape(COLUMNS, size))
        if len(blobs) == 1:
            return cls(numbers[1], counts[1])
        return cls(np.concatenate(numbers), np.concatenate(counts, axis=1))

    @classmethod
    def together(cls, postings: Sequence[Posting]) -> Posting:
        """The passages that hold all of several terms: a word that the tokeniser has cut."""
        first, *others = postings
        for other in others:
            both, mine, theirs = np.intersect1d(first.numbers, other.numbers, True, return_indices=True)
            first = cls(both, np.minimum(first.counts[:, mine], other.counts[:, theirs]))
        return first

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def size(self) -> int:
        """Bytes."""
        return _POSTING * len(self)

    def within(self, first: int, last: int) -> NDArray[np.uint32]:
        """The passages from ``first`` to ``last``."""
        begin, end = np.searchsorted(self.numbers, (first, last + 1))
        return self.numbers[begin:end]


class Collector:
    """Takes in the passages of a release, numbered from ``first``, and tells who holds what."""

    def __init__(self, first: int = 1) -> None:
        self._first = first
        self._pieces = _Numbers()
        self._said = array("i")
        self._sizes = array("i")

    def __len__(self) -> int:
        """Words taken in."""
        return len(self._said)

    def add(self, title: str, heading: str, text: str) -> None:
        """The next passage. Tokens never reach over spaces, so each piece between them is tokenised but once."""
        for column in (title, heading, text):
            words = column.split()
            self._said.extend(map(self._pieces.__getitem__, words))
            self._sizes.append(len(words))

    def finished(self) -> tuple[NDArray[np.uint32], Iterator[tuple[str, int, bytes]]]:
        """Terms in each passage; each term, how many passages hold it, and its posting packed."""
        terms = _Numbers()
        cuts = [[terms[term] for term in one] for one in cut(self._pieces)]
        each = np.array([len(one) for one in cuts], np.int64)
        starts = np.cumsum(each) - each
        flat = np.array([term for one in cuts for term in one], np.int64)
        said, slots = np.frombuffer(self._said, np.int32), len(self._sizes)
        slot = np.repeat(np.arange(slots), np.frombuffer(self._sizes, np.int32))
        times = each[said]
        places = np.arange(times.sum()) - np.repeat(np.cumsum(times) - times - starts[said], times)
        slot = np.repeat(slot, times)
        lengths = np.bincount(slot // COLUMNS, minlength=slots // COLUMNS).astype(np.uint32)
        keys, counts = np.unique(flat[places] * slots + slot, return_counts=True)
        return lengths, self._packed(keys, counts, slots, list(terms))

    def _packed(
        self, keys: NDArray[np.int64], counts: NDArray[np.int64], slots: int, names: Sequence[str]
    ) -> Iterator[tuple[str, int, bytes]]:
        pairs, passages = keys // COLUMNS, slots // COLUMNS  # term · passages + passage
        begins = np.flatnonzero(np.diff(pairs, prepend=-1))
        held = np.zeros((COLUMNS, len(begins)), np.uint8)
        rank = np.repeat(np.arange(len(begins)), np.diff(begins, append=len(pairs)))
        held[keys % COLUMNS, rank] = np.minimum(counts, _MOST)
        term, number = np.divmod(pairs[begins], max(1, passages))
        number = (number + self._first).astype("<u4")
        bounds = np.searchsorted(term, np.arange(len(names) + 1))
        for at, name in enumerate(names):
            begin, end = int(bounds[at]), int(bounds[at + 1])
            if begin < end:
                yield name, end - begin, number[begin:end].tobytes() + held[:, begin:end].tobytes()


def bm25(
    postings: Iterable[Posting], lengths: NDArray[np.float32], weights: Sequence[float]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Passages that hold any of some terms, with their scores. ``lengths``: terms in each passage of the release, the
    first one's under 0; ``weights``: of the columns."""
    total, mean = len(lengths), max(1e-9, float(lengths.mean()))
    numbers, parts = [np.zeros(0, np.uint32)], [np.zeros(0)]
    for one in postings:
        idf = max(_LEAST_IDF, math.log((total - len(one) + 0.5) / (len(one) + 0.5)))
        often = np.asarray(weights) @ one.counts
        longer = (1 - _B) + (_B / mean) * lengths[one.numbers - 1]
        numbers.append(one.numbers)
        parts.append(idf * (_K1 + 1) * often / (often + _K1 * longer))
    found, places = np.unique(np.concatenate(numbers), return_inverse=True)
    scores: NDArray[np.float64] = np.bincount(places, np.concatenate(parts), len(found)).astype(np.float64)
    return found.astype(np.int64), scores


def best(
    numbers: NDArray[np.int64], scores: NDArray[np.float64], count: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The ``count`` highest, the highest first; of equal ones the lowest numbers."""
    if len(scores) > count:
        least = np.partition(scores, -count)[-count]
        likely = np.flatnonzero(scores >= least)
        numbers, scores = numbers[likely], scores[likely]
    order = np.lexsort((numbers, -scores))[:count]
    return numbers[order], scores[order]
