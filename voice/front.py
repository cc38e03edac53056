"""The audio front: a leg on one side, a session on the other; between them ear, mouth and the right of way.

::

    leg ──on_frame──► Ear ──events──► EventQueue ──events()──► session
    leg ◄─next_frame─ Mouth ◄──────── say, open, expect ────── session
                       ▲ duck, hold: OverlapWatch, in the frame that shows a voice over the operator's speech
                       └ drop or go on: the Ear, as soon as it knows what was said
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable

import structlog

from contracts.audio import FRAME_BYTES, FRAME_S, AudioFrame
from contracts.clock import Clock
from contracts.engines import Recogniser, Synthesiser, TurnJudge
from contracts.events import CallClosed, DtmfReceived, EarEvent, Partial, SilenceElapsed, SpeechStarted, TurnLikely
from contracts.leg import HangupReason
from voice.ear import Ear
from voice.holdmusic import HoldMusic
from voice.mouth import Mouth
from voice.overlap import OverlapWatch, Step
from voice.phrases import PhraseCache
from voice.settings import FrontSettings, VoiceSettings
from voice.utterance import Heard
from voice.vad import SileroModel, VoiceActivity

_log = structlog.get_logger()
_EXPENDABLE = (Partial, TurnLikely, SpeechStarted, SilenceElapsed, DtmfReceived)
"""What may be lost when the session does not keep up, in this order. Ended turns and the call's end never are."""
_KEYS = frozenset("0123456789*#ABCD")


class EventQueue:
    """Ear events on their way to the session, in order and bounded; what must be dropped is counted and logged."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._events: deque[EarEvent] = deque()
        self._ready = asyncio.Event()
        self.dropped = 0

    def put(self, event: EarEvent) -> None:
        """Add an event; when full the oldest of the most expendable kind goes, be it this one."""
        self._events.append(event)
        if len(self._events) > self._size:
            self._make_room()
        self._ready.set()

    def _make_room(self) -> None:
        for kind in _EXPENDABLE:
            for index, event in enumerate(self._events):
                if isinstance(event, kind):
                    del self._events[index]
                    self.dropped += 1
                    _log.warning("front.event_dropped", kind=kind.__name__, dropped=self.dropped)
                    return

    async def get(self) -> EarEvent:
        """The oldest event; waits for one."""
        while not self._events:
            self._ready.clear()
            await self._ready.wait()
        return self._events.popleft()


class KeyLimiter:
    """A token bucket: a person's key presses pass, a flood does not."""

    def __init__(self, settings: FrontSettings) -> None:
        self._rate = settings.dtmf_per_s
        self._burst = float(settings.dtmf_burst)
        self._tokens = self._burst
        self._at: float | None = None

    def admit(self, at: float) -> bool:
        """May this key pass?"""
        elapsed = 0.0 if self._at is None else max(0.0, at - self._at)
        self._at = at
        self._tokens = min(self._burst, self._tokens + elapsed * self._rate)
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True


class AudioFront:
    """One call's LegPort. The session reads ``events()``, speaks through ``mouth``, tells ``ear`` what to expect."""

    def __init__(
        self,
        settings: VoiceSettings,
        *,
        vad: SileroModel,
        recogniser: Recogniser,
        judge: TurnJudge,
        synthesiser: Synthesiser,
        clock: Clock,
        playout_delay_s: float = 0.0,
        phrase_cache: PhraseCache | None = None,
        on_trouble: Callable[[str, str], None] | None = None,
        flush: Callable[[], None] | None = None,
    ) -> None:
        """``flush`` empties the far end's queue where the leg can (CallLeg.flush). Needs a running event loop."""
        self._clock = clock
        self._flush = flush
        self._queue = EventQueue(settings.front.queue_size)
        self._keys = KeyLimiter(settings.front)
        self._hold_barge_in = settings.front.hold_barge_in
        self._hold_patience_s = settings.front.hold_patience_s
        self._held_by_caller = False
        self._activity = VoiceActivity(settings.vad, vad)
        self._overlap = OverlapWatch(settings.overlap)
        self._ear_decides = False
        """The ear has made a turn of the sound that is heard, and will tell what it was."""
        self._undecided_s = 0.0
        self._closed = False
        self.keys_dropped = 0
        self.frames_refused = 0
        """Frames of a wrong size, which a leg should never pass."""
        self.last_heard: Heard | None = None
        """What the caller had heard at the last interruption."""
        self.barge_in_at = 0.0
        """When speech was last stopped for the caller."""
        self.music: HoldMusic | None = None
        """Heard while nothing is said; it is no speech: nobody barges in on it."""
        self.mouth = Mouth(settings, synthesiser, clock, playout_delay_s, phrase_cache, on_trouble)
        self.ear = Ear(
            settings,
            self._activity,
            recogniser,
            judge,
            clock,
            self._queue.put,
            self._audible,
            floor=self,
        )

    async def events(self) -> AsyncIterator[EarEvent]:
        """Everything the ear has to say, in order; ends after CallClosed. For one reader."""
        while True:
            event = await self._queue.get()
            yield event
            if isinstance(event, CallClosed):
                return

    @property
    def events_dropped(self) -> int:
        """Events lost because the session did not keep up."""
        return self._queue.dropped

    @property
    def listened_to(self) -> bool:
        """The caller is on the line and says nothing."""
        absent = self._closed or self._held_by_caller
        return not (absent or self.mouth.held or self.ear.caller_speaking)

    # ── LegPort ─────────────────────────────────────────────────────────────────────────────────────────────────

    def on_frame(self, frame: AudioFrame) -> None:
        """20 ms from the caller."""
        if self._closed:
            return
        if len(frame.pcm) != FRAME_BYTES:
            self.frames_refused += 1
            return
        self.ear.feed(frame)
        if not self._held_by_caller:
            self._watch_overlap(frame.arrived)

    def next_frame(self) -> bytes | None:
        """20 ms for the caller, or None for silence."""
        if self._closed or self._held_by_caller:
            return None
        frame = self.mouth.next_frame()
        return frame if self.music is None else self.music.under(frame)

    def on_dtmf(self, digit: str) -> None:
        """A key. Floods and what is no key are counted and dropped."""
        now = self._clock.now()
        if self._closed or digit not in _KEYS or len(digit) != 1:
            return
        if not self._keys.admit(now):
            self.keys_dropped += 1
            if self.keys_dropped == 1:
                _log.warning("front.dtmf_flood")
            return
        self.ear.dtmf(now)
        self._queue.put(DtmfReceived(digit, now))

    def on_hold(self, held: bool) -> None:
        """On hold nobody is listening: speech waits, silence does not count, music is no speech."""
        if held != self._held_by_caller and not self._closed:
            self._held_by_caller = held
            self.ear.pause(held)
            self.released(self._clock.now())

    def on_closed(self, reason: HangupReason, detail: str) -> None:
        """The leg is gone: work is withdrawn, unfinished speech counts as interrupted, CallClosed is the last event."""
        if self._closed:
            return
        self._closed = True
        self.ear.close()
        self.mouth.close()
        self._queue.put(CallClosed(reason.value, detail))

    # ── Floor: the ear's decisions, in the frame that made them ─────────────────────────────────────────────────

    def _audible(self) -> bool:
        """Our speech is at the caller's ear, or was until the caller made it pause."""
        return (self.mouth.speaking or self.mouth.held) and not self._held_by_caller

    def _watch_overlap(self, at: float) -> None:
        """Before the ear can tell a turn from a sound: softer, then silent; on again if no turn comes of it."""
        step = self._overlap.frame(self._activity.last, operator_speaking=self._audible())
        if step is Step.DUCK:
            self.onset(at, turn=False)
        elif step is Step.HOLD and self._hold_barge_in:
            self.barge_in(at)
        elif step is Step.OVER and not self._ear_decides:
            self.released(at)
        if not self.mouth.held or self.ear.caller_speaking:
            self._undecided_s = 0.0
            return
        self._undecided_s += FRAME_S
        if self._undecided_s >= self._hold_patience_s:
            _log.warning("front.hold_undecided", seconds=self._undecided_s)
            self.released(at)

    def onset(self, at: float, *, turn: bool = True) -> None:
        """A sound: speak softly until it is clear what it is. ``turn``: the ear makes a turn of it."""
        self._ear_decides = self._ear_decides or turn
        if self.mouth.speaking and self.mouth.interruptible:
            self.mouth.duck(True)

    def barge_in(self, at: float) -> None:
        """The caller talks over us: silence, now. Whether it is for good is decided by the words."""
        if not self._hold_barge_in:
            self.claimed(at)
        elif self.mouth.speaking and self.mouth.interruptible:
            self.barge_in_at = at
            self.mouth.hold(flushed=self._empty_far_end())

    def claimed(self, at: float) -> None:
        """The caller took the turn: what was being said is dropped, and it is known how much of it was heard."""
        self._ear_decides = False
        if (self.mouth.speaking or self.mouth.held) and self.mouth.interruptible:
            flushed = False
            if not self.mouth.held:
                self.barge_in_at = at
                flushed = self._empty_far_end()
            self.last_heard = self.mouth.interrupt(flushed=flushed)
        self.mouth.duck(False)

    def released(self, at: float) -> None:
        """A nod, a cough, or nothing: go on from the word that was cut."""
        self._ear_decides = False
        self.mouth.duck(False)
        if self.mouth.held:
            self.mouth.resume()

    def _empty_far_end(self) -> bool:
        """Drop what is on its way to the caller; False on a leg that cannot."""
        if self._flush is None:
            return False
        self._flush()
        return True
