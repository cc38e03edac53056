"""Calling somebody back for a person at the desk, who is at a telephone or in a browser (server/callbacktalk.py).

::

    callback_call ─► their telephone ── key 1 ─┐
                       └ busy, no key, key 2   ├─► the ticket's number through the trunk ── answered ─► joined here
    callback_talk ── their browser ────────────┘     └ busy, no answer: they are told            └ "Hello, this is …"

Only numbers of tickets are dialled, only for whoever holds the ticket, and only at telephones that the owner allows.
Each step is a ``callback.step`` event of the call that the ticket came from. The ticket stays theirs to close.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog

from contracts.audio import AudioFrame
from contracts.dialling import DialEnd, Dialler, Introduction, OutgoingLeg
from contracts.errors import LegClosed, LegError
from contracts.events import Event, EventKind, EventSink
from contracts.leg import HangupReason
from dialog.lines import Lines
from dialog.person import PersonLine
from dialog.waitingline import WaitingLine
from escalation.handover import callback_briefing, callback_choice
from escalation.numbers import number_of
from escalation.settings import EscalationSettings
from operations.callbacks import STEP_AT, Callback
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
LOST = "connection lost"
"""Of a person whose browser is gone without having hung up: PersonLine.why."""


@dataclass(slots=True, frozen=True)
class Wanted:
    """A callback that may be made: for whom, and what is dialled. ``told``: each step, and what the far end said."""

    ticket: Callback
    by: str
    target: str
    told: Callable[[str, str], None] = lambda step, status: None


class _Callee:
    """contracts.leg.LegPort beneath a bay in which people talk, once the operator has said who calls."""

    def __init__(self, mouth: Mouth) -> None:
        self._mouth = mouth
        self.gone = asyncio.Event()

    async def hear(self, text: str) -> None:
        """All of it, or as much as TOLD_S lets through."""
        try:
            async with asyncio.timeout(TOLD_S):
                await self._mouth.say(text, first=True).finished()
        except TimeoutError:
            log.warning("callback.not_said", text=text)
        finally:
            self._mouth.interrupt()

    def on_frame(self, frame: AudioFrame) -> None:
        """Heard by the person, through the bay."""

    def next_frame(self) -> bytes | None:
        """20 ms of what the operator says."""
        return self._mouth.next_frame()

    def on_dtmf(self, digit: str) -> None:
        """Nobody listens."""

    def on_hold(self, held: bool) -> None:
        """Their affair."""

    def on_closed(self, reason: HangupReason, detail: str) -> None:
        """They have hung up."""
        self._mouth.close()
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
        lines: Lines,
    ) -> None:
        self._ticket_of = ticket_of
        self._dialler = dialler
        self._voice = voice
        self._seats = seats
        self._settings = settings
        self._line = line
        self._sink = sink
        self._lines = lines
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._last: OrderedDict[str, dict[str, str]] = OrderedDict()

    def operations(self) -> dict[str, Operation]:
        """By name, for the control socket."""
        return {"callback_call": self.call, "callback_calls": self.calls}

    async def calls(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """``can``: numbers can be dialled here; ``phones``: for whoever is at a telephone too; ``reach``: the one at
        which ``by`` is ready; what became of which ticket's call."""
        can = bool(self._settings.queue.callback_route and self._dialler)
        reach, phones = self._line.queue.reach(str(request.get("by", ""))), bool(self._settings.queue.phones)
        return {"can": can, "phones": can and phones, "reach": reach, "calls": dict(self._last)}

    async def call(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Begin: ``ticket``, ``by`` (who holds it), ``reach`` (their telephone). Raises CallUnknown, LegError."""
        reach = str(request["reach"]).strip()
        if not self._settings.queue.may_call(reach):
            raise LegError(f"{reach or 'no telephone'} may not be called: see escalation.queue.phones of the settings")
        wanted = await self.wanted(request)
        self._begin(wanted, self._by_telephone(wanted, reach))
        return {}

    async def wanted(
        self, request: Mapping[str, Any], told: Callable[[str, str], None] = lambda step, status: None
    ) -> Wanted:
        """What ``by`` may have dialled for ``ticket``. Raises CallUnknown, LegError."""
        by, route = str(request["by"]), self._settings.queue.callback_route
        if self._dialler is None or not route:
            raise LegError("callbacks are not dialled here: see escalation.queue.callback_route of the settings")
        ticket = await self._ticket_of(str(request["ticket"]))
        number = number_of(ticket.caller)
        if ticket.holder != by or ticket.closed_at is not None:
            raise LegError("this callback is not yours: take it first")
        if not number:
            raise LegError(f"{ticket.caller} is no telephone number: call it with your own telephone")
        return Wanted(ticket, by, route.replace("{number}", number), told)

    def begin(self, wanted: Wanted, person: PersonLine) -> asyncio.Task[None]:
        """Call them for a person who is here already. Raises LegError."""
        return self._begin(wanted, self._with(wanted, person))

    def person(self) -> PersonLine:
        """A line for a person, who hears what the operator has to tell them."""
        settings = self._settings.handover
        return PersonLine(self._voice(), settings.skip_key, settings.decline_key)

    def _begin(self, wanted: Wanted, making: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        name = wanted.ticket.ticket
        if name in self._tasks or len(self._tasks) >= MOST:
            making.close()
            raise LegError("this callback is being made already" if name in self._tasks else "too many at once")
        task = asyncio.create_task(making, name=f"callback-{name}")
        self._tasks[name] = task
        task.add_done_callback(lambda done: self._done(wanted, done))
        return task

    async def close(self) -> None:
        """Hang up what is up."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _done(self, wanted: Wanted, task: asyncio.Task[None]) -> None:
        """A fault of ours is in the log and in the record, and the ticket can be dialled again."""
        self._tasks.pop(wanted.ticket.ticket, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("callback.failed", ticket=wanted.ticket.ticket, exc_info=error)
            self._note(wanted, "not reached", type(error).__name__)

    # ── one call ────────────────────────────────────────────────────────────────────────────────────────────────

    async def _by_telephone(self, wanted: Wanted, reach: str) -> None:
        assert self._dialler is not None
        with self._busy(wanted.by):
            self._note(wanted, "dialled")
            ticket = wanted.ticket
            who = Introduction(ticket.caller, ticket.call_id, str(ticket.reason))
            dialled = await self._dialler.dial(reach, who, ring_s=self._settings.queue.ring_s)
            if dialled.leg is None:
                self._note(wanted, "not answered", dialled.status)
                return
            try:
                await self._answered(wanted, dialled.leg)
            finally:
                await asyncio.shield(dialled.leg.hangup(HangupReason.OPERATOR, "the callback is over"))

    async def _answered(self, wanted: Wanted, leg: OutgoingLeg) -> None:
        settings, person = self._settings.handover, self.person()
        try:
            await leg.attach(person)
        except LegClosed:
            self._note(wanted, "not answered", "hung up")
            return
        text = callback_briefing(wanted.ticket.caller, wanted.ticket.reason, settings)
        briefed = await person.confirm(text, settings.briefing_s, callback_choice(settings), settings.answer_s)
        if briefed.taken:
            await self._number(wanted, person)
        else:
            self._note(wanted, "not taken")

    async def _with(self, wanted: Wanted, person: PersonLine) -> None:
        with self._busy(wanted.by):
            await self._number(wanted, person)

    async def _number(self, wanted: Wanted, person: PersonLine) -> None:
        """The number is called, while the person hears it ring; then both are joined."""
        assert self._dialler is not None
        person.ring(True)
        self._note(wanted, "calling")
        calling = asyncio.ensure_future(
            self._dialler.dial(wanted.target, Introduction(), ring_s=self._settings.queue.callback_ring_s)
        )
        gone = asyncio.ensure_future(person.gone.wait())
        try:
            await asyncio.wait({calling, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not calling.done():
                self._note(wanted, "given up")
                return
            dialled = calling.result()
        finally:
            gone.cancel()
            if not calling.done():
                calling.cancel()
                await asyncio.wait({calling})
        person.ring(False)
        if dialled.leg is None:
            self._note(wanted, "not reached", dialled.status)
            await person.brief(_WHY.get(dialled.end, _UNREACHABLE), TOLD_S)
            return
        await self._joined(wanted, dialled.leg, person)

    async def _joined(self, wanted: Wanted, leg: OutgoingLeg, person: PersonLine) -> None:
        callee = _Callee(self._voice())
        bay = Patchbay(callee, self._seats)
        began = asyncio.get_running_loop().time()
        try:
            await leg.attach(bay)
            person.join(bay, wanted.by, listening=False)
            self._note(wanted, "reached")
            greeting = asyncio.ensure_future(self._greeted(callee, bay))
            ends = {asyncio.ensure_future(person.gone.wait()), asyncio.ensure_future(callee.gone.wait())}
            try:
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for waiting in [*ends, greeting]:
                    waiting.cancel()
                await asyncio.gather(greeting, return_exceptions=True)
            person.part(bay)
            if person.why == LOST and not callee.gone.is_set():
                await callee.hear(self._lines.get("callback_lost"))
        except LegError as error:
            self._note(wanted, "not reached", str(error))
            return
        finally:
            person.part(bay)
            await asyncio.shield(leg.hangup(HangupReason.OPERATOR, "the callback is over"))
        self._note(wanted, "ended", f"talked {asyncio.get_running_loop().time() - began:.0f} s")

    async def _greeted(self, callee: _Callee, bay: Patchbay) -> None:
        """Who calls, and that this is a machine; the person beside hears it too."""
        bay.operator(True)
        try:
            await callee.hear(self._lines.get("callback_hello"))
        finally:
            bay.operator(False)

    @contextmanager
    def _busy(self, by: str) -> Iterator[None]:
        """Nobody is offered to them meanwhile."""
        self._rest(by, float("inf"))
        try:
            yield
        finally:
            self._rest(by, self._line.clock.now() + self._settings.queue.pause_s(by))

    def _rest(self, by: str, until: float) -> None:
        self._line.queue.rest(by, until, self._line.clock.now())
        self._line.moved()

    def _note(self, wanted: Wanted, step: str, status: str = "") -> None:
        ticket = wanted.ticket
        body = {"ticket": ticket.ticket, "step": step, "by": wanted.by, "status": status}
        self._sink.append(Event(EventKind.CALLBACK_STEP, ticket.call_id, body))
        at = datetime.now(UTC).strftime(STEP_AT)
        self._last[ticket.ticket] = {"at": at, "step": step, "status": status, "by": wanted.by}
        self._last.move_to_end(ticket.ticket)
        while len(self._last) > REMEMBERED:
            self._last.popitem(last=False)
        log.info("callback.step", **body)
        wanted.told(step, status)
