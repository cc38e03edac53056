"""Settings of the HTTP side."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from console.permissions import Role
from contracts.settings import Settings

_SAFE = re.compile(r"(?:https://[^\s/?#@]+|http://(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?)(?:/[^\s#]*)?")


def is_safe_url(url: str) -> bool:
    """Is it https, or http to this machine?"""
    return _SAFE.fullmatch(url) is not None


def _not_masked(value: SecretStr) -> SecretStr:
    """A secret that was printed and copied is no secret. Raises ValueError."""
    if value.get_secret_value() and not value.get_secret_value().strip("*"):
        raise ValueError("a masked secret was given: give the secret itself")
    return value


class OidcSettings(Settings):
    """Signing in at an OpenID Connect provider; without an issuer nobody does."""

    issuer: str = Field(default="", description="As the provider calls itself: https://id.example/realms/desk.")
    client_id: str = Field(default="", max_length=200)
    client_secret: SecretStr = Field(default=SecretStr(""), description="Empty for a public client.")
    public_url: str = Field(default="", description="This console as browsers know it: https://desk.example.")
    label: str = Field(default="single sign-on", max_length=60, description="What the button on the page says.")
    scopes: tuple[str, ...] = ("openid", "profile")
    roles_claim: str = Field(default="groups", description="Of the ID token; with dots between: realm_access.roles.")
    roles: dict[str, Role] = Field(default={}, description="What that claim may hold → role here. Nobody has another.")
    name_claim: str = Field(default="preferred_username", description="What people are called in the audit.")
    algorithms: tuple[
        Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "Ed25519"], ...
    ] = (
        "RS256",
        "PS256",
        "ES256",
    )
    leeway_s: float = Field(default=30.0, ge=0, le=300, description="That the two clocks may differ.")
    timeout_s: float = Field(default=5.0, gt=0, le=60, description="Patience with the provider.")
    ca_file: Path | None = Field(default=None, description="PEM of your own certificate authority.")

    @field_validator("client_secret")
    @classmethod
    def _given(cls, value: SecretStr) -> SecretStr:
        return _not_masked(value)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if not self.issuer:
            return self
        for name in ("issuer", "public_url"):
            if not is_safe_url(getattr(self, name)):
                raise ValueError(f"{name} must begin with https://; http:// is for this machine only")
        if not self.client_id:
            raise ValueError("client_id is missing: register this console at the provider, it gives one")
        if not self.roles:
            raise ValueError("roles is empty, so nobody could sign in: {callwright-supervisors: supervisor, …}")
        if not self.algorithms:
            raise ValueError("algorithms is empty: leave it out for RS256, PS256 and ES256")
        return self

    @property
    def redirect_uri(self) -> str:
        """To be registered at the provider."""
        return f"{self.public_url.rstrip('/')}/sign-in/oidc/back"

    @property
    def signed_out_uri(self) -> str:
        """Likewise, for signing out."""
        return f"{self.public_url.rstrip('/')}/sign-in"


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
    local: bool = Field(default=True, description="Accounts with a password here may sign in.")
    oidc: OidcSettings = OidcSettings()

    @model_validator(mode="after")
    def _somehow(self) -> Self:
        if not self.local and not self.oidc.issuer:
            raise ValueError("local is off and oidc.issuer is empty: nobody could sign in")
        return self


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
    def _given(cls, value: SecretStr) -> SecretStr:
        return _not_masked(value)
