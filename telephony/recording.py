"""Calls as two-channel WAV files (left caller, right operator), written while they happen.

::

    media loop                               │ bounded queue │            one thread for all calls
    caller(frame)  ─► left  ─┐ aligned to    │               │  [8 kHz]   pwrite at its place,
    operator(pcm)  ─► right ─┴ the clock ────┼── half second ─┼─────────►  then the header's lengths
                                             │ full: left out │            no space: stop, one alarm
    ID.partial.wav while the call lasts (playable at any moment, also after kill -9) ──close──► ID.wav

The 20 ms path only copies bytes. A piece that the queue had no room for stays silent and keeps everything after it in
place. Pieces wait ``hold_s`` in memory: what is muted meanwhile is never written; later it is overwritten. kill -9
loses the last ``hold_s``. A recording that waits for the caller's consent writes nothing at all.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from contracts.audio import RATE, AudioFrame
from contracts.clock import Clock
from contracts.errors import DeviceFull
from contracts.settings import Settings
from telephony.wav import HEADER, PARTIAL, Alarm, Close, Discard, Erase, Order, Piece, WavFile

_PIECE = RATE // 2
"""Samples per channel that are handed to the disk at once."""
_UNDECIDED_S = 300
"""Of sound kept in memory while it is open whether the caller agrees to being recorded; older sound is left out."""
_SLIP = RATE * 6 // 100
"""60 ms: less than this off its place, sound is joined to what came before; more is a real gap or a real surplus."""


class RecordingSettings(Settings):
    """Recording of calls."""

    enabled: bool = Field(default=False, description="Record calls. Mind the law, and the disclosure to the caller.")
    rate: Literal[8000, 16000] = Field(default=16_000, description="Samples per second of the file, per channel.")
    hold_s: float = Field(
        default=30.0,
        ge=0.0,
        le=600.0,
        description="Sound waits so long in memory, so that a spoken card number is silenced before it is written.",
    )
    queue_pieces: int = Field(
        default=512, ge=16, le=65_536, description="Half seconds of sound that may wait for the disk, all calls."
    )
    min_free_mb: int = Field(
        default=200, ge=0, description="Recording stops below this much free space, so that the record can go on."
    )


class Channel:
    """One side of a call, put onto the clock. Pure: positions are samples at 16 kHz since the start.

    After a stall several frames come at one moment, so what looks like a gap at the first of them may be none: it is
    judged when the clock has moved on, and filled where it began.
    """

    __slots__ = ("_gap", "_pending", "start")

    def __init__(self) -> None:
        self.start = 0
        """Position of the first sample that was not yet taken."""
        self._pending = bytearray()
        self._gap: tuple[int, int] | None = None  # (position of the sound that came late, moment when it was put)

    @property
    def end(self) -> int:
        """Position behind the last sample."""
        return self.start + len(self._pending) // 2

    def put(self, pcm: bytes, at: int) -> None:
        """Sound that belongs at position ``at``; close enough is joined, a surplus left out."""
        self.settle(at)
        slip = at - self.end
        if slip < -_SLIP:
            return  # more sound than time has passed would push all that follows
        if slip > _SLIP and self._gap is None:
            self._gap = (self.end, at)
        self._pending += pcm

    def settle(self, at: int) -> None:
        """Fill a gap that the frames of its moment did not fill."""
        if self._gap is None or at <= self._gap[1]:
            return
        began, missing = self._gap[0], at - self.end
        self._gap = None
        if missing > _SLIP:
            place = 2 * max(0, began - self.start)
            self._pending[place:place] = bytes(2 * missing)

    def take(self, end: int) -> NDArray[np.int16]:
        """The samples up to position ``end``, silence where there are none."""
        count = 2 * (end - self.start)
        piece = bytes(self._pending[:count]).ljust(count, b"\0")
        del self._pending[:count]
        self.start = end
        return np.frombuffer(piece, dtype="<i2").copy()


class Recorder:
    """One call's recording; made by ``Recordings.open``. All methods are cheap, and harmless after the end.

    ``stopped`` says whether the disk gave out; ``dropped`` counts half seconds that the queue had no room for.
    """

    def __init__(self, recordings: Recordings, file: WavFile, clock: Clock, hold_s: float, kept: bool) -> None:
        self._recordings = recordings
        self._hold = round(hold_s * RATE)
        self._held: deque[Piece] = deque()
        self._kept = kept
        self._file = file
        self._clock = clock
        self._began = clock.now()
        self._caller = Channel()
        self._operator = Channel()
        self._muted: list[tuple[int, int]] = []
        self._owed: list[Erase] = []
        self._closed = False
        self.dropped = 0

    @property
    def path(self) -> Path:
        """The file's final name."""
        return self._file.path

    @property
    def stopped(self) -> bool:
        """Whether recording ended before the call, for want of space."""
        return self._file.failed

    def caller(self, frame: AudioFrame) -> None:
        """20 ms of the caller, as the leg gave it."""
        self._put(self._caller, frame.pcm)

    def operator(self, pcm: bytes | None) -> None:
        """20 ms of the operator (internal PCM), once per beat; None is silence."""
        if pcm is not None:
            self._put(self._operator, pcm)
        else:
            self._flush()

    def mute(self, start_s: float, end_s: float) -> None:
        """Silence both channels between two monotonic times, past or to come (a card number, a password)."""
        start, end = (max(0, round((at - self._began) * RATE)) for at in (start_s, end_s))
        if self._closed or end <= start:
            return
        if end > self._caller.start:
            self._muted.append((start, end))
        for piece in self._held:
            piece.samples[max(0, start - piece.at) : max(0, end - piece.at)] = 0
        written = self._held[0].at if self._held else self._caller.start
        if start < written:
            self._owed.append(Erase(start, min(end, written)))
            self._pay()

    def keep(self) -> None:
        """The caller has agreed, or need not be asked: it may be written."""
        self._kept = True

    def discard(self) -> None:
        """There is to be no recording: what there is of it goes, the file too."""
        if not self._closed:
            self._closed = True
            self._held.clear()
            self._recordings.insist(self._file, Discard())

    def close(self) -> threading.Event:
        """The call is over: write the rest and take the final name. The event is set when that is done."""
        done = threading.Event()
        if not self._kept:
            self.discard()
        if self._closed:
            done.set()
            return done
        for channel in (self._caller, self._operator):
            channel.settle(self._position())
        end = max(self._caller.end, self._operator.end)
        if end > self._caller.start:
            self._hand_over(end)
        self._closed = True
        self._pay()
        last: list[Order] = [*self._held, *self._owed, Close(done, self._caller.start)]
        for order in last:
            self._recordings.insist(self._file, order)
        self._owed.clear()
        self._held.clear()
        return done

    def _put(self, channel: Channel, pcm: bytes) -> None:
        if self._closed or self._file.failed:
            return
        # A frame is given when its 20 ms are over, so its first sample lies one frame back.
        channel.put(pcm, max(0, self._position() - len(pcm) // 2))
        self._flush()

    def _position(self) -> int:
        return round((self._clock.now() - self._began) * RATE)

    def _flush(self) -> None:
        """Hand over what both channels have; one that is silent for good does not hold the other back."""
        if self._closed or self._file.failed:
            return
        one, other = self._caller.end, self._operator.end
        ready = max(min(one, other), max(one, other) - _PIECE) & ~1  # even, for the 8 kHz file
        if ready - self._caller.start >= _PIECE:
            self._hand_over(ready)

    def _hand_over(self, end: int) -> None:
        at = self._caller.start
        samples = np.column_stack((self._caller.take(end), self._operator.take(end)))
        for start, stop in self._muted:
            samples[max(0, start - at) : max(0, stop - at)] = 0
        self._muted = [each for each in self._muted if each[1] > end]
        self._held.append(Piece(at, samples))
        while self._held and self._held[0].at + len(self._held[0].samples) <= end - self._hold:
            if not self._kept and len(self._held) * _PIECE < _UNDECIDED_S * RATE:
                break
            piece = self._held.popleft()
            if not self._kept or not self._recordings.offer(self._file, piece):
                self.dropped += 1
        self._pay()

    def _pay(self) -> None:
        """Order the erasures that are owed; they are never dropped, so they may wait here."""
        while self._owed and self._recordings.offer(self._file, self._owed[0]):
            del self._owed[0]


class Recordings:
    """All recordings of a process, and the one thread that writes them.

    ``open`` makes a Recorder; ``close`` writes what is queued and ends the thread.
    """

    def __init__(self, settings: RecordingSettings, directory: Path, clock: Clock, alarm: Alarm | None = None) -> None:
        self._settings = settings
        self._directory = directory
        self._clock = clock
        self._alarm = alarm
        self._queue: queue.Queue[tuple[WavFile, Order] | None] = queue.Queue()
        self._thread: threading.Thread | None = None

    def open(self, call_id: str, *, kept: bool = True) -> Recorder:
        """Begin ``directory/call_id.wav``, readable by its owner only; without ``kept`` once its ``keep`` was called.

        Raises DeviceFull if the file cannot be made (the call goes on without it), ValueError for an unsafe id.
        """
        if not call_id or not all(c.isalnum() or c in "-_" for c in call_id) or not call_id.isascii():
            raise ValueError(f"unusable as a file name: {call_id!r}")
        try:
            self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            file = WavFile(
                self._directory / f"{call_id}.wav", self._settings.rate, self._settings.min_free_mb, self._alarm
            )
        except OSError as error:
            raise DeviceFull(f"no recording in {self._directory}: {error.strerror}") from error
        if self._thread is None:
            self._thread = threading.Thread(target=self._write, name="recordings", daemon=True)
            self._thread.start()
        return Recorder(self, file, self._clock, self._settings.hold_s, kept)

    def recover(self) -> list[Path]:
        """Give recordings that a killed process left their final names; call before any is opened."""
        found = []
        for partial in sorted(self._directory.glob(f"*{PARTIAL}")):
            final = partial.with_name(partial.name.removesuffix(PARTIAL) + ".wav")
            if partial.stat().st_size <= HEADER:
                partial.unlink()  # nothing was kept of it: perhaps the caller had not agreed yet
            elif not final.exists():
                partial.rename(final)
                found.append(final)
        return found

    def close(self, timeout_s: float = 10.0) -> None:
        """Write what is queued and end the thread. Blocks; call it after the last call."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._queue.put(None)
            thread.join(timeout_s)

    def offer(self, file: WavFile, order: Order) -> bool:
        """Queue an order if there is room."""
        if self._queue.qsize() >= self._settings.queue_pieces:
            return False
        self._queue.put_nowait((file, order))
        return True

    def insist(self, file: WavFile, order: Order) -> None:
        """Queue an order that may not be lost (few, and small)."""
        self._queue.put_nowait((file, order))

    def _write(self) -> None:
        while (job := self._queue.get()) is not None:
            file, order = job
            file.obey(order)
