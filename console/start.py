"""What the HTTP process is started with: passed in its environment, which other users of the machine cannot read.

A command line is public (``ps``), and the settings hold a token and perhaps a database password.
"""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_serializer

from console.settings import ConsoleSettings

VARIABLE = "CALLWRIGHT_CONSOLE"


class ConsoleStart(BaseModel):
    """Everything that ``python -m console`` needs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    home: Path
    database_url: SecretStr = SecretStr("sqlite:///callwright.db")
    settings: ConsoleSettings = ConsoleSettings()
    spool: Path = Path("events.spool")
    logs: Path = Path("logs")
    """Under home: where words of callers may be that are in no table."""
    parent: int = Field(default_factory=os.getpid)
    """Process id of the operator: whoever made this."""

    @field_serializer("database_url", when_used="json")
    def _url(self, value: SecretStr) -> str:
        return value.get_secret_value()

    @field_serializer("settings", when_used="json")
    def _settings(self, value: ConsoleSettings) -> dict[str, object]:
        # pydantic writes a secret as asterisks, which would then be the token.
        told = value.model_dump(mode="json")
        told["token"] = value.token.get_secret_value()
        told["sign_in"]["oidc"]["client_secret"] = value.sign_in.oidc.client_secret.get_secret_value()
        return told

    def environment(self) -> dict[str, str]:
        """The variable to add to the new process's environment."""
        return {VARIABLE: self.model_dump_json()}
