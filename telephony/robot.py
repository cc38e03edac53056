"""A caller made of sound files, with the manners of a person: it waits for the other side to finish before it speaks.

Pure: received PCM and the time go in, frames to send come out. Used by `callwright call`, the demo and the benchmarks.

::

    operator  ▁▁▁▇▇▇▇▇▇▇▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▇▇▇▇▇▇▇▇▇▇▇▁▁▁▁
                       │gap_s│                │barge_in_after_s│
    caller    ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▇▇▇▇▇▇▇▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▇▇▇▇▇▇
                             line 1 │                      line 2 (barge-in)
                                    true_end
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

import numpy as np

from contracts.audio import FRAME_BYTES, FRAME_S, SILENCE

VOICED_RMS = 120.0
"""RMS of an int16 frame above which a synthetic or G.711 voice counts as heard: -48.7 dBFS, above µ-law idle noise."""
AUDIBLE_RMS = 32768 * 10 ** (-50 / 20)
"""-50 dBFS: what lies below is silence to a caller."""
JOINED_S = 0.06
"""Frames that arrive this close together are one sound: three packets of network and scheduling jitter."""


@dataclass(frozen=True, slots=True)
class Line:
    """Something the caller will say: internal PCM, and when.

    ``barge_in_after_s``: speak over the operator once it has spoken this long; None: wait for it to finish.
    """

    label: str
    pcm: bytes
    barge_in_after_s: float | None = None
    dtmf: str = ""


@dataclass(slots=True)
class Spoken:
    """What happened to a line. Times are monotonic seconds at the caller's socket; 0.0 means not yet."""

    label: str
    started_at: float
    true_end_at: float = 0.0
    """When the last voiced frame of the line was handed to the wire."""
    reply_at: float = 0.0
    """First voiced frame received after ``true_end_at``."""
    overlapped_s: float = 0.0
    """How long the operator spoke while this line was being said."""
    cut_in: bool = False
    """The operator began to speak while this line was still being said, having been quiet at its start."""


class _State(Enum):
    WAITING = auto()
    SPEAKING = auto()
    DONE = auto()


@dataclass(frozen=True, slots=True)
class Manners:
    """``gap_s`` of quiet after the operator's words before the next line; ``patience_s`` of nothing heard before
    speaking anyway; ``settle_s`` of quiet that ends the call after the last line was answered.

    ``told``: a line counts as answered only when `CallerRobot.answered` was called: as a person who hears "one moment"
    waits for what was promised, and does not take a gap within an answer for its end."""

    told: bool = False
    gap_s: float = 0.9
    patience_s: float = 9.0
    settle_s: float = 2.5
    wait_for_greeting: bool = True


@dataclass(slots=True)
class CallerRobot:
    """Says its lines in turn; `next_frame` every 20 ms, `hear` with whatever was received."""

    lines: Sequence[Line]
    manners: Manners = field(default_factory=Manners)
    spoken: list[Spoken] = field(default_factory=list)
    sounds: list[tuple[float, float]] = field(default_factory=list)
    """When the operator was audible: (from, to), monotonic seconds of arrival, rising."""
    _state: _State = _State.WAITING
    _index: int = 0
    _offset: int = 0
    _last_heard: float = 0.0
    _heard_since: float = 0.0
    _quiet_from: float = 0.0
    _heard_after_line: bool = False
    _told: bool = False
    _voiced_run: int = 0

    @property
    def done(self) -> bool:
        """All lines were said, and answered or given up on."""
        return self._state is _State.DONE

    @property
    def current(self) -> Line | None:
        """The line being said or next to say."""
        return self.lines[self._index] if self._index < len(self.lines) else None

    def answered(self) -> bool:
        """The operator has said its answer to the last line; `Manners.told` waits for this. True: it was waited for."""
        if self._state is _State.SPEAKING or not self.spoken or self._told:
            return False
        self._told = True
        return True

    def hear(self, pcm: bytes, at: float) -> None:
        """Internal PCM from the operator, arrived ``at``."""
        if len(pcm) < 2:
            return
        samples = np.frombuffer(pcm[: len(pcm) // 2 * 2], dtype="<i2").astype(np.float32)
        level = math.sqrt(float(np.dot(samples, samples)) / len(samples))
        if level > AUDIBLE_RMS:
            self._sound(at, len(samples) / 16000)
        voiced = level > VOICED_RMS
        self._voiced_run = self._voiced_run + 1 if voiced else 0
        if not voiced:
            return
        if at - self._last_heard > 0.3:
            self._heard_since = at
        self._last_heard = at
        last = self.spoken[-1] if self.spoken else None
        if self._state is _State.SPEAKING and last is not None:
            last.overlapped_s += len(pcm) / 32000
            if self._heard_since > last.started_at and not last.true_end_at:
                last.cut_in = True
        elif self._voiced_run >= 2:
            self._heard_after_line = True
            if last is not None and last.true_end_at and not last.reply_at:
                last.reply_at = at

    def _sound(self, at: float, length_s: float) -> None:
        if self.sounds and at - self.sounds[-1][1] <= JOINED_S:
            self.sounds[-1] = (self.sounds[-1][0], at + length_s)
        else:
            self.sounds.append((at, at + length_s))

    def next_frame(self, now: float) -> bytes:
        """The frame to send now: 640 bytes, silence when it is not our turn."""
        if self._quiet_from == 0.0:
            self._quiet_from = now
        if self._state is _State.WAITING and self._may_speak(now):
            self._begin(now)
        if self._state is not _State.SPEAKING:
            return SILENCE
        return self._speak(now)

    def _may_speak(self, now: float) -> bool:
        line = self.current
        waited = now - max(self._quiet_from, self._last_heard)
        answered = self._heard_after_line or (not self.spoken and not self.manners.wait_for_greeting)
        if self.manners.told and self.spoken:
            answered = self._told
        if line is None:
            settled = answered and waited > self.manners.settle_s
            if settled or waited > self.manners.patience_s:
                self._state = _State.DONE
            return False
        if line.barge_in_after_s is not None and self._heard_after_line:
            talking = now - self._last_heard < 0.2
            return talking and now - self._heard_since >= line.barge_in_after_s
        return waited > (self.manners.gap_s if answered else self.manners.patience_s)

    def _begin(self, now: float) -> None:
        self._state = _State.SPEAKING
        self._offset = 0
        assert self.current is not None
        self.spoken.append(Spoken(self.current.label, now))

    def _speak(self, now: float) -> bytes:
        line = self.current
        assert line is not None
        frame = line.pcm[self._offset : self._offset + FRAME_BYTES]
        self._offset += FRAME_BYTES
        if self._offset >= len(line.pcm):
            # A packet leaves when its 20 ms have been spoken: the last sample was said at ``now``.
            self.spoken[-1].true_end_at = now - trailing_silence_s(line.pcm)
            self._state = _State.WAITING
            self._index += 1
            self._heard_after_line = self._told = False
            self._quiet_from = now
        return frame.ljust(FRAME_BYTES, b"\0")


def trailing_silence_s(pcm: bytes, threshold: float = VOICED_RMS) -> float:
    """Seconds of quiet at the end of internal PCM, by 10 ms windows; the whole length if there is no sound."""
    samples = np.frombuffer(pcm[: len(pcm) // 2 * 2], dtype="<i2").astype(np.float64)
    window = 160
    count = len(samples) // window
    if count == 0:
        return len(samples) / 16000
    rms = np.sqrt(np.mean(samples[: count * window].reshape(count, window) ** 2, axis=1))
    voiced = np.flatnonzero(rms > threshold)
    last = (int(voiced[-1]) + 1) * window if len(voiced) else 0
    return (len(samples) - last) / 16000


def split_turns(pcm: bytes, pause_s: float = 0.35, minimum_s: float = 0.3, margin_s: float = 0.12) -> list[bytes]:
    """Cut a recording at pauses of at least ``pause_s`` into turns of at least ``minimum_s``.

    ``margin_s`` of what was there is kept around each: soft consonants lie below any threshold.
    """
    samples = np.frombuffer(pcm[: len(pcm) // 2 * 2], dtype="<i2")
    window = 320
    count = len(samples) // window
    if count == 0:
        return []
    frames = samples[: count * window].reshape(count, window).astype(np.float64)
    rms = np.sqrt(np.mean(frames**2, axis=1))
    level = max(VOICED_RMS, float(np.percentile(rms, 95)) * 0.06)
    turns: list[tuple[int, int]] = []
    for index in np.flatnonzero(rms > level):
        if turns and (index - turns[-1][1]) * FRAME_S < pause_s:
            turns[-1] = (turns[-1][0], int(index) + 1)
        else:
            turns.append((int(index), int(index) + 1))
    margin = round(margin_s / FRAME_S)
    return [
        samples[max(0, start - margin) * window : min(count, end + margin) * window].tobytes()
        for start, end in turns
        if (end - start) * FRAME_S >= minimum_s
    ]
