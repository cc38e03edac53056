"""The record for those who need a small piece of it: hand-overs for the conversation, calls for the command line."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import sqlalchemy as sa

from console.accounts import Accounts
from contracts.errors import RecordError
from contracts.events import Event, EventKind
from contracts.handoff import CallbackTicket, HandoffRecord
from operations.audit import AuditLog
from operations.callbacks import Callbacks
from operations.callerfile import Folders
from operations.database import migrate, open_database
from operations.eventlog import EventLog
from operations.keeping_cli import Kept
from operations.records import Records
from operations.webhook import HandoffWebhook
from server.control_client import OperatorNotRunning, ask
from server.settings import OperatorSettings

TICKET_S = 6.0
"""A locked database is waited for (operations.events.busy_timeout_ms) before the spool is written."""


class HandoffKeeper:
    """dialog.ports.HandoffStore over the event log, which never blocks."""

    def __init__(self, events: EventLog, webhook: HandoffWebhook | None = None) -> None:
        self._events = events
        self._webhook = webhook

    async def save(self, record: HandoffRecord) -> None:
        """Keep it, and tell the owner's system if there is one."""
        self._events.save_handoff(record)
        if self._webhook is not None:
            self._webhook.put(record)


class TicketKeeper:
    """dialog.ports.TicketStore over the event log: the event makes the row, once the database can be written."""

    def __init__(self, events: EventLog) -> None:
        self._events = events

    async def keep(self, ticket: CallbackTicket) -> None:
        """On the disk when this returns, be it in the spool. Raises RecordError."""
        self._events.append(Event(EventKind.CALLBACK_WANTED, ticket.call_id, ticket.model_dump(mode="json")))
        if not await asyncio.to_thread(self._events.flush, TICKET_S):
            raise RecordError(f"neither database nor spool took the callback within {TICKET_S:g} s")


def callbacks_of(
    load: Callable[[], OperatorSettings],
) -> Callable[[], AbstractContextManager[tuple[Callbacks, AuditLog]]]:
    """What the `callbacks` commands open."""

    @contextmanager
    def opened() -> Iterator[tuple[Callbacks, AuditLog]]:
        with _database(load()) as engine:
            yield Callbacks(engine), AuditLog(engine)

    return opened


def records_of(load: Callable[[], OperatorSettings]) -> Callable[[], AbstractContextManager[Records]]:
    """What the `calls` commands open."""

    @contextmanager
    def opened() -> Iterator[Records]:
        with _database(load()) as engine:
            yield Records(engine)

    return opened


def accounts_of(load: Callable[[], OperatorSettings]) -> Callable[[], AbstractContextManager[Accounts]]:
    """What the `users` commands open; the operator may be running or not."""

    @contextmanager
    def opened() -> Iterator[Accounts]:
        settings = load()
        with _database(settings) as engine:
            yield Accounts(engine, settings.console.sign_in)

    return opened


def folders_of(settings: OperatorSettings) -> Folders:
    """Where things of callers are that are in no table."""
    home, log = settings.home_dir, settings.operations.log.file
    return Folders.under(home, settings.operations.spool, log.parent if log is not None else Path("logs"))


def kept_of(load: Callable[[], OperatorSettings]) -> Callable[[], AbstractContextManager[Kept]]:
    """What the `audit`, `retention` and `callers` commands open."""

    @contextmanager
    def opened() -> Iterator[Kept]:
        settings = load()
        operations, days = settings.operations, settings.escalation.queue.callback_kept_days

        def live() -> set[str]:
            try:
                return {one["call_id"] for one in asyncio.run(ask(settings.control_socket, "calls"))["calls"]}
            except OperatorNotRunning:
                return set()

        with _database(settings) as engine:
            yield Kept(engine, folders_of(settings), operations.kept, days, live)

    return opened


@contextmanager
def _database(settings: OperatorSettings) -> Iterator[sa.Engine]:
    engine = open_database(settings.operations.database_url, settings.home_dir)
    try:
        migrate(engine)
        yield engine
    finally:
        engine.dispose()
