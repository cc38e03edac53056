"""Which of the owner's operations the operator may use, and how."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

from pydantic import Field, HttpUrl, SecretStr, model_validator

from contracts.errors import ConfigError
from contracts.settings import Settings
from contracts.tools import Effect


class Allowed(Settings):
    """One operation of the OpenAPI file that may be used."""

    effect: Effect = Field(description="read: may be asked at any time; write: only after a confirmed read-back")
    timeout_s: float | None = Field(default=None, gt=0, le=30, description="instead of tools.timeout_s")


class CaptureSettings(Settings):
    """The owner's payment endpoint: the one place that keyed-in card numbers go to (docs/tools.md, secure capture)."""

    url: HttpUrl | None = Field(
        default=None, description="https, or http to this very machine; null: nothing is captured"
    )
    hosts: list[str] = Field(
        default_factory=list, description="hosts that the url may name; so no wrong variable sends digits elsewhere"
    )
    token: SecretStr = Field(default=SecretStr(""), description="bearer token; better from the environment, or a file")
    token_file: Path | None = Field(default=None, description="a file that holds the token and nothing else")
    ca_file: Path | None = Field(
        default=None, description="certificates that sign the endpoint's; null: the usual ones"
    )
    timeout_s: float = Field(default=8.0, gt=0, le=30, description="patience with the endpoint, to its last byte")
    once_more: bool = Field(
        default=False,
        description="no whole answer: sent once more with the same key; only if the endpoint does a key once",
    )
    idempotency_header: str = Field(default="Idempotency-Key", pattern=r"^[A-Za-z0-9-]{1,64}$")

    @model_validator(mode="after")
    def _safe(self) -> CaptureSettings:
        if self.url is None:
            return self
        host = (self.url.host or "").strip("[]")
        if self.url.username or self.url.password:
            raise ValueError("the url holds a password: give it as token or token_file")
        if self.url.scheme != "https" and not _loopback(host):
            raise ValueError("card numbers go over https; plain http only to this very machine")
        if host not in self.hosts and not _loopback(host):
            raise ValueError(f"{host!r} is not among tools.capture.hosts: name it there")
        return self

    def bearer(self) -> str:
        """The token. Raises ConfigError for a file that cannot be read or is empty."""
        if self.token_file is None:
            return self.token.get_secret_value()
        try:
            token = self.token_file.expanduser().read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"tools.capture.token_file: {self.token_file} cannot be read ({error})") from error
        if not token or not token.isprintable() or not token.isascii():
            raise ConfigError(f"tools.capture.token_file: {self.token_file} holds no token")
        return token


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


class ToolSettings(Settings):
    """Everything about tools. Off by default: a call without them is not touched."""

    enabled: bool = False
    openapi: Path | None = Field(default=None, description="the owner's OpenAPI 3 file, YAML or JSON")
    base_url: HttpUrl | None = Field(
        default=None, description="where the service answers; the file's servers are not used"
    )
    token: SecretStr = Field(default=SecretStr(""), description="bearer token for the service")
    tasks: Path | None = Field(default=None, description="what callers may ask for, and what is said: a tasks file")
    allow: dict[str, Allowed] = Field(default_factory=dict, description="by operationId; nothing else exists")
    timeout_s: float = Field(
        default=2.5, gt=0, le=30, description="patience with one request, from dialling to its last byte"
    )
    max_answer_bytes: int = Field(default=65_536, ge=256, le=4_194_304)
    max_request_bytes: int = Field(default=16_384, ge=256, le=1_048_576)
    idempotency_header: str = Field(default="Idempotency-Key", pattern=r"^[A-Za-z0-9-]{1,64}$")
    dry_run: bool = Field(default=False, description="writes are checked and recorded, and not sent")
    capture: CaptureSettings = CaptureSettings()
