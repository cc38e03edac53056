"""The sound of one library call as internal PCM: whatever the codec, whatever happens to the streams in mid-call."""

from __future__ import annotations

from baresip import AudioNotActive, AudioRestarted, CallAudio

from contracts.audio import FRAME_S, RATE
from telephony.resample import StreamResampler, to_stereo

_CODECS = {48_000: "opus", 16_000: "g722"}
"""The library does not name the codec; its rate does. 8 kHz is G.711, µ or A."""


class WireAudio:
    """Reads and writes 16 kHz mono; rebinds by itself after a re-INVITE (hold, resume, another codec)."""

    def __init__(self, audio: CallAudio) -> None:
        self._audio = audio
        self._in: StreamResampler | None = None
        self._out: StreamResampler | None = None
        self._out_channels = 1
        self.wire_rate = 0
        self.restarts = 0
        self.buffered_s = 0.0
        self.can_write = False

    @property
    def codec(self) -> str:
        """``opus``, ``g722`` or ``g711``; empty before media."""
        return _CODECS.get(self.wire_rate, "g711") if self.wire_rate else ""

    @property
    def delay_s(self) -> float:
        """What resampling adds on the way out."""
        return self._out.delay_s if self._out is not None else 0.0

    def read(self) -> bytes:
        """All sound that came since the last call; also refreshes ``buffered_s`` and ``can_write``."""
        try:
            return self._read()
        except AudioRestarted:
            self._restarted()
        except AudioNotActive:
            self._inactive()
        return b""

    def _read(self) -> bytes:
        info = self._audio.info()
        self.can_write = info.tx_ready
        if info.tx_ready:
            if self._out is None or (self._out.to_rate, self._out_channels) != (info.tx_sample_rate, info.tx_channels):
                self._out, self._out_channels = StreamResampler(RATE, info.tx_sample_rate), info.tx_channels
                self.wire_rate = info.tx_sample_rate
            self.buffered_s = info.tx_buffered / (2 * info.tx_channels * info.tx_sample_rate)
        if not info.rx_ready:
            return b""
        if self._in is None or (self._in.from_rate, self._in.channels) != (info.rx_sample_rate, info.rx_channels):
            self._in = StreamResampler(info.rx_sample_rate, RATE, info.rx_channels)
        return self._in.process(self._audio.read(info.rx_buffered)) if info.rx_buffered else b""

    def write(self, pcm: bytes) -> None:
        """Queue internal PCM for the wire; dropped when there is no media."""
        if self._out is None:
            return
        wire = self._out.process(pcm)
        try:
            self._audio.write(to_stereo(wire) if self._out_channels == 2 else wire)
        except AudioRestarted:
            self._restarted()
        except AudioNotActive:
            self._inactive()
        else:
            self.buffered_s += FRAME_S * len(pcm) / 640

    def flush(self) -> None:
        """Drop what is queued; at most one packet still leaves."""
        try:
            self._audio.flush_tx()
        except (AudioRestarted, AudioNotActive):
            return
        self.buffered_s = 0.0

    def _restarted(self) -> None:
        self.restarts += 1
        self._inactive()

    def _inactive(self) -> None:
        self._in = self._out = None
        self.can_write = False
        self.buffered_s = 0.0
