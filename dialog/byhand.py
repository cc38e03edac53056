"""A call in a person's hands: who sits in it, who talks with the caller, and what the operator is told to say.

::

    operator ──take over──► by hand: the operator is silent; what the caller says is noted, nothing is answered
       ▲                       │
       ├── "you're back …" ◄───┤ give back
       └── "I'm sorry, …" ◄────┘ the person is gone: browser closed, machine asleep, line lost
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from contracts.engines import Passage
from contracts.errors import LegError
from contracts.events import EventKind
from contracts.seats import Bay, OnHeard, Role, Seat
from dialog.conversation import Conversation
from dialog.speaking import Speaking
from voice.completeness import Expectation
from voice.front import AudioFront

MAX_TOLD = 400
"""Letters of an instruction: half a minute of speech."""


class Act(StrEnum):
    """What a person did to a call: ``act`` of the event ``desk.acted``."""

    LISTENS = "listens"
    WHISPERS = "whispers"
    BARGES_IN = "barges in"
    TAKES_OVER = "takes over"
    GIVES_BACK = "gives back"
    LEAVES = "leaves"
    LOST = "is cut off"
    TELLS = "tells the operator"
    GIVES = "gives the operator a passage"


_BEGINS = {
    Role.LISTEN: Act.LISTENS,
    Role.WHISPER: Act.WHISPERS,
    Role.BARGE: Act.BARGES_IN,
    Role.PERSON: Act.TAKES_OVER,
}


@dataclass(slots=True, frozen=True)
class Told:
    """What a supervisor wants the operator's next answer to be: ``text``, word for word, or made of ``passage``."""

    by: str
    text: str = ""
    passage: Passage | None = None


@dataclass(slots=True)
class ByHand:
    """Of one call. ``may_take(by)``: the call is neither ending nor being handed over to others; ``begin`` is Session's
    way to begin something to say; ``drop`` withdraws at once what is under way."""

    front: AudioFront
    bay: Bay
    speaking: Speaking
    conversation: Conversation
    listening: bool
    """The caller is heard, for transcript or recording, while a person talks with them."""
    may_take: Callable[[str], bool]
    drop: Callable[[], None]
    begin: Callable[[Coroutine[Any, Any, object]], None]
    taken: bool = False
    """A person has this call from the desk; the operator waits."""
    _told: Told | None = None

    def __post_init__(self) -> None:
        self.bay.on_empty = self._alone

    # ── seats ───────────────────────────────────────────────────────────────────────────────────────────────────

    def join(self, by: str, role: Role, on_heard: OnHeard | None, on_over: Callable[[], None] | None) -> Seat:
        """Somebody sits down. Raises CallTaken, LegClosed, LegError."""
        seat = self.bay.join(by, Role.LISTEN, on_heard, on_over)
        if role is Role.LISTEN:
            self._note(by, Act.LISTENS)
            return seat
        try:
            self.change(seat, role)
        except LegError:
            seat.leave()
            raise
        return seat

    def change(self, seat: Seat, role: Role) -> None:
        """Whisper, barge in, take over, or (from taking over) give back. Raises CallTaken, LegError."""
        before = seat.role
        if role is before:
            return
        if role is Role.PERSON:
            if not self.may_take(seat.name) and self.bay.holder is None:
                raise LegError("this call is ending, or being handed to a person")
            seat.become(role)
            self._take()
        elif before is Role.PERSON:
            self.bay.operator(True)
            seat.become(role)
            self._note(seat.name, Act.GIVES_BACK)
            self._back("given_back")
        else:
            seat.become(role)
        if not (before is Role.PERSON and role is Role.LISTEN):
            self._note(seat.name, _BEGINS[role])

    def leave(self, seat: Seat, *, lost: bool = False) -> None:
        """Somebody gets up, or was ``lost``: then the caller is told, if they were talking."""
        if not lost and seat.role is Role.PERSON and self.taken:
            self.change(seat, Role.LISTEN)
        self._note(seat.name, Act.LOST if lost else Act.LEAVES)
        seat.leave()

    def _take(self) -> None:
        self.taken = True
        self._told = None
        self.drop()
        self.front.mouth.interrupt()
        self.bay.operator(False, listening=self.listening)
        self.begin(self.speaking.cut_off())

    def _alone(self, last: Seat) -> None:
        """Nobody talks with the caller any more; the operator is on again."""
        if self.taken:
            self._back("person_lost")

    def _back(self, line: str) -> None:
        talk = self.conversation
        self.taken = False
        talk.no_input = talk.no_match = talk.no_progress = 0
        talk.offered_person = False
        self.front.ear.expect(Expectation.OPEN)
        self.begin(self.speaking.line(line))

    # ── instructions ────────────────────────────────────────────────────────────────────────────────────────────

    def tell(self, by: str, text: str) -> None:
        """The operator's next answer is this, word for word. Raises LegError."""
        text = " ".join(text.split())
        if not text or len(text) > MAX_TOLD:
            raise LegError(f"say in 1 to {MAX_TOLD} letters what the caller shall hear")
        self._order(Told(by, text))
        self._note(by, Act.TELLS, text)

    def give(self, by: str, passage: Passage) -> None:
        """The caller's next question is answered from this passage. Raises LegError."""
        self._order(Told(by, passage=passage))
        self._note(by, Act.GIVES, " › ".join(one for one in (passage.title, passage.heading) if one))

    def told(self) -> Told | None:
        """What to say in place of an answer, once."""
        told = self._told
        if told is None or told.passage is not None:
            return None
        self._told = None
        return told

    def given(self) -> Told | None:
        """What to answer a question from, once; small talk leaves it for the question after."""
        told = self._told
        if told is None or told.passage is None:
            return None
        self._told = None
        return told

    def _order(self, told: Told) -> None:
        """Only the last one counts."""
        if self.taken or not self.may_take(""):
            raise LegError("the operator does not have this caller just now")
        self._told = told

    def _note(self, by: str, act: Act, text: str = "") -> None:
        self.speaking.record(EventKind.DESK_ACTED, {"by": by, "act": str(act), "text": text})
