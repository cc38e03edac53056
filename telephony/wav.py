"""A two-channel WAV file that is whole at any moment, written in pieces that each have their place."""

from __future__ import annotations

import asyncio
import errno
import os
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

import numpy as np
import structlog
from numpy.typing import NDArray

from contracts.audio import RATE
from contracts.errors import DeviceFull

log = structlog.get_logger()

HEADER = 44
"""Bytes before the samples."""
_FULL = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
_LOOK_EVERY = 64
"""Pieces between two looks at the free space: about half a minute of one call."""

PARTIAL = ".partial.wav"
"""How the file of an unfinished recording ends."""

Alarm = Callable[[Path, DeviceFull], None]
"""Told once per recording that it had to stop. Called on the event loop that opened it, else on the writer's thread."""


@dataclass(slots=True, frozen=True)
class Piece:
    """Both channels from position ``at``: shape (samples, 2)."""

    at: int
    samples: NDArray[np.int16]


@dataclass(slots=True, frozen=True)
class Erase:
    """Silence from position ``start`` to ``end``, where something was written."""

    start: int
    end: int


@dataclass(slots=True, frozen=True)
class Close:
    """Finish the file, which lasts until position ``end`` even if its last pieces were left out."""

    done: threading.Event
    end: int


@dataclass(slots=True, frozen=True)
class Discard:
    """There is to be no file."""


Order = Piece | Erase | Close | Discard


class WavFile:
    """The file, used by one thread only (except for the making, and reading ``failed``). Raises OSError when made."""

    def __init__(self, path: Path, rate: int, min_free_mb: int, alarm: Alarm | None) -> None:
        self.path = path
        self.failed = False
        self._partial = path.with_name(path.stem + PARTIAL)
        self._rate, self._min_free_mb = rate, min_free_mb
        self._alarm = alarm
        self._half = Halver() if rate == RATE // 2 else None
        self._step = RATE // rate
        self._samples = 0
        self._pieces = 0
        self._fd = os.open(self._partial, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            self._loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            self._loop = None
        try:
            self._write_at(wav_header(0, rate), 0)
        except OSError:
            os.close(self._fd)
            self._partial.unlink(missing_ok=True)
            raise

    def obey(self, order: Order) -> None:
        """Carry out one order; a disk that refuses ends the recording, and nothing else."""
        try:
            match order:
                case Piece():
                    self._append(order)
                case Erase():
                    self._erase(order)
                case Close():
                    self._finish(order.end // self._step)
                case Discard():
                    self._discard()
                case _:
                    assert_never(order)
        except OSError as error:
            self._fail(error)
        finally:
            if isinstance(order, Close):
                order.done.set()

    def _append(self, piece: Piece) -> None:
        if self.failed or self._fd < 0:
            return
        if self._pieces % _LOOK_EVERY == 0:
            self._look()
        self._pieces += 1
        at = piece.at // self._step
        samples = self._half.process(piece.samples, piece.at) if self._half is not None else piece.samples
        self._write_at(samples.astype("<i2").tobytes(), HEADER + 4 * at)
        self._samples = max(self._samples, at + len(samples))
        self._write_at(wav_header(self._samples, self._rate), 0)

    def _erase(self, order: Erase) -> None:
        # The filter of the 8 kHz file smears a sample over its neighbours.
        start = max(0, order.start // self._step - Halver.REACH)
        end = min(self._samples, order.end // self._step + Halver.REACH)
        if end > start and self._fd >= 0:
            self._write_at(bytes(4 * (end - start)), HEADER + 4 * start)

    def _finish(self, samples: int) -> None:
        if self._fd < 0:
            return
        try:
            if samples > self._samples and not self.failed:
                os.ftruncate(self._fd, HEADER + 4 * samples)
                self._write_at(wav_header(samples, self._rate), 0)
            os.fsync(self._fd)
        finally:
            os.close(self._fd)
            self._fd = -1
            self._partial.rename(self.path)

    def _discard(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
            self._partial.unlink(missing_ok=True)

    def _look(self) -> None:
        free = os.fstatvfs(self._fd)
        if free.f_bavail * free.f_frsize < self._min_free_mb * 1_000_000:
            raise OSError(errno.ENOSPC, f"less than {self._min_free_mb} MB left")

    def _write_at(self, data: bytes, offset: int) -> None:
        """All of it: a full disk takes a part first and refuses the rest."""
        view = memoryview(data)
        while view:
            written = os.pwrite(self._fd, view, offset)
            view, offset = view[written:], offset + written

    def _fail(self, error: OSError) -> None:
        if self.failed:
            return
        self.failed = True
        why = "the disk is full" if error.errno in _FULL else "the disk refuses"
        log.error("recording.stopped", path=str(self.path), why=why, error=error.strerror)
        alarm = DeviceFull(f"recording {self.path.name} stopped, {why}: {error.strerror}")
        if self._alarm is None:
            return
        if self._loop is None or self._loop.is_closed():
            self._alarm(self.path, alarm)
        else:
            self._loop.call_soon_threadsafe(self._alarm, self.path, alarm)


class Halver:
    """16 → 8 kHz for pieces with a place: exactly half as many samples, a short windowed sinc, no delay.

    It looks ``REACH`` output samples back; what it lacks ahead is taken from the next piece, so a piece is
    given out ``REACH`` input samples late (1 ms), which no ear places.
    """

    REACH = 16
    _TAPS = 2 * REACH + 1

    def __init__(self) -> None:
        n = np.arange(-self.REACH, self.REACH + 1)
        taps = np.sinc(n / 2) * np.kaiser(self._TAPS, 5.0)
        self._taps: NDArray[np.float64] = taps / taps.sum()
        self._kept: NDArray[np.int16] = np.zeros((self._TAPS - 1, 2), dtype=np.int16)
        self._next = 0

    def process(self, samples: NDArray[np.int16], at: int) -> NDArray[np.int16]:
        """``samples``: shape (n, 2), the first at the even position ``at``; a gap before it starts afresh."""
        if at != self._next:
            self._kept = np.zeros_like(self._kept)
        self._next = at + len(samples)
        x = np.concatenate((self._kept, samples))
        self._kept = x[len(x) - (self._TAPS - 1) :]
        filtered = np.stack([np.convolve(x[:, side], self._taps, mode="valid")[::2] for side in (0, 1)], axis=1)
        return np.clip(np.rint(filtered), -32768, 32767).astype(np.int16)


def wav_header(samples: int, rate: int) -> bytes:
    """RIFF header of a two-channel 16-bit file with so many samples per channel; 4 GB is the format's end."""
    size = min(4 * samples, 0xFFFF_FFFF - 36)
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", size + 36, b"WAVE", b"fmt ", 16, 1, 2, rate, 4 * rate, 4, 16, b"data", size
    )
