"""How calls reach us over a provider's WebSocket."""

from __future__ import annotations

from typing import Self

from pydantic import Field, SecretStr, model_validator

from contracts.settings import Settings
from telephony.conceal import ConcealSettings


class ConnectionLimits(Settings):
    """What a stranger may cost us before and after the upgrade; 0 switches a limit off where 0 is allowed."""

    connections: int = Field(default=500, ge=1, le=20000, description="Open WebSockets at once; more get HTTP 503.")
    connections_per_address: int = Field(
        default=0, ge=0, description="Open WebSockets from one address; more get HTTP 429. 0: no limit (one proxy)."
    )
    half_open: int = Field(
        default=200, ge=1, le=5000, description="TCP connections without an upgrade; beyond it the oldest is dropped."
    )
    handshake_s: float = Field(default=5.0, gt=0, le=60, description="From TCP accept to the whole upgrade request.")
    handshake_bytes: int = Field(default=16_384, ge=1024, le=262_144, description="Longest upgrade request.")
    start_s: float = Field(default=5.0, gt=0, le=60, description="From the upgrade to the `start` message.")
    message_bytes: int = Field(
        default=65_536, ge=2048, le=1_048_576, description="Longest message; longer closes 1009."
    )
    messages_per_s: float = Field(
        default=200.0, gt=50, description="Sustained messages of one connection (50 is one call)."
    )
    messages_burst: int = Field(default=1000, ge=100, description="Messages at once, as after a stall of the network.")
    bytes_per_s: float = Field(default=262_144.0, gt=30_000, description="Sustained bytes of one connection.")
    bytes_burst: int = Field(default=1_048_576, ge=131_072, description="Bytes at once.")
    violations: int = Field(
        default=50, ge=0, description="Bad messages that are dropped and counted before the call ends."
    )
    dtmf_per_s: float = Field(default=10.0, gt=0, le=50, description="Digits in the long run; more are dropped.")
    dtmf_burst: int = Field(default=40, ge=1, le=200, description="Digits at once, as of a number that a phone keeps.")
    unread_bytes: int = Field(default=32_768, ge=4096, description="Unsent bytes from which on audio is dropped.")
    unread_s: float = Field(default=5.0, gt=0, le=60, description="A peer that reads nothing for so long is cut off.")


class WebSocketSettings(Settings):
    """The provider WebSocket server: Twilio Media Streams at ``path``.

    Every check that is configured (``auth_token``, ``shared_token``) must pass. With neither, nobody is admitted
    except loopback, where ``allow_unsigned_loopback`` says so.
    """

    enabled: bool = Field(default=True, description="Answer provider WebSockets at all.")
    host: str = Field(default="127.0.0.1", description="Local address to listen on.")
    port: int = Field(default=8081, ge=0, le=65535, description="TCP port; 0 takes a free one.")
    path: str = Field(default="/twilio", pattern=r"^/[A-Za-z0-9._~/-]*[A-Za-z0-9]$", description="Where streams come.")
    auth_token: SecretStr = Field(
        default=SecretStr(""), description="The provider's auth token: X-Twilio-Signature is checked with it."
    )
    public_url: str = Field(
        default="",
        pattern=r"^(wss?://[^\s?#]+)?$",
        description="The URL that the provider calls and signs, such as wss://voice.example.com/twilio, when a proxy "
        "stands between; empty: taken from the Host header.",
    )
    shared_token: SecretStr = Field(
        default=SecretStr(""),
        description="A secret of one's own, as PATH/TOKEN, ?token=TOKEN or <Parameter name='token' value='TOKEN'>.",
    )
    allow_unsigned_loopback: bool = Field(
        default=False,
        description="Admit streams from 127.0.0.1/::1 without any check (demo). Not behind a proxy on this machine.",
    )
    lead_ms: int = Field(
        default=40, ge=0, le=40, multiple_of=20, description="Sound kept in the provider's buffer against jitter."
    )
    mark_interval_s: float = Field(
        default=1.0, ge=0.2, le=30, description="How often a mark asks the provider how far its playout is."
    )
    carries_keys: bool = Field(
        default=True,
        description="The provider sends keys. false: it does not; who would key in a card gets a person.",
    )
    media_timeout_s: float = Field(
        default=15.0, gt=0, le=3600, description="A call without media for so long is ended."
    )
    answer_timeout_s: float = Field(default=10.0, gt=0, le=60, description="From `start` to our answer, else 1013.")
    playout_wait_s: float = Field(
        default=1.0, ge=0, le=5, description="Most time to wait for the last words to be played before we hang up."
    )
    retry_after_s: int = Field(
        default=30, ge=1, le=3600, description="Retry-After of a stream that is refused for want of room (503, 429)."
    )
    close_timeout_s: float = Field(default=2.0, gt=0, le=10, description="How long a closing handshake may take.")
    ping_interval_s: float = Field(default=10.0, gt=0, le=120, description="WebSocket pings that find dead peers.")
    ping_timeout_s: float = Field(default=10.0, gt=0, le=120, description="How long a pong may take.")
    limits: ConnectionLimits = Field(default_factory=ConnectionLimits, description="What a stranger may cost us.")
    conceal: ConcealSettings = Field(default_factory=ConcealSettings, description="Gaps and bursts of incoming sound.")

    @model_validator(mode="after")
    def _token_fits_a_path(self) -> Self:
        token = self.shared_token.get_secret_value()
        if token and (len(token) < 16 or not all(c.isalnum() or c in "-_.~" for c in token) or not token.isascii()):
            raise ValueError("shared_token must be 16 or more letters, digits, '-', '_', '.' or '~', to fit into a URL")
        return self
