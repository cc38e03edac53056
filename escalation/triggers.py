"""What a rule can wait for: one model of optional conditions, any of which makes the rule fire."""

from __future__ import annotations

from pydantic import Field, field_validator, model_validator

from contracts.settings import Settings
from escalation.facts import TurnFacts

COUNTS = (
    "no_input",
    "no_match",
    "low_confidence_run",
    "no_evidence_run",
    "gate_rejections",
    "repeated_answer",
    "deadlines_missed",
    "no_progress",
    "identity_failed",
    "capture_failed",
)
"""Conditions that hold when the fact of the same name has reached the number given."""


class Trigger(Settings):
    """Conditions of one rule; it fires when any of those given holds."""

    phrases: list[str] = Field(default_factory=list)
    """Patterns over what the caller said; the language is in escalation/phrases.py."""
    unless: list[str] = Field(default_factory=list)
    """Patterns that cancel a phrase which they overlap."""
    dtmf: str = ""
    """Keys, each of which fires: ``"0"`` or ``"0*"``."""
    offer_accepted: bool = False
    """The caller said yes to the offer of a person."""
    no_input: int | None = Field(default=None, ge=1)
    no_match: int | None = Field(default=None, ge=1)
    low_confidence_run: int | None = Field(default=None, ge=1)
    no_evidence_run: int | None = Field(default=None, ge=1)
    gate_rejections: int | None = Field(default=None, ge=1)
    repeated_answer: int | None = Field(default=None, ge=2)
    deadlines_missed: int | None = Field(default=None, ge=1)
    no_progress: int | None = Field(default=None, ge=1)
    identity_failed: int | None = Field(default=None, ge=1)
    capture_failed: int | None = Field(default=None, ge=1, le=1)
    amount_over: int | None = Field(default=None, ge=1)
    """An amount of money above this many units was spoken of, in digits or words."""
    risk: dict[str, float] = Field(default_factory=dict)
    """Label of configs/risk.yaml → score from which it fires."""
    worker_down: bool = False

    @field_validator("dtmf", mode="before")
    @classmethod
    def _keys(cls, value: object) -> object:
        # In YAML an unquoted 0 is a number.
        keys = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        if isinstance(keys, str) and any(key not in "0123456789*#ABCD" for key in keys):
            raise ValueError("keys are 0-9, *, # and A-D")
        return keys

    @field_validator("risk")
    @classmethod
    def _shares(cls, value: dict[str, float]) -> dict[str, float]:
        if any(not 0 < limit < 1 for limit in value.values()):
            raise ValueError("a risk's limit lies between 0 and 1")
        return value

    @model_validator(mode="after")
    def _something(self) -> Trigger:
        if not self.model_fields_set - {"unless"}:
            raise ValueError(f"a rule needs a condition: one of {', '.join(sorted(type(self).model_fields))}")
        return self

    def risky(self, facts: TurnFacts) -> str:
        """Which risk has reached its limit, as ``label=score``; the highest, or empty if none."""
        over = [(facts.risks.get(label, 0.0), label) for label, limit in self.risk.items()]
        reached = [(score, label) for score, label in over if score >= self.risk[label]]
        return f"{max(reached)[1]}={max(reached)[0]:.2f}" if reached else ""

    def counted(self, facts: TurnFacts) -> str:
        """Which count has been reached, as ``name=value``; empty if none."""
        for name in COUNTS:
            limit: int | None = getattr(self, name)
            value: int = getattr(facts, name)
            if limit is not None and value >= limit:
                return f"{name}={value}"
        return ""
