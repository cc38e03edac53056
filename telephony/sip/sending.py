"""What a caller has said, and exactly when each of its samples was handed to the wire.

::

    send(pcm) ──► queue ──► library's buffer (≤ 2 frames) ──one packet per 20 ms──► wire
                            its fill falls by one frame: that packet left between this look and the one before
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from contracts.audio import FRAME_BYTES, FRAME_S, FRAME_SAMPLES, RATE

NextFrame = Callable[[float], bytes | None]
"""Asked for 640 bytes with the monotonic time at which they will leave (to about 5 ms); None: silence."""


@dataclass(slots=True, eq=False)
class Utterance:
    """Something to say, cut into frames; ``left_at[i]`` is when the packet with frame i left (monotonic seconds)."""

    samples: int
    left_at: list[float] = field(default_factory=list)
    cancelled: bool = False

    @property
    def frames(self) -> int:
        """Packets it takes."""
        return -(-self.samples // FRAME_SAMPLES)

    @property
    def sent(self) -> bool:
        """All of it left, or the rest never will."""
        return self.cancelled or len(self.left_at) >= self.frames

    def sent_at(self, sample: int) -> float | None:
        """When that sample was handed to the wire; None while it waits.

        A packet's first sample counts as said when the packet leaves, its last 20 ms later: as the far end plays it.
        """
        index, within = divmod(sample, FRAME_SAMPLES)
        return self.left_at[index] + within / RATE if index < len(self.left_at) else None

    @property
    def ended_at(self) -> float | None:
        """When its last sample was said."""
        return self.sent_at(self.samples - 1) if self.samples else None


@dataclass(slots=True)
class _Frame:
    pcm: bytes
    utterance: Utterance | None


@dataclass(slots=True)
class Departures:
    """The ledger between what was handed to the library and what its packets took. Pure."""

    waiting: deque[_Frame] = field(default_factory=deque)
    in_buffer: deque[_Frame] = field(default_factory=deque)
    last_left: float = 0.0

    def send(self, pcm: bytes) -> Utterance:
        """Queue internal PCM; the last frame is filled up with silence."""
        utterance = Utterance(len(pcm) // 2)
        for at in range(0, utterance.frames * FRAME_BYTES, FRAME_BYTES):
            self.waiting.append(_Frame(pcm[at : at + FRAME_BYTES].ljust(FRAME_BYTES, b"\0"), utterance))
        return utterance

    def stop(self) -> None:
        """Drop what waits; what is in the library's buffer still leaves."""
        for frame in self.waiting:
            if frame.utterance is not None:
                frame.utterance.cancelled = True
        self.waiting.clear()

    def departure(self, now: float) -> float:
        """When a frame handed over now will leave."""
        ahead = len(self.in_buffer)
        if now - self.last_left > 2 * FRAME_S:
            return now + ahead * FRAME_S
        return self.last_left + (ahead + 1) * FRAME_S

    def next(self, source: NextFrame | None, now: float) -> bytes | None:
        """The next frame for the library's buffer, from the queue or else from ``source``."""
        if self.waiting:
            frame = self.waiting.popleft()
        else:
            pcm = source(self.departure(now)) if source is not None else None
            if pcm is None:
                return None
            frame = _Frame(pcm, None)
        self.in_buffer.append(frame)
        return frame.pcm

    def observe(self, buffered_s: float, since: float, now: float) -> list[tuple[float, bytes]]:
        """What left since the look at ``since``; ``now`` the library's buffer holds ``buffered_s``.

        Packets leave every 20 ms, so the expected time is kept wherever it lies between the two looks: the estimate
        closes in on the library's own beat and is better than the time between looks.
        """
        gone: list[tuple[float, bytes]] = []
        count = len(self.in_buffer) - round(buffered_s / FRAME_S)
        for index in range(count):
            frame = self.in_buffer.popleft()
            latest = now - (count - 1 - index) * FRAME_S
            earliest = min(since, latest)
            paused = earliest - self.last_left > 2 * FRAME_S
            self.last_left = latest if paused else min(max(self.last_left + FRAME_S, earliest), latest)
            if frame.utterance is not None:
                frame.utterance.left_at.append(self.last_left)
            gone.append((self.last_left, frame.pcm))
        return gone
