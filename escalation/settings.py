"""Settings of the escalation room."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from contracts.settings import Settings


class EscalationSettings(Settings):
    """Which rules apply, and how much of a call its briefing quotes."""

    rules: Path = Path("configs/rules.yaml")
    """The rule file; relative to where the operator is started."""
    quote_chars: int = Field(default=160, ge=20, le=1000)
    """Longest quote in a hand-over's summary, characters."""
