"""Promises to call somebody back: claimed by one person, closed with an outcome, expired when nobody kept them.

A ticket comes out of the event ``callback.wanted``, so it is on the disk before the caller hears of it, be the database
locked or not, and it is there after any restart. Two people never hold the same one: the database decides. Each step
is an entry of the audit's chain, with all that the row holds from then on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from contracts.databases import said
from contracts.errors import CallUnknown, RecordError
from contracts.events import EventKind
from contracts.handoff import Reason
from operations.cases import CaseTaken
from operations.chain import Stored
from operations.changes import callback_changed, chained
from operations.tables import callbacks, events

STEP_AT = "%Y-%m-%d %H:%M"
"""How the time of a step is written."""


class CallbackState(StrEnum):
    """How far a promise has come."""

    OPEN = "open"
    CLAIMED = "claimed"
    DONE = "done"
    EXPIRED = "expired"


class CallbackOutcome(StrEnum):
    """How it ended for the caller."""

    REACHED = "reached"
    NOT_REACHED = "not reached"
    NOT_WANTED = "no longer wanted"


@dataclass(slots=True, frozen=True)
class Callback:
    """One promise. Times are UTC."""

    ticket: str
    call_id: str
    caller: str
    reason: Reason
    wanted_at: datetime
    expires_at: datetime
    holder: str = ""
    closed_at: datetime | None = None
    closed_by: str = ""
    outcome: str = ""
    note: str = ""

    def state(self, now: datetime) -> CallbackState:
        """At that moment."""
        if self.closed_at is not None:
            return CallbackState.DONE
        if self.holder:
            return CallbackState.CLAIMED
        return CallbackState.EXPIRED if self.expires_at <= now else CallbackState.OPEN


class Callbacks:
    """All promises. Methods raise RecordError when the database cannot be asked."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def to_do(self, limit: int = 500) -> list[Callback]:
        """Neither closed nor, unclaimed, expired; the oldest first."""
        due = sa.or_(callbacks.c.expires_at > datetime.now(UTC), callbacks.c.claimed_by.is_not(None))
        query = sa.select(callbacks).where(callbacks.c.closed_at.is_(None), due)
        return self._read(query.order_by(callbacks.c.wanted_at).limit(limit))

    def past(self, limit: int = 50) -> list[Callback]:
        """Done or expired, the newest first."""
        gone = sa.and_(callbacks.c.expires_at <= datetime.now(UTC), callbacks.c.claimed_by.is_(None))
        query = sa.select(callbacks).where(sa.or_(callbacks.c.closed_at.is_not(None), gone))
        return self._read(query.order_by(callbacks.c.wanted_at.desc()).limit(limit))

    def get(self, ticket: str) -> Callback:
        """Raises CallUnknown."""
        found = self._read(sa.select(callbacks).where(callbacks.c.ticket == ticket))
        if not found:
            raise CallUnknown(f"no callback {ticket!r}; `callwright callbacks list` shows what there is")
        return found[0]

    def attempts(self, which: Sequence[Callback]) -> dict[str, dict[str, str]]:
        """By ticket: the last step of a call that the operator made for it (``callback.step``), and when (UTC)."""
        mine = events.c.call_id.in_({one.call_id for one in which}), events.c.kind == str(EventKind.CALLBACK_STEP)
        query = sa.select(events.c.at, events.c.body).where(*mine).order_by(events.c.at, events.c.seq)
        try:
            with self._engine.connect() as connection:
                rows = connection.execute(query).all()
        except SQLAlchemyError as error:
            raise _cannot(error) from error
        steps = [(row.at.strftime(STEP_AT), row.body) for row in rows if row.body is not None]  # null: erased
        return {body["ticket"]: {"at": at, "step": body["step"], "status": body["status"]} for at, body in steps}

    def claim(self, ticket: str, by: str) -> None:
        """It is theirs now. Raises CallUnknown, CaseTaken."""
        free = (callbacks.c.claimed_by.is_(None), callbacks.c.closed_at.is_(None))
        self._change(ticket, by, "claim", free, {"claimed_by": by, "claimed_at": datetime.now(UTC)})

    def release(self, ticket: str, by: str) -> None:
        """It is free again. Raises CallUnknown, CaseTaken if it is not theirs."""
        self._change(ticket, by, "release", self._mine(by), {"claimed_by": None, "claimed_at": None})

    def close(self, ticket: str, by: str, outcome: CallbackOutcome, note: str = "", *, anyones: bool = False) -> None:
        """Done. Raises CallUnknown, CaseTaken if it is not theirs (with ``anyones``: only if it is closed)."""
        which = (callbacks.c.closed_at.is_(None),) if anyones else self._mine(by)
        values = {"closed_at": datetime.now(UTC), "closed_by": by, "outcome": str(outcome), "note": note}
        self._change(ticket, by, "close", which, values)

    def _mine(self, by: str) -> tuple[sa.ColumnElement[bool], ...]:
        return callbacks.c.claimed_by == by, callbacks.c.closed_at.is_(None)

    def _change(
        self, ticket: str, by: str, act: str, which: tuple[sa.ColumnElement[bool], ...], values: dict[str, Any]
    ) -> None:
        query = sa.update(callbacks).where(callbacks.c.ticket == ticket, *which).values(values)

        def change(connection: sa.Connection) -> list[Stored]:
            changed = connection.execute(query).rowcount
            return [callback_changed(connection, ticket, by, act)] if changed else []

        try:
            done = chained(self._engine, change)
        except SQLAlchemyError as error:
            raise _cannot(error) from error
        if not done:
            one = self.get(ticket)
            if one.closed_at is not None:
                raise CaseTaken(f"this was closed by {one.closed_by}")
            raise CaseTaken(f"{one.holder} has taken this already" if one.holder else "nobody has taken this: claim it")

    def _read(self, query: sa.Select[Any]) -> list[Callback]:
        try:
            with self._engine.connect() as connection:
                rows = connection.execute(query).all()
        except SQLAlchemyError as error:
            raise _cannot(error) from error
        return [_callback(row) for row in rows]


def _callback(row: Any) -> Callback:
    reason = Reason(row.reason) if row.reason in set(Reason) else Reason.OTHER
    return Callback(
        row.ticket, row.call_id, row.caller, reason, row.wanted_at, row.expires_at, row.claimed_by or "", row.closed_at,
        row.closed_by or "", row.outcome or "", row.note or "",
    )  # fmt: skip


def _cannot(error: SQLAlchemyError) -> RecordError:
    return RecordError(f"callbacks cannot be used: {said(error)}")
