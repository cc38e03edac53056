"""Whom to try to reach for a caller, how, and in which order. Pure: settings, and a state machine that takes the clock.

::

    first ─► Try(target 1) ── failed ─► Try(target 2) ── failed ─► Queue ── ready ─► Try(target 1) …
                │ refused: cannot REFER                              │ callback ─► Kept
                └────────► Try(target 1, by bridge)                  └ nobody, or patience is over ─► Nobody

A target is reached in one of three ways:

- ``refer``: the far end is asked to call the target itself (blind REFER). It owns the caller from then on.
- ``attended``: we call the target, tell them what it is about, then ask the far end to take our place (Replaces).
- ``bridge``: we call the target, tell them, and join both calls here. Works with everything.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, field_validator

from contracts.dialling import WaitEnd, WaitOutcome, end_of
from contracts.leg import LegInfo
from contracts.settings import Settings
from escalation.hours import Hours

_URI = re.compile(r"^sips?:([^@\s<>\"]+@)?(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9_.-]+)(:\d{1,5})?(;[^\s<>\"?]*)?$")
_BARE = re.compile(r"^\+?[0-9A-Za-z*#_.-]+(@[A-Za-z0-9_.-]+(:\d{1,5})?)?$")
_HOST = re.compile(r"sips?:(?:[^@>;?]*@)?(\[[^\]]+\]|[^:;>?\s]+)")


class Mode(StrEnum):
    """How a target is reached."""

    REFER = "refer"
    ATTENDED = "attended"
    BRIDGE = "bridge"


class Target(Settings):
    """One place where a person may be."""

    mode: Mode = Field(default=Mode.REFER, description="refer, attended or bridge.")
    target: str = Field(description="A SIP URI such as sip:queue@pbx.example; with refer also a bare extension.")
    ring_s: float = Field(default=20.0, ge=1, le=300, description="How long it may ring before the next is tried.")
    brief: bool = Field(default=True, description="Tell the person what it is about before the caller is joined.")
    confirm: bool = Field(
        default=False,
        description="Whoever answers takes the caller by handover.skip_key after the briefing, else the next target is "
        "tried: a mailbox takes nobody. With attended and bridge.",
    )
    hours: str = Field(default="", description="A table of escalation.hours: not tried while closed. Empty: always.")

    @field_validator("target")
    @classmethod
    def _uri(cls, target: str) -> str:
        if not _URI.match(target) and not _BARE.match(target):
            raise ValueError(f"{target!r} is no place to call; write a SIP URI such as sip:queue@pbx.example")
        return target

    @property
    def bare(self) -> bool:
        """An extension or user@host, which only the far end can complete."""
        return not target_is_uri(self.target)


def target_is_uri(target: str) -> bool:
    """A whole SIP URI."""
    return target.startswith(("sip:", "sips:"))


def as_targets(value: Any) -> Any:
    """What may be written for a plan: ``sip:…`` (a blind REFER), a mapping, or a list of either; empty for nobody."""
    if value in ("", None):
        return ()
    if isinstance(value, str | Mapping | Target):
        value = [value]
    if not isinstance(value, list | tuple):
        raise ValueError("a target is a SIP URI, or a list of {mode, target, ring_s, brief}")
    return tuple({"target": one} if isinstance(one, str) else one for one in value)


TargetPlan = Annotated[tuple[Target, ...], BeforeValidator(as_targets)]
"""Targets in the order in which they are tried."""


class Trunk(Settings):
    """Calls that are handed over differently; the first trunk that fits is taken. Patterns as in a shell: * and ?."""

    called: str = Field(default="*", description="Pattern over the called address, such as sip:+4930*")
    peer: str = Field(default="*", description="Pattern over the host that the caller's address names.")
    kind: str = Field(default="*", description="sip or twilio.")
    targets: dict[str, TargetPlan] = Field(description="As dialog.targets; a name that is missing is taken from there.")

    def fits(self, info: LegInfo) -> bool:
        """Is this call one of the trunk's?"""
        found = _HOST.search(info.caller)
        peer = found.group(1) if found else ""
        pairs = ((info.called, self.called), (peer, self.peer), (info.kind, self.kind))
        return all(fnmatchcase(value.lower(), pattern.lower()) for value, pattern in pairs)


@dataclass(slots=True, frozen=True)
class Plans:
    """All plans of an operator."""

    targets: Mapping[str, tuple[Target, ...]] = field(default_factory=dict)
    trunks: tuple[Trunk, ...] = ()
    hours: Mapping[str, Hours] = field(default_factory=dict)

    def of(self, info: LegInfo, name: str, at: datetime | None = None) -> tuple[Target, ...]:
        """Whom to try for this call, in order; empty: nobody can be reached under that name. ``at``: who is there
        then."""
        return tuple(one for one in self._all(info, name) if at is None or self._opens(one, at) == at)

    def opens_at(self, info: LegInfo, name: str, at: datetime) -> datetime | None:
        """When somebody of the plan is there again, if nobody is now; None: somebody is, or it is not known."""
        times = [self._opens(one, at) for one in self._all(info, name)]
        known = [one for one in times if one is not None]
        return min(known) if known and at not in known else None

    def _opens(self, target: Target, at: datetime) -> datetime | None:
        return self.hours[target.hours].opens_at(at) if target.hours else at

    def _all(self, info: LegInfo, name: str) -> tuple[Target, ...]:
        trunk = next((one for one in self.trunks if one.fits(info)), None)
        if trunk is not None and name in trunk.targets:
            return trunk.targets[name]
        return tuple(self.targets.get(name, ()))

    def reachable(self, info: LegInfo, at: datetime | None = None) -> bool:
        """Is there anybody for this call, under any name?"""
        names = {*self.targets, *(name for trunk in self.trunks for name in trunk.targets)}
        return any(self.of(info, name, at) for name in names)


def addresses(targets: Mapping[str, tuple[Target, ...]], trunks: Sequence[Trunk]) -> set[str]:
    """Every place that is named in the settings."""
    plans = [*targets.values(), *(plan for trunk in trunks for plan in trunk.targets.values())]
    return {one.target for plan in plans for one in plan}


class Failure(StrEnum):
    """Why a target did not take the caller."""

    BUSY = "busy"
    NO_ANSWER = "no_answer"
    DECLINED = "declined"
    UNREACHABLE = "unreachable"
    FAILED = "failed"
    UNSUPPORTED = "unsupported"
    """The far end cannot transfer at all."""
    LEFT = "left"
    """The person answered and hung up before the caller was joined."""


_CANNOT = frozenset({"405", "420", "489", "501"})
"""Answers of a far end that knows no REFER; 489 Bad Event: not its subscription (RFC 6665)."""


def why_refused(status: str) -> Failure:
    """Of a REFER's final status such as ``486 Busy Here``."""
    return Failure.UNSUPPORTED if status[:3] in _CANNOT else Failure(str(end_of(status)))


@dataclass(slots=True, frozen=True)
class Try:
    """Reach this target in this way; ``ring_s`` is what is left of the patience at most."""

    target: Target
    mode: Mode
    ring_s: float


@dataclass(slots=True, frozen=True)
class Queue:
    """Nobody answered: let the caller wait."""


@dataclass(slots=True, frozen=True)
class Kept:
    """The caller will be called back."""

    ticket: str


@dataclass(slots=True, frozen=True)
class Nobody:
    """No person for this caller now; ``why`` for the record."""

    why: str


Step = Try | Queue | Kept | Nobody


@dataclass(slots=True, frozen=True)
class Ability:
    """What can be done with this caller's leg here."""

    transfer: bool = True
    """REFER, or the provider's word for it."""
    attend: bool = True
    """REFER with Replaces."""
    dial: bool = True
    """We can call somebody."""


_LEAST_RING_S = 3.0


class Course:
    """One caller's way through a plan. Times are monotonic seconds; ``patience_s`` bounds the tries, not the queue."""

    def __init__(self, targets: Sequence[Target], can: Ability, *, patience_s: float, rounds: int = 3) -> None:
        self._targets = tuple(targets)
        self._can = can
        self._patience_s = patience_s
        self._rounds = rounds
        self._left: list[Try] = []
        self._trying: Try | None = None
        self._until = 0.0
        self._why = "no target configured"
        self.tried = False
        """Somebody was."""

    def first(self, now: float) -> Step:
        """Where to begin."""
        return self._begin(self._targets, now)

    def failed(self, why: Failure, status: str, now: float) -> Step:
        """The last Try did not reach anybody."""
        tried = self._trying
        self._why = status or str(why)
        refused = why is Failure.UNSUPPORTED and tried is not None and tried.mode is Mode.REFER
        if refused and tried is not None and self._bridgeable(tried.target):
            self._left.insert(0, Try(tried.target, Mode.BRIDGE, tried.target.ring_s))
        return self._next(now)

    def waited(self, outcome: WaitOutcome, now: float) -> Step:
        """The last Queue is over."""
        if outcome.end is WaitEnd.CALLBACK:
            return Kept(outcome.ticket)
        if outcome.end is WaitEnd.NOBODY:
            return Nobody(self._why)
        if not outcome.target:
            return self._begin(self._targets, now)
        # By REFER we would let go of the caller before anybody has answered: only where nothing else can be done.
        mode = next((one.mode for one in self._targets if one.mode is not Mode.REFER), Mode.BRIDGE)
        target = Target(mode=mode, target=outcome.target, ring_s=outcome.ring_s, confirm=outcome.confirm)
        return self._start([target], now)  # no round: the queue itself ends such tries (misses, max_wait_s)

    def _begin(self, targets: Sequence[Target], now: float) -> Step:
        if self._rounds == 0:
            return Nobody(self._why)
        self._rounds -= 1
        return self._start(targets, now)

    def _start(self, targets: Sequence[Target], now: float) -> Step:
        self._until = now + self._patience_s
        tries = [(one, self._mode(one)) for one in targets]
        self._left = [Try(one, mode, one.ring_s) for one, mode in tries if mode is not None]
        if targets and not self._left:
            self._why = "no target can be reached from this call"
        return self._next(now)

    def _next(self, now: float) -> Step:
        left_s = self._until - now
        if not self._left or left_s < _LEAST_RING_S:
            self._trying = None
            return Queue()
        one = self._left.pop(0)
        self.tried = True
        self._trying = Try(one.target, one.mode, min(one.ring_s, left_s))
        return self._trying

    def _mode(self, target: Target) -> Mode | None:
        """The wished way, or the next best that this call allows."""
        can, mode = self._can, target.mode
        if mode is not Mode.REFER and self._bridgeable(target):
            return mode if mode is Mode.BRIDGE or can.attend else Mode.BRIDGE
        if can.transfer:
            return Mode.REFER
        return Mode.BRIDGE if self._bridgeable(target) else None

    def _bridgeable(self, target: Target) -> bool:
        return self._can.dial and not target.bare
