"""What a caller says, remembered and recorded before anything can withdraw the answer to it.

While a person talks with the caller it is written down only if the settings say so, and passages are suggested for it.
"""

from __future__ import annotations

from dataclasses import dataclass

from contracts.events import EventKind, TurnEnded
from contracts.seats import Bay
from dialog.answering import Answering
from dialog.conversation import Conversation
from dialog.hushing import Hushing
from dialog.people import People
from dialog.services import DialogServices
from dialog.speaking import Speaking
from dialog.suggesting import Suggesting
from dialog.tools.desk import Desk


@dataclass(slots=True)
class Noting:
    """Of one call."""

    services: DialogServices
    speaking: Speaking
    conversation: Conversation
    hushing: Hushing
    desk: Desk | None
    suggesting: Suggesting
    people: People

    @classmethod
    def of(cls, hushing: Hushing, answering: Answering, desk: Desk | None, bay: Bay) -> Noting:
        """With an ear for the people in that bay."""
        services, speaking, talk = answering.services, answering.speaking, answering.conversation
        suggesting = Suggesting(services, speaking, talk, answering.question)
        people = People(bay, hushing.recording, services, speaking, talk)
        return cls(services, speaking, talk, hushing, desk, suggesting, people)

    def close(self) -> None:
        """The call is over."""
        self.people.close()
        self.suggesting.close()

    def note(self, event: TurnEnded, *, with_person: bool) -> None:
        """Take a turn; ``with_person``: it was said to somebody who talks with the caller in the operator's place."""
        text = event.transcript.text.strip()
        if self.desk is not None:
            self.desk.before_turn(event.continues)
            text = self.hushing.veiled(event, self.desk.veil(text))
        if not text or (with_person and not self.services.settings.transcribe_by_hand):
            return
        if event.continues:
            self.conversation.continue_turn(text)
        else:
            self.conversation.caller(text)
        body = {"text": text, "confidence": round(event.transcript.confidence, 3), "barge_in": event.during_speech}
        self.speaking.record(EventKind.TURN_CALLER, {**body, **self.speaking.place(event)})
        if with_person:
            self.suggesting.heard(event, text)
