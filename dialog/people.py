"""What people say to a caller: silenced in the recording where it is secret, written down if wanted; never answered.

::

    seats ─ their sum, on each beat ─► an ear of their own ─ TurnEnded ─┬─► Hushing ─► recording.mute
                                                                         └─► turn.person: record, transcript

Of a recorded call they are heard in any case, for a number that they read out must not be kept.
"""

from __future__ import annotations

from contracts.audio import AudioFrame
from contracts.events import CallClosed, EarEvent, EventKind, SpeechStarted, TurnEnded
from contracts.recording import CallRecording
from contracts.seats import Bay
from dialog.conversation import Conversation
from dialog.hushing import Hushing
from dialog.services import DialogServices
from dialog.speaking import Speaking
from voice.ear import Ear


class People:
    """Of one call; ``close`` it with the call. Costs nothing until somebody talks to the caller."""

    def __init__(
        self,
        bay: Bay,
        recording: CallRecording | None,
        services: DialogServices,
        speaking: Speaking,
        conversation: Conversation,
    ) -> None:
        self._bay = bay
        self._services = services
        self._speaking = speaking
        self._conversation = conversation
        self._hushing = Hushing(recording, services)
        self._written = services.settings.assist.transcribe_person
        self._ear: Ear | None = None
        self._talking = ""
        """Who may have said what is being said."""
        if services.person_ear is not None and (self._written or recording is not None):
            bay.on_people = self.hear

    def hear(self, pcm: bytes) -> None:
        """20 ms of what they say, silence included."""
        if self._ear is None:
            assert self._services.person_ear is not None
            self._ear = self._services.person_ear(self.take)
        self._ear.feed(AudioFrame(pcm, self._services.clock.now()))

    def take(self, event: EarEvent) -> None:
        """What their ear says."""
        self._hushing.take(event)
        match event:
            case SpeechStarted():
                self._talking = ", ".join(self._bay.talking) or self._talking
            case TurnEnded() if self._written:
                self._note(event)

    def close(self) -> None:
        """The call is over: what was cut off may have been a number."""
        self._bay.on_people = None
        if self._ear is not None:
            self._hushing.take(CallClosed("over"))
            self._ear.close()

    def _note(self, event: TurnEnded) -> None:
        text = event.transcript.text.strip()
        if text:
            self._conversation.person(text, continues=event.continues)
            body = {"by": self._talking, "text": text, "confidence": round(event.transcript.confidence, 3)}
            self._speaking.record(EventKind.TURN_PERSON, {**body, **self._speaking.place(event)})
