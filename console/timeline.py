"""A call's events as a page shows them: who said what and when, on what evidence, in which time. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from contracts.events import EventKind
from operations.records import CallRecord

WIDTH = 480.0
"""Units of a waterfall's drawing."""
SCALE_S = 3.0
"""Seconds that it stands for; longer turns are scaled down."""
HIDDEN = "(words hidden)"


@dataclass(slots=True, frozen=True)
class Bar:
    """One stage of a turn: where it is drawn, and how long it took."""

    name: str
    x: float
    width: float
    ms: int


@dataclass(slots=True, frozen=True)
class Entry:
    """One line of a call. ``at_s``: seconds from its start; ``who``: caller, operator, person, suggested, rule, held
    back, transfer, key, desk, trouble."""

    at_s: float
    who: str
    text: str
    turn: int = 0
    notes: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    why: str = ""
    bars: tuple[Bar, ...] = ()
    latency_s: float | None = None
    passages: tuple[Mapping[str, Any], ...] = ()
    """Suggested to whoever talks with the caller: title, heading, source, quote, strength."""
    from_s: float | None = None
    """When its first sound was, in the recording; None: not told."""


def timeline(record: CallRecord, *, words: bool) -> list[Entry]:
    """All that is told of a call, in order. Without ``words``, what was said is left out."""
    began: datetime = record.call["started_at"]
    measured: dict[int, Mapping[str, Any]] = {}
    entries: list[Entry] = []
    for event in record.events:
        if event["body"] is None:
            continue
        if event["kind"] == EventKind.TURN_MEASURED:
            measured[event["turn"]] = event["body"]
            continue
        entry = _entry(event["kind"], event["body"])
        if entry is None:
            continue
        if entry.who == "operator" and (found := measured.pop(event["turn"], None)) is not None:
            entry = replace(entry, bars=bars(found.get("stages") or {}), latency_s=found.get("response_latency_s"))
        at_s = round((event["at"] - began).total_seconds(), 1)
        if not words and entry.who in ("desk", "suggested"):
            entry = replace(entry, notes=(), passages=())
        text = entry.text if words or entry.who in ("transfer", "desk") else HIDDEN
        from_s = event["body"].get("from_s")
        entry = replace(entry, from_s=from_s if isinstance(from_s, int | float) else None)
        entries.append(replace(entry, at_s=at_s, turn=event["turn"], text=text))
    return entries


def bars(stages: Mapping[str, Sequence[float]]) -> tuple[Bar, ...]:
    """Stages (seconds from the true end of speech) as a drawing."""
    spans = {name: span for name, span in stages.items() if len(span) == 2}
    scale = WIDTH / max(SCALE_S, *(end for _, end in spans.values())) if spans else 0.0
    return tuple(
        Bar(name, round(start * scale, 1), round((end - start) * scale, 1), round((end - start) * 1000))
        for name, (start, end) in spans.items()
        if end > start
    )


def masked(caller: str) -> str:
    """The end of a number or name: enough to tell calls apart, too little to call back."""
    user = caller.partition(":")[2].partition("@")[0] if ":" in caller else caller
    return f"…{user[-3:]}" if len(user) > 5 else "…"


def _entry(kind: str, body: Mapping[str, Any]) -> Entry | None:
    def text(key: str) -> str:
        return str(body.get(key) or "")

    match kind:
        case EventKind.TURN_CALLER:
            sure = body.get("confidence")
            notes = [f"recognised {sure:.0%}"] if isinstance(sure, int | float) and sure else []
            notes += ["interrupting"] if body.get("barge_in") else []
            return Entry(0, "caller", text("text") or "(no words)", notes=tuple(notes))
        case EventKind.TURN_PERSON:
            return Entry(0, "person", text("text"), notes=(text("by"),))
        case EventKind.DESK_SUGGESTED:
            return Entry(0, "suggested", text("asked"), passages=tuple(body.get("passages") or ()))
        case EventKind.TURN_OPERATOR:
            notes = [text("rung")] + (["interrupted"] if body.get("interrupted") else [])
            documents = tuple(map(str, body.get("documents") or ()))
            said = text("heard") or "(nothing was heard of it)"
            return Entry(0, "operator", said, notes=tuple(notes), documents=documents, why=text("why"))
        case EventKind.GATE_REJECTED:
            missing = ", ".join(map(str, body.get("unsupported") or ()))
            return Entry(0, "held back", text("sentence"), why=f"not in the passage: {missing}" if missing else "")
        case EventKind.ESCALATION_RAISED:
            return Entry(0, "rule", text("evidence"), notes=(text("rule_id"), text("reason")))
        case EventKind.TRANSFER_BEGUN:
            return Entry(0, "transfer", f"to {text('target')}")
        case EventKind.TRANSFER_ENDED:
            return Entry(0, "transfer", f"{'done' if body.get('ok') else 'failed'}: {text('status')}")
        case EventKind.TRANSFER_STEP:
            more = tuple(text(one) for one in ("mode", "by", "status") if body.get(one))
            return Entry(0, "transfer", f"{text('step').replace('_', ' ')}: {text('target')}", notes=more)
        case EventKind.DESK_ACTED:
            return Entry(0, "desk", f"{text('by')} {text('act')}", notes=(text("text"),))
        case EventKind.DTMF_RECEIVED:
            return Entry(0, "key", text("digit"))
        case EventKind.TROUBLE:
            return Entry(0, "trouble", f"{text('what')}: {text('detail')}")
    return None
