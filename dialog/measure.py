"""When the stages of a turn ended, for the waterfall. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from contracts.events import TurnTimings

ORDER = ("endpoint", "recognised", "retrieved", "decided", "first_token", "first_clause", "first_audio")
"""Stages in the order in which they end."""


@dataclass(slots=True)
class TurnMeasure:
    """Marks of one turn; times are monotonic seconds. The first mark of a name counts."""

    timings: TurnTimings
    marks: dict[str, float] = field(default_factory=dict)
    filler_at: float = 0.0
    answer_at: float = 0.0
    ahead: str = ""
    """What had been done before the turn was over and could be used: "evidence", "answer", or nothing."""

    def __post_init__(self) -> None:
        self.marks["endpoint"] = self.timings.endpoint
        self.marks["recognised"] = self.timings.recognised

    def mark(self, stage: str, now: float) -> None:
        """A stage ended."""
        self.marks.setdefault(stage, now)

    def stages(self) -> dict[str, list[float]]:
        """Name → [start, end], seconds after the true end of speech; each begins where the one before it ended."""
        zero, start = self.timings.speech_ended, 0.0
        found: dict[str, list[float]] = {}
        for name in ORDER:
            if name in self.marks and self.marks[name] > 0:
                end = max(start, self.marks[name] - zero)
                found[name] = [round(start, 4), round(end, 4)]
                start = end
        return found

    def body(self, rung: str) -> dict[str, Any]:
        """The TURN_MEASURED event's body. ``*_at`` are monotonic, for benchmarks."""
        zero = self.timings.speech_ended
        return {
            "rung": rung,
            "ahead": self.ahead,
            "stages": self.stages(),
            "response_latency_s": round(self.answer_at - zero, 4) if self.answer_at else None,
            "filler_latency_s": round(self.filler_at - zero, 4) if self.filler_at else None,
            "smart_turn": round(self.timings.smart_turn, 3),
            "speech_ended_at": zero,
            "endpoint_at": self.timings.endpoint,
            "answer_at": self.answer_at,
            "filler_at": self.filler_at,
        }
