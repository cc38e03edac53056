"""The read side of the record: calls, turns, events, hand-overs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from contracts.databases import said
from contracts.errors import CallUnknown, RecordError
from contracts.events import EventKind
from contracts.handoff import HandoffRecord
from operations.tables import calls, escalations, events, handoffs, turns

Row = dict[str, Any]
MAX_LIST = 1000


@dataclass(slots=True, frozen=True)
class CallRecord:
    """All that is known of a call; rows as in operations.tables."""

    call: Row
    turns: list[Row]
    events: list[Row]
    escalations: list[Row]

    def as_json(self) -> Row:
        """JSON-ready: times in ISO 8601."""
        return {
            **_plain(self.call),
            "turns": [_plain(row) for row in self.turns],
            "escalations": [_plain(row) for row in self.escalations],
            "events": [_plain(row) for row in self.events],
        }


class Records:
    """Reads the record. All methods raise RecordError when the database cannot be asked."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def list_calls(
        self, *, limit: int = 50, before: datetime | None = None, text: str = "", escalated: bool = False
    ) -> list[Row]:
        """Calls, newest first, with their count of turns and the reason of their last escalation.

        ``text``: only those whose caller, or what was said or heard in them, by persons too, holds it, in any case
        of letters.
        """
        count = sa.select(sa.func.count()).where(turns.c.call_id == calls.c.call_id, turns.c.caller_text != "")
        reason = (
            sa.select(escalations.c.reason)
            .where(escalations.c.call_id == calls.c.call_id)
            .order_by(escalations.c.escalation_id.desc())
            .limit(1)
        )
        query = sa.select(
            calls, count.scalar_subquery().label("turns"), reason.scalar_subquery().label("escalation")
        ).order_by(calls.c.started_at.desc(), calls.c.call_id)
        if before is not None:
            query = query.where(calls.c.started_at < before)
        if text:
            told = sa.or_(*(one.icontains(text, autoescape=True) for one in (turns.c.caller_text, turns.c.heard)))
            said = sa.exists().where(turns.c.call_id == calls.c.call_id, told)
            person = sa.exists().where(
                events.c.call_id == calls.c.call_id,
                events.c.kind == str(EventKind.TURN_PERSON),
                events.c.body["text"].as_string().icontains(text, autoescape=True),
            )
            query = query.where(sa.or_(said, person, calls.c.caller.icontains(text, autoescape=True)))
        if escalated:
            query = query.where(sa.exists().where(escalations.c.call_id == calls.c.call_id))
        return self._rows(query.limit(max(1, min(limit, MAX_LIST))))

    def call_ids(self) -> list[str]:
        """Ids of all calls, oldest first."""
        query = sa.select(calls.c.call_id).order_by(calls.c.started_at, calls.c.call_id)
        return [row["call_id"] for row in self._rows(query)]

    def asked_of(self, rungs: Sequence[str], limit: int = 200) -> list[str]:
        """The last questions that these rungs answered, each once, the newest first; redacted, as all that is kept."""
        latest = sa.func.max(turns.c.asked_at)
        query = sa.select(turns.c.caller_text).where(turns.c.rung.in_(rungs), turns.c.caller_text != "")
        query = query.group_by(turns.c.caller_text).order_by(latest.desc().nulls_last(), turns.c.caller_text)
        return [row["caller_text"] for row in self._rows(query.limit(max(1, min(limit, MAX_LIST))))]

    def get_call(self, call_id: str) -> CallRecord:
        """A call by our id, its external id, or an unambiguous beginning of our id. Raises CallUnknown."""
        call = self._find(call_id)
        own = call["call_id"]
        return CallRecord(
            call,
            self._rows(sa.select(turns).where(turns.c.call_id == own).order_by(turns.c.turn)),
            self._rows(
                sa.select(events.c.seq, events.c.kind, events.c.turn, events.c.at, events.c.body)
                .where(events.c.call_id == own)
                .order_by(events.c.log, events.c.seq)
            ),
            self._rows(
                sa.select(escalations).where(escalations.c.call_id == own).order_by(escalations.c.escalation_id)
            ),
        )

    def get_handoff(self, call_id: str) -> HandoffRecord:
        """The hand-over of a call, by our id or the external one. Raises CallUnknown."""
        found = self._rows(
            sa.select(handoffs.c.record)
            .where(sa.or_(handoffs.c.call_id == call_id, handoffs.c.external_id == call_id))
            .order_by(handoffs.c.asked_at.desc())
            .limit(1)
        )
        if not found:
            raise CallUnknown(f"no hand-over of call {call_id!r}")
        return HandoffRecord.model_validate(found[0]["record"])

    def list_handoffs(self, *, limit: int = 50) -> list[HandoffRecord]:
        """Hand-overs, newest first."""
        rows = self._rows(
            sa.select(handoffs.c.record).order_by(handoffs.c.asked_at.desc()).limit(max(1, min(limit, MAX_LIST)))
        )
        return [HandoffRecord.model_validate(row["record"]) for row in rows]

    def _find(self, call_id: str) -> Row:
        exact = sa.or_(calls.c.call_id == call_id, calls.c.external_id == call_id)
        found = self._rows(sa.select(calls).where(exact).limit(1))
        if not found and len(call_id) >= 4:
            found = self._rows(sa.select(calls).where(calls.c.call_id.startswith(call_id, autoescape=True)).limit(2))
            if len(found) > 1:
                raise CallUnknown(f"several calls begin with {call_id!r}; give more of the id")
        if not found:
            raise CallUnknown(f"no call {call_id!r} in the record; `callwright calls list` shows what there is")
        return found[0]

    def _rows(self, query: sa.Select[Any]) -> list[Row]:
        try:
            with self._engine.connect() as connection:
                return [dict(row) for row in connection.execute(query).mappings()]
        except SQLAlchemyError as error:
            raise RecordError(f"the record cannot be read: {said(error)}") from error


def _plain(row: Mapping[str, Any]) -> Row:
    return {key: value.isoformat() if isinstance(value, datetime) else value for key, value in row.items()}
