"""What all calls of an operator share; built once by the composition root."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from contracts.clock import Clock, utc_now
from contracts.dialling import Dialler
from contracts.engines import Synthesiser
from contracts.events import EarEvent, EventSink
from contracts.handoff import Reason
from contracts.leg import CallLeg, LegInfo
from contracts.switch import Scope, Switch
from dialog.cascade import Cascade
from dialog.lines import Lines
from dialog.ports import HandoffStore, Lineup
from dialog.risks import Risks
from dialog.scoping import Topics
from dialog.settings import DialogSettings
from escalation.facts import TurnFacts
from escalation.plan import Plans
from escalation.rules import Action, Firing, RuleBook
from escalation.settings import EscalationSettings
from voice.ear import Ear
from voice.mouth import Mouth
from voice.settings import ClauseSettings

if TYPE_CHECKING:
    from dialog.tools.desk import Counter  # which is built from these services

PERSON = "person"
"""Name of the transfer target for whoever is handed over by no rule."""
_AT_ONCE = frozenset({Reason.DANGER, Reason.EMERGENCY, Reason.PERSON_REQUESTED})
"""Reasons that no score can make more urgent."""


@dataclass(slots=True, frozen=True)
class DialogServices:
    """Immutable for a call's whole life; ``config_digest`` names this very configuration."""

    settings: DialogSettings
    escalation: EscalationSettings
    cascade: Cascade
    rules: RuleBook
    lines: Lines
    sink: EventSink
    handoffs: HandoffStore
    clock: Clock
    clauses: ClauseSettings = field(default_factory=ClauseSettings)
    config_digest: str = ""
    plans: Plans = field(default_factory=Plans)
    switch: Switch = field(default_factory=Switch)
    """What is switched off just now: the one thing that may change during a call."""
    risks: Risks | None = None
    """The classifier beside the rules; None: their phrases alone decide."""
    topics: Topics | None = None
    """Which topic a question belongs to; None: nothing was fitted."""
    counter: Counter | None = None
    """What callers can have done on the owner's systems; None: nothing."""
    dialler: Dialler | None = None
    """Who calls persons; None: only the far end can reach them."""
    slow_voice: Synthesiser | None = None
    """The same voice, slower, for whoever asks for that; None: it has one pace."""
    person_voice: Callable[[], Mouth] | None = None
    """A voice that speaks to a person, not to the caller."""
    person_ear: Callable[[Callable[[EarEvent], None]], Ear] | None = None
    """Hears what people say to a caller, for the transcript and the recording; None: nobody listens to them."""
    queue: Lineup | None = None
    """Where a call's caller waits when nobody answers; None: there is no queue."""

    wall: Callable[[], datetime] = utc_now
    """The time of day, for opening hours."""

    def reachable(self, info: LegInfo, reason: Reason = Reason.OTHER) -> bool:
        """Is there anybody whom this caller could be handed to now?"""
        if self.plans.reachable(info, self.wall()):
            return True
        return self.queue is not None and self.queue.staffed and self.queue.open(reason, info.called)

    async def judged(self, facts: TurnFacts) -> Firing | None:
        """What the rules say of a turn; the classifier is asked unless they already know that it is urgent."""
        firing = self.evaluate(facts)
        if firing is not None and firing.reason in _AT_ONCE:
            return firing
        if self.risks is not None:
            firing = self.evaluate(replace(facts, risks=await self.risks.of(facts.text)))
        return firing or self.stopped()

    def started(self, leg: CallLeg) -> dict[str, str]:
        """Who calls whom, by what, and with which configuration: the body of ``call.started``."""
        info = leg.info
        return {
            "caller": info.caller,
            "called": info.called,
            "kind": info.kind,
            "external_id": info.external_id,
            "codec": leg.capabilities.codec,
            "config_digest": self.config_digest,
        }

    def evaluate(self, facts: TurnFacts) -> Firing | None:
        """The first rule that holds and is not switched off."""
        return self.rules.evaluate(facts, off=self.switch.state.names(Scope.RULE))

    def stopped(self, topic: str = "") -> Firing | None:
        """To a person, because the whole operator, or this topic, is switched off; None: it is not."""
        state = self.switch.state
        turned = state.why_off(Scope.WHOLE) or (state.why_off(Scope.TOPIC, topic) if topic else None)
        if turned is None:
            return None
        evidence = f"{turned.scope}={turned.name}" if turned.name else f"{turned.scope}=operator"
        say, alone = self.lines.get("switched_off"), self.lines.get("switched_off_alone")
        return Firing("kill-switch", Reason.KILL_SWITCH, evidence, say, PERSON, Action.TRANSFER, alone)

    def overloaded(self) -> Firing:
        """To a person, because no further caller can talk to the operator now."""
        say = self.lines.get("overload")
        return Firing("overload", Reason.OVERLOAD, "all lines are busy", say, PERSON, Action.TRANSFER)
