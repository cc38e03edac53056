"""Makes a steady stream of 20 ms frames, one per 20 ms of wall clock, from sound that comes when it comes.

The SIP library shortens the stream by every packet that was lost, and a provider's stream arrives in bursts. The turn
machine counts silence in frames, so what it hears must last exactly as long as the clock says.

::

    arrives   [1][2]    lost    [4][5]  a bit late [6 7]      late …      [8 9 10 11]  burst
    wall      |-1-|-2-|--------|-c-4-|-5-|--------|-6-7-|------|-c-|-c-|-8-|-9-|- …        c: concealed
    surplus     0   0     0       0    0     0       0      0    0   0   2   2 → 1 → 0     taken out, frame by frame

Sound that is less than ``grace_s`` late is waited for: the next beat brings two frames, and no delay is added. A gap is
filled with a faded repetition of the last pitch period (as G.711 appendix I does), then silence. Sound that came late
after it was concealed stays as delay; what is surplus for ``settle_s`` is cut out again, with a short cross-fade and
preferably in silence; above ``cap_s`` the oldest goes at once. So the stream is never longer than time.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from contracts.audio import FRAME_BYTES, FRAME_S, FRAME_SAMPLES, RATE, SILENCE, AudioFrame
from contracts.settings import Settings

_EPSILON_S = 1e-6
_QUIET_RMS = 200.0
"""Below -44 dBFS: a frame that nobody misses."""
_SHORTEST_PITCH = RATE // 400
_LONGEST_PITCH = FRAME_SAMPLES
_CROSSFADE = RATE // 200
"""5 ms."""


class ConcealSettings(Settings):
    """How gaps and bursts of incoming sound are smoothed."""

    fill_s: float = Field(
        default=0.06, ge=0, le=0.5, description="How long a gap is filled with fading sound before silence."
    )
    grace_s: float = Field(default=0.02, ge=0, le=0.1, description="How late sound may be before it is made up.")
    settle_s: float = Field(default=5.0, gt=0, le=120, description="Surplus delay that lasted this long is cut out.")
    cap_s: float = Field(
        default=0.2, ge=0.04, le=5, description="Most sound that may wait; beyond it the oldest is dropped."
    )
    catch_up_s: float = Field(
        default=2.0, ge=0.02, le=30, description="After a longer stall of ours the time is skipped."
    )


class Concealer:
    """One caller's incoming sound on the wall clock. No I/O; ``now`` is monotonic seconds.

    ``concealed`` and ``dropped`` count frames made up and frames cut out since the start.
    """

    def __init__(self, settings: ConcealSettings, start: float) -> None:
        self._settings = settings
        self._due = start + FRAME_S
        self._buffer = bytearray()
        self._arrived = start
        self._last = (SILENCE, SILENCE)
        """The last two frames given out."""
        self._gap = 0
        self._pitch: NDArray[np.float32] = np.zeros(_LONGEST_PITCH, dtype=np.float32)
        self._surplus = float("inf")
        self._watched_since = start
        self.concealed = 0
        self.dropped = 0

    @property
    def waiting_s(self) -> float:
        """Seconds of sound that have come and were not yet given out."""
        return len(self._buffer) / 2 / RATE

    def push(self, pcm: bytes, now: float) -> None:
        """Sound as it came: internal PCM of any even length."""
        if pcm:
            self._buffer += pcm
            self._arrived = now

    def tick(self, now: float) -> list[AudioFrame]:
        """The frames whose time has come, oldest first; usually one, none when sound is a little late."""
        if now - self._due > self._settings.catch_up_s:
            self._due = now
        if now + _EPSILON_S < self._due:
            return []
        frames: list[AudioFrame] = []
        count = int((now - self._due + _EPSILON_S) / FRAME_S) + 1
        missing = count - len(self._buffer) // FRAME_BYTES
        for _ in range(count):
            overdue = now - self._due >= self._settings.grace_s - _EPSILON_S
            if missing > 0 and overdue:
                missing -= 1
                frames.append(self._make_up(now))
            elif len(self._buffer) >= FRAME_BYTES:
                frames.append(self._take())
            else:
                break
            self._due += FRAME_S
        if frames:
            self._limit(now)
        return frames

    def _make_up(self, now: float) -> AudioFrame:
        self.concealed += 1
        return AudioFrame(self._fill(), now, concealed=True)

    def _take(self) -> AudioFrame:
        if len(self._buffer) == FRAME_BYTES:  # nearly always
            pcm = bytes(self._buffer)
            self._buffer.clear()
        else:
            pcm = bytes(self._buffer[:FRAME_BYTES])
            del self._buffer[:FRAME_BYTES]
        if self._gap:
            pcm = self._rejoin(pcm)
        self._last = (self._last[1], pcm)
        return AudioFrame(pcm, self._arrived)

    def _fill(self) -> bytes:
        if self._gap == 0:
            self._pitch = _last_period(np.frombuffer(b"".join(self._last), dtype="<i2"))
        at = self._gap * FRAME_SAMPLES
        self._gap += 1
        length = int(self._settings.fill_s * RATE)
        if at >= length or not self._pitch.any():
            return SILENCE
        n = np.arange(at, at + FRAME_SAMPLES)
        gain = np.clip(1.0 - n / length, 0.0, 1.0)
        return bytes((self._pitch[n % len(self._pitch)] * gain).astype("<i2").tobytes())

    def _rejoin(self, pcm: bytes) -> bytes:
        """Fade from the made-up sound into the real one, so that the seam does not click."""
        filled = np.frombuffer(self._fill(), dtype="<i2")[:_CROSSFADE]
        self._gap = 0
        samples = np.frombuffer(pcm, dtype="<i2").copy()
        up = np.linspace(0.0, 1.0, _CROSSFADE)
        samples[:_CROSSFADE] = (filled * (1.0 - up) + samples[:_CROSSFADE] * up).astype(np.int16)
        return samples.tobytes()

    def _limit(self, now: float) -> None:
        """Take out delay: at once above the cap, else one frame per settle time if it was never needed."""
        waiting_s = len(self._buffer) / 2 / RATE
        over = waiting_s - self._settings.cap_s
        if over > _EPSILON_S:
            count = -(-int(over * RATE * 2) // FRAME_BYTES)
            del self._buffer[: count * FRAME_BYTES]
            self.dropped += count
            self._gap = max(self._gap, 1)  # a seam: fade it
            self._watch(now)
            return
        if waiting_s < self._surplus:
            self._surplus = waiting_s
        waited = now - self._watched_since
        if waited < self._settings.settle_s:
            return
        if self._surplus < FRAME_S - _EPSILON_S:
            self._watch(now)
        elif self._quiet() or waited >= 2 * self._settings.settle_s:
            self._cut_one()
            self._watch(now)

    def _watch(self, now: float) -> None:
        self._surplus = float("inf")
        self._watched_since = now

    def _quiet(self) -> bool:
        head = np.frombuffer(bytes(self._buffer[:FRAME_BYTES]), dtype="<i2").astype(np.float32)
        return bool(np.sqrt(np.mean(head**2)) < _QUIET_RMS) if len(head) else True

    def _cut_one(self) -> None:
        """Drop 20 ms, fading from what would have come first into what comes after the cut."""
        head = np.frombuffer(bytes(self._buffer), dtype="<i2")
        after = head[FRAME_SAMPLES:].copy()
        n = min(_CROSSFADE, len(after))
        up = np.linspace(0.0, 1.0, n)
        after[:n] = (head[:n] * (1.0 - up) + after[:n] * up).astype(np.int16)
        self._buffer = bytearray(after.tobytes())
        self.dropped += 1


def _last_period(samples: NDArray[np.int16]) -> NDArray[np.float32]:
    """The last pitch period (2.5-20 ms), found by autocorrelation; the last 20 ms if there is no pitch."""
    x = samples.astype(np.float32)
    template = x[-_LONGEST_PITCH:]
    energy = float(template @ template)
    if energy <= 0.0:
        return np.zeros(_LONGEST_PITCH, dtype=np.float32)
    if energy < _LONGEST_PITCH * _QUIET_RMS**2:
        return template  # a quiet line has no pitch, and the search costs 0.1 ms for each call when all are late
    past = np.correlate(x, template, mode="valid")[::-1]  # past[lag], lag 0 is the template itself
    squares = np.cumsum(np.concatenate(([0.0], x.astype(np.float64) ** 2)))
    lags = np.arange(len(past))
    ends = len(x) - lags
    norms = np.sqrt(np.maximum(squares[ends] - squares[ends - _LONGEST_PITCH], 1.0) * energy)
    score = past / norms
    best = int(np.argmax(score[_SHORTEST_PITCH:])) + _SHORTEST_PITCH
    return x[-best:] if score[best] > 0.3 else template
