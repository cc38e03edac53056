"""From the record to the door: how late answers are decides whether another call is let in."""

from __future__ import annotations

from contracts.clock import Clock
from contracts.events import Event, EventKind
from telephony.strain import Strain


class StrainSink:
    """contracts.events.EventSink that tells ``strain`` of every measured turn."""

    def __init__(self, strain: Strain, clock: Clock) -> None:
        self._strain = strain
        self._clock = clock

    def append(self, event: Event) -> None:
        """Take an event; only answers, and turns that got none in time, matter here."""
        if event.kind is EventKind.TURN_MEASURED and event.body.get("response_latency_s") is not None:
            self._strain.answered(float(event.body["response_latency_s"]), self._clock.now())
        elif event.kind is EventKind.BUDGET_CHOSE and event.body.get("step") == "offer_person":
            self._strain.unanswered(self._clock.now())
