"""Calling somebody back for a person at the desk: their telephone rings first, then the caller's, then both are joined.

::

    callback_call ─► their telephone ── key 1 ─► the ticket's number through the trunk ── answered ─► joined here
                       └ busy, no key, key 2       └ busy, no answer: they are told

Only numbers of tickets are dialled, only for whoever holds the ticket, and only at telephones that the owner allows.
Each step is a ``callback.step`` event of the call that the ticket came from. The ticket stays theirs to close.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import structlog

from contracts.audio import AudioFrame
from contracts.dialling import DialEnd, Dialler, Introduction, OutgoingLeg
from contracts.errors import LegClosed, LegError
from contracts.events import Event, EventKind, EventSink
from contracts.leg import HangupReason
from dialog.person import PersonLine
from dialog.waitingline import WaitingLine
from escalation.handover import callback_briefing, callback_choice
from escalation.numbers import number_of
from escalation.settings import EscalationSettings
from operations.callbacks import Callback
from server.control import Operation
from telephony.patchbay import Patchbay, PatchbaySettings
from voice.mouth import Mouth

log = structlog.get_logger()
MOST = 20
"""Calls of this kind at once."""
REMEMBERED = 500
TOLD_S = 8.0
_WHY = {
    DialEnd.BUSY: "They are busy.",
    DialEnd.NO_ANSWER: "There is no answer.",
    DialEnd.DECLINED: "They did not take the call.",
}
_UNREACHABLE = "The number cannot be reached."


class _Callee:
    """contracts.leg.LegPort beneath a bay in which nobody but people talk."""

    def __init__(self) -> None:
        self.gone = asyncio.Event()

    def on_frame(self, frame: AudioFrame) -> None:
        """Heard by the person, through the bay."""

    def next_frame(self) -> bytes | None:
        """No operator speaks here."""
        return None

    def on_dtmf(self, digit: str) -> None:
        """Nobody listens."""

    def on_hold(self, held: bool) -> None:
        """Their affair."""

    def on_closed(self, reason: HangupReason, detail: str) -> None:
        """They have hung up."""
        self.gone.set()


class CallingBack:
    """One for the operator. ``ticket_of`` reads a ticket; raises CallUnknown, RecordError."""

    def __init__(
        self,
        ticket_of: Callable[[str], Awaitable[Callback]],
        dialler: Dialler | None,
        voice: Callable[[], Mouth],
        seats: PatchbaySettings,
        settings: EscalationSettings,
        line: WaitingLine,
        sink: EventSink,
    ) -> None:
        self._ticket_of = ticket_of
        self._dialler = dialler
        self._voice = voice
        self._seats = seats
        self._settings = settings
        self._line = line
        self._sink = sink
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._last: OrderedDict[str, dict[str, str]] = OrderedDict()

    def operations(self) -> dict[str, Operation]:
        """By name, for the control socket."""
        return {"callback_call": self.call, "callback_calls": self.calls}

    async def calls(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """``can``: numbers can be dialled here; ``reach``: the telephone at which ``by`` is ready; what became of which
        ticket's call."""
        can = bool(self._settings.queue.callback_route and self._settings.queue.phones and self._dialler)
        return {"can": can, "reach": self._line.queue.reach(str(request.get("by", ""))), "calls": dict(self._last)}

    async def call(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Begin: ``ticket``, ``by`` (who holds it), ``reach`` (their telephone). Raises CallUnknown, LegError."""
        by, reach = str(request["by"]), str(request["reach"]).strip()
        queue = self._settings.queue
        if self._dialler is None or not queue.callback_route:
            raise LegError("callbacks are not dialled here: see escalation.queue.callback_route of the settings")
        if not queue.may_call(reach):
            raise LegError(f"{reach or 'no telephone'} may not be called: see escalation.queue.phones of the settings")
        ticket = await self._ticket_of(str(request["ticket"]))
        number = number_of(ticket.caller)
        if ticket.holder != by or ticket.closed_at is not None:
            raise LegError("this callback is not yours: take it first")
        if not number:
            raise LegError(f"{ticket.caller} is no telephone number: call it with your own telephone")
        if ticket.ticket in self._tasks or len(self._tasks) >= MOST:
            raise LegError(
                "this callback is being made already" if ticket.ticket in self._tasks else "too many at once"
            )
        target = queue.callback_route.replace("{number}", number)
        task = asyncio.create_task(self._made(ticket, by, reach, target), name=f"callback-{ticket.ticket}")
        self._tasks[ticket.ticket] = task
        task.add_done_callback(lambda done: self._done(ticket, by, done))
        return {}

    async def close(self) -> None:
        """Hang up what is up."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _done(self, ticket: Callback, by: str, task: asyncio.Task[None]) -> None:
        """A fault of ours is in the log and in the record, and the ticket can be dialled again."""
        self._tasks.pop(ticket.ticket, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("callback.failed", ticket=ticket.ticket, exc_info=error)
            self._note(ticket, by, "not reached", type(error).__name__)

    # ── one call ────────────────────────────────────────────────────────────────────────────────────────────────

    async def _made(self, ticket: Callback, by: str, reach: str, target: str) -> None:
        assert self._dialler is not None
        self._rest(by, float("inf"))
        try:
            self._note(ticket, by, "dialled")
            who = Introduction(ticket.caller, ticket.call_id, str(ticket.reason))
            dialled = await self._dialler.dial(reach, who, ring_s=self._settings.queue.ring_s)
            if dialled.leg is None:
                self._note(ticket, by, "not answered", dialled.status)
                return
            person = self._person()
            try:
                await self._answered(ticket, by, dialled.leg, person, target)
            finally:
                await asyncio.shield(dialled.leg.hangup(HangupReason.OPERATOR, "the callback is over"))
        finally:
            self._rest(by, self._line.clock.now() + self._settings.queue.pause_s(by))

    async def _answered(self, ticket: Callback, by: str, leg: OutgoingLeg, person: PersonLine, target: str) -> None:
        assert self._dialler is not None
        settings = self._settings.handover
        try:
            await leg.attach(person)
        except LegClosed:
            self._note(ticket, by, "not answered", "hung up")
            return
        text = callback_briefing(ticket.caller, ticket.reason, settings)
        briefed = await person.confirm(text, settings.briefing_s, callback_choice(settings), settings.answer_s)
        if not briefed.taken:
            self._note(ticket, by, "not taken")
            return
        person.ring(True)
        self._note(ticket, by, "calling")
        calling = asyncio.ensure_future(
            self._dialler.dial(target, Introduction(), ring_s=self._settings.queue.callback_ring_s)
        )
        gone = asyncio.ensure_future(person.gone.wait())
        try:
            await asyncio.wait({calling, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not calling.done():
                self._note(ticket, by, "given up")
                return
            dialled = calling.result()
        finally:
            gone.cancel()
            if not calling.done():
                calling.cancel()
                await asyncio.wait({calling})
        person.ring(False)
        if dialled.leg is None:
            self._note(ticket, by, "not reached", dialled.status)
            await person.brief(_WHY.get(dialled.end, _UNREACHABLE), TOLD_S)
            return
        await self._joined(ticket, by, dialled.leg, person)

    async def _joined(self, ticket: Callback, by: str, leg: OutgoingLeg, person: PersonLine) -> None:
        callee = _Callee()
        bay = Patchbay(callee, self._seats)
        began = asyncio.get_running_loop().time()
        try:
            await leg.attach(bay)
            person.join(bay, by, listening=False)
            self._note(ticket, by, "reached")
            ends = {asyncio.ensure_future(person.gone.wait()), asyncio.ensure_future(callee.gone.wait())}
            try:
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for end in ends:
                    end.cancel()
        except LegError as error:
            self._note(ticket, by, "not reached", str(error))
            return
        finally:
            person.part(bay)
            await asyncio.shield(leg.hangup(HangupReason.OPERATOR, "the callback is over"))
        self._note(ticket, by, "ended", f"talked {asyncio.get_running_loop().time() - began:.0f} s")

    def _person(self) -> PersonLine:
        settings = self._settings.handover
        return PersonLine(self._voice(), settings.skip_key, settings.decline_key)

    def _rest(self, by: str, until: float) -> None:
        """Nobody is offered to them meanwhile."""
        self._line.queue.rest(by, until, self._line.clock.now())
        self._line.moved()

    def _note(self, ticket: Callback, by: str, step: str, status: str = "") -> None:
        body = {"ticket": ticket.ticket, "step": step, "by": by, "status": status}
        self._sink.append(Event(EventKind.CALLBACK_STEP, ticket.call_id, body))
        at = datetime.now(UTC).strftime("%H:%M")
        self._last[ticket.ticket] = {"at": at, "step": step, "status": status, "by": by}
        self._last.move_to_end(ticket.ticket)
        while len(self._last) > REMEMBERED:
            self._last.popitem(last=False)
        log.info("callback.step", **body)
