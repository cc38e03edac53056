"""A call as people read it: who said what, when, from which rung and passage, and how long each stage took."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.markup import escape
from rich.table import Table

from operations.records import CallRecord

WIDTH = 48
"""Characters of a waterfall."""
SCALE_S = 3.0
"""Seconds that the width stands for; longer turns are scaled down."""
_COLOURS = {
    "endpoint": "blue",
    "recognised": "cyan",
    "retrieved": "green",
    "decided": "green",
    "first_token": "yellow",
    "first_clause": "yellow",
    "first_audio": "magenta",
}


def render_waterfall(stages: Mapping[str, Sequence[float]]) -> str:
    """One line of Rich markup: a bar from the true end of speech to the first sound, coloured by stage."""
    if not stages:
        return ""
    total = max(end for _, end in stages.values())
    scale = WIDTH / max(SCALE_S, total)
    bar, at = "", 0
    for name, (_, end) in stages.items():
        upto = max(at, round(end * scale))
        if upto > at:
            bar += f"[{_COLOURS.get(name, 'white')}]{'━' * (upto - at)}[/]"
            at = upto
    words = " · ".join(
        f"{name} {max(0.0, end - start) * 1000:.0f}" for name, (start, end) in stages.items() if end - start >= 0.0005
    )
    return f"         {bar}{' ' * (WIDTH - min(at, WIDTH))} [bold]{total:.2f} s[/] [dim]{words} ms[/]"


def render_call(record: CallRecord) -> Iterator[str]:
    """The call as lines of Rich markup."""
    call = record.call
    began: datetime = call["started_at"]
    yield f"[bold]call {call['call_id']}[/]  {began:%Y-%m-%d %H:%M:%S} UTC  {call['kind']} {call['codec']}"
    yield f"from {escape(call['caller'])} to {escape(call['called'])}  external id {escape(call['external_id'])}"
    yield f"configuration {call['config_digest']}"
    yield ""
    for event in record.events:
        if event["body"] is None:
            yield f"[dim]{event['kind']}: erased[/]"
            continue
        yield from _event_lines(event, began)
    duration = call["duration_s"]
    ended = f"ended: {call['end_reason']} {escape(call['end_detail'])}".rstrip() if call["end_reason"] else "still up"
    yield ""
    yield f"{ended}{f', after {duration:.1f} s' if duration else ''}"


def _event_lines(event: Mapping[str, Any], began: datetime) -> Iterator[str]:
    body, kind = event["body"], event["kind"]
    clock = f"[dim]{(event['at'] - began).total_seconds():6.1f} s[/]"
    if kind == "turn.caller":
        notes = [f"confidence {body['confidence']:.2f}"] if body.get("confidence") else []
        notes += ["interrupting"] if body.get("barge_in") else []
        text = escape(body.get("text") or "(no words)")
        yield f"{clock} [cyan]caller  [/] {text} [dim]{', '.join(notes)}[/]"
    elif kind == "turn.person":
        yield f"{clock} [blue]person  [/] {escape(str(body.get('text', '')))} [dim]{escape(str(body.get('by', '')))}[/]"
    elif kind == "turn.operator":
        source = f" · {escape(', '.join(body['documents']))}" if body.get("documents") else ""
        cut = " [yellow]— interrupted[/]" if body.get("interrupted") else ""
        heard = escape(body.get("heard") or "…")
        rung = escape(f"[{body.get('rung', '')}")
        yield f"{clock} [green]operator[/] {heard}{cut} [dim]{rung}{source}][/]"
    elif kind == "turn.measured":
        yield render_waterfall(body.get("stages") or {})
    elif kind == "gate.rejected":
        missing = ", ".join(map(str, body.get("unsupported") or ()))
        yield f"{clock} [red]not said[/] [dim]{escape(str(body.get('sentence', '')))}[/] ({escape(missing)})"
    elif kind == "escalation.raised":
        evidence = escape(str(body.get("evidence", "")))
        yield f"{clock} [magenta]rule    [/] {body.get('rule_id')}: {body.get('reason')} “{evidence}”"
    elif kind in ("transfer.begun", "transfer.ended"):
        result = (
            ""
            if kind.endswith("begun")
            else f" {'done' if body.get('ok') else 'failed'}: {escape(str(body.get('status', '')))}"
        )
        yield f"{clock} [magenta]transfer[/] {escape(str(body.get('target', '')))}{result}"
    elif kind == "dtmf.received":
        yield f"{clock} [cyan]key     [/] {escape(str(body.get('digit', '')))}"
    elif kind == "trouble":
        yield f"{clock} [red]trouble [/] {escape(str(body.get('what')))}: {escape(str(body.get('detail')))}"


def calls_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Calls as a table."""
    table = Table("call", "began (UTC)", "seconds", "caller", "turns", "escalation", "ended")
    for row in rows:
        duration = f"{row['duration_s']:.0f}" if row["duration_s"] is not None else "—"
        table.add_row(
            row["call_id"], f"{row['started_at']:%Y-%m-%d %H:%M:%S}", duration, escape(row["caller"]),
            str(row["turns"]), row["escalation"] or "", row["end_reason"] or "[green]up[/]",
        )  # fmt: skip
    return table
