"""Takes each new leg: admission, recording, ear and mouth, a session; and sees that none is left hanging."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import structlog

from contracts.audio import AudioFrame
from contracts.clock import Clock
from contracts.errors import DeviceFull, LegClosed
from contracts.events import Event, EventKind
from contracts.leg import CallLeg, HangupReason
from dialog.services import DialogServices
from dialog.session import Session
from server.build import Engines
from server.desk import Desk
from server.settings import OperatorSettings
from telephony.admission import Admission, Refusal, Ticket
from telephony.patchbay import Patchbay
from telephony.recording import Recorder, Recordings
from telephony.strain import Strain
from voice.front import AudioFront

log = structlog.get_logger()


class Switchboard:
    """contracts.leg.LegHandler. One instance for all transports."""

    def __init__(
        self,
        settings: OperatorSettings,
        engines: Engines,
        services: DialogServices,
        clock: Clock,
        on_active: Callable[[int], None],
        desk: Desk,
        strain: Strain | None = None,
    ) -> None:
        self._settings = settings
        self._engines = engines
        self._services = services
        self._clock = clock
        self._on_active = on_active
        self._desk = desk
        self.admission = Admission(settings.telephony.admission, strain)
        self.recordings = Recordings(
            settings.telephony.recording, settings.home_dir / "recordings", clock, alarm=self._recording_alarm
        )
        self.recordings.recover()
        self._legs: set[CallLeg] = set()
        self._idle = asyncio.Event()
        self._idle.set()

    def use(self, services: DialogServices) -> None:
        """For calls that begin from now on; present ones keep theirs."""
        self._services = services

    @property
    def active(self) -> int:
        """Calls being served."""
        return len(self._legs)

    async def __call__(self, leg: CallLeg) -> None:
        """From the first ring to the end of the call."""
        with structlog.contextvars.bound_contextvars(call_id=leg.info.call_id):
            verdict = self.admission.admit(leg.info.kind, leg.info.caller, self._clock.now())
            if isinstance(verdict, Refusal):
                await self._refuse(leg, verdict)
                return
            self._legs.add(leg)
            self._idle.clear()
            self._on_active(self.active)
            try:
                await self._serve(leg, verdict)
            except LegClosed:
                log.info("call.gone_before_answer")
            finally:
                verdict.release()
                self._legs.discard(leg)
                self._on_active(self.active)
                if not self._legs:
                    self._idle.set()

    async def drain(self, patience_s: float) -> None:
        """Take no new calls; wait for the present ones, then hang up what is left."""
        self.admission.drain()
        try:
            async with asyncio.timeout(patience_s):
                await self._idle.wait()
        except TimeoutError:
            log.warning("drain.patience_over", calls=self.active)
            await asyncio.gather(*(leg.hangup(HangupReason.DRAINED) for leg in list(self._legs)))

    async def _serve(self, leg: CallLeg, ticket: Ticket) -> None:
        recorder = self._recorder(leg)
        front = self._front(leg)
        at_once = self._services.overloaded() if ticket.overflow else None
        tap = RecorderTap(recorder, self._clock) if recorder is not None else None
        try:
            port = _Deaf(front) if at_once is not None else front
            bay = Patchbay(port, self._settings.telephony.seats, tap)
            await leg.answer(bay)
            front.mouth.playout_delay_s = leg.capabilities.playout_delay_s
            log.info("call.answered", kind=leg.info.kind, codec=leg.capabilities.codec)
            if at_once is not None:
                body = {"reason": "overload", "caller": leg.info.caller}
                self._services.sink.append(Event(EventKind.CALL_REFUSED, leg.info.call_id, body))
            session = Session(leg, front, self._services, bay, recorder, at_once)
            with self._desk.serving(leg.info.call_id, session):
                await session.run()
        finally:
            if recorder is not None:
                recorder.close()

    def _front(self, leg: CallLeg) -> AudioFront:
        engines = self._engines

        def trouble(what: str, detail: str) -> None:
            body = {"what": what, "detail": detail}
            self._services.sink.append(Event(EventKind.TROUBLE, leg.info.call_id, body))

        return AudioFront(
            self._settings.voice,
            vad=engines.vad,
            recogniser=engines.recogniser,
            judge=engines.judge,
            synthesiser=engines.synthesiser,
            clock=self._clock,
            phrase_cache=engines.phrases,
            on_trouble=trouble,
            flush=leg.flush,
        )

    def _recorder(self, leg: CallLeg) -> Recorder | None:
        if not self._settings.telephony.recording.enabled:
            return None
        try:
            return self.recordings.open(leg.info.call_id, kept=False)
        except DeviceFull as error:
            self._recording_alarm(self.recording_path(leg.info.call_id), error)
            return None

    def _recording_alarm(self, path: Path, error: DeviceFull) -> None:
        log.error("recording.stopped", path=str(path), why=str(error))
        body = {"what": "recording", "detail": str(error)}
        self._services.sink.append(Event(EventKind.TROUBLE, path.stem, body))

    def recording_path(self, call_id: str) -> Path:
        """Where a call's recording is, or would be."""
        return self._settings.home_dir / "recordings" / f"{call_id}.wav"

    async def _refuse(self, leg: CallLeg, refusal: Refusal) -> None:
        log.info("call.refused", reason=str(refusal.reason))
        body = {"reason": str(refusal.reason), "caller": leg.info.caller}
        self._services.sink.append(Event(EventKind.CALL_REFUSED, leg.info.call_id, body))
        await leg.reject(HangupReason.REFUSED)


class _Deaf:
    """contracts.leg.LegPort: the operator speaks and takes keys, and recognises nothing: its models are busy enough."""

    def __init__(self, front: AudioFront) -> None:
        self._front = front
        self.next_frame = front.next_frame
        self.on_dtmf = front.on_dtmf
        self.on_hold = front.on_hold
        self.on_closed = front.on_closed

    def on_frame(self, frame: AudioFrame) -> None:
        """20 ms from the caller."""


class RecorderTap:
    """telephony.patchbay.Tap on a Recorder."""

    def __init__(self, recorder: Recorder, clock: Clock) -> None:
        self._recorder = recorder
        self._clock = clock

    def caller(self, pcm: bytes) -> None:
        self._recorder.caller(AudioFrame(pcm, self._clock.now()))

    def operator(self, pcm: bytes) -> None:
        self._recorder.operator(pcm)
