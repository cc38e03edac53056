"""The one shape of sound inside: 16-bit signed little-endian mono PCM at 16 kHz, cut into 20 ms frames.

Legs convert at the border (G.711 8 kHz, Opus 48 kHz stereo, Piper 22.05 kHz …); nobody inside asks for a rate.
"""

from __future__ import annotations

from dataclasses import dataclass

RATE = 16_000
"""Samples per second of all internal PCM."""
FRAME_S = 0.02
"""Length of a frame in seconds: the packet time that SIP and the provider streams share."""
FRAME_SAMPLES = 320
FRAME_BYTES = 640
SILENCE = bytes(FRAME_BYTES)
"""One frame of digital silence."""


@dataclass(slots=True, frozen=True)
class AudioFrame:
    """20 ms of what a caller said: ``pcm`` is 640 bytes, s16le mono 16 kHz.

    ``arrived`` is monotonic seconds at the socket; ``concealed`` marks a frame made up for a lost packet.
    """

    pcm: bytes
    arrived: float
    concealed: bool = False


def seconds(pcm: bytes) -> float:
    """Duration of internal PCM of any length."""
    return len(pcm) / 2 / RATE
