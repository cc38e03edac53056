"""One call's way of saying things: prepared lines and streamed answers, each remembered as it was heard."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from contracts.events import Event, EventKind, Rung, TurnEnded
from dialog.conversation import Conversation
from dialog.keypad import FAILURES, Keypad
from dialog.measure import TurnMeasure
from dialog.services import DialogServices
from voice.clauses import split
from voice.front import AudioFront
from voice.utterance import Played, Utterance

PASSING = frozenset({"filler", "filler_again", "reprompt"})
OnStart = Callable[[float], None]


class Speaking:
    """Wraps the mouth of one call and keeps the record of what it said."""

    def __init__(self, call_id: str, front: AudioFront, services: DialogServices, conversation: Conversation) -> None:
        self._call_id = call_id
        self._front = self.front = front
        self._services = services
        self._conversation = conversation
        self.lines = services.lines.fresh()
        self._began = services.clock.now()
        self.hush: Callable[[str, float, float], None] = lambda text, start, end: None
        """Told what was said between which times, so that the recording can be silenced there."""
        self.awaiting_keys = False
        """The caller is busy at the keypad: our silence is no dead air."""
        self.keyed_at = 0.0
        """When they were done with that."""
        self.keys_hidden = False
        """Keys of this call are written down as •: card numbers are keyed in."""
        self._open: dict[Utterance, bool] = {}
        """Begun, and not yet in the record; true: an answer of the cascade."""
        self._rung = str(Rung.PREPARED)
        """Of the answer being given, as the cascade decided."""
        self._passing: set[str] = set()
        """Lines that nobody means who asks to hear something again."""

    @property
    def talking(self) -> bool:
        """Something of ours is being heard."""
        return self._front.mouth.speaking

    @property
    def sounded_at(self) -> float:
        """When the last frame of ours left, or the caller's keys were complete; 0.0 before the first."""
        return max(self._front.mouth.sounded_at, self.keyed_at)

    @property
    def listened_to(self) -> bool:
        """The caller is on the line and says nothing: silence of ours would be dead air."""
        return self._front.listened_to and not self.awaiting_keys

    def record(self, kind: EventKind, body: dict[str, Any]) -> None:
        """Append an event of this call's present turn."""
        if kind is EventKind.CASCADE_DECIDED and body.get("rung") in set(Rung):
            self._rung = body["rung"]
        if kind is EventKind.DTMF_RECEIVED and self.keys_hidden:
            body = {**body, "digit": "•"}
        self._services.sink.append(Event(kind, self._call_id, body, self._conversation.turn))

    def place(self, event: TurnEnded) -> dict[str, Any]:
        """Where a turn stands in the call and in its recording, for the record."""
        return {"continues": event.continues, "from_s": round(event.timings.speech_started - self._began, 2)}

    async def line(
        self,
        key: str,
        *,
        interruptible: bool = True,
        first: bool = False,
        before: bool = False,
        on_start: OnStart | None = None,
    ) -> Played:
        """Say a prepared line to its end (or interruption)."""
        text = self.lines.get(key)
        if key in PASSING:
            self._passing.add(text)
        return await self.text(text, interruptible=interruptible, first=first, before=before, on_start=on_start)

    async def text(
        self,
        text: str,
        *,
        interruptible: bool = True,
        first: bool = False,
        before: bool = False,
        on_start: OnStart | None = None,
    ) -> Played:
        """Say a sentence that was written by people; ``on_start`` is told when its first frame left."""
        utterance = self.say(text, interruptible=interruptible, first=first, before=before)
        if on_start is not None:
            on_start(await utterance.started())
        played = await utterance.finished()
        self.said(utterance, text, played, Rung.PREPARED)
        return played

    def say(self, text: str, *, interruptible: bool = True, first: bool = False, before: bool = False) -> Utterance:
        """Begin to say a whole text; whoever does tells `said` how it ended. ``before``: see Mouth.say."""
        utterance = self._front.mouth.say(text, interruptible=interruptible, first=first, before=before)
        self._open[utterance] = False
        return utterance

    async def measured(self, measure: TurnMeasure, text: str, why: str) -> Played:
        """Say a whole text that answers a turn, and record how long the caller waited for it.

        A text of which no sound could be made is replaced by a prepared apology.
        """
        utterance = self.say(text, first=True)
        measure.answer_at = await utterance.started()
        measure.mark("first_audio", measure.answer_at)
        self.record(EventKind.TURN_MEASURED, measure.body(str(Rung.PREPARED)))
        played = await utterance.finished()
        self.said(utterance, text, played, Rung.PREPARED, why=why)
        if played.failed and not played.first_frame_at:
            await self.line("trouble")
        return played

    async def prepared(self, event: TurnEnded, key: str, why: str = "") -> Played:
        """Answer a turn with a prepared line; ``why`` is for the record, the line's name if nothing is said."""
        return await self.measured(TurnMeasure(event.timings), self.lines.get(key), why or key)

    def unclear(self, keypad: Keypad, rejected: str = "") -> str:
        """What is said to a turn that could not be made out: after two of them, keys are offered. ``rejected``: why."""
        if rejected == "worker":
            return self.lines.get("trouble")
        talk = self._conversation
        failed = max(talk.no_match, talk.low_confidence_run) >= FAILURES
        offered = keypad.offer(talk.choice) if failed else ""
        return self.lines.with_choices(offered) if offered else self.lines.get("not_understood")

    def slower(self) -> None:
        """From now on everything is said more slowly; the sounds that were made ahead are at the usual pace."""
        if self._services.slow_voice is not None:
            self._front.mouth.speak_with(self._services.slow_voice)

    def open(self) -> Utterance:
        """An answer whose sentences are still to come."""
        utterance = self._front.mouth.open(first=True)
        self._open[utterance] = True
        return utterance

    def rehearse(self, sentence: str) -> None:
        """Make the sound of the first clause of a sentence that will probably be said."""
        clauses = split(sentence, self._services.clauses)
        if clauses:
            self._front.mouth.rehearse(clauses[0])

    async def cut_off(self) -> None:
        """What was under way is withdrawn: it stops, and what was heard of it is remembered and recorded."""
        if self._front.mouth.interruptible:
            self._front.mouth.interrupt()
        for utterance, answers in [(one, answers) for one, answers in self._open.items() if one.over]:
            played = await utterance.finished()
            rung = Rung(self._rung) if answers else Rung.PREPARED
            self.said(utterance, utterance.text, played, rung, why="withdrawn")

    def add(self, utterance: Utterance, sentence: str) -> None:
        """Another sentence of it, cut so that its first clause is short."""
        for clause in split(sentence, self._services.clauses):
            utterance.add(clause)

    def said(
        self,
        utterance: Utterance,
        text: str,
        played: Played,
        rung: Rung,
        *,
        passages: tuple[tuple[str, str], ...] = (),
        why: str = "",
        topic: str = "",
    ) -> None:
        """Remember and record what was heard, once. ``passages``: (id, title) of what it stands on."""
        if self._open.pop(utterance, None) is None:
            return
        self.hush(text, played.first_frame_at, played.last_frame_at)
        # Heard whole it is the line itself: held calls keep one copy of it, not one for each time it is said.
        heard = text if played.heard_text == text else played.heard_text
        self._conversation.operator(heard, str(rung))
        if text and text not in self._passing:
            self._conversation.last_said = text
        self.record(
            EventKind.TURN_OPERATOR,
            {
                "text": text,
                "heard": heard,
                "interrupted": played.interrupted,
                "failed": played.failed,
                "rung": str(rung),
                "passage_ids": [one for one, _ in passages],
                "documents": [title for _, title in passages],
                "why": why,
                "task": topic,
                "from_s": round(max(0.0, played.first_frame_at - self._began), 2),
            },
        )
