"""Settings of the escalation room."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from contracts.settings import Settings
from escalation.queuesettings import QueueSettings


class EscalationSettings(Settings):
    """Which rules apply, and how much of a call its briefing quotes."""

    rules: Path = Path("configs/rules.yaml")
    """The rule file; relative to where the operator is started."""
    risk: Path | None = Path("configs/risk.yaml")
    """Examples of the classifier beside the rules; null: the rules' phrases alone decide."""
    risk_wait_s: float = Field(default=0.2, gt=0, le=5)
    """How long a turn waits for the classifier; it takes some 5 ms."""
    quote_chars: int = Field(default=160, ge=20, le=1000)
    """Longest quote in a hand-over's summary, characters."""
    queue: QueueSettings = QueueSettings()
    """Waiting for a person."""
