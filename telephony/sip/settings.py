"""How calls reach us by SIP."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from contracts.settings import Settings
from telephony.conceal import ConcealSettings

Transport = Literal["udp", "tcp"]
Codec = Literal["opus", "g722", "pcma", "pcmu"]


class SipSettings(Settings):
    """The SIP user agent that answers calls."""

    enabled: bool = Field(default=True, description="Answer SIP calls at all.")
    host: str = Field(default="127.0.0.1", description="Local address to listen on; 0.0.0.0 for all interfaces.")
    port: int = Field(default=5060, ge=0, le=65534, description="SIP port, UDP and TCP; 0 takes a free one.")
    transports: tuple[Transport, ...] = Field(
        default=("udp", "tcp"), min_length=1, description="Which transports are served."
    )
    user: str = Field(
        default="operator", pattern=r"^[A-Za-z0-9._+-]+$", description="Our user part; any other is answered too."
    )
    codecs: tuple[Codec, ...] = Field(
        default=("opus", "g722", "pcma", "pcmu"), min_length=1, description="In order of liking."
    )
    rtp_port_min: int = Field(default=20000, ge=1024, le=65533, description="First RTP port; a call takes two.")
    rtp_port_max: int = Field(default=21998, ge=1026, le=65535, description="Last RTP port.")
    jitter_buffer_ms: tuple[int, int] = Field(
        default=(20, 160), description="Least and most delay of the jitter buffer."
    )
    rtp_timeout_s: int = Field(
        default=30, ge=0, le=3600, description="A call that receives no RTP for so long is ended; 0: never."
    )
    answer_timeout_s: float = Field(default=10.0, gt=0, le=60, description="How long our 200 OK may wait for its ACK.")
    max_dialogs: int = Field(
        default=500, ge=1, le=5000, description="Beyond this the stack itself answers 486, before admission."
    )
    expose_headers: tuple[str, ...] = Field(
        default=("User-to-User", "X-Tenant", "X-Call-Reference", "Diversion", "P-Asserted-Identity"),
        max_length=15,
        description="INVITE headers handed on with a call.",
    )
    send_ahead_frames: int = Field(
        default=5,
        ge=1,
        le=5,
        description="20 ms frames kept in the send buffer while we speak: how late a beat may be; emptied on barge-in.",
    )
    timer_slack_ms: float = Field(
        default=2.0,
        ge=0.05,
        le=10,
        description="How late the library's threads (three a call) may wake, so that many wake at once; Linux only.",
    )
    dtmf_per_second: int = Field(default=10, ge=1, le=50, description="Digits in the long run; more are dropped.")
    dtmf_burst: int = Field(default=40, ge=1, le=200, description="Digits at once, as of a number that a phone keeps.")
    transfer_timeout_s: float = Field(
        default=30.0, gt=0, le=300, description="How long a REFER may wait for its final NOTIFY."
    )
    connect_timeout_s: float = Field(
        default=8.0, gt=0, le=60, description="Somebody whom we call and who does not even ring by then is not there."
    )
    dial_login: str = Field(
        default="",
        pattern=r"^[A-Za-z0-9._@+-]*$",
        description="Who we are to a trunk that asks (401, 407).",
    )
    dial_password: SecretStr = Field(default=SecretStr(""), description="For such a trunk, when we call a person.")
    assert_caller: bool = Field(
        default=True, description="Name the caller to the person who is called (P-Asserted-Identity)."
    )
    transfer_domain: str = Field(default="", description="Host for bare transfer targets; empty: the caller's own.")
    transfer_context: bool = Field(
        default=True, description="Put reason and hand-over id into the Refer-To as User-to-User."
    )
    carries_keys: bool = Field(
        default=True,
        description="Keys arrive (RFC 4733, SIP INFO). false: a trunk without; who would key in a card gets a person.",
    )
    trace: bool = Field(default=False, description="Log every SIP message at debug level, but for keys.")
    conceal: ConcealSettings = Field(default_factory=ConcealSettings, description="Gaps and bursts of incoming sound.")

    @field_validator("dial_password")
    @classmethod
    def _plain(cls, password: SecretStr) -> SecretStr:
        if set(password.get_secret_value()) & set('"\\\r\n\0'):
            raise ValueError("a password without quotation marks, backslashes and line ends, please")
        return password

    @model_validator(mode="after")
    def _ranges(self) -> Self:
        if self.rtp_port_max < self.rtp_port_min + 1:
            raise ValueError("rtp_port_max must leave room for at least one call above rtp_port_min")
        low, high = self.jitter_buffer_ms
        if not 0 <= low <= high <= 1000:
            raise ValueError(
                "jitter_buffer_ms must be two rising numbers of milliseconds up to 1000, such as [20, 160]"
            )
        return self
