"""Everything about how calls come in: both transports, admission, recording."""

from __future__ import annotations

from pydantic import Field

from contracts.settings import Settings
from telephony.admission import AdmissionSettings
from telephony.patchbay import PatchbaySettings
from telephony.recording import RecordingSettings
from telephony.sip.settings import SipSettings
from telephony.websocket.settings import WebSocketSettings


class TelephonySettings(Settings):
    """Root of the telephony room's settings."""

    sip: SipSettings = Field(default_factory=SipSettings, description="SIP over UDP and TCP.")
    websocket: WebSocketSettings = Field(default_factory=WebSocketSettings, description="Provider WebSockets.")
    admission: AdmissionSettings = Field(default_factory=AdmissionSettings, description="How many calls are answered.")
    recording: RecordingSettings = Field(default_factory=RecordingSettings, description="Two-channel WAV per call.")
    seats: PatchbaySettings = Field(default_factory=PatchbaySettings, description="People who listen in or take part.")
    drain_s: float = Field(
        default=60.0,
        ge=0,
        le=7200,
        description="After SIGTERM, how long present calls may go on before they are ended.",
    )
