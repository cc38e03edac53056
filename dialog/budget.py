"""The latency budget of one turn: what is left decides what is done. Pure; the clock is an argument.

::

    true end of speech                                                        turn_deadline
        │ endpoint │ recognise │ retrieve │ model … ─────────────────────────────┤ a person is offered
        0    │           └ expects(1.8 s) ──► filler at once   dead_air ► filler again ► …
             └ nothing heard by filler_after (later if the answer is nearly there, or being written) ──► filler

A filler is spoken as soon as it is *known* that the answer will be late, not when it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from dialog.settings import BudgetSettings

_NEVER = float("inf")
_EPS = 1e-6


class Step(StrEnum):
    """What the budget says when asked."""

    GO_ON = "go_on"
    FILLER = "filler"
    FILLER_AGAIN = "filler_again"
    CHEAPER = "cheaper"
    INSTEAD = "instead"
    """Another than usual is asked, because a worker is lost."""
    OFFER_PERSON = "offer_person"


@dataclass(slots=True)
class TurnBudget:
    """``began`` is the monotonic time of the caller's last voiced frame."""

    settings: BudgetSettings
    began: float
    fillers: int = 0
    heard_until: float = 0.0
    choices: list[tuple[float, Step, str]] = field(default_factory=list)
    _expected: float = _NEVER
    """When the answer is expected to be heard; what is sooner than ``filler_beyond_s`` needs no filler."""
    _expects: str = ""
    _filling: bool = False
    _writing: bool = False
    disturbed: bool = False
    """A worker is lost, needed or not: its replacement takes the cores while it loads, and nothing is as expected."""
    _lost_at: float | None = None
    """When a worker that this turn needs was lost; of several, the first that was missed."""

    @property
    def deadline(self) -> float:
        """Monotonic time after which the operator owes an offer of a person."""
        return self.began + self.settings.turn_deadline_s

    @property
    def owed_by(self) -> float:
        """When the caller must have an answer or a person: sooner than the deadline if a worker was lost."""
        if self._lost_at is None:
            return self.deadline
        return min(self.deadline, max(self.began, self._lost_at) + self.settings.rescue_s)

    @property
    def bereft(self) -> bool:
        """A worker that this turn needs was lost."""
        return self._lost_at is not None

    @property
    def forsaken(self) -> bool:
        """A worker was lost, and nobody could answer in its place in time."""
        return self.bereft and any(step is Step.OFFER_PERSON for _, step, _ in self.choices)

    def left(self, now: float) -> float:
        """Seconds until something is owed; negative when that has passed."""
        return self.owed_by - now

    def expects(self, what: str, seconds: float, now: float) -> None:
        """``what`` has begun and should be heard in ``seconds``."""
        self._expected, self._expects = now + seconds, what

    def writing(self) -> None:
        """The model writes the answer already: a filler would last longer than what is missing of its first words."""
        self._writing = True

    def lost(self, what: str, seconds: float, now: float, since: float | None = None) -> None:
        """A worker is gone: what takes its place should be heard in ``seconds``, which is a guess.

        ``since``: when it was lost, if that is known; the turn may have come to need it later.
        """
        if self._lost_at is None:
            self._lost_at = now if since is None else min(since, now)
        self.expects(f"with {what} lost, the answer", seconds, now)

    def next_filler_at(self) -> float:
        """When silence must be filled next: in the past if the answer is known to come late; infinity if never."""
        if self._filling:
            return _NEVER
        if self.fillers:
            return self.heard_until + self.settings.dead_air_s
        if self.bereft:
            # Who answers instead, and when, is a guess: nothing is "nearly there".
            latest = self.began + self.settings.bereft_filler_s
            return latest if self._expected <= latest else self.began
        usual = self._usual_filler_at()
        return min(usual, self.began + self.settings.bereft_filler_s) if self.disturbed else usual

    def _usual_filler_at(self) -> float:
        latest = self.began + self.settings.filler_after_s
        if self._expected == _NEVER:
            return latest
        if self._expected - self.began > self.settings.filler_beyond_s:
            return self.began
        if self._writing:
            return max(latest, self.began + self.settings.writing_filler_s)
        # A filler takes longer to say than the little that is missing.
        return max(latest, min(self._expected + self.settings.nearly_s / 2, latest + self.settings.nearly_s))

    def while_waiting(self, now: float) -> Step:
        """Nothing of the answer is audible yet: what now?"""
        if self.left(now) <= _EPS:
            return self._chose(now, Step.OFFER_PERSON, self._overdue)
        if now < self.next_filler_at() - _EPS:
            return Step.GO_ON
        self.fillers += 1
        self._filling = True
        step = Step.FILLER if self.fillers == 1 else Step.FILLER_AGAIN
        if self._expected != _NEVER and now - self.began < self.settings.filler_after_s:
            return self._chose(now, step, f"{self._expects} is expected after {self._expected - self.began:.1f} s")
        return self._chose(now, step, f"no answer after {now - self.began:.1f} s")

    @property
    def _overdue(self) -> str:
        return f"{self._expects} did not come in time" if self.bereft else "turn deadline passed"

    def filling(self) -> None:
        """A filler is being said already, begun before there was a turn to answer."""
        self.fillers += 1
        self._filling = True

    def filled(self, now: float) -> None:
        """The filler has been said: from now on it is silent again."""
        self._filling = False
        self.heard_until = now

    def may_begin(self, what: str, needs_s: float, now: float, otherwise: Step) -> Step:
        """Is there time for ``what``, which needs so long until it is heard? If not: ``otherwise``."""
        if self.left(now) >= needs_s:
            return Step.GO_ON
        return self._chose(now, otherwise, f"{self.left(now):.1f} s left, {what} needs {needs_s:.1f} s")

    def cheaper(self, why: str, now: float) -> None:
        """A cheaper rung was taken, for this reason."""
        self._chose(now, Step.CHEAPER, why)

    def instead(self, why: str, now: float) -> None:
        """Somebody else is asked than usual, because a worker is lost."""
        self._chose(now, Step.INSTEAD, why)

    def _chose(self, now: float, step: Step, why: str) -> Step:
        self.choices.append((now - self.began, step, why))
        return step
