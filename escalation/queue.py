"""The queue for a person: who waits, who is there, who is offered to whom. Pure; the clock is an argument.

::

    enter ─► WAITING ── offer(agent) ─► OFFERED ── claim ─► CLAIMED ── connected ─► gone
                ▲  │ a free choice: claim ──────────────────────▲ │
                └──┴──────── ring_s over, or declined ──────┘     │
                └──────── connect_s over, released, not reached ──┘

Whoever missed or gave back a caller is offered none for ``again_s``, whoever has talked none for ``wrap_up_s``.

The order is one number per caller, fixed when they enter: ``entered - head_start_s[reason]``. A crisis counts as half
an hour of waiting; who has waited longer than that goes before everybody who comes later, so nobody starves.
A caller is offered to one person at a time and claimed by one; a person has one caller at a time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import takewhile

from contracts.errors import CallTaken, CallUnknown
from contracts.handoff import Reason
from escalation.queuesettings import QueueSettings
from escalation.waits import Average, estimate


class Step(StrEnum):
    """What happened to a caller or a person; the word stands in the event log."""

    ENTERED = "entered"
    OFFERED = "offered"
    MISSED = "missed"
    """Not answered in ``ring_s``."""
    DECLINED = "declined"
    CLAIMED = "claimed"
    EXPIRED = "expired"
    """Claimed, and not connected in ``connect_s``."""
    RELEASED = "released"
    CONNECTED = "connected"
    LEFT = "left"
    READY = "ready"
    WRAP_UP = "wrap_up"
    """Ready, after a conversation: offered nobody for ``wrap_up_s``."""
    AWAY = "away"


class Wait(StrEnum):
    """Where a caller is."""

    WAITING = "waiting"
    OFFERED = "offered"
    CLAIMED = "claimed"


class Presence(StrEnum):
    """Where a person is. Offered a caller they are still READY, until they have claimed it."""

    READY = "ready"
    BUSY = "busy"
    AWAY = "away"


@dataclass(slots=True)
class Entry:
    """A caller who waits. Times are monotonic seconds."""

    call_id: str
    reason: Reason
    wants: frozenset[str]
    caller: str
    entered: float
    rank: float
    """The order: smaller is sooner."""
    state: Wait = Wait.WAITING
    agent: str = ""
    """Offered to, or claimed by."""
    until: float = 0.0
    """When that ends, unless something happens."""
    passed: dict[str, float] = field(default_factory=dict)
    """Who has missed or declined it, and when: others are asked first."""


@dataclass(slots=True)
class Agent:
    """A person at the desk."""

    name: str
    skills: frozenset[str] = frozenset()
    reach: str = ""
    """A SIP address that is called; empty: their browser."""
    presence: Presence = Presence.AWAY
    since: float = 0.0
    """Of the presence: who has been ready longest is asked first."""
    seen: float = 0.0
    """When their page last asked."""
    missed: int = 0
    """Offers in a row."""
    call_id: str = ""
    """Offered, claimed or talking to."""
    rests_until: float = 0.0
    """Nobody is offered to them before; what they choose themselves they may take."""


@dataclass(slots=True, frozen=True)
class Change:
    """For the event log."""

    step: Step
    call_id: str = ""
    agent: str = ""
    waited_s: float = 0.0


@dataclass(slots=True, frozen=True)
class Place:
    """Where a caller stands: 1 is next. ``wait_s`` None: not known."""

    position: int
    wait_s: float | None


class Queue:
    """All of it. ``tell`` is given each change as it happens; it must not call back."""

    def __init__(self, settings: QueueSettings, tell: Callable[[Change], None] = lambda change: None) -> None:
        self._settings = settings
        self._tell = tell
        self._entries: dict[str, Entry] = {}
        self._agents: dict[str, Agent] = {}
        self._handling = Average(settings.weight)
        self._waits = Average(settings.weight)

    # ── callers ─────────────────────────────────────────────────────────────────────────────────────────────────

    def enter(self, call_id: str, reason: Reason, now: float, *, called: str = "", caller: str = "") -> Entry | None:
        """Begin to wait; who waits already keeps their place, and is offered again. None: the queue is full."""
        known = self._entries.get(call_id)
        if known is not None:
            if known.state is not Wait.WAITING:
                self._expire(known, now)
                self.step(now)
            return known
        if len(self._entries) >= self._settings.max_waiting:
            return None
        rank = now - self._settings.head_start_s.get(reason, 0.0)
        entry = Entry(call_id, reason, self._settings.wants(reason, called), caller, now, rank)
        self._entries[call_id] = entry
        self._tell(Change(Step.ENTERED, call_id))
        self.step(now)
        return entry

    def leave(self, call_id: str, now: float) -> None:
        """Not waiting any more: hung up, wants to be called back, gave up. Harmless if they were not."""
        entry = self._entries.pop(call_id, None)
        if entry is not None:
            self._free(entry.agent, call_id, now)
            self._tell(Change(Step.LEFT, call_id, entry.agent, now - entry.entered))

    def reach(self, name: str) -> str:
        """The telephone on which this person is called; empty: they are in a browser, or not there."""
        agent = self._agents.get(name)
        return agent.reach if agent is not None else ""

    def reaching(self, call_id: str) -> None:
        """Whoever claimed is being called: that has a patience of its own, at whose end callers `enter` again."""
        self._entry(call_id).until = math.inf

    def taken(self, call_id: str, name: str, now: float) -> None:
        """Somebody talks with them: whoever claimed, or ``name``, who just took them. Harmless if they do not wait."""
        entry = self._entries.pop(call_id, None)
        if entry is None:
            return
        if name and entry.agent != name:
            self._free(entry.agent, call_id, now)
            entry.agent = name
        self._waits.add(now - entry.entered)
        agent = self._agents.get(entry.agent)
        if agent is not None:
            agent.call_id, agent.missed = call_id, 0
            self._become(agent, Presence.BUSY, now)
            agent.since = now  # handling is counted from here
        self._tell(Change(Step.CONNECTED, call_id, entry.agent, now - entry.entered))

    def over(self, call_id: str, now: float, *, by: str = "") -> None:
        """The conversation of a connected caller has ended: whoever had it is ready again. Not for those who were
        transferred away, of whose end we hear nothing: their person says when they are ready."""
        for agent in self._agents.values():
            hers = agent.call_id == call_id and by in ("", agent.name)
            if hers and agent.presence is Presence.BUSY and call_id not in self._entries:
                self._handling.add(now - agent.since)
                self._become(agent, Presence.READY, now)
                if pause_s := self._settings.pause_s(agent.name):
                    agent.rests_until = now + pause_s
                    self._tell(Change(Step.WRAP_UP, "", agent.name))
        self.step(now)

    def place(self, call_id: str, now: float) -> Place:
        """Position among those who compete for the same people, and the wait to expect. Raises CallUnknown."""
        mine = self._entry(call_id)
        there = [one for one in self._agents.values() if one.presence is not Presence.AWAY]
        able = [one for one in there if self._fits(mine, one, now)]
        before = takewhile(lambda one: one is not mine, self.waiting())
        rivals = [one for one in before if not able or any(self._fits(one, agent, now) for agent in able)]
        position = len(rivals) + 1
        settings = self._settings
        pause_s = sum(self._settings.pause_s(one.name) for one in able) / len(able) if able else 0.0
        wait_s = estimate(
            position, len(able), self._handling, self._waits, now - mine.entered, settings.known_after, pause_s
        )  # fmt: skip
        return Place(position, wait_s if wait_s is not None and wait_s <= settings.longest_said_s else None)

    # ── people ──────────────────────────────────────────────────────────────────────────────────────────────────

    def ready(self, name: str, now: float, *, skills: Iterable[str] = (), reach: str = "") -> None:
        """They take callers from now on. While they have one they stay as they are, with new skills and address."""
        agent = self._agents.setdefault(name, Agent(name))
        agent.skills, agent.reach, agent.seen = frozenset(skills), reach, now
        if agent.call_id and agent.call_id in self._entries:
            return
        if agent.presence is Presence.BUSY:
            self._handling.add(now - agent.since)
        if agent.presence is not Presence.READY:
            self._become(agent, Presence.READY, now)
        agent.missed, agent.rests_until = 0, 0.0
        self.step(now)

    def away(self, name: str, now: float) -> None:
        """They take none. What was offered to them goes to others; what they claimed stays theirs until it ends."""
        agent = self._agents.get(name)
        if agent is None or agent.presence is Presence.AWAY:
            return
        entry = self._entries.get(agent.call_id)
        if entry is not None and entry.state is Wait.CLAIMED:
            raise CallTaken("you have taken a caller: give them back first")
        if entry is not None:
            self._back(entry, Step.DECLINED, now)
        elif agent.presence is Presence.BUSY:
            self._handling.add(now - agent.since)
        self._become(agent, Presence.AWAY, now)
        self.step(now)

    def rest(self, name: str, until: float, now: float) -> None:
        """They talk with somebody who does not wait here: nobody is offered to them before then."""
        if name in self._agents:
            self._agents[name].rests_until = until
        self.step(now)

    def seen(self, name: str, now: float) -> None:
        """Their page is open."""
        if name in self._agents:
            self._agents[name].seen = now

    def claim(self, call_id: str, name: str, now: float) -> Entry:
        """It is theirs: the one offered, or any that is offered to nobody. Raises CallUnknown, CallTaken."""
        entry = self._entry(call_id)
        agent = self._agents.get(name)
        if agent is None or agent.presence is Presence.AWAY:
            raise CallTaken("say that you are ready first")
        if entry.state is not Wait.WAITING and entry.agent != name:
            how = "is being offered to" if entry.state is Wait.OFFERED else "has been taken by"
            raise CallTaken(f"this caller {how} {entry.agent}")
        if entry.state is Wait.CLAIMED:
            return entry
        if agent.presence is Presence.BUSY:
            raise CallTaken("you are talking with another caller")
        other = self._entries.get(agent.call_id)
        if other is not None and other is not entry:
            self._back(other, Step.DECLINED, now)  # offered one, chose another
        entry.state, entry.agent, entry.until = Wait.CLAIMED, name, now + self._connect_s(agent)
        agent.call_id = call_id
        self._become(agent, Presence.BUSY, now)
        self._tell(Change(Step.CLAIMED, call_id, name, now - entry.entered))
        return entry

    def release(self, call_id: str, name: str, now: float) -> None:
        """Given back, or declined while it was offered. Raises CallUnknown, CallTaken."""
        entry = self._entry(call_id)
        if entry.agent != name:
            raise CallTaken("this caller is not yours")
        self._back(entry, Step.RELEASED if entry.state is Wait.CLAIMED else Step.DECLINED, now)
        self.step(now)

    # ── time ────────────────────────────────────────────────────────────────────────────────────────────────────

    def step(self, now: float) -> None:
        """End what has expired, then offer the next callers to the people who are free."""
        for entry in list(self._entries.values()):
            if entry.state is not Wait.WAITING and entry.until <= now:
                self._expire(entry, now)
        for agent in self._agents.values():
            if self._watched(agent) and agent.seen + self._settings.gone_s <= now:
                self._become(agent, Presence.AWAY, now)
        for entry in self.waiting():
            if entry.state is Wait.WAITING and (free := self._free_agent(entry, now)) is not None:
                self._offer(entry, free, now)

    def next_at(self, now: float) -> float | None:
        """When `step` has something to do, if nothing else happens."""
        times = [one.until for one in self._entries.values() if one.state is not Wait.WAITING]
        times += [one.seen + self._settings.gone_s for one in self._agents.values() if self._watched(one)]
        times += [one.rests_until for one in self._agents.values() if _free(one) and now < one.rests_until < math.inf]
        anybody = [one.entered + self._settings.any_skill_after_s for one in self._entries.values() if one.wants]
        times += [at for at in anybody if at > now]
        return min(times, default=None)

    # ── to look at ──────────────────────────────────────────────────────────────────────────────────────────────

    def waiting(self) -> list[Entry]:
        """Callers in the order in which they are served, those being offered or claimed included."""
        return sorted(self._entries.values(), key=lambda one: (one.rank, one.entered))

    def entry(self, call_id: str) -> Entry | None:
        """Of this call, if it waits."""
        return self._entries.get(call_id)

    @property
    def agents(self) -> list[Agent]:
        """Everybody who was ready since the start, by name."""
        return sorted(self._agents.values(), key=lambda one: one.name)

    @property
    def staffed(self) -> bool:
        """Is anybody there, free or talking?"""
        return any(one.presence is not Presence.AWAY for one in self._agents.values())

    # ── within ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _entry(self, call_id: str) -> Entry:
        entry = self._entries.get(call_id)
        if entry is None:
            raise CallUnknown("this caller is not waiting any more")
        return entry

    def _connect_s(self, agent: Agent) -> float:
        """A telephone has to be answered first."""
        return self._settings.connect_s + (self._settings.ring_s if agent.reach else 0.0)

    def _fits(self, entry: Entry, agent: Agent, now: float) -> bool:
        after = self._settings.any_skill_after_s
        return entry.wants <= agent.skills or bool(after and now - entry.entered >= after)

    def _free_agent(self, entry: Entry, now: float) -> Agent | None:
        free = [one for one in self._agents.values() if _free(one) and one.rests_until <= now]
        able = [one for one in free if self._fits(entry, one, now)]
        return min(able, key=lambda one: (entry.passed.get(one.name, 0.0), one.since, one.name), default=None)

    def _watched(self, agent: Agent) -> bool:
        """Ready in a browser, which has to show that it is still there."""
        return not agent.reach and agent.presence is Presence.READY and not agent.call_id

    def _offer(self, entry: Entry, agent: Agent, now: float) -> None:
        entry.state, entry.agent, entry.until = Wait.OFFERED, agent.name, now + self._settings.ring_s
        agent.call_id = entry.call_id
        self._tell(Change(Step.OFFERED, entry.call_id, agent.name, now - entry.entered))
        if agent.reach:  # the ringing telephone is the question; whoever answers has claimed
            self.claim(entry.call_id, agent.name, now)

    def _expire(self, entry: Entry, now: float) -> None:
        agent = self._agents[entry.agent]
        missed = agent.missed + 1
        self._back(entry, Step.EXPIRED if entry.state is Wait.CLAIMED else Step.MISSED, now)
        agent.missed = missed
        if missed >= self._settings.misses:
            self._become(agent, Presence.AWAY, now)

    def _back(self, entry: Entry, step: Step, now: float) -> None:
        """To its place in the line; whoever had it is free, and asked after the others."""
        name = entry.agent
        entry.state, entry.agent, entry.until = Wait.WAITING, "", 0.0
        entry.passed[name] = now
        self._agents[name].rests_until = now + self._settings.again_s
        self._free(name, entry.call_id, now)
        self._tell(Change(step, entry.call_id, name, now - entry.entered))

    def _free(self, name: str, call_id: str, now: float) -> None:
        agent = self._agents.get(name)
        if agent is None or agent.call_id != call_id:
            return
        agent.call_id = ""
        if agent.presence is Presence.BUSY:
            self._become(agent, Presence.READY, now)

    def _become(self, agent: Agent, presence: Presence, now: float) -> None:
        if presence is not Presence.BUSY:
            agent.call_id = ""
        if agent.presence is presence:
            return
        agent.presence, agent.since = presence, now
        if presence is not Presence.BUSY:
            self._tell(Change(Step(presence.value), "", agent.name))


def _free(agent: Agent) -> bool:
    return agent.presence is Presence.READY and not agent.call_id
