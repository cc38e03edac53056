"""Everything that happens in a call, as events: what crosses queues, and what the record keeps.

Two families. *Ear events* travel from voice to dialog and are plain dataclasses. *Record events* are one open shape
(`Event`): a kind, a time and a JSON body; `EventSink.append` never blocks and never raises.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Protocol

from contracts.engines import Transcript, Word


@dataclass(slots=True, frozen=True)
class SpeechStarted:
    """The caller began to speak. ``at`` is the monotonic time of the first voiced frame.

    ``continues``: the turn just ended was not over; withdraw its answer, its words come again in the next TurnEnded.
    """

    at: float
    continues: bool = False


@dataclass(slots=True, frozen=True)
class Partial:
    """Words so far; ``stable_text`` is the prefix that did not change between the last two passes.

    ``settled``: the final pass over all that was said, begun in a pause: the turn's words if nothing more is said. When
    the caller does go on, the same words come again unsettled. The rest is as in Transcript.
    """

    text: str
    stable_text: str
    at: float
    settled: bool = False
    confidence: float = 1.0
    readings: tuple[str, ...] = ()
    words: tuple[Word, ...] = ()
    sound: str = ""


@dataclass(slots=True, frozen=True)
class TurnLikely:
    """The caller has probably finished (Smart Turn's probability); ``transcript`` so far, if known."""

    probability: float
    at: float


@dataclass(slots=True, frozen=True)
class WordsLate:
    """The turn is over, ``speech_ended`` then, but its words are not there: a recogniser is busy, hung or replaced."""

    speech_ended: float
    at: float


@dataclass(slots=True, frozen=True)
class TurnTimings:
    """Monotonic times of one turn's end, for the waterfall. 0.0 means the step did not happen."""

    speech_started: float
    speech_ended: float
    """Last voiced frame."""
    endpoint: float
    """The turn machine's verdict."""
    recognised: float
    """The final transcript was there."""
    smart_turn: float = 0.0
    """Probability that decided."""


@dataclass(slots=True, frozen=True)
class TurnEnded:
    """The caller's turn is over and this is what was said. An empty transcript means sound without words."""

    transcript: Transcript
    timings: TurnTimings
    during_speech: bool = False
    """True when the operator was speaking as the turn began (barge-in)."""
    continues: bool = False
    """True when this replaces the turn ended just before: ``transcript`` joins the words of both."""


@dataclass(slots=True, frozen=True)
class Backchannel:
    """ "mm-hm", "right", a cough: not a turn."""

    text: str
    at: float


@dataclass(slots=True, frozen=True)
class DtmfReceived:
    """One key."""

    digit: str
    at: float


@dataclass(slots=True, frozen=True)
class SilenceElapsed:
    """Nobody has spoken for ``seconds`` since the operator's last word."""

    seconds: float
    at: float


@dataclass(slots=True, frozen=True)
class CallClosed:
    """The leg is gone."""

    reason: str
    detail: str = ""


EarEvent = (
    SpeechStarted
    | Partial
    | TurnLikely
    | WordsLate
    | TurnEnded
    | Backchannel
    | DtmfReceived
    | SilenceElapsed
    | CallClosed
)


class Rung(StrEnum):
    """Where in the cascade an answer came from, cheapest first."""

    PREPARED = "prepared"
    EXTRACTIVE = "extractive"
    SMALL = "small"
    LARGE = "large"
    PERSON = "person"


class EventKind(StrEnum):
    """Kinds of record events. Names are ``noun.past_participle``; bodies are documented beside each."""

    CALL_STARTED = "call.started"
    """caller, called, kind, external_id, config_digest, codec"""
    CALL_DISCLOSED = "call.disclosed"
    """text, version (of the lines file), whole, after_s (from the answer to its end), in_time, again (asked for)"""
    RECORDING_CHOSEN = "recording.chosen"
    """consent (announce, ask), recorded, how (announced, said, key, said neither, no answer, not asked …)"""
    CALL_ENDED = "call.ended"
    """reason, detail, duration_s"""
    CALL_REFUSED = "call.refused"
    """reason, caller"""
    TURN_CALLER = "turn.caller"
    """turn, text, confidence, barge_in"""
    TURN_PERSON = "turn.person"
    """turn, by (who sits in the call and may be heard by the caller), text, confidence, continues, from_s"""
    TURN_TOPIC = "turn.topic"
    """turn, topic, score, strangeness, outside (of all topics), refused (without a search)"""
    TURN_OPERATOR = "turn.operator"
    """turn, text (generated), heard (what was played), interrupted, rung, passage_ids, why"""
    TURN_MEASURED = "turn.measured"
    """turn, rung, stages {name: [start_s, end_s] relative to speech_ended}, response_latency_s, filler_latency_s"""
    CASCADE_DECIDED = "cascade.decided"
    """turn, rung, why, score, margin, confidence"""
    BUDGET_CHOSE = "budget.chose"
    """turn, step (filler, filler_again, cheaper, instead, offer_person), why, at_s after the true end of speech"""
    GATE_REJECTED = "gate.rejected"
    """turn, sentence, passage_id, unsupported [...]"""
    DTMF_RECEIVED = "dtmf.received"
    """digit (masked when secret)"""
    ESCALATION_RAISED = "escalation.raised"
    """turn, rule_id, reason, evidence"""
    TRANSFER_BEGUN = "transfer.begun"
    """target, mode (refer, attended, bridge), reason: the REFER or INVITE is sent now"""
    TRANSFER_ENDED = "transfer.ended"
    """target, mode, ok, status: one target of the plan"""
    TRANSFER_STEP = "transfer.step"
    """step (dialled, ringing, answered, briefed, not_taken, not_replaced, joined, left), target, mode; status, by,
    seconds"""
    HANDOFF_SAVED = "handoff.saved"
    """a contracts.handoff.HandoffRecord; a later one of the same call replaces it"""
    WORKER_LOST = "worker.lost"
    """worker, why"""
    WORKER_STARTED = "worker.started"
    """worker, load_s"""
    QUEUE_MOVED = "queue.moved"
    """step (entered, offered, missed, declined, claimed, expired, released, connected, left, ready, wrap_up, away), by
    (the person at the desk), waited_s"""
    CALLBACK_WANTED = "callback.wanted"
    """a contracts.handoff.CallbackTicket"""
    CALLBACK_STEP = "callback.step"
    """ticket, by, status, step (dialled, not answered, not taken, calling, not reached, given up, reached, ended): a
    callback that the operator dials for somebody at the desk"""
    CONSOLE_ACTED = "console.acted"
    """by (account), action, what: a person did something on the pages; session (digest) where one began"""
    CASE_CHANGED = "case.changed"
    """by, act (claim, release, close), row (all of it as it is from now on): who looks after a hand-over"""
    CALLBACK_CHANGED = "callback.changed"
    """by, act, ticket, row: who looks after a promise to call back, and how it ended"""
    ACCOUNT_CHANGED = "account.changed"
    """by, action, what, row (of the password only a digest): who may sign in, and as what"""
    TOOL_CALLED = "tool.called"
    """turn, operation, effect (read, write), ok, why (the error's name), code, took_s, key (of a write), dry_run"""
    IDENTITY_CHECKED = "identity.checked"
    """turn, verified (how many factors; never which words), ok"""
    TASK_ENDED = "task.ended"
    """turn, task, how (done, cancelled, left, refused, failed, uncertain, person)"""
    CAPTURE_MOVED = "capture.moved"
    """step (begun, asked, ended, posted), task, slot, why (of a wrong entry, or the error's name), how (keyed, given
    up, broken off), ok, code, took_s, key (idempotency): never a digit, nor how many there were"""
    RECORD_ERASED = "record.erased"
    """class (transcripts, recordings, handovers, callbacks, events), calls [...], by, why"""
    RULES_LOADED = "rules.loaded"
    """version and digest of the rules that new calls have, config_digest, ok, why (not: the file cannot be used)"""
    SWITCH_TURNED = "switch.turned"
    """scope (whole, rule, topic), name, off, by, why: the kill switch"""
    DESK_ACTED = "desk.acted"
    """by (account), act (listens, whispers, barges in, takes over, gives back, leaves, is cut off, tells the operator,
    gives the operator a passage), text (what the operator is to say, or the passage's title)"""
    DESK_SUGGESTED = "desk.suggested"
    """turn, asked, took_ms, release, passages [{passage_id, title, heading, source, quote, strength}]: shown to whoever
    talks with the caller, never said"""
    TROUBLE = "trouble"
    """what, detail: something was caught and the call went on"""


@dataclass(slots=True, frozen=True)
class Event:
    """One thing that happened. ``turn`` 0 is before the first turn; ``body`` holds JSON values only."""

    kind: EventKind
    call_id: str
    body: dict[str, Any] = field(default_factory=dict)
    turn: int = 0
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


class EventSink(Protocol):
    """Where events go: the record, the metrics, a live view."""

    def append(self, event: Event) -> None:
        """Take an event; returns at once, never raises, keeps the order within a call."""
        ...
