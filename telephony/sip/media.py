"""The sound of one library call as internal PCM: whatever the codec, whatever happens to the streams in mid-call.

A caller's user agent reads and writes call by call; the operator, who has hundreds on one beat, in steps between which
all calls are resampled together:

::

    pull ─► batch.run ─► heard    …    push ─► batch.run ─► send
"""

from __future__ import annotations

from baresip import AudioNotActive, AudioRestarted

from contracts.audio import FRAME_S, RATE
from telephony.batch import ResamplerBatch
from telephony.resample import StreamResampler, to_stereo
from telephony.sip.pcm import CallPcm

_CODECS = {48_000: "opus", 16_000: "g722"}
"""The library does not name the codec; its rate does. 8 kHz is G.711, µ or A."""


class WireAudio:
    """Reads and writes 16 kHz mono; rebinds by itself after a re-INVITE (hold, resume, another codec)."""

    def __init__(self, pcm: CallPcm) -> None:
        self._pcm = pcm
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

    # ------------------------------------------------------------------ one call alone

    def read(self) -> bytes:
        """All sound that came since the last call; also refreshes ``buffered_s`` and ``can_write``."""
        came = self._came()
        return self._in.process(came) if came and self._in is not None else b""

    def write(self, pcm: bytes) -> None:
        """Queue internal PCM for the wire; dropped when there is no media."""
        if self._out is not None:
            self._write(self._out.process(pcm))
            self.buffered_s += FRAME_S * len(pcm) / 640 if self._out is not None else 0.0

    # ------------------------------------------------------------------ many calls on one beat

    def pull(self, batch: ResamplerBatch) -> None:
        """Put what came since the last call into the batch; refreshes as ``read`` does."""
        came = self._came()
        if came and self._in is not None:
            batch.add(self._in, came)

    def heard(self, batch: ResamplerBatch) -> bytes:
        """What ``pull`` put into the batch, after it ran."""
        return batch.take(self._in) if self._in is not None else b""

    def push(self, batch: ResamplerBatch, pcm: bytes) -> None:
        """Put internal PCM for the wire into the batch; dropped when there is no media."""
        if self._out is not None:
            batch.add(self._out, pcm)

    def send(self, batch: ResamplerBatch) -> None:
        """Queue for the wire what ``push`` put into the batch, after it ran."""
        if self._out is not None:
            self._write(batch.take(self._out))

    def flush(self) -> None:
        """Drop what is queued; at most one packet still leaves."""
        try:
            self._pcm.flush()
        except (AudioRestarted, AudioNotActive):
            return
        self.buffered_s = 0.0

    # ------------------------------------------------------------------ the library

    def _came(self) -> bytes:
        pcm = self._pcm
        try:
            pcm.look()
            self._bind(pcm)
            return pcm.read() if pcm.rx_ready and pcm.rx_buffered else b""
        except AudioRestarted:
            self._restarted()
        except AudioNotActive:
            self._inactive()
        return b""

    def _bind(self, pcm: CallPcm) -> None:
        """Resamplers for the streams as they are now."""
        self.can_write = bool(pcm.tx_ready)
        if pcm.tx_ready:
            out = self._out
            if out is None or out.to_rate != pcm.tx_rate or self._out_channels != pcm.tx_channels:
                self._out, self._out_channels = StreamResampler(RATE, pcm.tx_rate), pcm.tx_channels
                self.wire_rate = pcm.tx_rate
            self.buffered_s = pcm.tx_buffered / (2 * pcm.tx_channels * pcm.tx_rate)
        if pcm.rx_ready:
            into = self._in
            if into is None or into.from_rate != pcm.rx_rate or into.channels != pcm.rx_channels:
                self._in = StreamResampler(pcm.rx_rate, RATE, pcm.rx_channels)

    def _write(self, wire: bytes) -> None:
        if not wire:
            return
        try:
            self._pcm.write(to_stereo(wire) if self._out_channels == 2 else wire)
        except AudioRestarted:
            self._restarted()
        except AudioNotActive:
            self._inactive()

    def _restarted(self) -> None:
        self.restarts += 1
        self._inactive()

    def _inactive(self) -> None:
        self._in = self._out = None
        self.can_write = False
        self.buffered_s = 0.0
