"""The latency budget of one turn: what is left decides what is done. Pure; the clock is an argument.

::

    true end of speech                                            turn_deadline
        │ endpoint │ recognise │ retrieve │ model … ──────────────────────┤ a person is offered
        0          filler_after ──► filler        second_filler ──► again
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from dialog.settings import BudgetSettings


class Step(StrEnum):
    """What the budget says when asked."""

    GO_ON = "go_on"
    FILLER = "filler"
    FILLER_AGAIN = "filler_again"
    CHEAPER = "cheaper"
    OFFER_PERSON = "offer_person"


@dataclass(slots=True)
class TurnBudget:
    """``began`` is the monotonic time of the caller's last voiced frame."""

    settings: BudgetSettings
    began: float
    fillers: int = 0
    choices: list[tuple[float, Step, str]] = field(default_factory=list)

    @property
    def deadline(self) -> float:
        """Monotonic time after which the operator owes an offer of a person."""
        return self.began + self.settings.turn_deadline_s

    def left(self, now: float) -> float:
        """Seconds until the deadline; negative when it has passed."""
        return self.deadline - now

    def next_filler_at(self) -> float:
        """When silence must be filled next; infinity when no further filler is due."""
        if self.fillers == 0:
            return self.began + self.settings.filler_after_s
        return self.began + self.settings.second_filler_after_s if self.fillers == 1 else float("inf")

    def while_waiting(self, now: float) -> Step:
        """Nothing of the answer is audible yet: what now?"""
        if self.left(now) <= 0:
            return self._chose(now, Step.OFFER_PERSON, "turn deadline passed")
        if now >= self.next_filler_at():
            self.fillers += 1
            step = Step.FILLER if self.fillers == 1 else Step.FILLER_AGAIN
            return self._chose(now, step, f"no answer after {now - self.began:.1f} s")
        return Step.GO_ON

    def may_begin_large(self, now: float) -> Step:
        """Is there time for the large model?"""
        if self.left(now) >= self.settings.large_needs_s:
            return Step.GO_ON
        return self._chose(now, Step.CHEAPER, f"{self.left(now):.1f} s left, the large model needs more")

    def may_begin_small(self, now: float) -> Step:
        """Is there time for the small model?"""
        if self.left(now) >= self.settings.small_needs_s:
            return Step.GO_ON
        return self._chose(now, Step.OFFER_PERSON, f"{self.left(now):.1f} s left, no model fits")

    def _chose(self, now: float, step: Step, why: str) -> Step:
        self.choices.append((now - self.began, step, why))
        return step
