"""What callers of scripts.rtp_callers say and keep: one who is on hold and listens, and one who asks questions.

``HeldVoice`` sends a quiet line and checks prepared speech packet by packet: from the first to the last sounding packet
an utterance must be as long as the sentence's own sound. A frame that came too late to the wire makes it longer, one
that was lost makes it shorter. ``RobotVoice`` is a telephony.robot.CallerRobot on the wire, with a log of what came.
"""

from __future__ import annotations

import array
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from contracts.audio import FRAME_BYTES, FRAME_S, RATE
from scripts.rtp_callers import SILENT_PAYLOAD
from telephony.resample import StreamResampler
from telephony.robot import VOICED_RMS, CallerRobot
from telephony.websocket.g711 import linear_to_ulaw, ulaw_to_linear

WIRE_RATE = 8000
MISSED_SLOT_S = FRAME_S + 0.06
"""A packet that comes this long after the one before is more than 60 ms late."""
PAUSE_PACKETS = 25
"""Half a second without sound ends an utterance; pauses inside a sentence are shorter."""
_SOUNDLESS = b"\xff\x7f\xfe\x7e"
"""µ-law zero and its neighbours, both signs."""
_SOUNDING_BYTES = 8


def sounding(payload: bytes) -> bool:
    """More in it than digital silence."""
    return len(payload.translate(None, _SOUNDLESS)) > _SOUNDING_BYTES


def span_of(pcm: bytes) -> int:
    """Packets from the first to the last sounding one when internal PCM is sent as µ-law; 0 for no sound."""
    resampler = StreamResampler(RATE, WIRE_RATE)
    frames = [pcm[at : at + FRAME_BYTES].ljust(FRAME_BYTES, b"\0") for at in range(0, len(pcm), FRAME_BYTES)]
    heard = [index for index, frame in enumerate(frames) if sounding(linear_to_ulaw(resampler.process(frame)))]
    return heard[-1] - heard[0] + 1 if heard else 0


def quiet_line(level_dbfs: float, packets: int = 50, seed: int = 1) -> list[bytes]:
    """A line's noise as µ-law payloads, to be sent round and round."""
    chooser = np.random.default_rng(seed)
    noise = chooser.normal(scale=32768 * 10 ** (level_dbfs / 20), size=(packets, len(SILENT_PAYLOAD)))
    return [linear_to_ulaw(row.astype("<i2").tobytes()) for row in noise]


@dataclass(slots=True)
class Arrivals:
    """When packets of any number of calls came; gaps in whole milliseconds, so that ten minutes fit."""

    gaps_ms: Counter[int] = field(default_factory=Counter)
    missed: int = 0
    """Slots missed by more than 60 ms."""
    lost: int = 0
    """Sequence numbers that never came."""
    longest_s: float = 0.0

    def gap(self, seconds: float, skipped: int) -> None:
        """The next packet of a call came so long after the one before; ``skipped`` numbers lie between them."""
        self.gaps_ms[round(seconds * 1000)] += 1
        self.lost += skipped
        self.longest_s = max(self.longest_s, seconds)
        self.missed += seconds > MISSED_SLOT_S

    def quantile_ms(self, share: float) -> float:
        """Of the gaps; 20 is perfect."""
        left = share * self.gaps_ms.total()
        for gap in sorted(self.gaps_ms):
            left -= self.gaps_ms[gap]
            if left <= 0:
                return float(gap)
        return 0.0


@dataclass(slots=True)
class HeldVoice:
    """Listens. ``spans``: how many packets the utterances lasted that began after ``judge_from`` (monotonic)."""

    line: list[bytes]
    arrivals: Arrivals
    spans: Counter[int]
    judge_from: float = float("inf")
    _sent: int = 0
    _seq: int = -1
    _arrived: float = 0.0
    _first: int = -1
    _last: int = -1
    _judged: bool = False

    def payload(self, now: float) -> bytes:
        """The line's noise."""
        self._sent += 1
        return self.line[self._sent % len(self.line)]

    def heard(self, payload: bytes, seq: int, arrived: float) -> None:
        """Count gaps, follow the utterance."""
        step = (seq - self._seq) & 0xFFFF if self._seq >= 0 else 1
        if step >= 0x8000:
            return  # out of order; its number was counted as lost, which loopback never does
        number = self._seq + step if self._seq >= 0 else seq
        if self._arrived and self._arrived >= self.judge_from:
            self.arrivals.gap(arrived - self._arrived, step - 1)
        self._seq, self._arrived = number, arrived
        if sounding(payload):
            if self._first < 0:
                self._first, self._judged = number, arrived >= self.judge_from
            self._last = number
        elif self._first >= 0 and number - self._last > PAUSE_PACKETS:
            if self._judged:
                self.spans[self._last - self._first + 1] += 1
            self._first = -1


@dataclass(slots=True)
class RobotVoice:
    """A robot caller on µ-law. ``arrived`` and ``rms`` (int16) of every packet, in order of arrival."""

    robot: CallerRobot
    arrived: array.array[float] = field(default_factory=lambda: array.array("d"))
    rms: array.array[float] = field(default_factory=lambda: array.array("f"))
    _down: StreamResampler = field(default_factory=lambda: StreamResampler(RATE, WIRE_RATE))

    def payload(self, now: float) -> bytes:
        """The robot's next 20 ms."""
        return linear_to_ulaw(self._down.process(self.robot.next_frame(now)))

    def heard(self, payload: bytes, seq: int, arrived: float) -> None:
        """Show it to the robot, keep its loudness."""
        samples = np.frombuffer(ulaw_to_linear(payload), dtype="<i2")
        wide = samples.astype(np.float32)
        self.arrived.append(arrived)
        self.rms.append(float(np.sqrt(np.mean(wide * wide))))
        self.robot.hear(np.repeat(samples, RATE // WIRE_RATE).tobytes(), arrived)

    def first_sound_after(self, at: float, run: int = 2) -> float | None:
        """Arrival of the first of ``run`` successive packets with sound; None if there is none."""
        count = 0
        for index in range(int(np.searchsorted(np.frombuffer(self.arrived, dtype="d"), at)), len(self.rms)):
            count = count + 1 if self.rms[index] > VOICED_RMS else 0
            if count == run:
                return self.arrived[index - run + 1]
        return None

    def late(self, start: float, end: float) -> tuple[float, int]:
        """The longest gap between packets of that time, and how many slots were missed by more than 60 ms."""
        times = np.frombuffer(self.arrived, dtype="d")
        times = times[(times >= start) & (times <= end)]
        gaps = np.diff(times)
        return (float(gaps.max()), int((gaps > MISSED_SLOT_S).sum())) if len(gaps) else (0.0, 0)
