"""From token bytes to text that may be shown: whole UTF-8 characters, and never a part of a stop string."""

from __future__ import annotations

import codecs
from collections.abc import Sequence

Piece = tuple[str, float]
"""Text and the log probability of the token(s) behind it."""


class StopFilter:
    """Token bytes in, safe pieces out. Holds back what might become a stop string.

    ``stopped`` is the stop string that ended it, or "".
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = [stop for stop in stops if stop]
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held: list[Piece] = []
        self._unshown = 0.0
        self.stopped = ""

    def feed(self, data: bytes, logprob: float) -> list[Piece]:
        """Pieces that are safe now. A character split over tokens comes with the sum of their log probabilities."""
        if self.stopped:
            return []
        text = self._decoder.decode(data)
        self._unshown += logprob
        if text:
            self._held.append((text, self._unshown))
            self._unshown = 0.0
        return self._release()

    def finish(self) -> list[Piece]:
        """No more tokens: what was held back for a stop string that did not come. Half a character is dropped."""
        pieces, self._held = ([], []) if self.stopped else (self._held, [])
        return pieces

    def _release(self) -> list[Piece]:
        held = "".join(text for text, _ in self._held)
        found = [(held.index(stop), stop) for stop in self._stops if stop in held]
        if found:
            end, self.stopped = min(found)
            return self._cut(end, split=True)
        # Only a held text that ends with the beginning of a stop string must wait.
        hold = max(
            (n for stop in self._stops for n in range(1, min(len(stop), len(held) + 1)) if held.endswith(stop[:n])),
            default=0,
        )
        return self._cut(len(held) - hold, split=False)

    def _cut(self, end: int, *, split: bool) -> list[Piece]:
        """Take the pieces that end before character ``end``; with ``split`` also the part of the one across it."""
        pieces: list[Piece] = []
        while self._held and len(self._held[0][0]) <= end:
            pieces.append(self._held.pop(0))
            end -= len(pieces[-1][0])
        if split and end > 0 and self._held:
            pieces.append((self._held[0][0][:end], self._held[0][1]))
        return pieces
