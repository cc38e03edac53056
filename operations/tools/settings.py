"""Which of the owner's operations the operator may use, and how."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, HttpUrl, SecretStr

from contracts.settings import Settings
from contracts.tools import Effect


class Allowed(Settings):
    """One operation of the OpenAPI file that may be used."""

    effect: Effect = Field(description="read: may be asked at any time; write: only after a confirmed read-back")
    timeout_s: float | None = Field(default=None, gt=0, le=30, description="instead of tools.timeout_s")


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
