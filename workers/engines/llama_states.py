"""KV states of passages in host memory, the least recently used given up first. Plain bookkeeping, without a model."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass


def common(left: Sequence[int], right: Sequence[int]) -> int:
    """Length of the common beginning."""
    for number, (a, b) in enumerate(zip(left, right, strict=False)):
        if a != b:
            return number
    return min(len(left), len(right))


@dataclass(slots=True, frozen=True)
class Saved:
    """The state of ``tokens`` from position ``start`` on; before it is the pinned prefix of sequence ``prefix``."""

    tokens: tuple[int, ...]
    start: int
    prefix: int
    data: bytes


class StateStore:
    """At most ``limit`` bytes of states; 0 keeps none."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._saved: OrderedDict[tuple[int, ...], Saved] = OrderedDict()
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._saved)

    def wants(self, tokens: Sequence[int], spare: int) -> bool:
        """Would it be new? Not if a state has all of these tokens but ``spare``."""
        return self._limit > 0 and self._longest(tokens)[0] < len(tokens) - spare

    def put(self, saved: Saved) -> None:
        """Keep a state; it replaces those whose tokens it begins with. One larger than the limit is not kept."""
        if len(saved.data) > self._limit:
            return
        for tokens in [one for one in self._saved if saved.tokens[: len(one)] == one]:
            self._drop(tokens)
        self._saved[saved.tokens] = saved
        self.bytes += len(saved.data)
        while self.bytes > self._limit:
            self._drop(next(iter(self._saved)))

    def find(self, tokens: Sequence[int]) -> tuple[int, Saved | None]:
        """How many first tokens the best state has, and that state; it counts as used."""
        count, saved = self._longest(tokens)
        if saved is not None:
            self._saved.move_to_end(saved.tokens)
        return count, saved

    def _longest(self, tokens: Sequence[int]) -> tuple[int, Saved | None]:
        best: tuple[int, Saved | None] = (0, None)
        for saved in self._saved.values():
            count = common(saved.tokens, tokens)
            if count > max(best[0], saved.start):
                best = (count, saved)
        return best

    def _drop(self, tokens: tuple[int, ...]) -> None:
        self.bytes -= len(self._saved.pop(tokens).data)
