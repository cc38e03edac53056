"""After a kill: calls that the last process left without an end get one, and who was waiting for a person a callback.

::

    start ─► record readable, spool empty ─► each call without an end ─┬─► call.ended (error)
                                                                       └─► on the way to a person: a ticket

The callers' lines died with the process; that they wanted a person did not.
"""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
import structlog

from contracts.errors import DeviceFull, RecordError
from contracts.events import Event, EventKind
from contracts.handoff import CallbackTicket, HandoffRecord
from contracts.leg import HangupReason, TransferResult
from dialog.ports import HandoffStore, TicketStore
from escalation.handover import settled
from escalation.numbers import address_of, number_of
from escalation.queuesettings import QueueSettings
from operations.eventlog import EventLog
from operations.unended import Unended, unended

log = structlog.get_logger()
STOPPED = "the operator was stopped without warning"
RETRY_S = 0.5


class Aftermath:
    """Run once at start, beside everything else: calls that begin meanwhile are not looked at."""

    def __init__(
        self, engine: sa.Engine, events: EventLog, handoffs: HandoffStore, tickets: TicketStore, queue: QueueSettings
    ) -> None:
        self._engine = engine
        self._events = events
        self._handoffs = handoffs
        self._tickets = tickets
        self._queue = queue
        self._before = datetime.now(UTC)

    async def run(self) -> int:
        """How many callers are to be called back. Waits while the record cannot be read or lacks what is spooled."""
        while self._events.spooled:  # noqa: ASYNC110 - another thread empties it
            await asyncio.sleep(RETRY_S)
        while True:
            try:
                found = await asyncio.to_thread(unended, self._engine, self._before)
            except RecordError as error:
                log.warning("aftermath.record_not_readable", error=str(error))
                await asyncio.sleep(RETRY_S)
                continue
            return sum([await self._end(one) for one in found])

    async def _end(self, one: Unended) -> bool:
        ticket = await self._promise(one, one.handoff) if one.handoff is not None else ""
        if one.handoff is not None:
            status = f"{STOPPED}; callback {ticket}" if ticket else STOPPED
            await self._handoffs.save(settled(one.handoff, TransferResult(False, status), datetime.now(UTC)))
        body = {"reason": str(HangupReason.ERROR), "detail": STOPPED, "duration_s": round(one.lasted_s, 3), "tasks": []}
        self._events.append(Event(EventKind.CALL_ENDED, one.call_id, body))
        log.warning("aftermath.call_ended", call_id=one.call_id, callback=bool(ticket))
        return bool(ticket)

    async def _promise(self, one: Unended, record: HandoffRecord) -> str:
        """The callback's ticket; empty: there is one, or nobody knows the number."""
        target = number_of(one.caller) or address_of(one.caller)
        if not target or one.promised or not self._queue.callbacks:
            return ""
        now = datetime.now(UTC)
        ticket = CallbackTicket(
            ticket=uuid.uuid4().hex[:8], call_id=one.call_id, caller=target, reason=record.reason, wanted_at=now,
            expires_at=now + timedelta(days=self._queue.callback_days),
        )  # fmt: skip
        try:
            await self._tickets.keep(ticket)
        except (RecordError, DeviceFull) as error:
            log.error("aftermath.callback_not_kept", call_id=one.call_id, error=str(error))
            return ""
        return ticket.ticket
