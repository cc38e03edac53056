"""Settings of the record: where it lives, how it is committed, what is logged, how long it is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from contracts.settings import Settings


class EventLogSettings(Settings):
    """How events reach the disk."""

    group_commit_ms: float = Field(default=50.0, ge=0.0, le=5000.0)
    """How long the writer waits for more events before it commits a group."""
    max_group: int = Field(default=500, ge=1, le=10_000)
    """Events in one transaction."""
    busy_timeout_ms: int = Field(default=2000, ge=0, le=60_000)
    """How long a locked SQLite database is waited for before events go to the spool file."""
    retry_s: float = Field(default=2.0, gt=0.0, le=600.0)
    """How often the spool is tried again."""
    max_queued: int = Field(default=100_000, ge=100)
    """Events held in memory when neither database nor spool can be written; older ones are lost, with an alarm."""


class LogSettings(Settings):
    """Logs: JSON lines to a rotating file and to stderr."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["json", "console"] = "json"
    """Of stderr; the file is always JSON."""
    file: Path | None = Path("logs/callwright.jsonl")
    """Under the home folder; null for none."""
    max_bytes: int = Field(default=20_000_000, ge=10_000)
    backups: int = Field(default=5, ge=0, le=100)


class RetentionSettings(Settings):
    """How long each class is kept, days after a call's beginning; 0 keeps it for ever."""

    transcripts_days: int = Field(default=0, ge=0, le=36_500, description="What was said.")
    recordings_days: int = Field(default=0, ge=0, le=36_500, description="WAV files.")
    handovers_days: int = Field(default=0, ge=0, le=36_500, description="Briefings, escalations, the inbox, callbacks.")
    events_days: int = Field(default=0, ge=0, le=36_500, description="Everything of a call, the call itself included.")


class OperationsSettings(Settings):
    """Everything about the record."""

    database_url: str = "sqlite:///callwright.db"
    """SQLAlchemy URL: SQLite (a relative path is under the home folder) or Postgres."""
    spool: Path = Path("events.spool")
    """File under the home folder that takes events while the database cannot be written."""
    retention_days: int = Field(default=0, ge=0, le=36_500)
    """The same as retention.events_days, which counts if both are given; 0 keeps calls for ever."""
    retention: RetentionSettings = RetentionSettings()
    events: EventLogSettings = EventLogSettings()
    log: LogSettings = LogSettings()

    @property
    def kept(self) -> RetentionSettings:
        """How long each class is kept."""
        if self.retention.events_days or not self.retention_days:
            return self.retention
        return self.retention.model_copy(update={"events_days": self.retention_days})
