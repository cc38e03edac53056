"""Secure capture in a call: keys go to the payment endpoint, and everything else that listens is deaf meanwhile.

::

    yes ─► [caller's sound: to no recogniser, no recording, nobody] ─► ask, keys, ask, keys ─► post once ─► result
                                                                        │ twice wrong, too late: a person
                                                                        └ hang-up, pull, take-over: wiped
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import structlog

from contracts.capture import CaptureReply, Order, Payments
from contracts.errors import ToolError
from contracts.events import EventKind
from contracts.seats import Bay
from dialog.conversation import Conversation
from dialog.services import DialogServices
from dialog.speaking import Speaking
from dialog.tools.moves import Capture
from dialog.tools.secure import Entering, Over, SecureSlot, Wanted
from dialog.tools.tasks import TaskBook
from voice.ear import Ear
from voice.utterance import Played

log = structlog.get_logger()
Say = Callable[[str, str], Awaitable[Played]]
"""Says (text, why) to its end and remembers it."""
TAIL_S = 0.6
"""After the last key, until the caller is heard again: its event can come before its sound has passed the jitter buffer
(telephony.sip.settings, 160 ms) and the line."""
LINE = "[secure capture]"
"""All that a transcript has of it."""


@contextmanager
def unheard(bay: Bay, ear: Ear) -> Iterator[None]:
    """Within: the caller's sound reaches no recogniser, no recording and nobody; keys are events and still come."""
    bay.private(True)
    ear.pause(True)
    try:
        yield
    finally:
        ear.pause(False)
        bay.private(False)


class Capturing:
    """Secure captures of one call."""

    def __init__(
        self, call_id: str, book: TaskBook, payments: Payments | None, services: DialogServices, speaking: Speaking,
        talk: Conversation, today: Callable[[], date],
    ) -> None:  # fmt: skip
        self._call_id = call_id
        self._book = book
        self._payments = payments
        self._services = services
        self._clock = services.clock
        self._speaking = speaking
        self._talk = talk
        self._today = today
        self._entering: Entering | None = None
        self._prompting = False
        self._stirred = asyncio.Event()
        self._posts = 0
        self._pressed_at = 0.0

    @property
    def active(self) -> bool:
        """Keys are for it, and for nothing else."""
        return self._entering is not None

    def key(self, digit: str) -> None:
        """A key. It ends the question that is being said; it is written down nowhere."""
        if self._entering is not None:
            self._pressed_at = self._clock.now()
            self._entering.key(digit, self._pressed_at)
            self._stirred.set()
            if self._prompting:
                self._speaking.front.mouth.interrupt()

    async def collect(self, move: Capture, say: Say) -> Order | None:
        """Ask for every secure slot of a task; None: given up, and nothing is left of it. ``say`` says the first."""
        slots, limits = self._book.file.tasks[move.task].secure, self._book.file.capture
        self._note("begun", task=move.task)
        if self._posts >= limits.posts:
            self._note("ended", how="given up", why="too many tries")
            return None
        entering = self._entering = Entering(slots, limits, self._today(), self._clock.now())
        over: Over | None = None
        self._speaking.awaiting_keys = True
        try:
            over = await self._keyed(entering, slots, say)
        finally:
            self._entering = None
            self._speaking.awaiting_keys, self._speaking.keyed_at = False, self._clock.now()
            if over is None or over.why:
                entering.wipe()
            how = "broken off" if over is None else "given up" if over.why else "keyed"
            self._note("ended", how=how, slot=over.slot if over is not None else "", why=over.why if over else "")
        if over.why:
            return None
        self._posts += 1
        key = str(uuid5(NAMESPACE_URL, f"{self._call_id}/{self._talk.turn}/{move.task}/capture"))
        return Order(move.task, self._call_id, key, entering.keyed, move.details)

    async def post(self, order: Order) -> CaptureReply:
        """To the owner's endpoint, once. Raises ToolError."""
        began = self._clock.now()
        body: dict[str, Any] = {"task": order.task, "key": order.key, "ok": False, "why": "", "code": ""}
        try:
            assert self._payments is not None
            reply = await self._payments.post(order)
        except ToolError as error:
            body["why"] = type(error).__name__
            log.warning("capture.failed", call_id=self._call_id, error=str(error))
            raise
        else:
            body |= {"ok": reply.approved, "why": "" if reply.approved else "declined", "code": reply.code}
            return reply
        finally:
            order.wipe()
            self._note("posted", **body, took_s=round(self._clock.now() - began, 3))

    async def faded(self) -> None:
        """Until the last key's sound is over."""
        await asyncio.sleep(max(0.0, self._pressed_at + TAIL_S - self._clock.now()))

    async def _keyed(self, entering: Entering, slots: Mapping[str, SecureSlot], say: Say) -> Over:
        first = True
        while isinstance(step := entering.step, Wanted):
            self._note("asked", slot=step.slot, why=step.wrong)
            if not entering.typing:
                await self._ask(entering, self._before(step.wrong) + slots[step.slot].ask, say if first else None)
            if first:
                self._talk.caller(LINE)
                self._speaking.record(EventKind.TURN_CALLER, {"text": LINE, "confidence": 0.0})
                first = False
            while entering.step is step:
                await self._stir(entering)
        assert isinstance(step, Over)
        return step

    async def _ask(self, entering: Entering, text: str, say: Say | None) -> None:
        """The first question stands in the transcript, as what it is an answer to; the others do not."""
        self._prompting = True
        try:
            if say is not None:
                await say(text, "secure capture")
            else:
                utterance = self._speaking.front.mouth.say(text, first=True)
                await utterance.started()
                entering.begun()
                await utterance.finished()
        finally:
            self._prompting = False
        entering.begun()
        entering.asked(self._clock.now())

    async def _stir(self, entering: Entering) -> None:
        """Until a key comes, or it is too late for one."""
        self._stirred.clear()
        try:
            async with asyncio.timeout(max(0.0, entering.due - self._clock.now())):
                await self._stirred.wait()
        except TimeoutError:
            entering.late(self._clock.now())

    def _before(self, wrong: str) -> str:
        sayings = self._book.file.sayings
        return "" if not wrong else sayings.keyed_nothing if wrong == "nothing" else sayings.keyed_wrong

    def _note(self, step: str, **more: Any) -> None:
        self._speaking.record(EventKind.CAPTURE_MOVED, {"step": step, **more})
