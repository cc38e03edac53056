"""The shell around the machine: says its questions, asks the owner's systems, collects keys, keeps secrets out.

::

    turn ──► machine ──Ask──► said, and the ear told what to expect
                │ ◄──answer── Call ──► Tools (a filler if it takes long)       a write once sent is never withdrawn:
                ├──Capture──► keys, posted once to the payment endpoint        who speaks then hears its result first
                └──End──► said; a person offered if it was not done
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import structlog

from contracts.capture import Order, Payments
from contracts.errors import ToolError, ToolFailed, ToolRefused, ToolUncertain
from contracts.events import EventKind, TurnEnded
from contracts.leg import CallLeg
from contracts.seats import Bay
from contracts.tools import Effect, ToolAnswer, Tools
from dialog.conversation import Conversation
from dialog.intents import Intent, classify
from dialog.services import DialogServices
from dialog.speaking import Speaking
from dialog.tools.capturing import Capturing, Say, unheard
from dialog.tools.early import hidden
from dialog.tools.machine import CHECKS, Machine
from dialog.tools.moves import Ask, Call, Capture, Move, State
from dialog.tools.tasks import TaskBook
from escalation.offers import answer_to_offer
from voice.completeness import Expectation
from voice.ear import Ear
from voice.utterance import Played

log = structlog.get_logger()
_AGAIN = frozenset(
    {Intent.REPEAT, Intent.SLOWER, Intent.STILL_THERE, Intent.GREETING, Intent.HOW_ARE_YOU, Intent.ROBOT}
)
_PARTING = frozenset({Intent.GOODBYE, Intent.THANKS})


@dataclass(slots=True, frozen=True)
class Counter:
    """What all calls share: the tasks and the owner's systems. ``today``: the caller's date."""

    book: TaskBook
    tools: Tools
    today: Callable[[], date] = date.today
    payments: Payments | None = None
    """Where secure slots go; None: nothing is charged, and nobody asked to key anything in (a dry run)."""

    async def close(self) -> None:
        """No more will be asked. Harmless twice."""
        await self.tools.close()
        if self.payments is not None:
            await self.payments.close()


class Desk:
    """Tasks of one call."""

    def __init__(
        self, leg: CallLeg, counter: Counter, services: DialogServices, speaking: Speaking, talk: Conversation,
        ear: Ear, bay: Bay,
    ) -> None:  # fmt: skip
        self._leg = leg
        self._bay = bay
        self._call_id = call_id = leg.info.call_id
        self._counter = counter
        self._services = services
        self._speaking = speaking
        self._talk = talk
        self._ear = ear
        operations = counter.tools.operations
        self._machine = Machine(counter.book, lambda name: operations[name].inputs, counter.today)
        self._secure = Capturing(call_id, counter.book, counter.payments, services, speaking, talk, counter.today)
        self._before = self._started = State()
        """As the last turn found the task; as whatever is under way did."""
        self._reading: asyncio.Task[Move] | None = None
        self._ask: Ask | None = None
        self._keys = ""
        self._done: tuple[int, str] = (-1, "")
        """The turn in which something was last written, and what was said of it."""
        self._flight: asyncio.Task[Move] | None = None
        """A write on its way, and what follows from its answer."""

    @classmethod
    def of(
        cls, leg: CallLeg, services: DialogServices, speaking: Speaking, talk: Conversation, ear: Ear, bay: Bay
    ) -> Desk | None:
        """None where nothing can be done for callers."""
        counter = services.counter
        return None if counter is None else cls(leg, counter, services, speaking, talk, ear, bay)

    # ── what the session asks ───────────────────────────────────────────────────────────────────────────────────

    @property
    def busy(self) -> bool:
        """Is a task under way?"""
        return self._machine.busy

    def before_turn(self, continues: bool) -> None:
        """A turn has ended. ``continues``: it replaces the last one, whose effects on the task are taken back."""
        self._machine.unkeyed()
        if self._reading is not None and not self._reading.done():
            self._reading.cancel()
            self._machine.state = self._started
        if continues and self._flight is None:
            if self._done[0] != self._talk.turn:  # what was written cannot be taken back
                checks = self._machine.state.checks  # nor is a failed check forgotten
                self._machine.state = replace(self._before, checks=checks)
        else:
            self._before = self._machine.state
        self._keys = ""

    def veil(self, text: str) -> str:
        """The turn as it may be remembered: what identifies the caller is left out, asked for or not."""
        if self._machine.secret and not self._machine.departs(text):
            return f"[{self._machine.state.asked.replace('_', ' ')}]"
        return hidden(text, self._machine.early(text))

    async def turn(self, event: TurnEnded, text: str, say: Say) -> bool:
        """Deal with a turn; False: it is none of a task, and to be answered as any."""
        if self._flight is not None:
            await self._go_on(await self._landed(), say)
            return True
        if event.continues and self._done[0] == self._talk.turn:
            await say(self._done[1], "task done, said again")
            return True
        self._started = self._machine.state
        poor = self._services.cascade.poorly_understood(event.transcript.confidence)
        if not self.busy:
            return await self._begin(text, say)
        intent = classify(text)
        if intent is Intent.WAIT:
            return True
        again = intent in _AGAIN and answer_to_offer(text) is None  # "Yes." can be a greeting
        if intent in _PARTING or again:
            if again:
                await self._go_on(self._machine.again(), say)
                return True
            self._left()
            return False
        move = self._machine.heard(text, sure=not poor)
        if move is None:
            self._ended(self._before.task, "left")
            return await self._begin(text, say)
        await self._go_on(move, say)
        return True

    @property
    def key_only_zero(self) -> bool:
        """Has just a zero been pressed? Whoever says nothing more wants a person."""
        return self._keys == "0"

    def key(self, digit: str) -> str | None:
        """None: no keys are awaited. Else the whole answer, or "" while more is to come; # ends it early."""
        if self._secure.active:
            self._secure.key(digit)
            return ""
        awaited = self._ask.keys if self._ask is not None and self.busy and self._flight is None else 0
        if not awaited or digit not in "0123456789#":
            return None
        self._speaking.record(EventKind.DTMF_RECEIVED, {"digit": "•" if self._machine.secret else digit})
        self._keys += digit.strip("#")
        if len(self._keys) < awaited and digit != "#":
            return ""
        keys, self._keys = self._keys, ""
        return keys

    async def pressed(self, keys: str) -> bool:
        """All keys of an answer."""
        self._before = self._started = self._machine.state
        await self._go_on(self._machine.pressed(keys), self._plainly)
        return True

    async def again(self) -> None:
        """The question once more, after silence."""
        self._keys = ""
        await self._go_on(self._machine.again() if self._flight is None else await self._landed(), self._plainly)

    async def close(self) -> None:
        """The call is over: what was not confirmed is not done; a write on its way is waited for, for the record."""
        if self._flight is not None:
            await asyncio.wait({self._flight})
        if self.busy:
            self._left()

    async def _plainly(self, text: str, why: str) -> Played:
        return await self._speaking.text(text, first=True)

    # ── within ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def _begin(self, text: str, say: Say) -> bool:
        move = self._machine.begin(text)
        if move is None:
            return False
        self._talk.topic(self._machine.state.task)
        if self._machine.task.secure:
            self._speaking.keys_hidden = (
                True  # a number that is keyed in too early, or on after the end, is none of ours
            )
            if not self._leg.capabilities.dtmf:
                move = self._machine.uncaptured()
        await self._go_on(move, say)
        return True

    def _left(self) -> None:
        task = self._machine.state.task
        self._machine.leave()
        self._ended(task, "left")

    def _ended(self, task: str, how: str) -> None:
        self._ask = None
        self._speaking.record(EventKind.TASK_ENDED, {"task": task, "how": how})

    async def _go_on(self, move: Move, say: Say) -> None:
        while isinstance(move, Call | Capture):
            if isinstance(move, Call):
                move = await self._do(move)
            else:
                # What is said from now on is no answer to a turn: how long it took is nobody's latency.
                move, say = await self._capture(move, say), self._plainly
        if isinstance(move, Ask):
            self._ask = move
            self._ear.expect(move.expect, move.digits)
            played = await say(move.text, "task")
            if not played.interrupted and not played.failed:
                self._machine.heard_whole()
            return
        self._ended(move.task, move.how)
        if self._done[0] == self._talk.turn:
            self._done = (self._talk.turn, move.text)
        if move.unverified or move.uncaptured:
            self._talk.identity_failed = CHECKS * move.unverified
            self._talk.capture_failed = int(move.uncaptured)
            if self._services.evaluate(self._talk.facts()) is not None:
                return  # the rule says its own sentence
        self._talk.offered_person = move.offer or move.unverified or move.uncaptured
        self._ear.expect(Expectation.YES_NO if self._talk.offered_person else Expectation.OPEN)
        await say(move.text, f"task {move.how}")

    async def _do(self, call: Call) -> Move:
        """The machine's next move after this call."""
        work = asyncio.create_task(self._called(call))
        if call.effect is Effect.WRITE:
            self._flight, self._done = work, (self._talk.turn, "")
        else:
            self._reading = work
        try:
            if call.effect is Effect.WRITE:
                return await self._landed()
            await self._bridge(work)
            return await work
        except asyncio.CancelledError:
            if call.effect is Effect.READ:
                work.cancel()
                self._machine.state = self._started
            raise

    async def _capture(self, move: Capture, say: Say) -> Move:
        """The caller keys in what only the payment endpoint may know; it is posted once, like any write."""
        if self._counter.payments is None:
            return self._machine.result({}, dry_run=True)
        with unheard(self._bay, self._ear):
            try:
                order = await self._secure.collect(move, say)
            except asyncio.CancelledError:
                self._machine.unkeyed()
                raise
            move_on: Move
            if order is None:
                move_on = self._machine.uncaptured()
            else:
                self._machine.posting()
                self._flight, self._done = asyncio.create_task(self._posted(order)), (self._talk.turn, "")
                move_on = await self._landed()
            await self._secure.faded()
            return move_on

    async def _posted(self, order: Order) -> Move:
        try:
            reply = await self._secure.post(order)
            return self._machine.result(reply.values) if reply.approved else self._machine.declined(reply.code)
        except ToolError as caught:
            return self._machine.failed(caught)
        except (ValueError, KeyError) as caught:  # a sentence that the answer has no fit value for; it may be charged
            return self._machine.failed(
                ToolUncertain(f"the answer does not fit the tasks file ({type(caught).__name__})")
            )

    async def _landed(self) -> Move:
        assert self._flight is not None
        await self._bridge(self._flight)
        move = await asyncio.shield(self._flight)
        self._flight = None
        return move

    async def _bridge(self, work: asyncio.Task[Move]) -> None:
        """A filler, if it takes long; dialog/vigil.py sees to all later silence."""
        done, _ = await asyncio.wait({work}, timeout=self._services.settings.budget.filler_after_s)
        if not done and not self._speaking.talking:
            await self._speaking.line("filler")

    async def _called(self, call: Call) -> Move:
        clock, turn = self._services.clock, self._talk.turn
        writes = call.effect is Effect.WRITE
        key = str(uuid5(NAMESPACE_URL, f"{self._call_id}/{turn}/{call.operation}")) if writes else ""
        began = clock.now()
        error: ToolError | None = None
        answer = ToolAnswer({})
        try:
            answer = await self._counter.tools.call(call.operation, call.arguments, key=key)
            move = self._machine.result(answer.data, dry_run=answer.dry_run)
        except ToolError as caught:
            error = caught
            move = self._machine.failed(caught)
        except (ValueError, KeyError) as caught:  # a sentence that the answer has no fit value for
            odd = ToolUncertain if writes else ToolFailed
            error = odd(f"{call.operation}: the answer does not fit the tasks file ({type(caught).__name__})")
            move = self._machine.failed(error)
        code = error.code if isinstance(error, ToolRefused) else ""
        body: dict[str, Any] = {"operation": call.operation, "effect": str(call.effect), "ok": error is None}
        body |= {"why": type(error).__name__ if error else "", "code": code, "took_s": round(clock.now() - began, 3)}
        body |= {"key": key, "dry_run": answer.dry_run}
        self._speaking.record(EventKind.TOOL_CALLED, body)
        if error is not None and not isinstance(error, ToolRefused):
            log.warning("tool.failed", call_id=self._call_id, error=str(error))
        if call.factors and (error is None or isinstance(error, ToolRefused)):
            ok = bool(self._machine.state.customer)
            self._talk.factors_verified = call.factors if ok else 0
            self._speaking.record(EventKind.IDENTITY_CHECKED, {"verified": self._talk.factors_verified, "ok": ok})
        return move
