"""Calling a person for a caller: dial, brief, then let the far end join them (attended) or join them here (bridge).

::

    person   dial ── ringing ── answered ── briefing (key: skip, ──┬─ attended: REFER with Replaces, both calls leave us
                                            or confirm) ───────────┤
    caller   the rule's sentence, ring tone ── "I am telling them" ┘  └ refused ─┐
                                                                   bridge: seat ◄┘── until one of them hangs up
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from contracts.dialling import Attended, Dialler, Introduction, OutgoingLeg
from contracts.errors import CallTaken, LegClosed, LegError
from contracts.events import EventKind
from contracts.handoff import HandoffRecord
from contracts.leg import CallLeg, HangupReason
from contracts.seats import Bay
from dialog.comfort import Comfort
from dialog.person import PersonLine
from dialog.speaking import Speaking
from escalation.handover import choice
from escalation.plan import Failure, Mode, Try
from escalation.settings import HandoverSettings
from voice.mouth import Mouth

log = structlog.get_logger()


@dataclass(slots=True, frozen=True)
class Reached:
    """How a Try ended. ``here``: they were joined by us, and the person has left since; else by the far end."""

    ok: bool
    status: str
    why: Failure = Failure.FAILED
    here: bool = False
    taken: bool = False
    """Somebody at the desk took the caller meanwhile."""


@dataclass(slots=True)
class Joining:
    """Calls persons for one caller."""

    leg: CallLeg
    bay: Bay
    dialler: Dialler
    voice: Callable[[], Mouth]
    """A voice for the person, who is not the caller."""
    speaking: Speaking
    settings: HandoverSettings
    listening: bool = True
    """The caller is heard, for transcript or recording, while a person who was joined here talks with them."""
    _telling: bool = False
    """The caller is being told that a person is there."""

    async def reach(
        self,
        step: Try,
        record: HandoffRecord,
        briefing: str,
        announced: Awaitable[None],
        joined: Callable[[], Awaitable[None]],
    ) -> Reached:
        """Until the person has the caller and we are out of it, or has hung up, or was never reached.

        ``announced``: what the caller is being told must be over before; ``joined`` is told when they hear each other.
        """
        target = step.target.target
        who = Introduction(self.leg.info.caller, record.call_id, str(record.reason))
        with Comfort(self.bay, lambda: self.speaking.talking):
            self._note("dialled", step)
            dialled = await self.dialler.dial(
                target, who, ring_s=step.ring_s, on_ringing=lambda: self._note("ringing", step)
            )
        if dialled.leg is None:
            return Reached(False, dialled.status, Failure(str(dialled.end)))
        self._note("answered", step)
        person = PersonLine(self.voice(), self.settings.skip_key, self.settings.decline_key)
        try:
            return await self._answered(step, dialled.leg, person, briefing, announced, joined)
        finally:
            person.part(self.bay)
            await asyncio.shield(dialled.leg.hangup(HangupReason.OPERATOR, "the caller is no longer with us"))

    async def _answered(
        self,
        step: Try,
        consult: OutgoingLeg,
        person: PersonLine,
        briefing: str,
        announced: Awaitable[None],
        joined: Callable[[], Awaitable[None]],
    ) -> Reached:
        try:
            await consult.attach(person)
        except LegClosed as error:
            return Reached(False, str(error), Failure.LEFT)
        if step.target.confirm:
            if (refused := await self._confirmed(step, person, briefing)) is not None:
                return refused
            await announced
        elif step.target.brief:
            told = asyncio.ensure_future(self._tell_caller(announced))
            try:
                briefed = await person.brief(briefing, self.settings.briefing_s)
                if not person.gone.is_set():
                    self._note("briefed", step, seconds=briefed.seconds, skipped=briefed.skipped)
                    await (told if self._telling else announced)
            finally:
                told.cancel()
        else:
            await announced
        if person.gone.is_set():
            return Reached(False, f"hung up before the caller was joined: {person.why}", Failure.LEFT)
        if step.mode is Mode.ATTENDED and isinstance(self.leg, Attended):
            result = await self.leg.transfer_to(consult)
            if result.ok:
                self._note("joined", step, by="far end")
                return Reached(True, result.status)
            self._note("not_replaced", step, status=result.status)
            if person.gone.is_set():
                return Reached(False, result.status, Failure.LEFT)
        return await self._bridge(step, person, joined)

    async def _confirmed(self, step: Try, person: PersonLine, briefing: str) -> Reached | None:
        """None: they took the caller, for whom it has gone on ringing."""
        settings = self.settings
        with Comfort(self.bay, lambda: self.speaking.talking):
            briefed = await person.confirm(briefing, settings.briefing_s, choice(settings), settings.answer_s)
        note = "briefed" if briefed.taken else "not_taken"
        self._note(note, step, seconds=briefed.seconds, skipped=briefed.skipped)
        if briefed.taken or person.gone.is_set():
            return None
        if briefed.skipped:
            return Reached(False, f"declined by key {settings.decline_key}", Failure.DECLINED)
        return Reached(False, "answered, and no key was pressed", Failure.NO_ANSWER)

    async def _bridge(self, step: Try, person: PersonLine, joined: Callable[[], Awaitable[None]]) -> Reached:
        try:
            person.join(self.bay, step.target.target, listening=self.listening)
        except CallTaken as error:
            return Reached(True, str(error), taken=True)  # somebody at the desk has the caller: nobody else is needed
        except LegError as error:
            return Reached(False, str(error))
        await joined()
        self._note("joined", step, by="us")
        began = asyncio.get_running_loop().time()
        await person.gone.wait()
        person.part(self.bay)
        talked_s = round(asyncio.get_running_loop().time() - began, 1)
        self._note("left", step, status=person.why, talked_s=talked_s)
        return Reached(True, "the person hung up", here=True)

    async def _tell_caller(self, announced: Awaitable[None]) -> None:
        """Unless the person is told everything before the caller has heard the first sentence."""
        await announced
        self._telling = True
        await self.speaking.line("briefing", interruptible=False)

    def _note(self, what: str, step: Try, **more: object) -> None:
        body = {"step": what, "target": step.target.target, "mode": str(step.mode), **more}
        self.speaking.record(EventKind.TRANSFER_STEP, body)
        log.info("transfer.step", **body)
