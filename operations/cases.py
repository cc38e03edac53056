"""Who looks after which hand-over: claimed by one person, given back, closed with an outcome.

Two people never hold the same one: each step is one conditional statement, decided by the database. Each is an entry
of the audit's chain, with all that the row holds from then on.
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
from contracts.handoff import HandoffRecord
from operations.chain import Stored
from operations.changes import Work, case_changed, chained
from operations.tables import cases, handoffs

MAX_TAGS = 8


class CaseTaken(RecordError):
    """Somebody else holds this hand-over, or it is closed."""


class CaseOutcome(StrEnum):
    """How a hand-over ended for the caller."""

    SOLVED = "solved"
    CALL_BACK = "to be called back"
    PASSED_ON = "passed on"
    NOT_NEEDED = "no person was needed"
    NOT_REACHED = "caller not reached"


@dataclass(slots=True, frozen=True)
class Case:
    """A hand-over and who looks after it; ``holder`` empty: nobody yet. Times are UTC."""

    record: HandoffRecord
    holder: str = ""
    claimed_at: datetime | None = None
    closed_at: datetime | None = None
    outcome: str = ""
    tags: tuple[str, ...] = ()
    note: str = ""

    @property
    def open(self) -> bool:
        """Still to be done: not closed, or asked for again since."""
        return self.closed_at is None or self.record.asked_at > self.closed_at


class Cases:
    """The inbox. All methods raise RecordError when the database cannot be asked."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def inbox(self, limit: int = 200) -> list[Case]:
        """Hand-overs, the newest first, as far back as ``limit``."""
        return self._read(_joined().order_by(handoffs.c.asked_at.desc()).limit(limit))

    def get(self, call_id: str) -> Case:
        """Of one call. Raises CallUnknown."""
        found = self._read(_joined().where(handoffs.c.call_id == call_id))
        if not found:
            raise CallUnknown(f"no hand-over of call {call_id!r}")
        return found[0]

    def claim(self, call_id: str, by: str) -> None:
        """It is theirs now. Raises CallUnknown, CaseTaken."""
        case = self.get(call_id)
        free = sa.or_(cases.c.claimed_by.is_(None), cases.c.closed_at < case.record.asked_at)
        still = sa.and_(free, sa.or_(cases.c.closed_at.is_(None), cases.c.closed_at < case.record.asked_at))
        values = {**_BLANK, "claimed_by": by, "claimed_at": datetime.now(UTC)}

        def take(connection: sa.Connection) -> list[Stored]:
            own = cases.c.call_id == call_id
            if not connection.execute(sa.update(cases).where(own, still).values(values)).rowcount:
                if connection.scalar(sa.select(cases.c.call_id).where(own)) is not None:
                    return []  # there is a row, and it is not free
                connection.execute(sa.insert(cases).values(call_id=call_id, **values))
            return [case_changed(connection, call_id, by, "claim")]

        self._do(call_id, take)

    def release(self, call_id: str, by: str) -> None:
        """It is free again. Raises CaseTaken if it is not theirs."""
        self._change(call_id, by, "release", {"claimed_by": None, "claimed_at": None})

    def close(self, call_id: str, by: str, outcome: CaseOutcome, tags: Sequence[str] = (), note: str = "") -> None:
        """Done. Raises CaseTaken if it is not theirs."""
        told = {"outcome": str(outcome), "tags": list(tags)[:MAX_TAGS], "note": note}
        self._change(call_id, by, "close", {"closed_at": datetime.now(UTC), **told})

    def _change(self, call_id: str, by: str, act: str, values: dict[str, Any]) -> None:
        mine = (cases.c.call_id == call_id, cases.c.claimed_by == by, cases.c.closed_at.is_(None))

        def change(connection: sa.Connection) -> list[Stored]:
            changed = connection.execute(sa.update(cases).where(*mine).values(values)).rowcount
            return [case_changed(connection, call_id, by, act)] if changed else []

        self._do(call_id, change)

    def _do(self, call_id: str, work: Work) -> None:
        try:
            done = chained(self._engine, work)
        except SQLAlchemyError as error:
            raise _cannot(error) from error
        if not done:
            raise self._taken(call_id)

    def _taken(self, call_id: str) -> CaseTaken:
        case = self.get(call_id)
        if not case.open:
            return CaseTaken(f"this was closed by {case.holder}")
        return CaseTaken(f"{case.holder} has taken this already" if case.holder else "nobody has taken this: claim it")

    def _read(self, query: sa.Select[Any]) -> list[Case]:
        try:
            with self._engine.connect() as connection:
                rows = connection.execute(query).all()
        except SQLAlchemyError as error:
            raise _cannot(error) from error
        return [_case(row) for row in rows]


_BLANK: dict[str, Any] = {"closed_at": None, "outcome": "", "tags": [], "note": ""}


def _joined() -> sa.Select[Any]:
    own = [one for one in cases.c if one.name != "call_id"]
    return sa.select(handoffs.c.record, *own).outerjoin(cases, cases.c.call_id == handoffs.c.call_id)


def _case(row: Any) -> Case:
    record = HandoffRecord.model_validate(row.record)
    if row.closed_at is not None and record.asked_at > row.closed_at:
        return Case(record)  # asked for again since it was closed: nobody's
    return Case(
        record, row.claimed_by or "", row.claimed_at, row.closed_at, row.outcome or "", tuple(row.tags or ()),
        row.note or "",
    )  # fmt: skip


def _cannot(error: SQLAlchemyError) -> RecordError:
    return RecordError(f"the inbox cannot be used: {said(error)}")
