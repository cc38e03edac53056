"""A call as it is logged, and how it gets into a record."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from contracts.databases import is_postgres
from contracts.events import Event, EventKind
from contracts.handoff import HandoffRecord, Reason
from operations.eventlog import EventLog
from operations.settings import EventLogSettings
from operations.verifying import faults, heads

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
STAGES = {"endpoint": [0.0, 0.3], "recognised": [0.3, 0.35], "first_token": [0.35, 0.6], "first_audio": [0.6, 0.7]}


def call_events(call_id: str = "call-1", start: datetime = START) -> list[Event]:
    """A short call that ends with a person, as it is logged."""
    told: list[tuple[EventKind, int, dict[str, object]]] = [
        (
            EventKind.CALL_STARTED, 0,
            {"caller": "+15550100", "called": "bank", "kind": "sip", "external_id": f"sip-{call_id}",
             "config_digest": "abc123", "codec": "PCMU"},
        ),
        (EventKind.TURN_CALLER, 1, {"turn": 1, "text": "What is the fee?", "confidence": 0.91, "barge_in": False}),
        (
            EventKind.TURN_OPERATOR, 1,
            {"turn": 1, "text": "It is thirty dollars. Anything else?", "heard": "It is thirty dollars.",
             "interrupted": True, "rung": "small", "passage_ids": ["p1"], "documents": ["Fees [2026]"]},
        ),
        (
            EventKind.TURN_MEASURED, 1,
            {"turn": 1, "rung": "small", "stages": STAGES, "response_latency_s": 0.7, "filler_latency_s": None},
        ),
        (EventKind.GATE_REJECTED, 2, {"turn": 2, "sentence": "It is 9 %.", "passage_id": "p1", "unsupported": ["9 %"]}),
        (EventKind.TURN_CALLER, 2, {"turn": 2, "text": "Get me a human", "confidence": 0.8, "barge_in": True}),
        (
            EventKind.ESCALATION_RAISED, 2,
            {"turn": 2, "rule_id": "asks-for-a-person", "reason": "person_requested", "evidence": "get me a human"},
        ),
        (EventKind.TRANSFER_BEGUN, 2, {"target": "sip:200@pbx"}),
        (EventKind.TRANSFER_ENDED, 2, {"target": "sip:200@pbx", "ok": True, "status": "200 OK"}),
        (EventKind.CALL_ENDED, 2, {"reason": "transferred", "detail": "", "duration_s": 31.5}),
    ]  # fmt: skip
    return [
        Event(kind, call_id, dict(body), turn, start + timedelta(seconds=3 * number))
        for number, (kind, turn, body) in enumerate(told)
    ]


def handoff(call_id: str = "call-1") -> HandoffRecord:
    """Its hand-over."""
    return HandoffRecord(
        call_id=call_id, external_id=f"sip-{call_id}", caller="+15550100", reason=Reason.PERSON_REQUESTED,
        rule_id="asks-for-a-person", summary="One. Two. Three.", asked_at=START,
    )  # fmt: skip


@contextmanager
def locked(engine: sa.Engine) -> Iterator[None]:
    """Somebody else holds the record meanwhile: nobody can write."""
    with engine.connect() as blocker:
        take = "LOCK TABLE events IN EXCLUSIVE MODE" if is_postgres(engine) else "DELETE FROM events WHERE seq < 0"
        blocker.exec_driver_sql(take)
        yield


def length_of(engine: sa.Engine, chain: str = "main") -> int:
    """Entries of a chain, of a record in which everything is as it was written."""
    assert list(faults(engine)) == []
    return heads(engine)[chain][0]


def keep(engine: sa.Engine, spool: Path, events: list[Event], *handoffs: HandoffRecord) -> None:
    """Put events and hand-overs into the record and wait for the disk."""
    log = EventLog(engine, spool, EventLogSettings(group_commit_ms=1))
    for event in events:
        log.append(event)
    for one in handoffs:
        log.save_handoff(one)
    assert log.close()
