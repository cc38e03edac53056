"""Settings of the HTTP side."""

from __future__ import annotations

from pydantic import Field, SecretStr, field_validator

from contracts.settings import Settings


class ConsoleSettings(Settings):
    """The HTTP API."""

    enabled: bool = Field(default=True, description="Serve HTTP at all.")
    host: str = Field(default="127.0.0.1", description="Local address; put a TLS proxy in front of anything else.")
    port: int = Field(default=8080, ge=1, le=65535)
    token: SecretStr = Field(
        default=SecretStr(""), description="Bearer token of /v1; empty: /v1 answers loopback addresses only."
    )
    max_connections: int = Field(default=200, ge=1, le=10_000, description="At once; more get 503.")
    header_timeout_s: float = Field(default=10.0, gt=0, le=120, description="From accept to a whole request.")
    control_timeout_s: float = Field(default=2.0, gt=0, le=60, description="Patience with the media process.")

    @field_validator("token")
    @classmethod
    def _not_masked(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value() and not value.get_secret_value().strip("*"):
            raise ValueError("a masked secret was given as the token; give the token itself")
        return value
