"""Builds what a person is given when a caller is handed over: three sentences with quotes, made by rule.

No model writes here: a briefing must hold nothing that was not said.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from contracts.events import Rung
from contracts.handoff import HandoffRecord, HandoffStatus, Reason, TranscriptLine
from contracts.leg import LegInfo, TransferResult
from escalation.redact import redact
from escalation.rules import Firing
from escalation.running import Running
from escalation.settings import EscalationSettings, HandoverSettings

REASONS: dict[Reason, str] = {
    Reason.PERSON_REQUESTED: "asked for a person",
    Reason.OFFER_ACCEPTED: "accepted the offer of a person",
    Reason.DANGER: "spoke of danger to themselves or others",
    Reason.EMERGENCY: "reported an emergency",
    Reason.FRAUD: "reported fraud",
    Reason.COMPLAINT: "wants to complain",
    Reason.LEGAL: "mentioned legal steps",
    Reason.BEREAVEMENT: "reported a death",
    Reason.VULNERABLE: "seems to be in distress or in need of care",
    Reason.ABUSE: "was abusive",
    Reason.CANCELLATION: "wants to leave",
    Reason.MINOR: "seems to be a minor",
    Reason.MEDIA: "calls for the press",
    Reason.AMOUNT: "spoke of a large amount",
    Reason.IDENTITY: "could not be identified",
    Reason.CAPTURE: "could not key in a card or other secure number",
    Reason.NO_PROGRESS: "got no further",
    Reason.NO_INPUT: "could not be heard",
    Reason.NO_MATCH: "could not be understood",
    Reason.POOR_RECOGNITION: "could not be understood well enough",
    Reason.NO_EVIDENCE: "asked what the documents do not answer",
    Reason.NOT_GROUNDED: "asked what could not be answered with certainty",
    Reason.REPEATED_ANSWER: "was given the same answer again",
    Reason.DEADLINE_MISSED: "had to wait too long for answers",
    Reason.WORKER_DOWN: "met a technical problem",
    Reason.OVERLOAD: "called while all lines were busy",
    Reason.SUPERVISOR: "was put through to a person by a supervisor",
    Reason.KILL_SWITCH: "called while this was switched off",
    Reason.OTHER: "needs a person",
}


@dataclass(slots=True, frozen=True)
class Attempt:
    """One turn of the operator: what it was asked, on which rung it answered, what the caller heard."""

    turn: int
    question: str
    rung: Rung
    heard: str
    passages: tuple[str, ...] = ()
    """Titles of the documents that the answer stood on."""


@dataclass(slots=True, frozen=True)
class CallSoFar:
    """What the conversation knows when a rule fires. Texts may still hold what must be redacted."""

    info: LegInfo
    started_at: datetime
    transcript: Sequence[TranscriptLine] = ()
    attempts: Sequence[Attempt] = ()
    config_digest: str = ""
    notes: Sequence[str] = field(default_factory=tuple)
    """Further lines for "what was tried"."""
    factors_verified: int = 0
    """Identity factors that the owner's systems confirmed; which words they were is kept nowhere."""

    @property
    def verified(self) -> list[str]:
        """For the record."""
        count = self.factors_verified
        return [f"Identity confirmed by {count} {'factor' if count == 1 else 'factors'}"] if count else []


def build(call: CallSoFar, firing: Firing, asked_at: datetime, settings: EscalationSettings) -> HandoffRecord:
    """The hand-over record at the moment the rule fired; redacted throughout. Times are UTC."""
    names = settings.redaction.names
    transcript = _redacted(call.transcript, names)
    cut = {  # numbers that only the turns before make long enough to go
        line.turn: line.text
        for line, raw in zip(transcript, call.transcript, strict=True)
        if line.speaker == "caller" and line.text != redact(raw.text, names)
    }
    attempts = [replace(one, question=cut.get(one.turn, one.question)) for one in call.attempts]
    call = replace(call, attempts=attempts)
    evidence = redact(firing.evidence, names)
    return HandoffRecord(
        call_id=call.info.call_id,
        external_id=call.info.external_id,
        caller=call.info.caller,
        called=call.info.called,
        kind=call.info.kind,
        reason=firing.reason,
        rule_id=firing.rule_id,
        evidence=evidence,
        summary=summarise(call, firing, transcript, asked_at, settings.quote_chars),
        tried=[*(_tried(attempt, settings.quote_chars) for attempt in call.attempts), *map(redact, call.notes)],
        verified=call.verified,
        transcript=transcript,
        asked_at=asked_at,
        target=firing.target,
        config_digest=call.config_digest,
    )


def _redacted(transcript: Sequence[TranscriptLine], names: bool) -> list[TranscriptLine]:
    """What caller or person said is read as a whole: a number may go over several turns."""
    running = {"caller": Running(names), "person": Running(names)}
    return [
        line.model_copy(
            update={
                "text": running[line.speaker].redact(line.text) if line.speaker in running else redact(line.text, names)
            }
        )
        for line in transcript
    ]


def transferring(record: HandoffRecord) -> HandoffRecord:
    """The record while the transfer is under way."""
    return record.model_copy(update={"status": HandoffStatus.TRANSFERRING})


def settled(record: HandoffRecord, result: TransferResult, at: datetime) -> HandoffRecord:
    """The record after the far end's final word."""
    status = HandoffStatus.CONNECTED if result.ok else HandoffStatus.FAILED
    waited = max(0.0, (at - record.asked_at).total_seconds())
    return record.model_copy(update={"status": status, "detail": result.status, "wait_s": round(waited, 3)})


def summarise(
    call: CallSoFar, firing: Firing, transcript: Sequence[TranscriptLine], asked_at: datetime, quote_chars: int
) -> str:
    """Three sentences: who called and for what, what was answered, why a person is needed now."""
    said = [line.text for line in transcript if line.speaker == "caller" and line.text.strip()]
    minutes = _duration((asked_at - call.started_at).total_seconds())
    who = "The caller" if call.info.caller else "A caller without a number"  # whose number stands in ``caller``
    opening = f"and first said “{quote(said[0], quote_chars)}”" if said else "and said nothing that was understood"
    first = f"{who} has been on the line for {minutes} {opening}."
    answered = _answered(call.attempts, quote_chars)
    if call.factors_verified:
        answered = f"{answered[:-1]}, and the caller's identity is confirmed."
    return " ".join([first, answered, _why(firing, said, quote_chars)])


_WORDS_PER_S = 3.0
"""Piper's usual pace, so that a briefing is cut between sentences and not by the clock."""
_SPOKEN_QUOTE = 60
"""Longest quote that a person is told, characters."""
_WORTH_TELLING_S = 20.0
"""A shorter wait is none."""


def briefing(
    call: CallSoFar,
    firing: Firing,
    asked_at: datetime,
    now: datetime,
    settings: HandoverSettings,
    *,
    confirm: bool = False,
) -> str:
    """What a person is told before the caller is joined: reason, first and last words, answers, wait; speakable.

    Whole sentences only, as many as fit into ``briefing_s``, in the order of their weight. ``confirm``: they take the
    caller by a key, or leave them to others.
    """
    lines = _redacted(call.transcript, names=False)
    said = [line.text for line in lines if line.speaker == "caller" and line.text.strip()]
    answers = [one for one in call.attempts if one.rung is not Rung.PERSON and one.heard.strip()]
    minutes = _duration((asked_at - call.started_at).total_seconds())
    key = choice(settings) if confirm else f"Press {_key(settings.skip_key)} to take the call at once."
    sentences = [f"A caller {REASONS[firing.reason]}."]
    if said and _is_words(firing):
        sentences.append(f"Their words: {_spoken(said[-1])}")
    if call.factors_verified:
        sentences.append("Their identity is confirmed.")
    if len(said) > 1:
        sentences.append(f"They first said: {_spoken(said[0])}")
    if answers:
        sentences.append(f"They were told: {_spoken(answers[-1].heard)}")
    waited = max(0.0, (now - asked_at).total_seconds())
    wait = f" and waited {_duration(waited)} for a person" if waited >= _WORTH_TELLING_S else ""
    sentences.append(f"They have been on the line for {minutes}{wait}.")
    room = settings.briefing_s * _WORDS_PER_S - len(key.split())
    told: list[str] = []
    for sentence in sentences:
        room -= len(sentence.split())
        if told and room < 0:
            break
        told.append(sentence)
    return " ".join([*told, key])


def choice(settings: HandoverSettings) -> str:
    """What somebody is told who has to confirm."""
    return f"Press {_key(settings.skip_key)} to take the call, or {_key(settings.decline_key)} to leave it to others."


def callback_briefing(caller: str, reason: Reason, settings: HandoverSettings) -> str:
    """What somebody at the desk is told whose telephone rings for a callback."""
    return f"A callback. The caller {REASONS[reason]}. {callback_choice(settings)}"


def callback_choice(settings: HandoverSettings) -> str:
    """The same, the keys alone."""
    return f"Press {_key(settings.skip_key)} to call them now, or {_key(settings.decline_key)} to leave it."


def _key(key: str) -> str:
    return _KEY_NAMES.get(key, key)


def _spoken(text: str) -> str:
    """A quote with a sentence end; what was taken out of it is named and not spelt."""
    plain = _TAKEN_OUT.sub(r"\1 withheld", quote(text, _SPOKEN_QUOTE)).rstrip("…")
    return plain if plain.endswith(("?", "!")) else f"{plain}."


_TAKEN_OUT = re.compile(r"\[([a-z_ -]+)\]")
_KEY_NAMES = {"*": "star", "#": "hash"}


def quote(text: str, limit: int) -> str:
    """The text in one line, cut at a word, with an ellipsis if cut; redacted; no sentence end of its own."""
    plain = redact(" ".join(text.split())).strip(' .“”"')
    if len(plain) <= limit:
        return plain
    return plain[:limit].rsplit(" ", 1)[0].rstrip(" ,;") + "…"


def _answered(attempts: Sequence[Attempt], quote_chars: int) -> str:
    answers = [attempt for attempt in attempts if attempt.rung is not Rung.PERSON and attempt.heard.strip()]
    if not answers:
        return "The operator has not answered anything yet."
    last = answers[-1]
    count = "one answer" if len(answers) == 1 else f"{len(answers)} answers"
    source = f" from “{last.passages[0]}”" if last.passages else ""
    return f"The operator gave {count}, most recently “{quote(last.heard, quote_chars)}”{source}."


def _why(firing: Firing, said: Sequence[str], quote_chars: int) -> str:
    reason = REASONS[firing.reason]
    if said and firing.evidence and _is_words(firing):
        return f"The caller {reason}: “{quote(said[-1], quote_chars)}”."
    return f"The caller {reason} ({redact(firing.evidence)})."


def _is_words(firing: Firing) -> bool:
    if firing.reason in (Reason.SUPERVISOR, Reason.KILL_SWITCH):
        return False
    return "=" not in firing.evidence and not firing.evidence.startswith("key ") and firing.evidence != "worker_down"


def _tried(attempt: Attempt, quote_chars: int) -> str:
    source = f" ({', '.join(attempt.passages)})" if attempt.passages else ""
    asked, heard = quote(attempt.question, quote_chars), quote(attempt.heard, quote_chars)
    return f"Turn {attempt.turn}, {attempt.rung}{source}: “{asked}” → “{heard}”"


def _duration(seconds: float) -> str:
    whole = max(0, round(seconds))
    return f"{whole} second{'' if whole == 1 else 's'}" if whole < 90 else f"{round(whole / 60)} minutes"
