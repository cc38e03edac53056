"""What a conversation needs of the rooms around it, as shapes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from contracts.dialling import Waiting
from contracts.handoff import CallbackTicket, HandoffRecord, Reason
from contracts.leg import CallLeg
from contracts.seats import Bay

if TYPE_CHECKING:
    from dialog.speaking import Speaking  # which is built from the services that hold these


class HandoffStore(Protocol):
    """Where hand-overs are kept."""

    async def save(self, record: HandoffRecord) -> None:
        """Keep it, replacing an earlier one of the same call. Raises RecordError or DeviceFull."""
        ...


class TicketStore(Protocol):
    """Where promises to call back are kept."""

    async def keep(self, ticket: CallbackTicket) -> None:
        """Returns when it is on the disk. Raises RecordError."""
        ...


class Lineup(Protocol):
    """The queue for people at the desk."""

    @property
    def staffed(self) -> bool:
        """Is anybody there?"""
        ...

    def open(self, reason: Reason, called: str) -> bool:
        """Is this the time for such a caller on that line?"""
        ...

    def __call__(self, leg: CallLeg, speaking: Speaking, bay: Bay | None) -> Waiting:
        """A place in front of it for one call."""
        ...
