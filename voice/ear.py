"""The ear: frames in, ear events out. VAD and turn machine run in ``feed``; models are asked in tasks beside it.

::

    feed(frame) ─► VAD ─► TurnMachine ─decisions─► tasks: partial pass, final pass, Smart Turn ─► machine, events
                                      └─────────► Floor: duck, hold or drop the operator's speech, at once

    the final pass:   speech ▁▁│▁▁▁▁▁▁▁│     started at the first 100 ms of silence, it is kept when nothing more is
                               └ pass ─┴─► TurnEnded     said; if the caller goes on it is withdrawn

    a turn goes on:   speech ▁▁▁│Ended   speech ▁▁│      a second pass hears both pieces at once, as long as they fit
                      └─────────────── pass ──────┘      ``rejoin_s``: words beside a pause need those before it
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Protocol, TypeVar

import structlog

from contracts.audio import FRAME_S, AudioFrame, seconds
from contracts.clock import Clock
from contracts.engines import Recogniser, Transcript, TurnJudge
from contracts.errors import WorkerBusy, WorkerError
from contracts.events import (
    Backchannel,
    EarEvent,
    Partial,
    SilenceElapsed,
    SpeechStarted,
    TurnEnded,
    TurnLikely,
    TurnTimings,
    WordsLate,
)
from voice.completeness import Expectation
from voice.decisions import Ask, BargeIn, Claimed, Cut, Decision, Ended, GoesOn, Likely, LongSilence, Onset, Recognise
from voice.digits import as_digits
from voice.ring import AudioRing
from voice.segments import Segment, latest, rejoined, results, succeeded
from voice.settings import VoiceSettings
from voice.turn import Phase, TurnMachine
from voice.vad import VoiceActivity
from voice.words import WORKER, guarded, is_backchannel, is_hum, join, stable_prefix, timed

_log = structlog.get_logger()
_T = TypeVar("_T")
_RESYNC_S = 0.2
_BACKOFF = 4.0


class Floor(Protocol):
    """Who may speak: told at once, in the frame that decides, without a way through the session."""

    def onset(self, at: float) -> None:
        """The caller makes a sound."""
        ...

    def barge_in(self, at: float) -> None:
        """The caller talks over the operator."""
        ...

    def claimed(self, at: float) -> None:
        """It is a turn, no backchannel: the operator's speech is over."""
        ...

    def released(self, at: float) -> None:
        """It was nothing: the operator may go on from where it stood."""
        ...


class Ear:
    """One call's hearing. All methods are plain and belong to the event loop's thread.

    ``emit`` takes the events, in order; ``speaking`` tells whether the operator is audible to the caller just now.
    """

    def __init__(
        self,
        settings: VoiceSettings,
        activity: VoiceActivity,
        recogniser: Recogniser,
        judge: TurnJudge,
        clock: Clock,
        emit: Callable[[EarEvent], None],
        speaking: Callable[[], bool],
        floor: Floor | None = None,
    ) -> None:
        self._settings = settings.ear
        self._claim_s = settings.turn.claim_s
        self._activity = activity
        self._recogniser = recogniser
        self._judge = judge
        self._clock = clock
        self._emit = emit
        self._operator_speaking = speaking
        self._floor = floor
        self._machine = TurnMachine(settings.turn)
        self._ring = AudioRing(settings.ear.ring_s)
        self._idle_s = min(settings.ear.ring_s, settings.ear.judge_window_s + settings.ear.preroll_s + 1.0)
        """Of sound kept while nobody speaks: what Smart Turn and a new turn may reach back to."""
        self._expectation = Expectation.OPEN
        self._digits = 0
        self._at: float | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._segments: list[Segment] = []
        self._final: Segment | None = None
        self._partial: asyncio.Task[None] | None = None
        self._judging: asyncio.Task[None] | None = None
        self._finishing: asyncio.Task[None] | None = None
        self._continues = False
        self._segment_start = 0.0
        self._heard_text = ""
        self._settled = False
        self._words_lost = False
        """A pass of this turn failed and is repeated."""
        self._next_partial = 0.0
        self._interval_s = settings.ear.partial_interval_s
        self._paused = False
        self._closed = False
        self.hurried: Callable[[], bool] = lambda: True
        """Are words wanted before a turn is over? Else no partial passes are made."""

    # ── from the leg and the session ────────────────────────────────────────────────────────────────────────────

    def feed(self, frame: AudioFrame) -> None:
        """Take 20 ms from the caller. Costs well under a millisecond; never raises for bad sound of the right size."""
        if self._paused or self._closed:
            return
        at = self._media_time(frame.arrived)
        self._ring.append(frame.pcm, at)
        if self._machine.phase is Phase.IDLE:
            self._ring.trim(self._idle_s)
        voiced = self._activity.feed(frame.pcm).voiced
        decisions = self._machine.frame(voiced, at, operator_speaking=self._operator_speaking())
        if decisions:
            self._act(decisions)
        # In a gap the final pass may be due in a moment: a partial one begun now would be in its way.
        due = voiced and self._machine.phase is Phase.SPEAKING and self._interval_s and at >= self._next_partial
        if due and self.hurried():
            self._start_partial(at)

    def expect(self, kind: Expectation, digits: int = 0) -> None:
        """Say what kind of answer the operator's question wants, and how many digits if it wants digits."""
        self._expectation, self._digits = kind, digits
        self._machine.expect(kind, digits)

    def dtmf(self, at: float) -> None:
        """A key was pressed: do not mistake its tone for speech."""
        self._machine.dtmf(at)

    def pause(self, paused: bool) -> None:
        """Hold: what is heard is not the caller, and silence is not counted."""
        self._paused = paused
        self._drop_turn()
        self._activity.reset()
        self._machine.abandon()
        self._machine.restart_silence(self._clock.now())
        self._at = None

    def close(self) -> None:
        """Withdraw all work; no event is emitted afterwards. Harmless twice."""
        self._closed = True
        for task in self._tasks:
            task.cancel()

    @property
    def expected(self) -> Expectation:
        """What kind of answer is awaited."""
        return self._expectation

    @property
    def caller_speaking(self) -> bool:
        """True between an onset and the end of its turn."""
        return self._machine.phase in (Phase.SPEAKING, Phase.MAYBE_DONE)

    # ── decisions ───────────────────────────────────────────────────────────────────────────────────────────────

    def _media_time(self, arrived: float) -> float:
        """Frames are 20 ms apart even when they arrive in a burst; arrival only corrects the drift."""
        if self._at is None or abs(arrived - self._at - FRAME_S) > _RESYNC_S:
            self._at = arrived
        else:
            self._at += FRAME_S + 0.02 * (arrived - self._at - FRAME_S)
        return self._at

    def _act(self, decisions: list[Decision]) -> None:
        for decision in decisions:
            self._act_on(decision)

    def _act_on(self, decision: Decision) -> None:
        match decision:
            case Onset():
                self._begin(decision)
            case BargeIn(at):
                if self._floor:
                    self._floor.barge_in(at)
            case Claimed(at):
                if self._floor:
                    self._floor.claimed(at)
            case Recognise(start, until):
                self._cancel(self._partial)
                self._final = self._final_pass(self._rejoined(start, until), until)
                self._final.words.add_done_callback(self._final_done)
            case GoesOn(at):
                self._cancel(self._final.words if self._final else None)
                self._cancel(self._judging)
                self._final = None
                self._next_partial = at + self._interval_s
                if self._settled:
                    self._settled = False
                    self._emit(Partial(self._heard_text, self._heard_text, at))
            case Cut(start, until):
                self._cancel(self._partial)
                self._segments.append(self._final_pass(self._rejoined(start, until), until))
                self._segment_start = until
            case Ask(serial, at):
                self._cancel(self._judging)
                self._judging = self._spawn(self._ask(serial, at))
            case Likely(probability, at):
                self._emit(TurnLikely(probability, at))
            case Ended():
                self._end(decision)
            case LongSilence(seconds, at):
                self._emit(SilenceElapsed(seconds, at))

    def _begin(self, onset: Onset) -> None:
        """A turn begins, or the one before goes on: if that was not delivered yet, nobody need know it had ended."""
        if self._finishing is not None and not self._finishing.done():
            self._cancel(self._finishing)
            self._finishing = None
            continues = False
        elif onset.continues and self._segments:
            self._continues = continues = True
        else:
            self._segments = []
            self._continues = continues = False
            self._heard_text = ""
        self._segment_start = onset.at
        self._words_lost = False
        self._interval_s = self._settings.partial_interval_s
        self._next_partial = onset.at + self._interval_s
        if self._floor:
            self._floor.onset(onset.at)
        self._settled = False
        self._emit(SpeechStarted(onset.at, continues))

    def _end(self, ended: Ended) -> None:
        self._cancel(self._judging)
        self._cancel(self._partial)
        if self._final is not None:
            self._segments.append(self._final)
        self._final = None
        self._finishing = self._spawn(self._finish(ended, list(self._segments), self._continues))

    def _drop_turn(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._segments = []
        self._final = None
        self._finishing = None
        self._continues = False

    # ── work beside the frames ──────────────────────────────────────────────────────────────────────────────────

    def _spawn(self, work: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("ear.task_failed", error=repr(error), exc_info=error)

    def _cancel(self, task: asyncio.Task[Any] | None) -> None:
        if task is not None:
            task.cancel()

    def _sound(self, start: float, until: float) -> bytes:
        return self._ring.between(start - self._settings.preroll_s, until)

    def _final_pass(self, start: float, until: float) -> Segment:
        pcm = self._sound(start, until)
        return Segment(start, self._spawn(self._transcribe(pcm, until - seconds(pcm))))

    def _rejoined(self, start: float, until: float) -> float:
        return rejoined(self._segments, start, until, self._settings.rejoin_s)

    async def _transcribe(self, pcm: bytes, began: float) -> Transcript:
        """The final pass over sound that began then; ``rejected="worker"`` if it failed, also with a new worker."""
        deadline = self._clock.now() + self._settings.final_deadline_s
        digits = self._digits if self._expectation is Expectation.DIGITS else 0
        for attempt in (1, 2):
            try:
                transcript = await self._recogniser.transcribe(pcm, deadline=deadline, final=True, digits=digits)
                return guarded(timed(transcript, began), self._settings)
            except WorkerError as error:
                _log.warning("ear.recognition_failed", error=str(error), kind=type(error).__name__, attempt=attempt)
                self._words_lost = True
                if not error.retryable or self._clock.now() >= deadline:
                    break
        return Transcript("", rejected=WORKER)

    def _final_done(self, task: asyncio.Task[Transcript]) -> None:
        """The pass begun in a pause is there before the turn is over: its words help to decide."""
        final = self._final
        if final is None or task is not final.words or not succeeded(task) or self._closed:
            return
        self._words(final.start, task.result(), settled=True)

    def _start_partial(self, at: float) -> None:
        if self._partial is not None and not self._partial.done():
            return
        self._next_partial = at + self._interval_s
        start = rejoined(self._segments, self._segment_start, at, self._settings.partial_rejoin_s)
        self._partial = self._spawn(self._partial_pass(start, at))

    async def _partial_pass(self, start: float, until: float) -> None:
        pcm = self._sound(start, until)
        deadline = self._clock.now() + self._settings.partial_deadline_s
        try:
            transcript = await self._recogniser.transcribe(pcm, deadline=deadline, final=False)
        except WorkerError as error:
            slower = min(self._interval_s * 2, self._settings.partial_interval_s * _BACKOFF)
            self._interval_s = slower if isinstance(error, WorkerBusy) else self._interval_s
            return
        self._words(start, guarded(transcript, self._settings), settled=False)

    def _words(self, start: float, part: Transcript, *, settled: bool) -> None:
        """Announce the words of the turn so far, those of segments before ``start`` included, and tell the machine."""
        whole = join(latest([*results(self._segments), (start, part)]))
        text = whole.text
        if text:
            stable = text if settled else stable_prefix(self._heard_text, text)
            self._heard_text, self._settled = text, settled
            at = self._at or self._clock.now()
            self._emit(Partial(text, stable, at, settled, whole.confidence, whole.readings, whole.words, whole.sound))
        if settled:
            self._act(self._machine.words(text, self._at or self._clock.now()))

    async def _ask(self, serial: int, at: float) -> None:
        # Smart Turn was trained on single turns: what the caller said before this one misleads it.
        start = max(at - self._settings.judge_window_s, self._segment_start - self._settings.preroll_s)
        pcm = self._ring.between(start, at)
        probability: float | None = None
        try:
            deadline = self._clock.now() + self._settings.judge_deadline_s
            probability = await self._judge.probability(pcm, deadline=deadline)
        except WorkerError as error:
            _log.warning("ear.judge_failed", error=str(error), kind=type(error).__name__)
        self._judging = None
        self._act(self._machine.verdict(serial, probability, self._at or at))

    async def _wait_for_words(self, ended: Ended, segments: list[Segment]) -> None:
        # A lost recogniser has to be replaced first: that the words are late is known already.
        usual = 0.0 if self._words_lost else self._settings.words_late_s
        patience = max(0.0, ended.speech_ended + usual - self._clock.now())
        _, late = await asyncio.wait([one.words for one in segments], timeout=patience)
        if late:
            if ended.voiced_s >= self._settings.wordless_turn_s or not ended.during_speech:
                self._emit(WordsLate(ended.speech_ended, self._clock.now()))
            await asyncio.wait(late)

    async def _finish(self, ended: Ended, segments: list[Segment], continues: bool) -> None:
        if segments:
            await self._wait_for_words(ended, segments)
        transcript = join(latest(results(segments)))
        if self._expectation is Expectation.DIGITS:
            transcript = as_digits(transcript, self._digits)
        now = self._clock.now()
        timings = TurnTimings(ended.started, ended.speech_ended, ended.at, now, ended.probability)
        turn = TurnEnded(transcript, timings, ended.during_speech, continues)
        self._finishing = None
        claimed = ended.barged and ended.voiced_s >= self._claim_s
        hums = is_hum(transcript, ended.voiced_s, self._settings)
        nods = (
            ended.during_speech and (is_backchannel(transcript.text) or hums) and self._expectation is Expectation.OPEN
        )
        wordless = not transcript.text and transcript.rejected != WORKER
        short = ended.voiced_s < self._settings.wordless_turn_s
        if not (claimed or continues) and (nods or (wordless and short)):
            if self._floor:
                self._floor.released(now)
            self._emit(Backchannel(transcript.text, now))
            return
        if transcript.text:
            self._machine.restart_silence(self._at or now)
        if self._floor:
            (self._floor.claimed if ended.during_speech else self._floor.released)(now)
        self._emit(turn)
