"""Settings of the HTTP side."""

from __future__ import annotations

from pydantic import Field, SecretStr, field_validator

from contracts.settings import Settings


class SignInSettings(Settings):
    """How people sign in to the pages."""

    idle_min: float = Field(default=30.0, gt=0, le=1440, description="A session unused for so long is over.")
    longest_h: float = Field(default=12.0, gt=0, le=168, description="A session is over after so long in any case.")
    least_password: int = Field(default=12, ge=8, le=128, description="Letters of a password.")
    tries: int = Field(default=8, ge=1, le=1000, description="Wrong passwords within window_s, by name and by address.")
    window_s: float = Field(default=300.0, gt=0, le=86_400, description="Then it has to be waited so long.")
    plain_http: bool = Field(
        default=False, description="Let people of other machines sign in without TLS: passwords can be overheard."
    )
    argon2_passes: int = Field(default=3, ge=1, le=20, description="RFC 9106: 3 passes over 64 MiB.")
    argon2_memory_kib: int = Field(default=65_536, ge=64, le=1 << 20, description="Memory of one hash.")


class ConsoleSettings(Settings):
    """The HTTP API and the pages."""

    enabled: bool = Field(default=True, description="Serve HTTP at all.")
    host: str = Field(default="127.0.0.1", description="Local address; put a TLS proxy in front of anything else.")
    port: int = Field(default=8080, ge=1, le=65535)
    token: SecretStr = Field(
        default=SecretStr(""), description="Bearer token of /v1; empty: /v1 answers loopback addresses only."
    )
    max_connections: int = Field(default=200, ge=1, le=10_000, description="At once; more get 503.")
    header_timeout_s: float = Field(default=10.0, gt=0, le=120, description="From accept to a whole request.")
    control_timeout_s: float = Field(default=2.0, gt=0, le=60, description="Patience with the media process.")
    ask_timeout_s: float = Field(default=60.0, gt=0, le=600, description="Patience with a question that is tried out.")
    max_upload_bytes: int = Field(
        default=15 << 20, ge=1024, le=15 << 20, description="Of one upload; each document has its own limit as well."
    )
    gap_days: int = Field(default=30, ge=1, le=366, description="How far back unanswered questions are gathered.")
    audio_lines: int = Field(default=40, ge=1, le=1000, description="Browsers that hear calls at once.")
    audio_lines_each: int = Field(default=4, ge=1, le=100, description="… of one person.")
    gap_near: float = Field(
        default=0.55, ge=0.2, le=1.0, description="Mean cosine from which unanswered questions are one gap (0.5–0.65)."
    )
    gap_questions: int = Field(default=600, ge=10, le=2000, description="So many of the latest are put together.")
    phone_without_sign_in: bool = Field(
        default=False, description="Let whoever sits at this machine call the operator from the page /phone."
    )
    sign_in: SignInSettings = SignInSettings()

    @field_validator("token")
    @classmethod
    def _not_masked(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value() and not value.get_secret_value().strip("*"):
            raise ValueError("a masked secret was given as the token; give the token itself")
        return value
