"""Handing a caller to a person: the rule's sentence, the record, the plan's targets, and what if nobody comes.

::

    rule fired ─► record ─► target 1 ─ busy ─► target 2 ─ … ─► queue ─► callback ticket, an honest sentence
                              │ refer, attended: the caller has left us
                              └ bridge: until the person hangs up
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog

from contracts.dialling import Attended, NoQueue, Waiting, WaitOutcome
from contracts.errors import DeviceFull, LegClosed, LegError, RecordError
from contracts.events import EarEvent, EventKind, Rung, TurnEnded
from contracts.handoff import HandoffRecord, Reason, TranscriptLine
from contracts.leg import CallLeg, HangupReason, TransferResult
from contracts.seats import Bay
from dialog.conversation import Conversation, Said
from dialog.joining import Joining, Reached
from dialog.services import DialogServices
from dialog.speaking import Speaking
from escalation.handover import Attempt, CallSoFar, briefing, build, settled, transferring
from escalation.hours import spoken_opening
from escalation.plan import Ability, Course, Failure, Kept, Mode, Nobody, Queue, Try, why_refused
from escalation.rules import Firing
from voice.clauses import split

log = structlog.get_logger()

LAST = frozenset({Reason.KILL_SWITCH, Reason.OVERLOAD})
"""Callers who cannot stay with the operator: with no person their call ends."""
_ASKED_FOR = frozenset({Reason.PERSON_REQUESTED, Reason.OFFER_ACCEPTED})
"""Callers who want nothing but a person: with a blind REFER they hear the first sentence only."""


@dataclass(slots=True)
class HandingOver:
    """Hand-overs of one call."""

    leg: CallLeg
    services: DialogServices
    speaking: Speaking
    conversation: Conversation
    started_at: datetime
    bay: Bay | None = None
    """Where a person can be joined with the caller; None: only the far end can do it."""
    waiting: Waiting = field(default_factory=NoQueue)

    listening: bool = True
    """The caller is heard, for transcript or recording, while a person talks with them."""
    joined: bool = False
    """A person whom we called talks with the caller, here."""
    _settled: bool = False
    """How the present hand-over ended is in its record."""

    def __post_init__(self) -> None:
        """Take a place in front of the queue, if there is one."""
        if self.services.queue is not None:
            self.waiting = self.services.queue(self.leg, self.speaking, self.bay)

    def take(self, event: EarEvent, note: Callable[[TurnEnded], None]) -> None:
        """What the caller said or pressed meanwhile; ``note`` writes down what they tell a person joined here."""
        if not self.joined:
            self.waiting.take(event)
        elif isinstance(event, TurnEnded):
            note(event)

    async def hand_over(self, firing: Firing) -> HangupReason | None:
        """Why the call is over for us; None: the caller was told, and stays with the operator."""
        asked_at = datetime.now(UTC)
        self._settled = False
        so_far = self._so_far()
        record = build(so_far, firing, asked_at, self.services.escalation)
        saved = asyncio.ensure_future(self._save(record))  # beside the sentence: a busy disk is no reason for silence
        settings = self.services.escalation.handover
        targets = self.services.plans.of(self.leg.info, firing.target, self.services.wall())
        course = Course(targets, self._ability(), patience_s=settings.patience_s, rounds=settings.rounds)
        step = course.first(self._now())
        saying = _Saying(self.speaking)
        if not isinstance(step, Queue):
            saying.begin(self._sentence(firing, step))
        elif self.services.reachable(self.leg.info, firing.reason):
            saying.begin(firing.say)
        try:
            await asyncio.shield(saved)
            while True:
                if isinstance(step, Try):
                    reached = await self._reach(step, record, firing, so_far, saying)
                    if reached.ok:
                        return await self._handed(reached, firing)
                    step = course.failed(reached.why, reached.status, self._now())
                    if isinstance(step, Try):
                        saying.begin(self.speaking.lines.get("trying_next"))
                elif isinstance(step, Queue):
                    step = course.waited(await self._waited(record, saying), self._now())
                elif isinstance(step, Kept):
                    await self._settle(record, TransferResult(False, f"callback {step.ticket}"))
                    await self.speaking.line("goodbye", interruptible=False)
                    return HangupReason.OPERATOR
                else:
                    await saying
                    await self._nobody(firing, step, record, bool(targets) or course.tried)
                    return None
        except asyncio.CancelledError:
            if not self._settled:
                await self._settle(record, TransferResult(False, "the caller hung up"))
            raise
        finally:
            saying.stop()

    def _sentence(self, firing: Firing, step: object) -> str:
        """What the caller hears first. A far end that is asked to transfer takes the caller away in mid-sentence."""
        refer = isinstance(step, Try) and step.mode is Mode.REFER
        if refer and firing.reason in _ASKED_FOR and self.services.escalation.handover.refer_says == "start":
            return split(firing.say, self.services.clauses)[0]
        return firing.say

    async def _reach(
        self, step: Try, record: HandoffRecord, firing: Firing, so_far: CallSoFar, saying: _Saying
    ) -> Reached:
        about = {"target": step.target.target, "mode": str(step.mode)}
        begun = {**about, "reason": str(record.reason)}
        if step.mode is Mode.REFER:
            await saying
            await self._save(transferring(record))
            self.speaking.record(EventKind.TRANSFER_BEGUN, begun)
            result = await self._refer(step, record)
            why = Failure.FAILED if result.ok else why_refused(result.status)
            reached = Reached(result.ok, result.status, why)
            if result.ok:
                await self._settle(record, result)
        else:
            self.speaking.record(EventKind.TRANSFER_BEGUN, begun)
            reached = await self._call(step, record, firing, so_far, saying)
        if not (reached.ok and reached.here):
            body = {**about, "ok": reached.ok, "status": reached.status}
            self.speaking.record(EventKind.TRANSFER_ENDED, body)
        return reached

    async def _refer(self, step: Try, record: HandoffRecord) -> TransferResult:
        context = {"reason": str(record.reason), "handoff": record.call_id}
        try:
            async with asyncio.timeout(max(self.services.settings.transfer_timeout_s, step.ring_s)):
                return await self.leg.transfer(step.target.target, context)
        except TimeoutError:
            return TransferResult(False, "no final word in time")
        except LegClosed:
            return TransferResult(False, "the caller hung up")
        except LegError as error:
            return TransferResult(False, str(error) or type(error).__name__)

    async def _call(
        self, step: Try, record: HandoffRecord, firing: Firing, so_far: CallSoFar, saying: _Saying
    ) -> Reached:
        services = self.services
        assert services.dialler is not None
        assert services.person_voice is not None
        assert self.bay is not None
        settings = services.escalation.handover
        joining = Joining(self.leg, self.bay, services.dialler, services.person_voice, self.speaking, settings,
            self.listening)  # fmt: skip

        async def joined() -> None:
            """Here: the far end's word comes by itself."""
            body = {"target": step.target.target, "mode": str(step.mode), "ok": True, "status": "joined"}
            self.speaking.record(EventKind.TRANSFER_ENDED, body)
            self.joined = True
            await self._settle(record, TransferResult(True, "joined"))

        confirm = step.target.confirm
        text = briefing(so_far, firing, record.asked_at, datetime.now(UTC), settings, confirm=confirm)
        saved = asyncio.ensure_future(self._save(transferring(record)))  # beside the dialling, which waits for nothing
        try:
            reached = await joining.reach(step, record, text, saying, joined)
        finally:
            self.joined = False
            await asyncio.shield(saved)
        if reached.ok and not reached.here:
            await self._settle(record, TransferResult(True, reached.status))
        return reached

    async def _handed(self, reached: Reached, firing: Firing) -> HangupReason | None:
        """The person has, or had, the caller."""
        if reached.taken:
            return None
        if not reached.here:
            return HangupReason.TRANSFERRED
        if firing.reason in LAST or self.services.escalation.handover.after_person == "goodbye":
            await self.speaking.line("goodbye", interruptible=False)
            return HangupReason.TRANSFERRED
        await self.speaking.line("person_left")
        return None

    async def _nobody(self, firing: Firing, step: Nobody, record: HandoffRecord, any_target: bool) -> None:
        """No person comes: a crisis has its own sentence, which says whom to call, and cannot be talked over."""
        if not any_target:
            body = {"target": firing.target, "ok": False, "status": "no target"}
            self.speaking.record(EventKind.TRANSFER_ENDED, body)
        opening = self._opening(record, firing)
        last = firing.reason in LAST
        ticket = await self.waiting.ticket(record, say=not firing.alone, opening=opening, last=last)
        status = f"{step.why}; callback {ticket}" if ticket else step.why
        await self._settle(record, TransferResult(False, status))
        if firing.alone:
            await self.speaking.text(firing.alone, interruptible=False)
        elif not ticket and last:
            await self.speaking.line("overload_alone", interruptible=False)
        elif not ticket and opening:
            await self.speaking.text(self.speaking.lines.filled("closed", opening=opening))
        elif not ticket:
            await self.speaking.line("transfer_failed" if any_target else "transfer_impossible")

    def _opening(self, record: HandoffRecord, firing: Firing) -> str:
        """When people are there again, in words; empty: it is not closed, or nobody knows."""
        now = self.services.wall()
        plan = self.services.plans.opens_at(self.leg.info, firing.target, now)
        times = [one for one in (plan, self.waiting.opens_at(record)) if one is not None]
        return spoken_opening(min(times), now) if times else ""

    async def _waited(self, record: HandoffRecord, saying: Awaitable[None]) -> WaitOutcome:
        try:
            return await self.waiting.wait(record, saying)
        except asyncio.CancelledError:
            holder = self.bay.holder if self.bay is not None else None
            status = f"taken by {holder.name}" if holder is not None else "the caller hung up"
            await self._settle(record, TransferResult(holder is not None, status))
            raise

    def _ability(self) -> Ability:
        services = self.services
        dial = services.dialler is not None and services.person_voice is not None and self.bay is not None
        return Ability(self.leg.capabilities.can_transfer, dial and isinstance(self.leg, Attended), dial)

    def _now(self) -> float:
        return self.services.clock.now()

    async def _settle(self, record: HandoffRecord, result: TransferResult) -> None:
        self._settled = True
        await self._save(settled(record, result, datetime.now(UTC)))

    async def _save(self, record: HandoffRecord) -> None:
        """Kept if it can be; a full disk or a locked database must not keep a caller from a person."""
        try:
            await self.services.handoffs.save(record)
        except (RecordError, DeviceFull) as error:
            log.error("handoff.not_saved", call_id=record.call_id, error=str(error))
            self.speaking.record(EventKind.TROUBLE, {"what": "handoff", "detail": str(error)})

    def _so_far(self) -> CallSoFar:
        said = self.conversation.said
        transcript = [TranscriptLine(speaker=one.speaker, text=one.text, turn=one.turn, at=one.at) for one in said]
        return CallSoFar(
            info=self.leg.info,
            started_at=self.started_at,
            transcript=transcript,
            attempts=_attempts(said),
            config_digest=self.services.config_digest,
            factors_verified=self.conversation.factors_verified,
        )


class _Saying:
    """What the caller is being told while something else goes on; awaiting it is waiting for its end."""

    def __init__(self, speaking: Speaking) -> None:
        self._speaking = speaking
        self._task: asyncio.Task[None] | None = None

    def begin(self, text: str) -> None:
        """After what is being said, if anything is."""
        self._task = asyncio.create_task(self._say(self._task, text), name="handing-announcement")

    def stop(self) -> None:
        """Nobody waits for it any more."""
        if self._task is not None:
            self._task.cancel()

    def __await__(self) -> Generator[object, None, None]:
        if self._task is not None:
            yield from asyncio.shield(self._task).__await__()

    async def _say(self, before: asyncio.Task[None] | None, text: str) -> None:
        if before is not None:
            await before
        await self._speaking.text(text, interruptible=False, first=before is None)


def _attempts(said: list[Said]) -> list[Attempt]:
    questions = {one.turn: one.text for one in said if one.speaker == "caller"}
    return [
        Attempt(one.turn, questions.get(one.turn, ""), Rung(one.note), one.text)
        for one in said
        if one.speaker == "operator" and one.turn in questions and one.note in set(Rung)
    ]
