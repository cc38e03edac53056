"""The record for those who need a small piece of it: hand-overs for the conversation, calls for the command line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import sqlalchemy as sa

from console.accounts import Accounts
from contracts.handoff import HandoffRecord
from operations.database import migrate, open_database
from operations.eventlog import EventLog
from operations.records import Records
from server.settings import OperatorSettings


class HandoffKeeper:
    """dialog.ports.HandoffStore over the event log, which never blocks."""

    def __init__(self, events: EventLog) -> None:
        self._events = events

    async def save(self, record: HandoffRecord) -> None:
        """Keep it."""
        self._events.save_handoff(record)


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


@contextmanager
def _database(settings: OperatorSettings) -> Iterator[sa.Engine]:
    engine = open_database(settings.operations.database_url, settings.home_dir)
    try:
        migrate(engine)
        yield engine
    finally:
        engine.dispose()
