"""Ordinary callers by telephone, heard by the operator's own ear: whom would the rules take to a person?

The clips are one caller's channel each. No agent answers them here, so the counts that a conversation makes (the same
answer twice, no progress) are not in play; words, the classifier and turns without words are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from contracts.audio import RATE
from contracts.engines import Transcript
from evaluation.hearing import WIRE_RATE, Listener
from evaluation.safetydata import Case, rows_of
from telephony.lines import read_wav
from telephony.resample import resample
from workers.manifest import ModelStore, load_manifest

CLIPS = "clips/clips.csv"
CLEAN = "clips/clean"


@dataclass(slots=True, frozen=True)
class Clip:
    """A caller's turns, as heard. ``task``: what they call for, as the data name it."""

    name: str
    task: str
    turns: Sequence[Transcript]

    def cases(self) -> list[Case]:
        """Each turn with words, to be judged."""
        return [Case(f"{self.name}-{number}", turn.text, self.task) for number, turn in self._worded()]

    def _worded(self) -> list[tuple[int, Transcript]]:
        return [(number, turn) for number, turn in enumerate(self.turns, 1) if turn.text.strip()]

    @property
    def wordless_run(self) -> int:
        """The longest run of turns in which nothing was understood."""
        longest = run = 0
        for turn in self.turns:
            run = 0 if turn.text.strip() else run + 1
            longest = max(longest, run)
        return longest


def heard(data: Path, models: Path, limit: int | None, advance: Callable[[], None]) -> list[Clip]:
    """Every clip; none if the folder has none. Raises ConfigError, LineError, ModelFileError."""
    if not (data / CLIPS).is_file():
        return []
    rows = rows_of(data / CLIPS, "clip", "task")[:limit]
    listener = Listener(ModelStore(load_manifest(), models))
    clips = []
    for row in rows:
        name = Path(row["clip"]).name  # a name in a table is no way out of the folder
        wire = resample(read_wav(data / CLEAN / name), RATE, WIRE_RATE)
        clips.append(Clip(name, row["task"], listener.hear(np.frombuffer(wire, dtype="<i2")).turns))
        advance()
    return clips
