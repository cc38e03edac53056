"""What a person gets when a caller is handed over: why, what was said, what was tried.

Built by escalation, kept by operations, served by console at ``GET /v1/handoffs/{call_id}``.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Reason(StrEnum):
    """Why a person is needed. The codes stand in records, metrics and webhooks: never rename one."""

    PERSON_REQUESTED = "person_requested"
    OFFER_ACCEPTED = "offer_accepted"
    DANGER = "danger"
    EMERGENCY = "emergency"
    FRAUD = "fraud"
    COMPLAINT = "complaint"
    LEGAL = "legal"
    BEREAVEMENT = "bereavement"
    VULNERABLE = "vulnerable"
    ABUSE = "abuse"
    CANCELLATION = "cancellation"
    MINOR = "minor"
    MEDIA = "media"
    AMOUNT = "amount"
    IDENTITY = "identity"
    CAPTURE = "secure_capture"
    NO_PROGRESS = "no_progress"
    NO_INPUT = "no_input"
    NO_MATCH = "no_match"
    POOR_RECOGNITION = "poor_recognition"
    NO_EVIDENCE = "no_evidence"
    NOT_GROUNDED = "not_grounded"
    REPEATED_ANSWER = "repeated_answer"
    DEADLINE_MISSED = "deadline_missed"
    WORKER_DOWN = "worker_down"
    OVERLOAD = "overload"
    SUPERVISOR = "supervisor"
    KILL_SWITCH = "kill_switch"
    OTHER = "other"


class HandoffStatus(StrEnum):
    """How far the hand-over has come."""

    RAISED = "raised"
    TRANSFERRING = "transferring"
    CONNECTED = "connected"
    FAILED = "failed"


class TranscriptLine(BaseModel):
    """One utterance as it was heard; ``turn`` 0 is the greeting, ``at`` is UTC."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    speaker: Literal["caller", "operator", "person"]
    text: str
    turn: int = 0
    at: datetime | None = None


class CallbackTicket(BaseModel):
    """A promise to call somebody back. ``caller``: the number or SIP address to call, as they confirmed it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ticket: str
    call_id: str
    caller: str
    reason: Reason
    wanted_at: datetime
    expires_at: datetime
    """UTC, both."""


class HandoffRecord(BaseModel):
    """A hand-over. Every text in it is redacted already. One per call: a later one of the same call replaces it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    call_id: str
    external_id: str = ""
    """SIP Call-ID, Twilio callSid …"""
    caller: str = ""
    called: str = ""
    kind: str = ""
    reason: Reason
    rule_id: str
    evidence: str = ""
    """The words, key or count that made the rule fire."""
    summary: str
    """Three sentences with quotes."""
    tried: list[str] = Field(default_factory=list)
    """What the operator did before, one line a turn."""
    verified: list[str] = Field(default_factory=list)
    """What the owner's systems confirmed about the caller, one line each."""
    transcript: list[TranscriptLine] = Field(default_factory=list)
    asked_at: datetime
    """UTC."""
    target: str = ""
    status: HandoffStatus = HandoffStatus.RAISED
    detail: str = ""
    """SIP status or the dialect's word on how the transfer ended."""
    wait_s: float = 0.0
    """From the request to the end of the transfer, seconds; 0 until it ended."""
    config_digest: str = ""
