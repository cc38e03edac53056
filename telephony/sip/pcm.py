"""A library call's sound as bytes, read and written on every beat of every call.

The library's own CallAudio allocates three objects for each look and each read: 6 µs of a call's 25. Here one struct
and one buffer serve all calls, as only the event loop's thread comes here. Semantics and errors are CallAudio's.
"""

from __future__ import annotations

import errno

from baresip import AudioNotActive, AudioRestarted, CallAudio
from baresip._native import ffi, lib

_READ_BYTES = 1 << 16
"""More than the library ever keeps of what came (0.3 s of 48 kHz stereo)."""
_info = ffi.new("struct bp_audio_info *")
_into = ffi.new("uint8_t[]", _READ_BYTES)
_seen = ffi.buffer(_into)


class CallPcm:
    """Look at a call's streams, then read and write them; for the event loop's thread only."""

    __slots__ = (
        "_epoch", "_handle", "rx_buffered", "rx_channels", "rx_rate", "rx_ready",
        "tx_buffered", "tx_channels", "tx_rate", "tx_ready",
    )  # fmt: skip

    def __init__(self, audio: CallAudio) -> None:
        self._handle: int = audio._handle
        self._epoch = 0
        self.tx_ready = self.rx_ready = False
        self.tx_rate = self.rx_rate = 0
        self.tx_channels = self.rx_channels = 0
        self.tx_buffered = 0
        """Bytes written that have not left."""
        self.rx_buffered = 0
        """Bytes that came and were not read."""

    def look(self) -> None:
        """Refresh all attributes; read and write refer to the streams seen here. Raises AudioNotActive."""
        info = _info
        if lib.bp_audio_probe(self._handle, info) != 0:
            raise AudioNotActive("no audio is active on this call")
        self._epoch = info.epoch
        self.tx_ready = info.tx_ready
        self.rx_ready = info.rx_ready
        self.tx_rate, self.tx_channels, self.tx_buffered = info.tx_srate, info.tx_ch, info.tx_fill
        self.rx_rate, self.rx_channels, self.rx_buffered = info.rx_srate, info.rx_ch, info.rx_fill

    def read(self) -> bytes:
        """All that ``look`` saw, s16le. Raises AudioNotActive, AudioRestarted."""
        size = self.rx_buffered if self.rx_buffered < _READ_BYTES else _READ_BYTES
        count = lib.bp_audio_read(self._handle, self._epoch, _into, size)
        if count < 0:
            _refuse(count)
        return bytes(_seen[:count])

    def write(self, pcm: bytes) -> None:
        """Queue s16le; what does not fit is not taken. Raises AudioNotActive, AudioRestarted."""
        count = lib.bp_audio_write(self._handle, self._epoch, ffi.from_buffer("uint8_t[]", pcm), len(pcm))
        if count < 0:
            _refuse(count)

    def flush(self) -> None:
        """Drop what waits to leave. Raises AudioNotActive, AudioRestarted."""
        count = lib.bp_audio_flush_tx(self._handle, self._epoch)
        if count < 0:
            _refuse(count)


def _refuse(code: int) -> None:
    if -code == errno.ESTALE:
        raise AudioRestarted("the call's audio was renegotiated; buffered data was lost")
    raise AudioNotActive("no audio is active on this call")
