"""What the knowledge commands print: tables for people, or the same as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from contracts.engines import DocumentInfo, Evidence
from knowledge.api import Change, DocumentChange, Held, ReleaseInfo, Stats, document_json, to_json

_SHOWN = 20


def _json(body: Any) -> None:
    print(json.dumps(body, indent=2))


def documents(found: Sequence[DocumentInfo], stats: Stats, as_json: bool) -> None:
    """Documents and the state of the base."""
    if as_json:
        _json({"documents": [document_json(one) for one in found], "stats": asdict(stats)})
        return
    table = Table("source", "title", "owner", "valid", "tags", "added")
    table.add_column("passages", justify="right")
    for one in found:
        valid = f"{one.valid_from or '…'} – {one.valid_to or '…'}" if one.valid_from or one.valid_to else ""
        tags = ", ".join((*one.tags, *one.jurisdiction))
        table.add_row(one.source, one.title, one.owner, valid, tags, one.added_at[:16], str(one.passages))
    console = Console()
    console.print(table)
    console.print(_state(stats), markup=False)


def _state(stats: Stats) -> str:
    state = f"draft: {stats.documents} documents, {stats.passages} passages"
    state += f"; live: {stats.release}, {stats.live_passages} passages" if stats.release else "; nothing is live"
    if stats.held:
        state += f"; {stats.held} held for a person"
    if stats.pending:
        state += f"; {stats.pending} passages still to be indexed"
    if stats.degraded:
        state += f"; degraded: {stats.degraded}"
    return state


def evidence(found: Evidence) -> None:
    """Passages with their scores."""
    table = Table(show_lines=True)
    table.add_column("cosine", justify="right")
    table.add_column("words", justify="right")
    table.add_column("document", overflow="fold")
    table.add_column("passage", overflow="fold")
    for one in found.passages:
        where = one.title if not one.heading else f"{one.title} › {one.heading}"
        table.add_row(f"{one.score:.3f}", f"{one.lexical:.3f}", where, one.text)
    console = Console()
    console.print(table) if found.passages else console.print("nothing found")
    degraded = f"; degraded: {found.degraded}" if found.degraded else ""
    release = found.release or "no release"
    console.print(f"{release}, margin {found.margin:.3f}, {found.compute_s * 1000:.0f} ms{degraded}", markup=False)
    if not found.release:
        console.print("nothing is published yet: callwright knowledge publish", markup=False)


def held(found: Sequence[Held], as_json: bool) -> None:
    """Quarantined documents with their quotes."""
    if as_json:
        _json(to_json(list(found)))
        return
    table = Table("source", "why", "where", "quote", show_lines=True)
    for one in found:
        for suspicion in one.suspicions:
            table.add_row(one.document.source, suspicion.why, suspicion.where, suspicion.quote)
    Console().print(table) if found else Console().print("nothing is held")


def draft(found: Sequence[DocumentChange], stats: Stats, as_json: bool) -> None:
    """Differences to the live release."""
    if as_json:
        _json({"changes": to_json(list(found)), "stats": asdict(stats)})
        return
    console = Console()
    for one in found:
        console.print(f"{one.kind:8} {one.source}  ({one.title})", markup=False)
    if not found:
        console.print("the draft is what callers hear")
    console.print(_state(stats), markup=False)


def live(info: ReleaseInfo) -> None:
    """One line after publishing or rolling back."""
    Console().print(f"{info.release} is live: {info.passages} passages", markup=False)


def releases(found: Sequence[ReleaseInfo], as_json: bool) -> None:
    """All releases."""
    if as_json:
        _json(to_json(list(found)))
        return
    table = Table("release", "state", "proposed", "by", "approved by", "note")
    table.add_column("passages", justify="right")
    for one in found:
        row = (one.release, one.state, one.proposed_at[:16], one.proposed_by, one.approved_by, one.note)
        table.add_row(*row, str(one.passages))
    Console().print(table)


def changes(found: Sequence[Change], as_json: bool) -> None:
    """Who did what."""
    if as_json:
        _json(to_json(list(found)))
        return
    table = Table("when", "who", "did", "what")
    for one in found:
        table.add_row(one.at[:19], one.by, one.action, one.what)
    Console().print(table)


def release(info: ReleaseInfo) -> None:
    """A release and its review."""
    console = Console()
    console.print(f"{info.release}: {info.state}, {info.passages} passages, by {info.proposed_by}", markup=False)
    report = info.report
    if not report:
        console.print("not reviewed yet", markup=False)
        return
    changed = ", ".join(f"{count} {kind}" for kind, count in report.get("documents", {}).items())
    console.print(f"documents: {changed or 'as in the live release'}", markup=False)
    _findings(console, report.get("checks", {}))
    if questions := report.get("questions"):
        _questions(console, questions)
    if known := report.get("suites"):
        _suites(console, known)
    for one in report.get("objections", []):
        console.print(f"held back: {one}", style="bold red", markup=False)


def _findings(console: Console, checks: Mapping[str, Any]) -> None:
    counts = ", ".join(f"{count} {kind}" for kind, count in checks.get("counts", {}).items())
    console.print(f"checks: {counts or 'nothing found'}", markup=False)
    fresh = sorted(checks.get("findings", []), key=lambda one: not one["new"])
    for one in fresh[:_SHOWN]:
        console.print(
            f"  {'new ' if one['new'] else ''}{one['kind']}: {' · '.join(one['sources'])}: {one['what']}", markup=False
        )
        for quote in one["quotes"]:
            console.print(f"      “{quote}”", markup=False)


def _questions(console: Console, questions: Mapping[str, Any]) -> None:
    table = Table("golden questions", "live", "this release")
    for key in ("questions", "r1", "r3", "r5", "answered", "abstained", "without_model", "ungrounded"):
        pair = (questions["before"].get(key), questions["after"].get(key))
        if pair[1] is not None:
            table.add_row(key.replace("_", " "), *map(_figure, pair))
    console.print(table)
    for kind in ("lost", "won"):
        for ask in questions[kind][:_SHOWN]:
            console.print(f"  {kind}: {ask}", markup=False)
    for one in questions.get("failed", [])[:_SHOWN]:
        console.print(f"  fails: {one['ask']}: {one['why']}", markup=False)
    console.print(f"answers that would change: {len(questions['changed'])}", markup=False)
    for one in questions["changed"][:_SHOWN]:
        console.print(f"  {one['ask']}{f' ({what})' if (what := _WHAT.get(one.get('what', ''))) else ''}", markup=False)
        for when in ("before", "after"):
            text = "nothing" if one[when] is None else f"{one[when]['source']}: {one[when]['text'][:160]}"
            console.print(f"    {when}: {text}", markup=False)


def _suites(console: Console, known: Mapping[str, Any]) -> None:
    """What the evaluation's suites found."""
    if known["state"] != "done":
        said = known.get("error") or f"{known.get('done', 0)} of {known.get('of', 0)} questions asked"
        console.print(f"suites: {known['state']}: {said}", markup=False)
        return
    table = Table("suites over its documents", "found", "of", "mark", "")
    for one in known["figures"]:
        share = "–" if one["share"] is None else f"{one['share']:.1%}"
        bound = f"{'≤' if one['at_most'] else '≥'} {one['mark']:.1%}"
        table.add_row(one["title"], share, str(one["cases"]), bound, "missed" if one["reached"] is False else "")
    console.print(table)
    for line in known.get("notes", []):
        console.print(f"  {line}", markup=False)
    for failure in known["failures"][:_SHOWN]:
        console.print(f"  {failure['note']}: {failure['said']}", markup=False)
        console.print(f"    got: {failure['got'][:160]}", markup=False)


_WHAT = {"document": "from another document", "words": "in other words", "how": "by a model now, or no longer by one"}


def _figure(value: float | int | None) -> str:
    if value is None:
        return "not tried"
    return str(value) if isinstance(value, int) else f"{value:.1%}"
