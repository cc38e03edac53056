"""When each written word of a clause sounds, from the phonetic words whose times the synthesiser told. Pure.

A phonemiser joins and parts words ("in the" → ɪnðə, one group; "ATM" → three): the two rows are laid against each other
so that the phonemes of each group are those of its words, as nearly as can be.

::

    written    │You│can│replace│a │lost│ card │in│the│app,│      weights: phonemes guessed from the spelling
    phonetic   │juː│kæn│ɹᵻpleɪs│ɐ │lɔst│kɑːɹd │ ɪnðɪ │æp  │     first sample, sample after the last, phonemes
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise

PhoneticWord = tuple[int, int, int]
"""First sample, sample after the last, phonemes."""
_BLOCKS = ((1, 1), (2, 1), (3, 1), (4, 1), (1, 2), (1, 3), (1, 4), (1, 5))
"""How many written words meet how many phonetic ones."""
_JOINT = 0.75
"""What a block that is not one to one costs, in phonemes: a better fit must be worth it."""
_NEVER = float("inf")


def word_spans(weights: Sequence[float], phonetic: Sequence[PhoneticWord]) -> list[tuple[int, int]]:
    """(first sample, sample after the last) of each spoken word; empty when the two rows cannot be laid together.

    ``weights``: guessed phonemes of each spoken word, all positive. Words of one group share its time by weight.
    """
    blocks = _blocks(weights, [count for _, _, count in phonetic])
    spans: list[tuple[int, int]] = []
    at = group = 0
    for words, groups in blocks:
        first, last = phonetic[group][0], phonetic[group + groups - 1][1]
        shares = list(accumulate(weights[at : at + words], initial=0.0))
        edges = [first + round((last - first) * share / shares[-1]) for share in shares]
        spans += list(pairwise(edges))
        at, group = at + words, group + groups
    return spans


def _blocks(weights: Sequence[float], phonemes: Sequence[int]) -> list[tuple[int, int]]:
    """The cheapest way to cut both rows into blocks that belong together, by dynamic programming."""
    if not weights or not phonemes:
        return []
    said = list(accumulate(weights, initial=0.0))
    heard = list(accumulate(phonemes, initial=0))
    scale = heard[-1] / said[-1]
    costs = [[_NEVER] * (len(phonemes) + 1) for _ in range(len(weights) + 1)]
    came: dict[tuple[int, int], tuple[int, int]] = {}
    costs[0][0] = 0.0
    for row in range(1, len(weights) + 1):
        for column in range(1, len(phonemes) + 1):
            for words, groups in _BLOCKS:
                if words > row or groups > column or costs[row - words][column - groups] == _NEVER:
                    continue
                off = (said[row] - said[row - words]) * scale - (heard[column] - heard[column - groups])
                joint = 0.0 if words == groups else _JOINT
                cost = costs[row - words][column - groups] + abs(off) + joint
                if cost < costs[row][column]:
                    costs[row][column] = cost
                    came[row, column] = (words, groups)
    blocks: list[tuple[int, int]] = []
    row, column = len(weights), len(phonemes)
    if costs[row][column] == _NEVER:
        return []
    while row:
        words, groups = came[row, column]
        blocks.append((words, groups))
        row, column = row - words, column - groups
    return blocks[::-1]
