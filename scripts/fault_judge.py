"""What a worker's fault meant to the callers: the operator's events beside the packets that they received. Pure.

::

    caller    ▇▇▇▇▇▇│true end
    worker    ──────┼────✗ fault ········ lost ········ back ──────
    operator  ▁▁▁▁▁▁│▁▁▁▁▁▁▁▁[one moment]▁▁▁▁▁▁▁▁▁▁[answer]
                         │sound_s│                  │
                         │       settled_s          │      both from the later of fault and true end
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dialog.lines import LineFile
from telephony.robot import Spoken

SOUND_S, SETTLED_S, BACK_S = 1.0, 4.0, 10.0
"""What issue 3 asks for: a prepared sentence, the answer or a person, the worker's return."""
ANSWER, PERSON, OFFER, AGAIN, NOTHING = "answer", "person", "offered a person", "asked to say it again", "nothing"
FirstSound = Callable[[float], float | None]
"""Arrival of the first sound at or after a monotonic time."""


@dataclass(slots=True, frozen=True)
class Kinds:
    """Which prepared sentences are neither answer nor person, and which offer one."""

    again: frozenset[str]
    offers: frozenset[str]

    @classmethod
    def of(cls, lines: LineFile) -> Kinds:
        """From the operator's own sentences."""
        return cls(
            frozenset([lines.trouble, *lines.not_understood]),
            frozenset([lines.too_slow, *lines.unknown, lines.unknown_no_person]),
        )

    def outcome(self, text: str) -> str:
        """What a caller who hears ``text`` has got."""
        if text in self.again:
            return AGAIN
        return OFFER if text in self.offers else ANSWER


@dataclass(slots=True, frozen=True)
class Outage:
    """Monotonic seconds; ``lost`` and ``back`` are infinite if it was not noticed or not replaced."""

    worker: str
    fault: float
    lost: float
    back: float


@dataclass(slots=True)
class OpenTurn:
    """A line whose answer was owed during the outage. Seconds from the later of fault and true end; None: never."""

    label: str
    affected: bool
    ended_before_fault_s: float
    sound_s: float | None
    settled_s: float | None
    outcome: str
    rung: str = ""

    @property
    def passed(self) -> bool:
        """Heard something in time, and got the answer or a person in time."""
        heard = self.sound_s is not None and self.sound_s <= SOUND_S
        got = self.settled_s is not None and self.settled_s <= SETTLED_S
        return heard and got and self.outcome in (ANSWER, PERSON)


def open_turns(
    spoken: Sequence[Spoken],
    events: Sequence[Mapping[str, Any]],
    sound: FirstSound,
    outage: Outage,
    kinds: Kinds,
    until: float,
) -> list[OpenTurn]:
    """The turns of one call that the outage could have touched. ``events``: of that call, with ``mono`` (seconds)."""
    found = []
    for index, line in enumerate(spoken):
        end = line.true_end_at
        limit = spoken[index + 1].started_at if index + 1 < len(spoken) else until
        if not end or end > outage.back or limit <= outage.fault:
            continue
        mine = [event for event in events if line.started_at < event["mono"] <= limit]
        answered, outcome, rung = _settled(mine, end, kinds, sound)
        if answered is not None and answered <= outage.fault:
            continue
        zero = max(outage.fault, end)
        found.append(
            OpenTurn(
                line.label,
                _affected(mine, outage, rung),
                round(outage.fault - end, 3),
                _since(zero, sound(end)),
                _since(zero, answered),
                outcome,
                rung,
            )
        )
    return found


def _since(zero: float, at: float | None) -> float | None:
    """Seconds after ``zero``; 0 for what was there before."""
    return None if at is None else round(max(0.0, at - zero), 3)


def _settled(
    events: Sequence[Mapping[str, Any]], end: float, kinds: Kinds, sound: FirstSound
) -> tuple[float | None, str, str]:
    """When the line got what it was owed, what that was, and by which rung."""
    texts = {event["turn"]: event["body"]["text"] for event in events if event["kind"] == "turn.operator"}
    best: tuple[float | None, str, str] = (None, NOTHING, "")
    for event in events:
        body = event["body"]
        if event["kind"] == "escalation.raised" and event["mono"] > end:
            at = sound(event["mono"])
            return (at, PERSON, "person") if at is not None else best
        if event["kind"] != "turn.measured" or not body["answer_at"] or body["answer_at"] <= end:
            continue
        outcome = kinds.outcome(texts.get(event["turn"], "")) if body["rung"] == "prepared" else ANSWER
        if outcome == ANSWER:
            return body["answer_at"], ANSWER, body["rung"]
        best = (body["answer_at"], outcome, body["rung"]) if best[0] is None else best
    return best


def _affected(events: Sequence[Mapping[str, Any]], outage: Outage, rung: str) -> bool:
    """Did the turn need that worker while it was not there?"""

    def before(kind: str) -> bool:
        return any(event["kind"] == kind and event["mono"] < outage.fault for event in events)

    match outage.worker:
        case "speech":
            return not before("turn.caller")
        case "knowledge":
            return not before("cascade.decided")
        case "voice":
            return True
        case _:
            decided = [e["body"].get("rung") for e in events if e["kind"] == "cascade.decided"]
            return outage.worker in (rung, *decided)


def monotonic(event: Mapping[str, Any], wall_offset_s: float) -> dict[str, Any]:
    """The event with ``mono``: its time in monotonic seconds."""
    return {**event, "mono": datetime.fromisoformat(event["at"]).timestamp() - wall_offset_s}
