"""How many calls at once, how fast they may come, and what happens to the next one.

::

    call ──► draining? ──► too fast? ──► this caller too often? ──► free line, answers in time ──► Ticket
                │              │                 │                      └ not: policy `transfer`, overflow free
                └──────────────┴─────────────────┴──► Refusal             ──► Ticket(overflow): prepared sentence,
                                                      (486 / 1013)             then the plan's persons; else Refusal

Pure: ``now`` is monotonic seconds. A ticket is held for the length of a call and released exactly once.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from pydantic import Field

from contracts.settings import Settings
from telephony.strain import Strain, StrainSettings

_CALLERS_KEPT = 10_000
"""Callers whose recent starts are remembered; the one not heard of for longest is forgotten first."""


class AdmissionSettings(Settings):
    """How many calls are answered. 0 switches a limit off where 0 is allowed."""

    max_calls: int = Field(default=20, ge=1, le=10_000, description="Calls at once that talk to the operator.")
    when_full: Literal["transfer", "refuse"] = Field(
        default="transfer", description="The next call: a prepared sentence and the plan for a person, or 486/1013."
    )
    overflow_calls: int = Field(
        default=5, ge=0, le=1000, description="Calls beyond max_calls that may be with a person, or on the way to one."
    )
    starts_per_s: float = Field(default=20.0, gt=0, le=1000, description="Calls that may begin in one second.")
    starts_per_caller: int = Field(
        default=0, ge=0, description="Calls that one caller may begin within caller_window_s. 0: no limit."
    )
    calls_per_caller: int = Field(default=0, ge=0, description="Calls of one caller at once. 0: no limit.")
    caller_window_s: float = Field(default=60.0, gt=0, le=86_400, description="The window of starts_per_caller.")
    strain: StrainSettings = StrainSettings()


class RefusalReason(StrEnum):
    """Why a call was not admitted."""

    DRAINING = "draining"
    FULL = "full"
    STRAINED = "strained"
    """The present calls are no longer answered in time."""
    TOO_FAST = "too_fast"
    CALLER_TOO_OFTEN = "caller_too_often"
    CALLER_TOO_MANY = "caller_too_many"


@dataclass(slots=True, frozen=True)
class Refusal:
    """The call is to be rejected (SIP 486; WebSocket 503 at the handshake, or 1013 once it stands)."""

    reason: RefusalReason


@dataclass(slots=True, eq=False)
class Ticket:
    """The right to be answered. ``overflow``: only to hear the prepared sentence and get a person."""

    kind: str
    caller: str
    overflow: bool
    _admission: Admission = field(repr=False)
    _held: bool = True

    def release(self) -> None:
        """The call is over; harmless if said twice."""
        if self._held:
            self._held = False
            self._admission.released(self)


class Admission:
    """Counts calls. ``refused`` counts refusals by reason."""

    def __init__(self, settings: AdmissionSettings, strain: Strain | None = None) -> None:
        self._settings = settings
        self.strain = strain or Strain(settings.strain)
        self._active: Counter[str] = Counter()
        self._by_caller: Counter[str] = Counter()
        self._overflow = 0
        self._starts: deque[float] = deque()
        self._callers: OrderedDict[str, deque[float]] = OrderedDict()
        self.draining = False
        self.refused: Counter[str] = Counter()

    @property
    def active(self) -> int:
        """Calls with the operator."""
        return self._active.total()

    @property
    def overflow(self) -> int:
        """Calls that hear the prepared sentence."""
        return self._overflow

    @property
    def idle(self) -> bool:
        """Whether no ticket is held, so that a draining process may end."""
        return not self.active and not self._overflow

    def ready(self, now: float) -> bool:
        """Whether the next call would find a line (readiness for a load balancer)."""
        return not self.draining and self._no_room(now) is None

    def closed(self, now: float) -> bool:
        """Whether the next call would be refused, whoever it is: no line, and nobody to hear the prepared sentence."""
        return self._refusal("", now) is not None

    def active_of(self, kind: str) -> int:
        """Calls with the operator of one kind of leg."""
        return self._active[kind]

    def drain(self) -> None:
        """Admit nobody from now on; what is active goes on."""
        self.draining = True

    def admit(self, kind: str, caller: str, now: float) -> Ticket | Refusal:
        """Whether a call of leg ``kind`` from ``caller`` (a number or address; empty: unknown) may be answered.

        Only an admitted call counts as a start, so that a flood that is refused does not keep the door shut.
        """
        refusal = self._refusal(caller, now)
        if refusal is not None:
            self.refused[refusal] += 1
            return Refusal(refusal)
        overflow = self._no_room(now) is not None
        self._starts.append(now)
        if caller:
            self._remember(caller, now)
            self._by_caller[caller] += 1
        if overflow:
            self._overflow += 1
        else:
            self._active[kind] += 1
        return Ticket(kind, caller, overflow, self)

    def released(self, ticket: Ticket) -> None:
        """Called by Ticket.release only."""
        if ticket.overflow:
            self._overflow -= 1
        else:
            self._active[ticket.kind] -= 1
        if ticket.caller:
            self._by_caller[ticket.caller] -= 1
            if not self._by_caller[ticket.caller]:
                del self._by_caller[ticket.caller]

    def _refusal(self, caller: str, now: float) -> RefusalReason | None:
        settings = self._settings
        if self.draining:
            return RefusalReason.DRAINING
        window_s = max(1.0, 1.0 / settings.starts_per_s)
        _forget(self._starts, now - window_s)
        if len(self._starts) >= max(1.0, settings.starts_per_s):
            return RefusalReason.TOO_FAST
        if caller and settings.calls_per_caller and self._by_caller[caller] >= settings.calls_per_caller:
            return RefusalReason.CALLER_TOO_MANY
        if caller and settings.starts_per_caller and caller in self._callers:
            _forget(self._callers[caller], now - settings.caller_window_s)
            if len(self._callers[caller]) >= settings.starts_per_caller:
                return RefusalReason.CALLER_TOO_OFTEN
        full = self._no_room(now)
        if settings.when_full == "transfer" and self._overflow < settings.overflow_calls:
            return None
        return full

    def _no_room(self, now: float) -> RefusalReason | None:
        """Why no further call can talk to the operator. Who is alone there is not made late by anybody."""
        if self.active >= self._settings.max_calls:
            return RefusalReason.FULL
        return RefusalReason.STRAINED if self.active and self.strain.strained(now) else None

    def _remember(self, caller: str, now: float) -> None:
        if not self._settings.starts_per_caller:
            return
        self._callers.setdefault(caller, deque(maxlen=self._settings.starts_per_caller)).append(now)
        self._callers.move_to_end(caller)
        while len(self._callers) > _CALLERS_KEPT:
            self._callers.popitem(last=False)


def _forget(times: deque[float], until: float) -> None:
    while times and times[0] <= until:
        times.popleft()
