"""The queue as it runs: one for the operator, driven by a timer and by what happens in calls.

::

    calls ── QueueWait.wait ──┐                      ┌── queue.moved ─► record, live view
    desk ─── ready, claim ────┤ escalation.queue ────┤
    events: joined, taken ────┘   (pure)             └── watchers: the call that waits wakes up

It lives in the media process: whoever waits goes on waiting, and telephones go on ringing, while the console is down.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime

from contracts.clock import Clock, utc_now
from contracts.events import Event, EventKind, EventSink
from contracts.handoff import Reason
from contracts.leg import CallLeg, HangupReason
from contracts.seats import Bay
from dialog.byhand import Act
from dialog.ports import TicketStore
from dialog.speaking import Speaking
from dialog.waiting import CRISIS, QueueWait
from escalation.hours import Hours, opening
from escalation.queue import Change, Queue
from escalation.queuesettings import QueueSettings

NO_CALL = "-"
_GONE = frozenset({str(Act.GIVES_BACK), str(Act.LEAVES), str(Act.LOST)})


class WaitingLine:
    """dialog.ports.Lineup, and an EventSink that hears how calls go on. Used on the event loop's thread only."""

    def __init__(
        self, settings: QueueSettings, clock: Clock, sink: EventSink, tickets: TicketStore, music: bytes,
        hours: Mapping[str, Hours] | None = None, wall: Callable[[], datetime] = utc_now,
    ) -> None:  # fmt: skip
        """``music``: a loop as in voice.holdmusic; ``hours``: the tables that the settings name; ``wall``: the time of
        day."""
        self.settings = settings
        self.clock = clock
        self.tickets = tickets
        self.music = music
        self.wall = wall
        self._hours = dict(hours or {})
        self.queue = Queue(settings, self._told)
        self._sink = sink
        self._watchers: dict[str, Callable[[], None]] = {}
        self._timer: asyncio.TimerHandle | None = None

    @property
    def staffed(self) -> bool:
        """Is anybody there?"""
        return self.queue.staffed

    def open(self, reason: Reason, called: str) -> bool:
        """Is this the time for such a caller on that line? Whoever is in danger waits for anybody who is there."""
        now = self.wall()
        return reason in CRISIS or self.opens_at(reason, called, now) == now

    def opens_at(self, reason: Reason, called: str, now: datetime) -> datetime | None:
        """When it opens for such a caller: ``now``, later, or (None) not within a year."""
        return opening([self._hours[name] for name in self.settings.tables(reason, called)], now)

    def __call__(self, leg: CallLeg, speaking: Speaking, bay: Bay | None) -> QueueWait:
        """A place in front of the queue for one call."""
        return QueueWait(leg.info, speaking, self)

    def watch(self, call_id: str, stir: Callable[[], None]) -> None:
        """``stir`` is called whenever something has changed for this call, or for people in general."""
        self._watchers[call_id] = stir

    def unwatch(self, call_id: str) -> None:
        """No more."""
        self._watchers.pop(call_id, None)

    def append(self, event: Event) -> None:
        """What became of a caller: joined with somebody, taken at the desk, given back, gone."""
        queue, call_id, body, now = self.queue, event.call_id, event.body, self.clock.now()
        match event.kind:
            case EventKind.TRANSFER_STEP if body.get("step") == "joined":
                queue.taken(call_id, "", now)
            case EventKind.TRANSFER_STEP if body.get("step") == "left":
                queue.over(call_id, now)  # a person at a telephone has hung up; the caller may go on with the operator
            case EventKind.TRANSFER_ENDED if body.get("ok"):
                queue.taken(call_id, "", now)
            case EventKind.DESK_ACTED if body.get("act") == str(Act.TAKES_OVER):
                queue.taken(call_id, str(body.get("by", "")), now)
            case EventKind.DESK_ACTED if body.get("act") in _GONE:
                queue.over(call_id, now, by=str(body.get("by", "")))
            case EventKind.CALL_ENDED:
                queue.leave(call_id, now)
                if body.get("reason") != HangupReason.TRANSFERRED:
                    queue.over(call_id, now)
            case _:
                return
        self.moved()

    def moved(self) -> None:
        """Something was done to the queue: the timer is set anew."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now = self.clock.now()
        due = self.queue.next_at(now)
        if due is not None:
            self._timer = asyncio.get_running_loop().call_later(max(0.0, due - now), self._step)

    def close(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()

    def _step(self) -> None:
        self._timer = None
        self.queue.step(self.clock.now())
        self.moved()

    def _told(self, change: Change) -> None:
        body = {"step": str(change.step), "by": change.agent, "waited_s": round(change.waited_s, 1)}
        self._sink.append(Event(EventKind.QUEUE_MOVED, change.call_id or NO_CALL, body))
        for call_id, stir in list(self._watchers.items()):
            if change.call_id in ("", call_id):
                stir()
