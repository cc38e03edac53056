"""What a suite of the evaluation is given, and what it hands back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol


@dataclass(slots=True, frozen=True)
class Occasion:
    """``data``: a folder laid out like the measuring data; ``fit``: another one, of which alone may be learned, or None
    (then what is learned is learned by folds of ``data``). ``models``: folder of the model files. ``work``: an empty
    folder for whatever the suite writes. ``seed`` for every choice by chance; ``limit``: at most so many cases of each
    kind (None: all). ``advance(done, of)`` moves the progress bar.
    """

    data: Path
    fit: Path | None
    models: Path
    work: Path
    seed: int = 1
    limit: int | None = None
    advance: Callable[[int, int], None] = lambda done, of: None


@dataclass(slots=True, frozen=True)
class Failure:
    """One case to read. ``case``: its id in the data; ``said``: what the caller says."""

    case: str
    said: str
    expected: str
    got: str
    note: str = ""


@dataclass(slots=True, frozen=True)
class Outcome:
    """``figures``: the suite's part of the scorecard, shares between 0 and 1. ``counts``: figure → (numerator, cases)
    where it is a share of cases, for its interval; a nested figure is named with dots ("banking.any_hit_10").
    ``notes``: what a reader must know about how it was measured. ``pictures``: name → PNG. Failures are shown grouped
    by their ``note``.
    """

    figures: Mapping[str, Any]
    counts: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    failures: Sequence[Failure] = ()
    notes: Sequence[str] = ()
    pictures: Mapping[str, bytes] = field(default_factory=dict)


class Suite(Protocol):
    """``name``: its key in the scorecard. ``needs``: paths below the data folder, without any of which it is left out;
    each may be a pattern ("intents/banking77_*.csv"), or several joined by "|" of which one suffices.
    """

    name: str
    title: str
    needs: Sequence[str]

    def run(self, occasion: Occasion) -> Outcome:
        """Raises CallwrightError for data that cannot be read, with what to do."""
        ...
