"""The mouth: text in, frames out when asked, and an honest account of what was heard.

::

    say / open ─► Utterance ─► clauses ─► synthesis, ahead of playout ─► next_frame() every 20 ms ─► leg
                                                                          │ gain: duck 0.25, fade to 0
    hold ───────► faded, kept ──► resume: again from the word where it stood
                             └──► interrupt: dropped; heard words reported
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

import numpy as np
import structlog

from contracts.audio import FRAME_BYTES, FRAME_S, RATE
from contracts.clock import Clock
from contracts.engines import Synthesiser
from contracts.errors import EngineFailed, WorkerError
from voice.clauses import split
from voice.ledger import ClauseAudio, PlayoutLedger
from voice.phrases import PhraseCache
from voice.rehearsal import Rehearsal
from voice.settings import VoiceSettings
from voice.utterance import Heard, Utterance

_log = structlog.get_logger()


class Mouth:
    """One call's voice. Plain methods belong to the event loop's thread; synthesis runs in one task beside them.

    ``on_trouble(what, detail)`` is told when synthesis fails; the utterance then ends with what there is of it.
    """

    def __init__(
        self,
        settings: VoiceSettings,
        synthesiser: Synthesiser,
        clock: Clock,
        playout_delay_s: float = 0.0,
        phrase_cache: PhraseCache | None = None,
        on_trouble: Callable[[str, str], None] | None = None,
    ) -> None:
        self._settings = settings.mouth
        self._synthesiser = synthesiser
        self._clock = clock
        self.playout_delay_s = playout_delay_s
        self._cache = phrase_cache
        self._rehearsal = Rehearsal(synthesiser, clock, settings.mouth)
        self._on_trouble = on_trouble
        self._queue: deque[Utterance] = deque()
        self._pump: asyncio.Task[None] | None = None
        self._tail = b""
        self._gain = 1.0
        self._ducked = False
        self._held = False
        self._closed = False
        self._idle: asyncio.Future[None] | None = None
        self.sounded_at = 0.0
        """When the last frame was handed out; 0.0 before the first."""
        self.underruns = 0
        """Frames that were silent because synthesis was late in mid-utterance."""

    # ── saying ──────────────────────────────────────────────────────────────────────────────────────────────────

    def say(
        self,
        text: str,
        *,
        interruptible: bool = True,
        first: bool = False,
        deadline: float | None = None,
        before: bool = False,
    ) -> Utterance:
        """Queue a whole text behind what is being said. ``first``: its first clause is the first of an answer.

        ``deadline`` is for that first clause; later ones have ``clause_deadline_s`` each. ``before``: in front of what
        waits for sound, be it its first or more of it. A prepared text needs no synthesiser and can be heard at once.
        """
        utterance = self.open(interruptible=interruptible, first=first, deadline=deadline)
        if before and len(self._queue) > 1 and self._queue[0].waits_for_sound:
            self._queue.remove(utterance)
            self._queue.appendleft(utterance)
        phrase = self._cache.get(text) if self._cache is not None else None
        for clause in [text] if phrase is not None else split(text, self._settings.clauses):
            utterance.add(clause)
        if phrase is not None and utterance.ledger.clauses:
            (whole,) = utterance.ledger.clauses
            whole.add(phrase.pcm, phrase.phonemes, phrase.words)
            whole.complete = True
            utterance.synthesised = 1
        utterance.end()
        return utterance

    def open(self, *, interruptible: bool = True, first: bool = False, deadline: float | None = None) -> Utterance:
        """An utterance whose clauses are still to come: ``add`` them, then ``end``."""
        utterance = Utterance(
            PlayoutLedger(self.playout_delay_s),
            interruptible=interruptible,
            first=first,
            deadline=deadline if deadline is not None else self._clock.now() + self._settings.clause_deadline_s,
            changed=self._changed,
        )
        if self._closed:
            utterance.settle(interrupted=True, now=self._clock.now())
        else:
            self._queue.append(utterance)
        return utterance

    def rehearse(self, clause: str) -> None:
        """Make the sound of a clause that will probably be said next, without saying it. One at a time."""
        if not self._closed and (self._cache is None or self._cache.get(clause) is None):
            self._rehearsal.begin(clause)

    def speak_with(self, synthesiser: Synthesiser, phrase_cache: PhraseCache | None = None) -> None:
        """Another voice, or the same at another pace, for clauses that have no sound yet. ``phrase_cache``: its own."""
        self._rehearsal.drop()
        self._synthesiser, self._cache = synthesiser, phrase_cache
        self._rehearsal = Rehearsal(synthesiser, self._clock, self._settings)

    def interrupt(self, *, flushed: bool = False) -> Heard:
        """Stop within one faded frame and drop everything queued. What was heard of all of it.

        ``flushed``: what was on its way to the caller was emptied just before, so the fade goes on from what left.
        """
        now = self._clock.now()
        if not self._held:
            self._fade_out(flushed)
        heard = [utterance.settle(interrupted=True, now=now) for utterance in self._queue]
        self._queue.clear()
        self._held = self._ducked = False
        self._stop_pump()
        self._release_waiters()
        return Heard(" ".join(item.text for item in heard if item.text), all(item.complete for item in heard))

    def hold(self, *, flushed: bool = False) -> bool:
        """Fade out but keep everything, until resume() or interrupt(). False if nothing interruptible is sounding.

        ``flushed`` as in interrupt().
        """
        if self._held or not self._queue or not self._queue[0].underway or not self._queue[0].interruptible:
            return self._held
        utterance = self._queue[0]
        heard = utterance.ledger.heard_samples(self._clock.now())
        self._fade_out(flushed)
        utterance.seek(heard)
        self._held = True
        return True

    def resume(self) -> None:
        """Go on from the beginning of the word that hold() cut, rising from nothing just before it."""
        if self._held and self._queue:
            utterance = self._queue[0]
            start = utterance.ledger.word_start(utterance.ledger.handed)
            utterance.seek(max(0, start - round(self._settings.resume_lead_s * RATE)))
            self._gain = 0.0
        self._held = self._ducked = False

    def duck(self, on: bool) -> None:
        """Speak more softly while the caller makes a sound."""
        self._ducked = on

    def close(self) -> None:
        """The call is over: everything unfinished counts as interrupted. Harmless twice."""
        self._closed = True
        self._rehearsal.drop()
        self.interrupt()
        self._tail = b""

    async def drained(self) -> None:
        """Wait until nothing is left to say."""
        while self._queue:
            if self._idle is None or self._idle.done():
                self._idle = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._idle)

    @property
    def speaking(self) -> bool:
        """An utterance is being heard: it has begun, is not over, and is not held."""
        return not self._held and bool(self._queue) and self._queue[0].underway

    @property
    def held(self) -> bool:
        """hold() stopped an utterance whose fate is open."""
        return self._held

    @property
    def interruptible(self) -> bool:
        """What is being said may be interrupted."""
        return bool(self._queue) and self._queue[0].interruptible

    # ── playout ─────────────────────────────────────────────────────────────────────────────────────────────────

    def next_frame(self) -> bytes | None:
        """The next 640 bytes for the leg, or None for silence. Plain and quick: no synthesis happens here."""
        if self._tail:
            tail, self._tail = self._tail, b""
            return tail
        if self._held or not self._queue:
            return None
        utterance = self._queue[0]
        pcm = utterance.take(FRAME_BYTES)
        if not pcm:
            self.underruns += utterance.underway and not utterance.exhausted and self._owes(utterance)
            self._settle()
            return None
        self.sounded_at = self._clock.now()
        utterance.handed_out(len(pcm) // 2, self.sounded_at)
        self._settle()
        self._wake()
        return self._shape(pcm)

    def _owes(self, utterance: Utterance) -> bool:
        return utterance.clause < len(utterance.ledger.clauses)

    def _shape(self, pcm: bytes) -> bytes:
        """Fill the frame up and move the gain towards where it should be, over the frame's length."""
        pcm = pcm.ljust(FRAME_BYTES, b"\0")
        target = self._settings.duck_gain if self._ducked else 1.0
        if self._gain == target == 1.0:
            return pcm
        ramp = np.linspace(self._gain, target, FRAME_BYTES // 2, dtype=np.float32)
        self._gain = target
        return (np.frombuffer(pcm, dtype="<i2") * ramp).astype("<i2").tobytes()

    def _fade_out(self, flushed: bool) -> None:
        """The frame that would come next becomes the last one, falling to nothing."""
        if not self._queue or not self._queue[0].underway:
            return
        if flushed:
            self._queue[0].seek(self._queue[0].ledger.heard_samples(self._clock.now()))
        pcm = self._queue[0].take(FRAME_BYTES).ljust(FRAME_BYTES, b"\0")
        ramp = np.zeros(FRAME_BYTES // 2, dtype=np.float32)
        length = round(self._settings.fade_s * RATE)
        ramp[:length] = np.linspace(self._gain, 0.0, length)
        self._tail = (np.frombuffer(pcm, dtype="<i2") * ramp).astype("<i2").tobytes()
        self._gain = 1.0

    def _changed(self) -> None:
        self._settle()
        self._wake()

    def _settle(self) -> None:
        """Utterances that have been handed out to their end are over."""
        while self._queue and self._queue[0].exhausted:
            self._queue.popleft().settle(interrupted=False, now=self._clock.now())
        if not self._queue:
            self._release_waiters()

    def _release_waiters(self) -> None:
        if self._idle is not None and not self._idle.done():
            self._idle.set_result(None)

    # ── synthesis ───────────────────────────────────────────────────────────────────────────────────────────────

    def _wake(self) -> None:
        if (self._pump is None or self._pump.done()) and self._next_job() is not None:
            self._pump = asyncio.get_running_loop().create_task(self._run())
            self._pump.add_done_callback(self._pump_done)

    def _pump_done(self, task: asyncio.Task[None]) -> None:
        """A fault that is no WorkerError is ours: say so, and let nobody wait for ever."""
        if task.cancelled():
            return
        error = task.exception()
        if error is None:
            self._wake()
            return
        _log.error("mouth.task_failed", error=repr(error), exc_info=error)
        job = self._next_job()
        if job is not None:
            self._fail(job[0], EngineFailed(repr(error)))

    def _stop_pump(self) -> None:
        if self._pump is not None:
            self._pump.cancel()
            self._pump = None

    def _next_job(self) -> tuple[Utterance, ClauseAudio] | None:
        for utterance in self._queue:
            if utterance.synthesised >= len(utterance.ledger.clauses):
                continue
            ahead = sum(one.ahead_bytes() for one in self._queue) / 2 / RATE
            if ahead > self._settings.ahead_s:
                return None
            return utterance, utterance.ledger.clauses[utterance.synthesised]
        return None

    async def _run(self) -> None:
        while (job := self._next_job()) is not None:
            utterance, clause = job
            try:
                await self._synthesise(utterance, clause)
            except WorkerError as error:
                self._fail(utterance, error)
                continue
            last = utterance.ended and clause is utterance.ledger.clauses[-1]
            if not last and clause.spoken.text.rstrip("\"')").endswith((".", "!", "?")):
                clause.add(bytes(round(self._settings.sentence_gap_s / FRAME_S) * FRAME_BYTES), 0)
            clause.complete = True
            utterance.synthesised += 1
            self._settle()

    async def _synthesise(self, utterance: Utterance, clause: ClauseAudio) -> None:
        """Sound for one clause: from the cache, or from the worker, asked once more if it was replaced meanwhile."""
        cached = self._cache.get(clause.spoken.written) if self._cache is not None else None
        if cached is not None:
            clause.add(cached.pcm, cached.phonemes, cached.words)
            return
        rehearsed = await self._rehearsal.take(clause.spoken.written)
        if rehearsed is not None:
            clause.add(rehearsed.pcm, rehearsed.phonemes, rehearsed.words)
            return
        opening = utterance.synthesised == 0
        now = self._clock.now()
        deadline = utterance.deadline if opening else now + self._settings.clause_deadline_s
        text, first = clause.spoken.text, utterance.first and opening
        chunks = 0
        for attempt in (1, 2):
            try:
                index = 0
                async for chunk in self._synthesiser.synthesise(text, deadline=deadline, first=first):
                    index += 1
                    if index > chunks:  # a sentence each: what came before the worker was lost is not said twice
                        clause.add(chunk.pcm, chunk.phonemes, chunk.words)
                        chunks = index
                return
            except WorkerError as error:
                if attempt == 2 or not error.retryable or self._clock.now() >= deadline:
                    raise
                _log.warning("mouth.synthesis_retried", error=str(error), kind=type(error).__name__)

    def _fail(self, utterance: Utterance, error: WorkerError) -> None:
        _log.warning("mouth.synthesis_failed", error=str(error), kind=type(error).__name__)
        utterance.give_up()
        utterance.synthesised = len(utterance.ledger.clauses)
        if self._on_trouble is not None:
            self._on_trouble("synthesis", f"{type(error).__name__}: {error}")
        self._settle()
