"""Settings of the escalation room."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from contracts.settings import Settings
from escalation.hours import Hours, unknown
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
    decline_key: Literal["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "#"] = Field(
        default="2", description="The key with which a person who has to confirm leaves the caller to others."
    )
    answer_s: float = Field(
        default=8.0, ge=2, le=60, description="Who has to confirm may take so long after the briefing to press a key."
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

    @model_validator(mode="after")
    def _keys(self) -> Self:
        if self.skip_key == self.decline_key:
            raise ValueError("skip_key and decline_key must be different keys")
        return self


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


class WebhookSettings(Settings):
    """Where briefings are posted."""

    url: str = Field(default="", description="https://…; http only to this machine. Empty: nowhere.")
    secret: SecretStr = Field(default=SecretStr(""), description="Shared with the receiver, who checks the signature.")
    timeout_s: float = Field(default=5.0, gt=0, le=60, description="Patience with one attempt.")
    retry_s: float = Field(default=1.0, gt=0, le=600, description="Until the second attempt; then twice as long …")
    longest_retry_s: float = Field(default=60.0, gt=0, le=3600, description="… up to this.")
    keep_s: float = Field(default=86_400.0, gt=0, description="What could not be sent for so long is given up.")

    @model_validator(mode="after")
    def _safe(self) -> Self:
        if not self.url:
            return self
        if not _WEBHOOK.match(self.url):
            raise ValueError("url must begin with https://; http:// is for 127.0.0.1 and localhost only")
        if len(self.secret.get_secret_value()) < _LEAST_SECRET:
            raise ValueError(f"secret must have {_LEAST_SECRET} characters or more: `openssl rand -hex 32` makes one")
        return self


_WEBHOOK = re.compile(r"^(https://[^\s/]+|http://(127\.0\.0\.1|localhost)(:\d{1,5})?)(/\S*)?$")
_LEAST_SECRET = 16


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
    hours: dict[str, Hours] = Field(default={})
    """Name → opening hours; targets and the queue name them."""
    queue: QueueSettings = QueueSettings()
    """Waiting for a person."""
    trunks: tuple[Trunk, ...] = ()
    """Calls that are handed over differently from ``dialog.targets``; the first that fits."""
    handover: HandoverSettings = HandoverSettings()
    webhook: WebhookSettings = WebhookSettings()
    """Each hand-over is posted there, signed, when it is raised and when it has ended."""

    @model_validator(mode="after")
    def _tables(self) -> Self:
        targets = [one.hours for trunk in self.trunks for plan in trunk.targets.values() for one in plan]
        if wrong := unknown([self.queue.hours, *self.queue.skill_hours.values(), *targets], self.hours):
            raise ValueError(wrong)
        return self
