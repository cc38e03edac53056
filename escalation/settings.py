"""Settings of the escalation room."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from contracts.settings import Settings
from escalation.plan import Trunk
from escalation.queuesettings import QueueSettings


class HandoverSettings(Settings):
    """How a caller is brought to a person."""

    patience_s: float = Field(default=60.0, ge=5, le=600, description="All targets together; then the queue.")
    rounds: int = Field(default=3, ge=1, le=20, description="How often the targets are tried, the queue in between.")
    briefing_s: float = Field(default=15.0, ge=3, le=60, description="Longest briefing of a person, seconds.")
    skip_key: Literal["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "#"] = Field(
        default="1", description="The key with which a person takes the caller at once."
    )
    refer_says: Literal["start", "all"] = Field(
        default="start",
        description="What who asked for a person hears before a blind REFER, which takes them away at once: the first "
        "sentence of the rule, or all of it. Others hear all of it.",
    )
    after_person: Literal["operator", "goodbye"] = Field(
        default="operator",
        description="A bridged person has hung up: the operator asks if there is more, or says goodbye.",
    )


class RedactionSettings(Settings):
    """What is taken out of the record beyond card numbers and their like, which always are."""

    names: bool = Field(default=False, description="People's names too: in record, logs and hand-overs, by name lists.")
    mute_margin_s: float = Field(default=0.4, ge=0, le=5, description="Silenced before and after a spoken secret.")
    mute_digits: int = Field(
        default=6, ge=1, le=9, description="Spoken digits in a row that recordings lose; text loses nine and more."
    )
    mute_unheard_s: float = Field(
        default=2.5,
        ge=0,
        le=60,
        description="Speech so long without an understood word is silenced in recordings.",
    )


class EscalationSettings(Settings):
    """Which rules apply, and how much of a call its briefing quotes."""

    rules: Path = Path("configs/rules.yaml")
    """The rule file; relative to where the operator is started."""
    risk: Path | None = Path("configs/risk.yaml")
    """Examples of the classifier beside the rules; null: the rules' phrases alone decide."""
    risk_wait_s: float = Field(default=0.2, gt=0, le=5)
    """How long a turn waits for the classifier; it takes some 5 ms."""
    redaction: RedactionSettings = RedactionSettings()
    quote_chars: int = Field(default=160, ge=20, le=1000)
    """Longest quote in a hand-over's summary, characters."""
    queue: QueueSettings = QueueSettings()
    """Waiting for a person."""
    trunks: tuple[Trunk, ...] = ()
    """Calls that are handed over differently from ``dialog.targets``; the first that fits."""
    handover: HandoverSettings = HandoverSettings()
