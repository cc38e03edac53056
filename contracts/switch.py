"""The kill switch: what of the operator is switched off just now. The whole of it, single rules, single topics.

The one thing of a call's configuration that may change under way: a switch that waits for the call's end is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

MAX_NAME = 80
MAX_WHY = 200


class Scope(StrEnum):
    """What is switched."""

    WHOLE = "whole"
    """No question is answered: callers go to a person."""
    RULE = "rule"
    """A rule of the rule file does not fire."""
    TOPIC = "topic"
    """Questions about it go to a person."""


@dataclass(slots=True, frozen=True)
class Turned:
    """One switch as it was turned last. ``at`` is UTC; ``name`` is empty for the whole."""

    scope: Scope
    name: str
    off: bool
    by: str
    why: str
    at: datetime

    @classmethod
    def read(cls, body: Mapping[str, Any], at: datetime) -> Turned:
        """From the body of a ``switch.turned`` event. Raises KeyError or ValueError."""
        given = {key: str(body[key]) for key in ("name", "by", "why")}
        return cls(scope=Scope(body["scope"]), off=bool(body["off"]), at=at, **given)

    def body(self) -> dict[str, Any]:
        """For the event."""
        return {"scope": str(self.scope), "name": self.name, "off": self.off, "by": self.by, "why": self.why}


@dataclass(slots=True, frozen=True)
class SwitchState:
    """All that is off. Topics are compared without regard to case."""

    off: tuple[Turned, ...] = ()

    def turned(self, turn: Turned) -> SwitchState:
        """The state after it."""
        kept = tuple(one for one in self.off if (one.scope, one.name.lower()) != (turn.scope, turn.name.lower()))
        return replace(self, off=(*kept, turn) if turn.off else kept)

    def why_off(self, scope: Scope, name: str = "") -> Turned | None:
        """Who switched that off, when and why; None: it is on."""
        key = (scope, name.lower())
        return next((one for one in self.off if (one.scope, one.name.lower()) == key), None)

    def names(self, scope: Scope) -> frozenset[str]:
        """Rules or topics that are off."""
        return frozenset(one.name for one in self.off if one.scope is scope)


@dataclass(slots=True)
class Switch:
    """One for the operator, shared by all its calls."""

    state: SwitchState = field(default_factory=SwitchState)
