"""The kill switch in the record: every turn of it is an event; what is off is what the events amount to."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from contracts.databases import said
from contracts.errors import RecordError
from contracts.events import Event, EventKind
from contracts.switch import SwitchState, Turned
from operations.tables import events

NO_CALL = "-"
"""The call id of events that belong to no call."""


def switch_event(turn: Turned) -> Event:
    """As it is kept."""
    return Event(EventKind.SWITCH_TURNED, NO_CALL, turn.body(), at=turn.at)


def read_switch(engine: sa.Engine) -> SwitchState:
    """What is off, as the record has it. Raises RecordError."""
    query = (
        sa.select(events.c.body, events.c.at)
        .where(events.c.call_id == NO_CALL, events.c.kind == str(EventKind.SWITCH_TURNED), events.c.body.is_not(None))
        .order_by(events.c.at, events.c.seq)
    )
    state = SwitchState()
    try:
        with engine.connect() as connection:
            for row in connection.execute(query):
                try:
                    state = state.turned(Turned.read(row.body, row.at))
                except (KeyError, ValueError):  # of a later version of the operator
                    continue
    except SQLAlchemyError as error:
        raise RecordError(f"the kill switch cannot be read: {said(error)}") from error
    return state
