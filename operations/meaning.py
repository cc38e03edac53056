"""What each kind of event means to the tables for reading: calls, turns, escalations, handoffs, callbacks, cases. Pure.

``operations.readtables`` makes it so in the database, ``operations.verifying`` once more in memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from pydantic import ValidationError

from contracts.events import EventKind
from contracts.handoff import CallbackTicket, HandoffRecord
from operations.tables import callbacks, calls, cases, escalations, handoffs, turns

Body = Mapping[str, Any]
_CALL: dict[str, Any] = {
    "external_id": "",
    "kind": "",
    "caller": "",
    "called": "",
    "codec": "",
    "config_digest": "",
    "end_reason": "",
    "end_detail": "",
}
_TURN: dict[str, Any] = {
    "caller_text": "",
    "barge_in": False,
    "operator_text": "",
    "heard": "",
    "interrupted": False,
    "rung": "",
    "why": "",
    "passage_ids": [],
    "stages": {},
}


_STARTED = ("external_id", "kind", "caller", "called", "codec", "config_digest")
_WIDTH = {"external_id": 256, "kind": 16, "caller": 256, "called": 256, "codec": 32, "config_digest": 64}
CASE_ROW = ("claimed_by", "claimed_at", "closed_at", "outcome", "tags", "note")
CALLBACK_ROW = ("claimed_by", "claimed_at", "closed_at", "closed_by", "outcome", "note")
"""What people change of a hand-over's case, and of a callback."""
_TURN_KINDS = (EventKind.TURN_CALLER, EventKind.TURN_OPERATOR, EventKind.TURN_MEASURED, EventKind.CASCADE_DECIDED)

MADE: dict[EventKind, sa.Table] = {
    EventKind.CALL_STARTED: calls,
    EventKind.CALL_ENDED: calls,
    **dict.fromkeys(_TURN_KINDS, turns),
    EventKind.ESCALATION_RAISED: escalations,
    EventKind.TRANSFER_BEGUN: escalations,
    EventKind.TRANSFER_ENDED: escalations,
    EventKind.HANDOFF_SAVED: handoffs,
    EventKind.CALLBACK_WANTED: callbacks,
    EventKind.CALLBACK_CHANGED: callbacks,
    EventKind.CASE_CHANGED: cases,
}
"""Which table an event is made into a row of."""


@dataclass(slots=True, frozen=True)
class Change:
    """What an event means to one row of a table: these values, and ``defaults`` for what a new row has else.

    ``key`` names the row. Without a key it is a new row; ``latest`` of escalations: the newest of the call. Where
    ``defaults`` is None, a row that is not there is not made.
    """

    table: sa.Table
    key: Body
    values: Body
    defaults: Body | None = field(default_factory=dict)
    latest: bool = False


def meaning(kind: str, call_id: str, turn: int, at: datetime, body: Body) -> Iterator[Change]:
    """What changes. Unknown kinds and odd bodies change nothing but what they can. Raises OverflowError."""
    own, number = {"call_id": call_id}, _integer(body.get("turn"), turn)
    if kind == EventKind.CALL_STARTED:
        known = {name: _text(body.get(name), _WIDTH.get(name)) for name in _STARTED}
        yield Change(calls, own, {**known, "started_at": at}, _CALL)
    elif kind == EventKind.CALL_ENDED:
        ended = {
            "ended_at": at,
            "end_reason": _text(body.get("reason"), 32) or "unknown",
            "end_detail": _text(body.get("detail")),
            "duration_s": _number(body.get("duration_s")),
        }
        yield Change(calls, own, ended, {**_CALL, "started_at": at})
    elif kind in _TURN_KINDS:
        yield Change(turns, {**own, "turn": number}, _turn_values(kind, at, body), _TURN)
    elif kind == EventKind.ESCALATION_RAISED:
        yield Change(escalations, {}, _escalation(call_id, number, at, body))
    elif kind in (EventKind.TRANSFER_BEGUN, EventKind.TRANSFER_ENDED):
        yield Change(escalations, own, _transfer(kind, body), None, latest=True)
    elif kind in (EventKind.CALLBACK_WANTED, EventKind.HANDOFF_SAVED):
        try:
            yield _wanted(body) if kind == EventKind.CALLBACK_WANTED else _handoff(body)
        except ValidationError:
            return
    elif kind in (EventKind.CASE_CHANGED, EventKind.CALLBACK_CHANGED) and isinstance(body.get("row"), Mapping):
        yield _looked_after(kind, call_id, body)


def _looked_after(kind: str, call_id: str, body: Body) -> Change:
    """A person changed a row: it holds what the entry says. A callback that is not there any more stays away."""
    names = CASE_ROW if kind == EventKind.CASE_CHANGED else CALLBACK_ROW
    values = {name: _given(name, body["row"].get(name)) for name in names}
    if kind == EventKind.CASE_CHANGED:
        return Change(cases, {"call_id": call_id}, values)
    return Change(callbacks, {"ticket": _text(body.get("ticket"), 32)}, values, None)


def _given(name: str, value: Any) -> Any:
    if name == "tags":
        return value if isinstance(value, list) else []
    if value is None or not name.endswith("_at"):
        return None if value is None else _text(value)
    try:
        return datetime.fromisoformat(_text(value))
    except ValueError:
        return None


def _handoff(body: Body) -> Change:
    """The call's hand-over, instead of an earlier one. Raises ValidationError."""
    record = HandoffRecord.model_validate(dict(body))
    values = {
        "external_id": record.external_id[:256],
        "asked_at": record.asked_at,
        "reason": str(record.reason),
        "status": str(record.status),
        "record": record.model_dump(mode="json"),
    }
    return Change(handoffs, {"call_id": record.call_id}, values)


def _wanted(body: Body) -> Change:
    """A new ticket; one that is known keeps who looks after it. Raises ValidationError."""
    ticket = CallbackTicket.model_validate(dict(body))
    values = {
        "call_id": ticket.call_id[:128],
        "caller": ticket.caller[:256],
        "reason": str(ticket.reason),
        "wanted_at": ticket.wanted_at,
        "expires_at": ticket.expires_at,
    }
    return Change(callbacks, {"ticket": ticket.ticket[:32]}, values)


def _turn_values(kind: str, at: datetime, body: Body) -> dict[str, Any]:
    if kind == EventKind.TURN_CALLER:
        return {
            "asked_at": at,
            "caller_text": _text(body.get("text")),
            "confidence": _number(body.get("confidence")),
            "barge_in": bool(body.get("barge_in")),
        }
    if kind == EventKind.TURN_OPERATOR:
        passages = body.get("passage_ids")
        return {
            "answered_at": at,
            "operator_text": _text(body.get("text")),
            "heard": _text(body.get("heard")),
            "interrupted": bool(body.get("interrupted")),
            "rung": _text(body.get("rung"), 16),
            "why": _text(body.get("why")),
            "passage_ids": passages if isinstance(passages, list) else [],
        }
    if kind == EventKind.CASCADE_DECIDED:
        return {"rung": _text(body.get("rung"), 16), "why": _text(body.get("why"))}
    stages = body.get("stages")
    measured: dict[str, Any] = {
        "stages": stages if isinstance(stages, dict) else {},
        "response_latency_s": _number(body.get("response_latency_s")),
        "filler_latency_s": _number(body.get("filler_latency_s")),
    }
    return measured


def _escalation(call_id: str, turn: int, at: datetime, body: Body) -> dict[str, Any]:
    return {
        "call_id": call_id,
        "turn": turn,
        "raised_at": at,
        "rule_id": _text(body.get("rule_id"), 64),
        "reason": _text(body.get("reason"), 32),
        "evidence": _text(body.get("evidence")),
        "target": "",
        "status": "",
    }


def _transfer(kind: str, body: Body) -> dict[str, Any]:
    """The call's latest escalation is the one being transferred."""
    values: dict[str, Any] = {"target": _text(body.get("target"), 256)}
    if kind == EventKind.TRANSFER_ENDED:
        values |= {"ok": bool(body.get("ok")), "status": _text(body.get("status"), 64)}
    return values


def _text(value: Any, width: int | None = None) -> str:
    return "" if value is None else str(value)[:width]


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _integer(value: Any, otherwise: int) -> int:
    """A number that every database can hold."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 31 else otherwise
