"""What each kind of event means to the tables for reading: calls, turns, escalations, handoffs, callbacks, cases."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import structlog
from pydantic import ValidationError
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError, StatementError

from contracts.events import EventKind
from contracts.handoff import CallbackTicket, HandoffRecord
from operations.tables import callbacks, calls, cases, escalations, handoffs, turns

log = structlog.get_logger()
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


def apply_safely(connection: sa.Connection, kind: str, call_id: str, turn: int, at: datetime, body: Body) -> None:
    """As apply(), but an event whose values the tables refuse is kept in the log alone: it must not stop the others.

    Raises OperationalError and its like, when the database itself is in trouble.
    """
    try:
        with connection.begin_nested():
            apply(connection, kind, call_id, turn, at, body)
    except (OperationalError, InterfaceError, InternalError):
        raise
    except (StatementError, OverflowError) as error:
        log.error("record.event_not_applied", kind=kind, call_id=call_id, detail=type(error).__name__)


def apply(connection: sa.Connection, kind: str, call_id: str, turn: int, at: datetime, body: Body) -> None:
    """Bring the tables up to date with one event. Unknown kinds and odd bodies change nothing but what they can."""
    number = _integer(body.get("turn"), turn)
    if kind == EventKind.CALL_STARTED:
        known = {name: _text(body.get(name), _WIDTH.get(name)) for name in _STARTED}
        _put(connection, calls, {"call_id": call_id}, {**known, "started_at": at}, _CALL)
    elif kind == EventKind.CALL_ENDED:
        ended = {
            "ended_at": at,
            "end_reason": _text(body.get("reason"), 32) or "unknown",
            "end_detail": _text(body.get("detail")),
            "duration_s": _number(body.get("duration_s")),
        }
        _put(connection, calls, {"call_id": call_id}, ended, {**_CALL, "started_at": at})
    elif kind in _TURN_KINDS:
        _put(connection, turns, {"call_id": call_id, "turn": number}, _turn_values(kind, at, body), _TURN)
    elif kind == EventKind.ESCALATION_RAISED:
        connection.execute(sa.insert(escalations).values(_escalation(call_id, number, at, body)))
    elif kind in (EventKind.TRANSFER_BEGUN, EventKind.TRANSFER_ENDED):
        _transfer(connection, kind, call_id, body)
    elif kind == EventKind.CALLBACK_WANTED:
        try:
            put_callback(connection, CallbackTicket.model_validate(dict(body)))
        except ValidationError:
            return
    elif kind == EventKind.HANDOFF_SAVED:
        try:
            put_handoff(connection, HandoffRecord.model_validate(dict(body)))
        except ValidationError:
            return
    elif kind in (EventKind.CASE_CHANGED, EventKind.CALLBACK_CHANGED):
        _looked_after(connection, kind, call_id, body)


def _looked_after(connection: sa.Connection, kind: str, call_id: str, body: Body) -> None:
    """A person changed a row: it holds what the entry says. A callback that is not there any more stays away."""
    row = body.get("row")
    if not isinstance(row, Mapping):
        return
    table, names = (cases, CASE_ROW) if kind == EventKind.CASE_CHANGED else (callbacks, CALLBACK_ROW)
    values = {name: _given(name, row.get(name)) for name in names}
    if table is cases:
        _put(connection, cases, {"call_id": call_id}, values, {})
    else:
        ticket = _text(body.get("ticket"), 32)
        connection.execute(sa.update(callbacks).where(callbacks.c.ticket == ticket).values(values))


def _given(name: str, value: Any) -> Any:
    if name == "tags":
        return value if isinstance(value, list) else []
    if value is None or not name.endswith("_at"):
        return None if value is None else _text(value)
    try:
        return datetime.fromisoformat(_text(value))
    except ValueError:
        return None


def put_handoff(connection: sa.Connection, record: HandoffRecord) -> None:
    """Insert or replace the call's hand-over."""
    values = {
        "external_id": record.external_id[:256],
        "asked_at": record.asked_at,
        "reason": str(record.reason),
        "status": str(record.status),
        "record": record.model_dump(mode="json"),
    }
    _put(connection, handoffs, {"call_id": record.call_id}, values, {})


def put_callback(connection: sa.Connection, ticket: CallbackTicket) -> None:
    """A new ticket; one that is known keeps who looks after it."""
    values = {
        "call_id": ticket.call_id[:128],
        "caller": ticket.caller[:256],
        "reason": str(ticket.reason),
        "wanted_at": ticket.wanted_at,
        "expires_at": ticket.expires_at,
    }
    _put(connection, callbacks, {"ticket": ticket.ticket[:32]}, values, {})


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


def _transfer(connection: sa.Connection, kind: str, call_id: str, body: Body) -> None:
    """The call's latest escalation is the one being transferred."""
    latest = sa.select(sa.func.max(escalations.c.escalation_id)).where(escalations.c.call_id == call_id)
    values: dict[str, Any] = {"target": _text(body.get("target"), 256)}
    if kind == EventKind.TRANSFER_ENDED:
        values |= {"ok": bool(body.get("ok")), "status": _text(body.get("status"), 64)}
    which = escalations.c.escalation_id == latest.scalar_subquery()
    connection.execute(sa.update(escalations).where(which).values(values))


def _put(connection: sa.Connection, table: sa.Table, key: Body, values: Body, defaults: Body) -> None:
    """Update the row of ``key``, or insert it with ``defaults`` for what is not known yet."""
    where = [table.c[name] == value for name, value in key.items()]
    if connection.execute(sa.update(table).where(*where).values(dict(values))).rowcount == 0:
        connection.execute(sa.insert(table).values({**defaults, **key, **values}))


def _text(value: Any, width: int | None = None) -> str:
    return "" if value is None else str(value)[:width]


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _integer(value: Any, otherwise: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else otherwise
