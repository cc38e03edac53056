"""The documents of a release by number and by name. Read once, when the release is opened."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from knowledge.names import Common, NameIndex
from knowledge.settings import NameSettings
from knowledge.sounding import SoundIndex


@dataclass(slots=True)
class Entry:
    """A document and the numbers of its passages, first and last."""

    document_id: str
    title: str
    first: int
    last: int


class Directory:
    """``entries`` in the order of their numbers, which follow one another. ``common``: words → shares of passages."""

    def __init__(self, entries: Sequence[Entry], settings: NameSettings, common: Common) -> None:
        self.entries = entries
        self._settings = settings
        self._common = common
        self._starts = [one.first for one in entries]

    def place(self, number: int) -> int:
        """Which entry holds a passage."""
        return bisect_right(self._starts, number) - 1

    @cached_property
    def names(self) -> NameIndex:
        """The titles, ready to be found in conversations."""
        titles = {at: one.title for at, one in enumerate(self.entries)}
        return NameIndex(titles, self._settings, self._common)

    @cached_property
    def sounds(self) -> SoundIndex:
        """The titles' names by how they sound."""
        return SoundIndex(one.title for one in self.entries)

    def named(self, turns: Sequence[Sequence[str]]) -> dict[int, float]:
        """Entries that a conversation names, the surest first, each 0..1; ``turns`` as NameIndex.mentioned has them."""
        found = self.names.mentioned(turns) if self._settings.turns else {}
        return dict(sorted(found.items(), key=lambda one: (-one[1], one[0])))
