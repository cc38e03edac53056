"""Who else is in a call besides caller and operator, as the rest of the house sees them.

::

    speaks ▼  is heard by ►   caller   operator   person   supervisor who barges, whispers, listens
    caller                      –         yes       yes      yes   yes   yes
    operator                   yes         –        yes      yes   yes   yes
    person                     yes         no        –       yes   yes   yes
    barge                      yes         no       yes       –    yes   yes
    whisper                     no         no       yes       no    –     no
    listen                      no         no        no       no    no     –

The operator's ear hears the caller alone: what people say among themselves starts no turn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Protocol


class Role(StrEnum):
    """What somebody is to a call. The first two are always there; a seat has one of the others."""

    CALLER = "caller"
    OPERATOR = "operator"
    LISTEN = "listen"
    WHISPER = "whisper"
    BARGE = "barge"
    PERSON = "person"
    """Talks with the caller in the operator's place; one at a time."""


HEARD_BY: dict[Role, frozenset[Role]] = {
    Role.CALLER: frozenset(Role) - {Role.CALLER},
    Role.OPERATOR: frozenset(Role) - {Role.OPERATOR},
    Role.PERSON: frozenset(Role) - {Role.OPERATOR},
    Role.BARGE: frozenset(Role) - {Role.OPERATOR},
    Role.WHISPER: frozenset({Role.PERSON}),
    Role.LISTEN: frozenset(),
}
"""The table above: who hears a speaker. Nobody hears themselves."""

OnHeard = Callable[[bytes], None]
"""Given 640 bytes on every beat of the call; must return within a millisecond."""


class Seat(Protocol):
    """One person's place in a call: a telephone or a browser. All methods are plain, and harmless after the end."""

    @property
    def name(self) -> str:
        """Who sits there: an account, or what was dialled."""
        ...

    @property
    def role(self) -> Role: ...

    def say(self, pcm: bytes) -> None:
        """20 ms (640 bytes) from this person; early ones wait, a surplus drops the oldest."""
        ...

    def heard(self) -> bytes | None:
        """The next 20 ms for this person, or None for silence; only for a seat without ``on_heard``."""
        ...

    def become(self, role: Role) -> None:
        """Another role from the next beat on. Raises CallTaken."""
        ...

    def leave(self) -> None:
        """Gone."""
        ...


class Bay(Protocol):
    """One call's switch between caller, operator and seats."""

    on_empty: Callable[[Seat], None] | None
    """The last one who talked with the caller is gone while the operator was off; it is on again already."""
    on_people: OnHeard | None
    """What people say to the caller: their sum on every beat while somebody may, and silence for a while after."""

    @property
    def talking(self) -> Sequence[str]:
        """Names of whoever talks to the caller beside the operator, or in its place."""
        ...

    @property
    def holder(self) -> Seat | None:
        """The person who talks with the caller in the operator's place."""
        ...

    def join(
        self, name: str, role: Role, on_heard: OnHeard | None = None, on_over: Callable[[], None] | None = None
    ) -> Seat:
        """Take a seat; ``on_over`` is told when the call is over. Raises CallTaken, LegClosed, LegError (all taken)."""
        ...

    def private(self, on: bool) -> None:
        """While on, the caller's sound reaches neither the operator's ear nor anybody here, and both sides of the
        recording are silent: something is keyed in that nobody may hear. What is said to the caller is heard by all."""
        ...

    def operator(self, on: bool, *, listening: bool = False) -> None:
        """Off: its mouth is silent and it hears nothing, or goes on ``listening`` for the transcript."""
        ...
