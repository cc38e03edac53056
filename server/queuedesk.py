"""The queue as people at the desk see it: operations of the control socket.

==================  ======================================================================================
queue               who waits, who is there; with ``by``: their page is open
queue_ready         ``by``, ``skills``, ``reach``: takes callers; ``reach`` is a SIP address, or empty: browser
queue_away          ``by``: takes none
queue_claim         ``by``, ``call_id``: theirs; talking begins when they take the seat
queue_release       ``by``, ``call_id``: given back, or declined
==================  ======================================================================================

Whoever asks has been let in by the console, which has written down who it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contracts.errors import LegError
from contracts.handoff import Reason
from dialog.waitingline import WaitingLine
from escalation.hours import spoken_opening
from escalation.queue import Entry
from server.control import Operation

MAX_NAME = 64


class QueueDesk:
    """One for the operator."""

    def __init__(self, line: WaitingLine) -> None:
        self._line = line
        settings = line.settings
        wanted = [*settings.skills.values(), *settings.called_skills.values()]
        self._skills = sorted({skill for skills in wanted for skill in skills})

    def operations(self) -> dict[str, Operation]:
        """By name."""
        return {
            "queue": self.queue,
            "queue_ready": self.ready,
            "queue_away": self.away,
            "queue_claim": self.claim,
            "queue_release": self.release,
        }

    async def queue(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Everything, in the order of service."""
        line, now = self._line, self._line.clock.now()
        if "by" in request:
            line.queue.seen(_name(request), now)
            line.moved()
        entries = [self._shown(one, place, now) for place, one in enumerate(line.queue.waiting(), 1)]
        people = [
            {
                "name": one.name, "presence": str(one.presence), "skills": sorted(one.skills), "reach": one.reach,
                "call_id": one.call_id, "for_s": round(max(0.0, now - one.since), 1),
                "rests_s": round(max(0.0, one.rests_until - now), 1),
            }
            for one in line.queue.agents
        ]  # fmt: skip
        return {
            "waiting": entries, "people": people, "skills": self._skills, "phones": bool(line.settings.phones),
            "opens": self._opens(),
        }  # fmt: skip

    async def ready(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Raises LegError for a telephone that may not be called."""
        reach = str(request.get("reach", "")).strip()
        if reach and not self._line.settings.may_call(reach):
            raise LegError(
                f"{reach} is no telephone that may be called from here: see escalation.queue.phones of the settings"
            )
        skills = {str(one) for one in request.get("skills", ())} & set(self._skills)
        self._line.queue.ready(_name(request), self._line.clock.now(), skills=skills, reach=reach)
        self._line.moved()
        return {}

    async def away(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Raises CallTaken while they have claimed somebody."""
        self._line.queue.away(_name(request), self._line.clock.now())
        self._line.moved()
        return {}

    async def claim(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Raises CallUnknown, CallTaken. ``connect_s``: so long it stays theirs without talking."""
        entry = self._line.queue.claim(str(request["call_id"]), _name(request), self._line.clock.now())
        self._line.moved()
        return {"connect_s": round(entry.until - self._line.clock.now(), 1)}

    async def release(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Raises CallUnknown, CallTaken."""
        self._line.queue.release(str(request["call_id"]), _name(request), self._line.clock.now())
        self._line.moved()
        return {}

    def _opens(self) -> str:
        """When the queue opens, in words; empty: it is open, or nobody knows."""
        now = self._line.wall()
        opens = self._line.opens_at(Reason.OTHER, "", now)
        return "" if opens is None or opens == now else spoken_opening(opens, now)

    def _shown(self, entry: Entry, place: int, now: float) -> dict[str, Any]:
        known = self._line.queue.place(entry.call_id, now)
        return {
            "call_id": entry.call_id,
            "caller": entry.caller,
            "reason": str(entry.reason),
            "wants": sorted(entry.wants),
            "place": place,
            "waited_s": round(now - entry.entered, 1),
            "wait_s": None if known.wait_s is None else round(known.wait_s),
            "state": str(entry.state),
            "agent": entry.agent,
        }


def _name(request: Mapping[str, Any]) -> str:
    return str(request["by"])[:MAX_NAME]
