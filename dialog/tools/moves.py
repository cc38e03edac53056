"""Where a task is, and what the machine does next. Pure shapes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from contracts.tools import Effect
from voice.completeness import Expectation


class Phase(StrEnum):
    """Where a task is."""

    IDLE = "idle"
    SLOT = "slot"
    CHECK = "check"
    """A slot's value was read back."""
    FACTOR = "factor"
    CONFIRM = "confirm"
    CALL = "call"
    KEYED = "keyed"
    """Secure slots are being keyed in."""


@dataclass(slots=True, frozen=True)
class State:
    """All that a task has so far; replaced, never changed."""

    phase: Phase = Phase.IDLE
    task: str = ""
    asked: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    factors: Mapping[str, str] = field(default_factory=dict)
    lacking: frozenset[str] = frozenset()
    """Factors that the caller does not have, or that could not be made out."""
    wanted: int = 0
    """Factors that are needed now."""
    checks: int = 0
    misses: int = 0
    by_keys: bool = False
    looked: bool = False
    heard_whole: bool = False
    """The read-back was heard to its end; before that a yes means nothing."""
    customer: str = ""


@dataclass(slots=True, frozen=True)
class Ask:
    """Say this and wait. ``keys``: how many would answer it; 0: none."""

    text: str
    expect: Expectation
    digits: int = 0
    keys: int = 0


@dataclass(slots=True, frozen=True)
class Call:
    """Ask the owner's system."""

    operation: str
    effect: Effect
    arguments: Mapping[str, Any]
    factors: int = 0
    """Of an identity check: how many are checked."""


@dataclass(slots=True, frozen=True)
class Capture:
    """Let the caller key in the task's secure slots, and post them with ``details`` to the payment endpoint."""

    task: str
    details: Mapping[str, Any]


@dataclass(slots=True, frozen=True)
class End:
    """The task is over. ``offer``: the sentence offers a person; ``unverified``: the caller was not identified;
    ``uncaptured``: nothing could be keyed in."""

    text: str
    how: str
    task: str
    offer: bool = False
    unverified: bool = False
    uncaptured: bool = False


Move = Ask | Call | Capture | End
