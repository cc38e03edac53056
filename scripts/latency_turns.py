"""Each line that a caller said, and what became of it: the operator's events beside what the caller heard. Pure.

::

    caller    ▇▇▇▇▇▇▇▇▇▇▇│true end                                   │next line
    operator  ▁▁▁▁▁▁▁▁▁▁▁│▁▁▁▁▁▁[filler]▁▁▁▁▁▁▁▁▁[answer]▁[answer]▁▁▁│
                         │ filler_s │            │
                         │      latency_s        │
                         │dead│     │  dead air  │        │          the longest of these stretches
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from server.caller import CallResult
from telephony.robot import Spoken

STAGES = ("endpoint", "recognised", "retrieved", "decided", "first_token", "first_clause", "first_audio")
DEAD_AIR_S = 2.0
"""Longer silence than this, while an answer is owed, is dead air."""
EARLY_S = 0.02
"""A turn ended early if its end was decided more than one frame before the caller's true end."""
ANSWERED = "answered"
WITHDRAWN = "withdrawn"
"""The operator's word for an answer that it took back because the caller went on."""


@dataclass(slots=True)
class Turn:
    """One line. ``*_s`` are seconds after the true end of speech, None: did not happen.

    ``outcome`` is ``answered`` or says why not; ``heard_s``: first sound at the caller's socket, a filler too.
    """

    label: str
    outcome: str
    rung: str = ""
    latency_s: float | None = None
    filler_s: float | None = None
    heard_s: float | None = None
    dead_air_s: float | None = None
    stages: dict[str, float] = field(default_factory=dict)
    ahead: str = ""
    """What was done before the turn had ended and could be used."""
    spoke_over: bool = False
    """The operator began to speak before the true end."""
    ended_early: bool = False
    """The operator took the turn for ended before the true end, whether or not it spoke."""
    merged: bool = False
    """What followed was joined to a turn that had been taken for ended."""
    true_end_at: float = 0.0
    calls_up: int = 1
    """Calls that were up at the true end."""

    @property
    def cut_in(self) -> bool:
        """The caller was cut off, audibly or not."""
        return self.spoke_over or self.ended_early

    @property
    def answered(self) -> bool:
        """An answer was heard after the true end."""
        return self.outcome == ANSWERED


def turns_of(
    labels: Sequence[str], result: CallResult, events: Sequence[dict[str, Any]], wall_offset_s: float
) -> list[Turn]:
    """A turn for each of the lines ``labels`` that the caller was to say, said or not.

    ``events``: of that call alone. ``wall_offset_s``: time.time() - time.monotonic(), for events that carry only the
    wall clock.
    """
    said = result.spoken
    starts = [line.started_at for line in said]
    turns = []
    for index, line in enumerate(said):
        until = starts[index + 1] if index + 1 < len(said) else result.closed_at
        mine = [event for event in events if line.started_at < _at(event, wall_offset_s) <= until]
        turns.append(_turn(line, mine, result, until, wall_offset_s))
    ended = f"not said: the call was ended {result.ended}"
    return turns + [Turn(label, ended) for label in labels[len(said) :]]


def _turn(
    line: Spoken, events: Sequence[dict[str, Any]], result: CallResult, until: float, wall_offset_s: float
) -> Turn:
    end = line.true_end_at
    if not end:
        return Turn(line.label, f"the call was ended {result.ended} while it was said", spoke_over=line.cut_in)
    measured = [event["body"] for event in events if event["kind"] == "turn.measured" and event["body"]["answer_at"]]
    heard_turns = [event for event in events if event["kind"] == "turn.caller"]
    ends = [body["endpoint_at"] for body in measured] + [_at(one, wall_offset_s) for one in heard_turns]
    turn = Turn(
        line.label,
        _outcome(events),
        heard_s=round(line.reply_at - end, 4) if line.reply_at and not line.cut_in else None,
        dead_air_s=round(longest_silence(result.sounds, end, until), 3),
        spoke_over=line.cut_in,
        ended_early=any(at < end - EARLY_S for at in ends),
        merged=any(one["body"].get("continues") for one in heard_turns),
        true_end_at=end,
    )
    answers = [body for body in measured if body["answer_at"] > end]
    if answers:
        _measure(turn, answers[0])
    elif measured:
        turn.outcome = "answered before its true end"
    return turn


def _measure(turn: Turn, body: dict[str, Any]) -> None:
    """Takes the figures of a TURN_MEASURED event; its times count from what the VAD took for the end."""
    end = turn.true_end_at
    shift = body["speech_ended_at"] - end
    turn.outcome, turn.rung = ANSWERED, body["rung"]
    turn.latency_s = round(body["answer_at"] - end, 4)
    if body["filler_at"] and end < body["filler_at"] < body["answer_at"]:
        turn.filler_s = round(body["filler_at"] - end, 4)
    turn.ahead = body.get("ahead", "")
    turn.stages = {name: round(ends[1] + shift, 4) for name, ends in body["stages"].items()}


def _outcome(events: Sequence[dict[str, Any]]) -> str:
    """Why there was no answer, by the strongest sign among the events of the line."""
    by_kind = {event["kind"]: event["body"] for event in events}
    if "escalation.raised" in by_kind:
        return f"handed to a person: rule {by_kind['escalation.raised']['rule_id']}"
    if "trouble" in by_kind:
        return f"trouble: {by_kind['trouble'].get('what', '')}"
    if any(event["kind"] == "turn.operator" and event["body"].get("why") == WITHDRAWN for event in events):
        return "its answer was withdrawn"
    if "turn.operator" in by_kind:
        return f"no answer, but: {by_kind['turn.operator']['text']}"
    return "heard, and not answered" if "turn.caller" in by_kind else "not heard as a turn"


def longest_silence(sounds: Sequence[tuple[float, float]], since: float, until: float) -> float:
    """Longest stretch without sound between ``since`` and the end of the last sound before ``until``.

    If there was none, the whole time. ``sounds``: (from, to), rising.
    """
    longest, quiet_from = 0.0, since
    for begin, end in sounds:
        if end <= since:
            continue
        if begin >= until:
            break
        longest = max(longest, begin - quiet_from)
        quiet_from = max(quiet_from, end)
    return longest if quiet_from > since else until - since


def count_calls_up(turns: Sequence[Turn], calls: Sequence[tuple[float, float]]) -> None:
    """Sets ``calls_up`` of each turn; ``calls``: (answered, ended) of all calls of the run."""
    for turn in turns:
        turn.calls_up = sum(begin <= turn.true_end_at <= end for begin, end in calls)


def _at(event: dict[str, Any], wall_offset_s: float) -> float:
    """Monotonic seconds of an event."""
    return datetime.fromisoformat(event["at"]).timestamp() - wall_offset_s


class AnswerWatch:
    """Says when the operator has finished what it owes for a line; fed with the events of one call.

    A filler is no answer, nor is "I'll put you through" while the transfer is under way.
    """

    def __init__(self, fillers: frozenset[str]) -> None:
        self._fillers = fillers
        self._handing = False

    def over(self, event: dict[str, Any]) -> bool:
        """Was this the end of an answer?"""
        match event["kind"]:
            case "escalation.raised":
                self._handing = True
            case "transfer.ended":
                self._handing = False
            case "turn.operator":
                body = event["body"]
                withdrawn = body["interrupted"] or body.get("why") == WITHDRAWN
                return not (self._handing or withdrawn or body["text"] in self._fillers)
        return False
