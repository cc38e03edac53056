"""What a call remembers: turns as they were *heard*, and the counts that the rules look at. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from dialog.clarify import Choice
from dialog.outcome import Outcome, Result
from escalation.facts import TurnFacts

Speaker = Literal["caller", "operator", "person"]
_NAMED = {"caller": "Caller", "operator": "Assistant", "person": "Colleague"}
"""As a prompt calls them."""


@dataclass(slots=True)
class Said:
    """One utterance; for the operator ``text`` is what the caller heard of it."""

    speaker: Speaker
    text: str
    turn: int
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    note: str = ""
    """The rung that spoke."""


@dataclass(slots=True)
class Conversation:
    """The memory of one call."""

    turn: int = 0
    said: list[Said] = field(default_factory=list)
    subject: str = ""
    """The last question that stood by itself; "and on Saturday?" leans on it."""
    last_said: str = ""
    """The last thing that we said, in full and fillers left out, for "say that again"."""
    choice: Choice | None = None
    """Readings that the caller was just asked to choose from."""
    settled: frozenset[str] = frozenset()
    """Titles of documents about which that was asked: once is enough."""
    offered_person: bool = False
    no_input: int = 0
    no_match: int = 0
    low_confidence_run: int = 0
    no_evidence_run: int = 0
    gate_rejections: int = 0
    repeated_answer: int = 0
    deadlines_missed: int = 0
    no_progress: int = 0
    identity_failed: int = 0
    capture_failed: int = 0
    """1: what should be keyed in for the payment endpoint was not."""
    factors_verified: int = 0
    """How many of the caller's identity factors the owner's systems confirmed."""
    trouble_run: int = 0
    worker_down: bool = False
    tasks: list[str] = field(default_factory=list)
    """Topics of the caller's questions, each once, in order."""
    _answers: dict[str, int] = field(default_factory=dict)

    def caller(self, text: str) -> None:
        """The caller's turn begins a new one."""
        self.turn += 1
        self.no_input = 0
        self.gate_rejections = 0
        self.said.append(Said("caller", text, self.turn))

    def operator(self, heard: str, note: str = "") -> None:
        """What the caller heard of us."""
        if heard:
            self.said.append(Said("operator", heard, self.turn, note=note))

    def person(self, text: str, *, continues: bool = False) -> None:
        """What a person said to the caller; ``continues``: in place of what they said last."""
        last = self.said[-1] if self.said else None
        if continues and last is not None and last.speaker == "person":
            last.text = text
        else:
            self.said.append(Said("person", text, self.turn))

    def continue_turn(self, text: str) -> None:
        """The caller went on with the turn that seemed over: its text is replaced. Wordless so far: it begins now."""
        mine = [said for said in self.said if said.speaker == "caller"]
        if self.no_match or not mine:
            self.caller(text)
        else:
            mine[-1].text = text

    def answered(self, text: str) -> None:
        """An answer was found; the same one again is counted."""
        self.no_evidence_run = 0
        self._answers[text] = self._answers.get(text, 0) + 1
        self.repeated_answer = self._answers[text] - 1

    def took(self, outcome: Outcome, poorly: bool) -> None:
        """How a question ended; ``poorly``: its words were hardly understood."""
        self.topic(outcome.topic)
        self.gate_rejections += outcome.rejected
        # One lost turn is said and asked again; twice in a row means that nobody is coming back in time.
        self.trouble_run = self.trouble_run + 1 if outcome.result is Result.TROUBLE else 0
        self.worker_down = self.trouble_run >= 2 or outcome.forsaken
        self.deadlines_missed = self.deadlines_missed + 1 if outcome.result is Result.TOO_SLOW else 0
        self.low_confidence_run = self.low_confidence_run + 1 if poorly else 0
        self.choice = outcome.choice
        if outcome.choice is not None:
            self.settled |= outcome.choice.topics
            return
        if outcome.result is Result.ANSWERED:
            self.answered(outcome.text)
        stuck = outcome.result is not Result.ANSWERED or self.repeated_answer > 0
        self.no_progress = self.no_progress + 1 if stuck else 0
        if outcome.result in (Result.UNKNOWN, Result.NOT_GROUNDED):
            self.no_evidence_run += 1
        if outcome.result is Result.REPEAT:
            self.no_match += 1

    def stayed(self) -> None:
        """No person came: what led to asking for one is counted from the start."""
        self.no_match = self.no_evidence_run = self.deadlines_missed = 0
        self.gate_rejections = self.repeated_answer = self.no_progress = 0

    def topic(self, name: str) -> None:
        """The caller is on this topic."""
        if name and name not in self.tasks:
            self.tasks.append(name)

    def recent(self, count: int, *, turn: int = 0) -> list[str]:
        """The last lines said before ``turn`` (0: the one being answered), oldest first: "Caller: …"."""
        past = self._before(turn)[-count:]
        return [f"{_NAMED[said.speaker]}: {said.text}" for said in past]

    def talk(self, count: int, *, turn: int = 0) -> list[str]:
        """The same lines, bare."""
        return [said.text for said in self._before(turn)[-count:]]

    def _before(self, turn: int) -> list[Said]:
        return [said for said in self.said if 0 < said.turn < (turn or self.turn)]

    def facts(self, text: str = "", confidence: float = 1.0, dtmf: str = "") -> TurnFacts:
        """The turn as the rules see it."""
        return TurnFacts(
            text=text,
            confidence=confidence,
            dtmf=dtmf,
            turn=self.turn,
            no_input=self.no_input,
            no_match=self.no_match,
            low_confidence_run=self.low_confidence_run,
            no_evidence_run=self.no_evidence_run,
            gate_rejections=self.gate_rejections,
            repeated_answer=self.repeated_answer,
            deadlines_missed=self.deadlines_missed,
            no_progress=self.no_progress,
            identity_failed=self.identity_failed,
            capture_failed=self.capture_failed,
            worker_down=self.worker_down,
            offered_person=self.offered_person,
        )
