"""One caller's wait for a person: their place and the time it will take, music, and a callback for whoever prefers it.

::

    wait ─► place, wait, hint ─► music ─► place again every say_every_s ─► … ─► somebody is free: READY
              │ key 1, "call me back"                                       └► too long, nobody there: NOBODY
              ▼
            number read back ─ 1 ─► ticket on the disk ─► CALLBACK
              └ 2, or withheld ─► keyed in ─► read back
"""

from __future__ import annotations

import asyncio
import re
import uuid
from collections import deque
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from contracts.dialling import WaitEnd, WaitOutcome
from contracts.errors import DeviceFull, RecordError
from contracts.events import DtmfReceived, EarEvent, EventKind, TurnEnded
from contracts.handoff import CallbackTicket, HandoffRecord, Reason
from contracts.leg import LegInfo
from dialog.speaking import Speaking
from escalation.numbers import address_of, keyed_number, number_of, spoken_number
from escalation.queue import Wait
from escalation.waits import minutes_said
from voice.holdmusic import HoldMusic

if TYPE_CHECKING:
    from dialog.waitingline import WaitingLine  # which makes these

log = structlog.get_logger()
_CALL_BACK = re.compile(r"\b(?:call|ring|phone) (?:me |us )?back\b|\bcall ?backs?\b", re.IGNORECASE)
CRISIS = frozenset({Reason.DANGER, Reason.EMERGENCY})
"""Whoever is in danger is not asked to hang up and wait."""
CHOOSE_S = 8.0
"""For a key after the number was read back."""
KEYING_S = 12.0
"""Between two keys of a number."""
TRIES = 3
MAX_KEYS = 20
"""One more than a payment card can have: what is too long for a telephone is read to its end, and refused whole."""


class QueueWait:
    """contracts.dialling.Waiting of one call."""

    def __init__(self, info: LegInfo, speaking: Speaking, line: WaitingLine) -> None:
        self._info = info
        self._speaking = speaking
        self._line = line
        self._stirred = asyncio.Event()
        self._keys: deque[str] = deque()
        self._wants_callback = False
        self._collecting = False
        self._said_position = 0
        self._introduced = False
        self._kept: CallbackTicket | None = None

    # ── contracts.dialling.Waiting ──────────────────────────────────────────────────────────────────────────────

    async def wait(self, record: HandoffRecord, announced: Awaitable[None] | None = None) -> WaitOutcome:
        """Until somebody is free or the wait is over."""
        line, call_id = self._line, self._info.call_id
        now = line.clock.now()
        if not line.settings.enabled or not line.open(record.reason, self._info.called):
            return WaitOutcome(WaitEnd.NOBODY)
        entry = line.queue.enter(call_id, record.reason, now, called=self._info.called, caller=self._info.caller)
        line.moved()
        if entry is None:
            return WaitOutcome(WaitEnd.NOBODY)
        front = self._speaking.front
        front.music = music = HoldMusic(line.music)
        line.watch(call_id, self._stirred.set)
        outcome = WaitOutcome(WaitEnd.NOBODY)
        first = asyncio.ensure_future(announced if announced is not None else asyncio.sleep(0))
        first.add_done_callback(lambda done: self._stirred.set())
        try:
            outcome = await self._waited(record, entry.entered, first)
            return outcome
        finally:
            first.cancel()
            music.stop()
            line.unwatch(call_id)
            if outcome.end is not WaitEnd.READY:
                line.queue.leave(call_id, line.clock.now())
                line.moved()

    async def ticket(self, record: HandoffRecord, *, say: bool, opening: str = "", last: bool = False) -> str:
        """Nobody came: a callback is noted and, with ``say``, the caller told so, or asked for their number."""
        if not self._line.settings.callbacks:
            return ""
        lines = self._speaking.lines
        target = number_of(self._info.caller) or address_of(self._info.caller)
        promise = "closed_promised" if opening else "callback_promised"
        if not target and say:
            await self._say(lines.filled("closed_offer" if opening else "callback_offer", opening=opening))
            target = await self._number_by_keys(asked=True)
            promise = "callback_noted"  # the rest has just been said
        kept = await self._keep(record, target) if target else None
        if kept is None:
            return ""
        if last:
            promise = "callback_goodbye"
        if say:
            await self._say(lines.filled(promise, number=self._spoken(kept.caller), opening=opening))
        return kept.ticket

    def opens_at(self, record: HandoffRecord) -> datetime | None:
        """When it opens for this caller, if it is closed now."""
        line, now = self._line, self._line.wall()
        opens = line.opens_at(record.reason, self._info.called, now) if line.settings.enabled else None
        return None if opens == now else opens

    def take(self, event: EarEvent) -> None:
        """Keys, and the wish to be called back."""
        match event:
            case DtmfReceived(digit):
                self._speaking.record(EventKind.DTMF_RECEIVED, {"digit": "•" if self._collecting else digit})
                self._keys.append(digit)
                self._stirred.set()
            case TurnEnded() if _CALL_BACK.search(event.transcript.text):
                self._wants_callback = True
                self._stirred.set()

    def given_to(self, name: str) -> bool:
        """Whoever has claimed this caller may take them; while nobody has, whoever may take over calls at all."""
        entry = self._line.queue.entry(self._info.call_id)
        return bool(name) and entry is not None and (entry.state is not Wait.CLAIMED or entry.agent == name)

    # ── waiting ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def _waited(self, record: HandoffRecord, entered: float, first: asyncio.Future[None]) -> WaitOutcome:
        line, settings, call_id = self._line, self._line.settings, self._info.call_id
        say_at = line.clock.now()
        alone_since: float | None = None
        while True:
            self._stirred.clear()
            now = line.clock.now()
            entry = line.queue.entry(call_id)
            if entry is None or now - entered >= settings.max_wait_s:
                return WaitOutcome(WaitEnd.NOBODY)
            if entry.state is Wait.CLAIMED and (reach := line.queue.reach(entry.agent)):
                line.queue.reaching(call_id)
                line.moved()
                return WaitOutcome(WaitEnd.READY, reach, ring_s=settings.ring_s, confirm=settings.phone_confirm)
            alone_since = None if line.staffed else (alone_since if alone_since is not None else now)
            if alone_since is not None and now - alone_since >= settings.without_people_s:
                return WaitOutcome(WaitEnd.NOBODY)
            if not first.done():
                await self._stirred.wait()
            elif self._callback_wanted(record):
                if kept := await self._called_back(record):
                    return WaitOutcome(WaitEnd.CALLBACK, ticket=kept.ticket)
                say_at = line.clock.now() + settings.say_every_s
            elif now >= say_at:
                await self._say_unless_stirred(self._place_said(record, now))
                say_at = line.clock.now() + settings.say_every_s
            else:
                until = min(say_at, entered + settings.max_wait_s)
                if alone_since is not None:
                    until = min(until, alone_since + settings.without_people_s)
                await self._stir_within(until - now)

    def _callback_wanted(self, record: HandoffRecord) -> bool:
        pressed = "1" in self._keys
        wanted, self._wants_callback = pressed or self._wants_callback, False
        self._keys.clear()
        return wanted and self._offers(record)

    def _offers(self, record: HandoffRecord) -> bool:
        return self._line.settings.callbacks and record.reason not in CRISIS

    def _place_said(self, record: HandoffRecord, now: float) -> str:
        """Position and time; a place that got worse (a crisis came) is not told: it would sound like a mistake."""
        lines = self._speaking.lines
        place = self._line.queue.place(self._info.call_id, now)
        said = [] if self._introduced else [lines.get("queue_first")]
        worse = 0 < self._said_position < place.position
        if worse or (self._introduced and place.position == self._said_position and place.wait_s is None):
            said.append(lines.get("queue_still"))
        else:
            self._said_position = place.position
            known = lines.filled("queue_place", position=str(place.position))
            said.append(lines.get("queue_next") if place.position == 1 else known)
            if place.wait_s is not None:
                minutes = minutes_said(place.wait_s)
                key = ("queue_soon", "queue_minute")[minutes] if minutes < 2 else "queue_minutes"
                said.append(lines.filled(key, minutes=str(minutes)))
        if self._offers(record):
            said.append(lines.get("queue_hint"))
        self._introduced = True
        return " ".join(said)

    # ── a callback ──────────────────────────────────────────────────────────────────────────────────────────────

    async def _called_back(self, record: HandoffRecord) -> CallbackTicket | None:
        """From the wish to the ticket; None: the caller goes on waiting."""
        lines = self._speaking.lines
        target = number_of(self._info.caller) or address_of(self._info.caller)
        for _ in range(TRIES):
            if not target:
                target = await self._number_by_keys(asked=False)
                if not target:
                    break
            key = await self._choice(lines.filled("callback_confirm", number=self._spoken(target)))
            if key == "1":
                kept = await self._keep(record, target)
                key = "callback_noted" if kept else "callback_not_kept"
                await self._say(lines.filled(key, number=self._spoken(target)))
                return kept
            if key != "2":
                break
            target = ""
        await self._say(lines.get("callback_none"))
        return None

    async def _choice(self, question: str) -> str:
        """The key pressed during or after a question; empty: none."""
        self._keys.clear()
        self._stirred.clear()
        await self._say_unless_stirred(question)
        until = self._line.clock.now() + CHOOSE_S
        while not self._keys and (left := until - self._line.clock.now()) > 0:
            self._stirred.clear()
            await self._stir_within(left)
        return self._keys.popleft() if self._keys else ""

    async def _number_by_keys(self, *, asked: bool) -> str:
        """A number that the caller keys in, ended by hash or a pause; empty: none. ``asked``: they were, just now."""
        self._keys.clear()
        self._collecting = True
        try:
            for attempt in range(TRIES):
                if attempt:
                    self._keys.clear()  # the rest of what was too long is no number either
                if attempt or not asked:
                    await self._say_unless_stirred(
                        self._speaking.lines.get("callback_wrong" if attempt else "callback_which")
                    )
                keys = await self._keyed()
                if not keys:
                    return ""
                if number := keyed_number(keys):
                    return number
            return ""
        finally:
            self._collecting = False

    async def _keyed(self) -> str:
        keys = ""
        until = self._line.clock.now() + KEYING_S
        while (left := until - self._line.clock.now()) > 0 and len(keys) < MAX_KEYS:
            if self._keys:
                key = self._keys.popleft()
                if key == "#":
                    break
                keys += key
                until = self._line.clock.now() + KEYING_S
                continue
            self._stirred.clear()
            await self._stir_within(left)
        return keys

    async def _keep(self, record: HandoffRecord, target: str) -> CallbackTicket | None:
        """On the disk; None: it could not be written. One ticket for a call, however often it is promised."""
        if self._kept is not None and self._kept.caller == target:
            return self._kept
        now = self._line.wall()
        opens = (self.opens_at(record) or now).astimezone(UTC)
        ticket = CallbackTicket(
            ticket=uuid.uuid4().hex[:8], call_id=record.call_id, caller=target, reason=record.reason, wanted_at=now,
            expires_at=max(now, opens) + timedelta(days=self._line.settings.callback_days),
        )  # fmt: skip
        try:
            await self._line.tickets.keep(ticket)
        except (RecordError, DeviceFull) as error:
            log.error("callback.not_kept", call_id=record.call_id, error=str(error))
            self._speaking.record(EventKind.TROUBLE, {"what": "callback", "detail": str(error)})
            return None
        self._kept = ticket
        return ticket

    def _spoken(self, target: str) -> str:
        return spoken_number(target) or self._speaking.lines.get("callback_here")

    # ── saying and listening ────────────────────────────────────────────────────────────────────────────────────

    async def _say(self, text: str) -> None:
        await self._speaking.text(text, interruptible=False)

    async def _say_unless_stirred(self, text: str) -> None:
        """Say it; cut short by a key, or by somebody who is free."""
        saying = asyncio.ensure_future(self._speaking.text(text))
        try:
            while not saying.done() and not self._urgent():
                self._stirred.clear()
                stirring = asyncio.ensure_future(self._stirred.wait())
                await asyncio.wait({saying, stirring}, return_when=asyncio.FIRST_COMPLETED)
                stirring.cancel()
            if not saying.done():
                self._speaking.front.mouth.interrupt()
            await saying
        finally:
            saying.cancel()

    def _urgent(self) -> bool:
        entry = self._line.queue.entry(self._info.call_id)
        return bool(self._keys) or self._wants_callback or entry is None or entry.state is Wait.CLAIMED

    async def _stir_within(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await self._stirred.wait()
        except TimeoutError:
            return
