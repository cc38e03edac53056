"""What every live call is doing, for the desk: made from events as they pass, kept in memory, gone with the call.

::

    CALL_STARTED ► greeting ─► listening ─TURN_CALLER─► thinking ─TURN_MEASURED─► speaking ─TURN_OPERATOR─► listening
                                     CAPTURE_MOVED begun ─► secure capture ─ended─► thinking
                                     DESK_ACTED: takes over ─► with a person ─gives back─► listening
                                     ESCALATION_RAISED, TRANSFER_BEGUN ─► handing over ─TRANSFER_ENDED─► listening
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from contracts.events import Event, EventKind

MAX_FLAGS = 6
OUTSIDE = "out of scope"
MAX_CALLS = 4096
"""More than any machine serves; a call whose end was never told must not stay for good."""


WITH_PERSON = "with a person"
CAPTURE = "secure capture"
"""The caller keys in what nobody may hear: listening is silent meanwhile."""
_PARTS = frozenset({"gives back", "leaves", "is cut off"})


@dataclass(slots=True)
class LiveCall:
    """One call; no words of the caller's are in it. Times are UTC."""

    call_id: str
    kind: str
    caller: str
    started_at: datetime
    state: str = "greeting"
    since: datetime = field(default_factory=lambda: datetime.now(UTC))
    """When the state began."""
    turns: int = 0
    topic: str = ""
    judged: bool = False
    """The topic is the topic model's word."""
    rung: str = ""
    """Of the last answer."""
    latency_s: float | None = None
    """Of the last answer's first sound, from the true end of speech."""
    holder: str = ""
    """The person who talks with the caller in the operator's place, from the desk."""
    flags: list[str] = field(default_factory=list)
    """Reasons of rules that fired, and what went wrong; each once, in order."""

    def enter(self, state: str, at: datetime) -> None:
        """The call now does that."""
        self.state, self.since = state, at

    def flag(self, name: str) -> None:
        """Worth a look."""
        if name and name not in self.flags and len(self.flags) < MAX_FLAGS:
            self.flags.append(name)

    def as_json(self, now: datetime) -> dict[str, Any]:
        """``wait_s``: how long the caller has been waiting for us, null while they do not."""
        waits = self.state in ("thinking", "handing over")
        return {
            "call_id": self.call_id,
            "kind": self.kind,
            "caller": self.caller,
            "started_at": self.started_at.isoformat(),
            "duration_s": round((now - self.started_at).total_seconds(), 1),
            "state": self.state,
            "wait_s": round((now - self.since).total_seconds(), 1) if waits else None,
            "turns": self.turns,
            "topic": self.topic,
            "rung": self.rung,
            "latency_s": self.latency_s,
            "holder": self.holder,
            "flags": list(self.flags),
        }


class Wall:
    """contracts.events.EventSink that knows the calls that are up."""

    def __init__(self) -> None:
        self._calls: dict[str, LiveCall] = {}

    def append(self, event: Event) -> None:
        """Take what an event tells of its call."""
        body = event.body
        if event.kind is EventKind.CALL_STARTED:
            kind, caller = str(body.get("kind", "")), str(body.get("caller", ""))
            self._calls[event.call_id] = LiveCall(event.call_id, kind, caller, event.at, since=event.at)
            while len(self._calls) > MAX_CALLS:
                del self._calls[next(iter(self._calls))]
        elif event.kind is EventKind.CALL_ENDED:
            self._calls.pop(event.call_id, None)
        elif (call := self._calls.get(event.call_id)) is not None:
            _tell(call, event)

    def calls(self, now: datetime, only: Iterable[str] | None = None) -> list[dict[str, Any]]:
        """Calls that are up, the longest first; ``only``: of these ids."""
        wanted = None if only is None else set(only)
        return [call.as_json(now) for call in self._calls.values() if wanted is None or call.call_id in wanted]


def _tell(call: LiveCall, event: Event) -> None:
    body = event.body
    match event.kind:
        case EventKind.CAPTURE_MOVED if body.get("step") in ("begun", "ended"):
            call.enter(CAPTURE if body["step"] == "begun" else "thinking", event.at)
        case EventKind.TURN_CALLER | EventKind.TURN_OPERATOR | EventKind.TURN_MEASURED if call.state == CAPTURE:
            pass  # what is said and noted while it lasts
        case EventKind.TURN_CALLER:
            call.turns = max(call.turns, event.turn)
            call.enter(WITH_PERSON if call.holder else "thinking", event.at)
        case EventKind.DESK_ACTED if body.get("act") == "takes over":
            call.holder = str(body.get("by", ""))
            call.enter(WITH_PERSON, event.at)
        case EventKind.DESK_ACTED if body.get("by") == call.holder and body.get("act") in _PARTS:
            call.holder = ""
            call.enter("listening", event.at)
        case EventKind.TURN_MEASURED:
            latency = body.get("response_latency_s")
            call.latency_s = float(latency) if isinstance(latency, int | float) else None
            if call.state != "handing over":
                call.enter("speaking", event.at)
        case EventKind.TURN_TOPIC:
            call.topic = OUTSIDE if body.get("outside") else str(body.get("topic", ""))
            call.judged = True
        case EventKind.TURN_OPERATOR:
            call.rung = str(body.get("rung", ""))
            if not call.judged:  # a title of a document is worse than a topic, and better than nothing
                call.topic = str(body.get("task", "")) or call.topic
            if call.state not in ("handing over", WITH_PERSON):
                call.enter("listening", event.at)
        case EventKind.TRANSFER_STEP if body.get("step") in ("joined", "left"):
            call.enter(WITH_PERSON if body["step"] == "joined" else "listening", event.at)
        case EventKind.ESCALATION_RAISED:
            call.flag(str(body.get("reason", "")))
            call.enter("handing over", event.at)
        case EventKind.TRANSFER_ENDED:
            call.enter("handed over" if body.get("ok") else "listening", event.at)
            if not body.get("ok"):
                call.flag("nobody came")
        case EventKind.GATE_REJECTED:
            call.flag("answer held back")
        case EventKind.TROUBLE:
            call.flag("trouble")
