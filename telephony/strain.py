"""Are the present calls still answered in time? If not, the next one is not admitted. Pure; ``now`` is monotonic.

::

    late answers ▁▁▁▃▆█████▆▃▁▁▁
    strained         ├──────────┤      on: share of late ones ≥ begin_share; off: ≤ end_share, or nothing heard lately
"""

from __future__ import annotations

from collections import deque

from pydantic import Field, model_validator

from contracts.settings import Settings


class StrainSettings(Settings):
    """When the machine has enough to do with the calls it has."""

    late_s: float = Field(default=2.0, gt=0, description="A response latency over this is late.")
    begin_share: float = Field(default=0.3, gt=0, le=1, description="Share of late answers that closes the door.")
    end_share: float = Field(default=0.1, ge=0, le=1, description="Share of late answers that opens it again.")
    window_s: float = Field(default=30.0, gt=0, le=3600, description="Answers are remembered for so long.")
    fewest: int = Field(default=4, ge=1, le=1000, description="With fewer answers in the window nothing is concluded.")

    @model_validator(mode="after")
    def _hysteresis(self) -> StrainSettings:
        if self.end_share > self.begin_share:
            raise ValueError("end_share must not exceed begin_share")
        return self


class Strain:
    """Remembers recent answers. ``lateness`` of the whole machine, not of one call."""

    def __init__(self, settings: StrainSettings) -> None:
        self._settings = settings
        self._answers: deque[tuple[float, bool]] = deque(maxlen=1000)
        self._strained = False

    def answered(self, latency_s: float, now: float) -> None:
        """A caller was answered ``latency_s`` after the end of the turn."""
        self._answers.append((now, latency_s > self._settings.late_s))

    def unanswered(self, now: float) -> None:
        """A caller's turn got no answer in time at all."""
        self._answers.append((now, True))

    def strained(self, now: float) -> bool:
        """Should nobody else be let in?"""
        settings = self._settings
        while self._answers and self._answers[0][0] <= now - settings.window_s:
            self._answers.popleft()
        if len(self._answers) < settings.fewest:
            self._strained = False
            return False
        share = sum(late for _, late in self._answers) / len(self._answers)
        self._strained = share > settings.end_share if self._strained else share >= settings.begin_share
        return self._strained
