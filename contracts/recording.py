"""What a conversation may do to the recording of its own call. Implemented by telephony's recorder."""

from __future__ import annotations

from typing import Protocol


class CallRecording(Protocol):
    """Both sides of one call, on its way to the disk. All methods are cheap, and harmless after the end."""

    def mute(self, start_s: float, end_s: float) -> None:
        """Silence both channels between two monotonic times, past or to come."""
        ...

    def keep(self) -> None:
        """It may be kept: until then nothing of it reaches the disk."""
        ...

    def discard(self) -> None:
        """There is to be no recording of this call: what there is of it goes, nothing more comes."""
        ...
