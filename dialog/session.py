"""One call, from the first word to the last: listens to ear events, answers turns, hands over, ends.

::

    opening ──► listening ◄────────────────────────────────────┐
                   │ TurnEnded ──► rules ─► intents ─► cascade ─┤ (one task at a time; a new turn replaces it)
                   │ Dtmf, silence ──► rules ──► reprompt ──────┤
                   │ a rule fired ──► hand over ── failed ──────┘
                   │ goodbye, silence, transferred, CallClosed
                   ▼
                  over
"""

from __future__ import annotations

from collections.abc import Awaitable, Coroutine
from datetime import UTC, datetime
from functools import partial
from typing import Any

import structlog

from contracts.engines import Transcript
from contracts.events import (
    Backchannel,
    CallClosed,
    DtmfReceived,
    EarEvent,
    EventKind,
    Partial,
    SilenceElapsed,
    SpeechStarted,
    TurnEnded,
    TurnTimings,
    WordsLate,
)
from contracts.handoff import Reason
from contracts.leg import CallLeg, HangupReason
from contracts.recording import CallRecording
from contracts.seats import Bay
from dialog.answering import Answering
from dialog.byhand import ByHand
from dialog.conversation import Conversation
from dialog.handing import LAST, HandingOver
from dialog.hushing import Hushing
from dialog.intents import LASTING, Intent, classify
from dialog.keypad import Keypad
from dialog.lines import WITHOUT_ANSWER
from dialog.measure import TurnMeasure
from dialog.noting import Noting
from dialog.opening import Opening
from dialog.outcome import Outcome, Result
from dialog.services import PERSON, DialogServices
from dialog.smalltalk import SmallTalk
from dialog.speaking import Speaking
from dialog.tools.desk import Desk
from dialog.vigil import Vigil
from dialog.work import Work
from escalation.offers import answer_to_offer
from escalation.rules import Action, Firing
from voice.completeness import Expectation
from voice.front import AudioFront

log = structlog.get_logger()

TURN_TASK = "turn"


class Session:
    """Runs one answered call. `run` returns when the call is over; it never raises for what a caller does."""

    def __init__(
        self, leg: CallLeg, front: AudioFront, services: DialogServices, bay: Bay,
        recording: CallRecording | None = None, at_once: Firing | None = None,
    ) -> None:  # fmt: skip
        """``at_once``: this caller goes to a person, and never talks to the operator."""
        self._leg = leg
        self._front = front
        self._services = services
        self._at_once = at_once
        self._conversation = Conversation()
        self._speaking = Speaking(leg.info.call_id, front, services, self._conversation)
        self._answering = Answering(leg.info.call_id, services, self._speaking, self._conversation)
        self._started_at = datetime.now(UTC)
        self._handing = HandingOver(leg, services, self._speaking, self._conversation, self._started_at, bay)
        self._desk = Desk.of(leg, services, self._speaking, self._conversation, front.ear, bay)
        self._began = services.clock.now()
        self._work = Work(f"{TURN_TASK}-{leg.info.call_id}", self._speaking, self._fault)
        self._vigil = Vigil(self._speaking, services.clock, services.settings.budget.silence_most_s)
        self._hushing = Hushing(recording, services, self._speaking)
        self._noting = Noting.of(self._hushing, self._answering, self._desk, bay)
        self.suggesting = self._noting.suggesting
        self._keypad = Keypad(services.settings.menu)
        self._small_talk = SmallTalk(self._speaking, self._conversation)
        self._opening = Opening(services, self._speaking, front.ear, recording)
        self._busy_handing = False
        self._ending = False
        # Of a recorded call the caller is heard in any case: a number that they read out must not be kept.
        listening = services.settings.transcribe_by_hand or recording is not None
        self._handing.listening = listening
        self.byhand = ByHand(
            front, bay, self._speaking, self._conversation, listening, self._may_be_taken, self._drop, self._start,
        )  # fmt: skip
        front.ear.hurried = lambda: not (self.byhand.taken or self._handing.joined)

    async def run(self) -> None:
        """From the disclosure to the end of the call."""
        self._speaking.record(EventKind.CALL_STARTED, self._services.started(self._leg))
        self._start(self._open())
        closed = CallClosed(HangupReason.ERROR)
        try:
            async for event in self._front.events():
                self._hushing.take(event)
                if isinstance(event, CallClosed):
                    closed = event
                else:
                    self._take(event)
        finally:
            self._answering.forget()
            self._vigil.settled()
            self._noting.close()
            await self._work.stop()
            await self._opening.close()
            await self._speaking.cut_off()
            if self._desk is not None:
                await self._desk.close()
            ended: dict[str, Any] = {"reason": closed.reason, "detail": closed.detail}
            ended["duration_s"] = round(self._services.clock.now() - self._began, 3)
            ended["tasks"] = list(self._conversation.tasks)
            self._speaking.record(EventKind.CALL_ENDED, ended)

    def pull(self, by: str) -> bool:
        """A supervisor wants a person for this caller, now. False: the call is ending or being handed over."""
        if self._busy_handing or self._ending or self.byhand.taken:
            return False
        self._busy_handing = True  # from now on: no turn of the caller's may replace what was begun for them
        self._answering.forget()
        say = self._speaking.lines.get("pulled")
        self._start(self._act(Firing("supervisor", Reason.SUPERVISOR, by, say, PERSON, Action.TRANSFER)))
        return True

    def end(self, by: str) -> bool:
        """A supervisor ends the call, with a goodbye. False: it is ending or being handed over."""
        if self._ending or (self._busy_handing and not self._handing.joined):
            return False
        self._ending = True
        self._start(self._say_goodbye(by))
        return True

    def _may_be_taken(self, by: str) -> bool:
        return not (self._busy_handing or self._ending) or self._handing.waiting.given_to(by)

    async def _say_goodbye(self, by: str) -> None:
        if not self.byhand.taken:
            await self._speaking.line("goodbye", interruptible=False)
        await self._leg.hangup(HangupReason.OPERATOR, f"ended by {by}")

    async def _open(self) -> None:
        await self._opening.disclose()
        stopped = self._at_once or self._services.stopped()
        await (self._opening.greet() if stopped is None else self._act(stopped))

    # ── events ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _take(self, event: EarEvent) -> None:
        if self._work.idle and isinstance(event, TurnEnded | Backchannel | SpeechStarted):
            self._vigil.settled()  # words that were late have come, or there are more to come
        if self._ending or (self.byhand.taken and not isinstance(event, TurnEnded)):
            return
        match event:
            case _ if self._busy_handing:
                self._handing.take(event, self._note)
            case TurnEnded() if self.byhand.taken or self._small_talk.parted(event):
                self._note(event)  # not ours to answer, or their goodbye to ours
            case TurnEnded():
                self._note(event)
                self._start(self._vigil.over(partial(self._turn, event), event.timings.speech_ended))
            case DtmfReceived():
                self._key(event)
            case SilenceElapsed() if self._work.idle:
                self._start(self._silence())
            case Partial() if self._desk is None or not self._desk.busy:
                self._answering.listen(event)
            case WordsLate() if self._work.idle:
                self._answering.bridge()
                self._vigil.owe(event.speech_ended)
            case SpeechStarted() if event.continues and not self._work.idle:
                self._start(self._speaking.cut_off())  # the caller goes on: the whole turn is awaited
            case SpeechStarted() if self._too_long:
                self._start(self._time_up())

    def _note(self, event: TurnEnded) -> None:
        """Remember and record what was said, before anything can withdraw the answer to it."""
        self._noting.note(event, with_person=self.byhand.taken or self._handing.joined)

    @property
    def _too_long(self) -> bool:
        return self._services.clock.now() - self._began > self._services.settings.max_call_s

    def _key(self, event: DtmfReceived) -> None:
        if self._desk is not None and (keys := self._desk.key(event.digit)) is not None:
            if keys:
                pressed = partial(self._desk.pressed, keys)
                self._start(self._vigil.over(lambda: self._at_desk(pressed()), event.at))
            return
        self._speaking.record(EventKind.DTMF_RECEIVED, {"digit": event.digit})
        if self._opening.pending and event.digit in "12":
            self._start(self._opening.choose(event.digit == "1", "key"))
            return
        if (firing := self._services.evaluate(self._conversation.facts(dtmf=event.digit))) is not None:
            self._start(self._act(firing))
        elif asked := self._keypad.pressed(event.digit):
            self._start(self._vigil.over(partial(self._asked_by_key, event.at, asked), event.at))

    def _start(self, work: Coroutine[Any, Any, object]) -> None:
        self._work.start(work)

    def _drop(self) -> None:
        """Withdraw what is under way, now: somebody else goes on."""
        self._answering.forget()
        self._vigil.settled()
        self._work.drop()

    def _fault(self, error: BaseException, current: bool) -> None:
        """A fault of ours ends in an apology, never in a dead line."""
        log.error("session.task_failed", call_id=self._leg.info.call_id, exc_info=error)
        self._speaking.record(EventKind.TROUBLE, {"what": "session", "detail": type(error).__name__})
        if current and not self._ending:
            self._front.mouth.say(self._speaking.lines.get("trouble"))

    # ── turns ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def _turn(self, event: TurnEnded) -> None:
        talk, transcript = self._conversation, event.transcript
        self._front.ear.expect(Expectation.OPEN)
        text = transcript.text.strip()
        if not text:
            await self._not_understood(event)
            return
        if (intent := classify(text)) is not None:
            self._answering.forget()
        firing = await self._services.judged(self._conversation.facts(text, transcript.confidence))
        if firing is not None:
            self._answering.forget()
            await self._act(firing)
            return
        talk.no_match = 0
        self._keypad.drop()
        if intent is Intent.SLOWER:
            self._speaking.slower()
        if self._opening.pending and await self._opening.answered(text):
            return
        await self._opening.tell()
        if intent is Intent.ROBOT:
            await self._robot(event)
            return
        measure = TurnMeasure(event.timings)
        if (told := self.byhand.told()) is not None:
            await self._speaking.measured(measure, told.text, f"told by {told.by}")
            return
        if self._desk is not None and await self._at_desk(
            self._desk.turn(event, text, partial(self._speaking.measured, measure))
        ):
            return
        declined = talk.offered_person and answer_to_offer(text) is False
        talk.offered_person = talk.offered_person and intent in LASTING
        if declined and intent is not Intent.GOODBYE:
            await self._speaking.prepared(event, "offer_declined")
        elif intent is not None:
            if await self._small_talk.answer(intent, event):
                self._ending = True
                await self._leg.hangup(HangupReason.OPERATOR, "goodbye")
        elif talk.turn > self._services.settings.max_turns:
            await self._speaking.prepared(event, "too_long")
            talk.offered_person = True
        else:
            await self._question(event, text if self._desk is None else self._desk.veil(text))

    async def _at_desk(self, work: Awaitable[bool]) -> bool:
        """Something done, or to be done, on the owner's systems; False: the turn was about nothing of that kind."""
        if not await work:
            return False
        self._answering.forget()
        if self._conversation.identity_failed or self._conversation.capture_failed:
            firing = self._services.evaluate(self._conversation.facts())
            self._conversation.identity_failed = self._conversation.capture_failed = 0
            if firing is not None:
                await self._act(firing)
        return True

    async def _question(self, event: TurnEnded, text: str) -> None:
        talk = self._conversation
        outcome, measure = await self._answering.answer(event, text, self.byhand.given())
        talk.took(outcome, self._services.cascade.poorly_understood(event.transcript.confidence))
        firing = outcome.stopped or self._services.evaluate(talk.facts())
        if firing is not None:
            await self._act(firing)
        elif outcome.result is Result.CLARIFY:
            await self._speaking.measured(measure, outcome.text, outcome.why)
        elif outcome.result is not Result.ANSWERED:
            await self._without_answer(measure, outcome)

    async def _without_answer(self, measure: TurnMeasure, outcome: Outcome) -> None:
        """Honest sentences for a question that got no answer."""
        reachable = self._services.reachable(self._leg.info)
        key = WITHOUT_ANSWER.get(outcome.result, "unknown" if reachable else "unknown_no_person")
        self._conversation.offered_person = key in ("unknown", "too_slow") and reachable
        if self._conversation.offered_person:
            self._front.ear.expect(Expectation.YES_NO)
        unclear = outcome.result is Result.REPEAT
        text = self._speaking.unclear(self._keypad) if unclear else self._speaking.lines.get(key)
        await self._speaking.measured(measure, text, outcome.why)

    async def _robot(self, event: TurnEnded) -> None:
        """Whether this is a machine is answered by rule, whatever else is under way."""
        self._opening.repeated()
        await self._speaking.prepared(event, "robot", str(Intent.ROBOT))
        if self._desk is not None and self._desk.busy:
            await self._desk.again()

    async def _asked_by_key(self, at: float, text: str) -> None:
        self._conversation.caller(text)
        await self._question(TurnEnded(Transcript(text), TurnTimings(at, at, at, at)), text)

    async def _not_understood(self, event: TurnEnded) -> None:
        """Sound without words, or a recogniser that is down."""
        talk = self._conversation
        talk.no_match += 1
        rejected = event.transcript.rejected
        self._speaking.record(EventKind.TURN_CALLER, {"text": "", "confidence": 0.0, "rejected": rejected})
        if (firing := self._services.evaluate(talk.facts())) is not None:
            await self._act(firing)
        else:
            await self._speaking.measured(
                TurnMeasure(event.timings), self._speaking.unclear(self._keypad, rejected), rejected
            )

    async def _silence(self) -> None:
        talk = self._conversation
        talk.no_input += 1
        desk = self._desk if self._desk is not None and self._desk.busy else None
        zero = "0" if desk is not None and desk.key_only_zero else ""
        firing = self._services.evaluate(talk.facts(dtmf=zero))
        if firing is not None:
            await self._act(firing)
            return
        await self._speaking.line("reprompt")
        if desk is not None:
            await desk.again()

    async def _time_up(self) -> None:
        self._ending = True
        await self._speaking.line("time_up", interruptible=False)
        await self._leg.hangup(HangupReason.OPERATOR, "call too long")

    # ── acting ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def _act(self, firing: Firing) -> None:
        """A rule fired: say its sentence and transfer, or end."""
        body = {"rule_id": firing.rule_id, "reason": str(firing.reason), "evidence": firing.evidence}
        self._speaking.record(EventKind.ESCALATION_RAISED, body)
        if firing.action is Action.END:
            self._ending = True
            await self._speaking.text(firing.say, interruptible=False)
            await self._leg.hangup(HangupReason.NO_INPUT, firing.rule_id)
            return
        self._busy_handing = True
        self._vigil.settled_by_next()
        try:
            over = await self._handing.hand_over(firing)
        finally:
            self._busy_handing = False
        if over is not None or firing.reason in LAST:
            self._ending = True
            await self._leg.hangup(over or HangupReason.OPERATOR, firing.target)
        else:
            self._conversation.stayed()
