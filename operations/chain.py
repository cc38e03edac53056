"""The hash chain of the event log, and the tables for reading that are made beside it.

::

    body_sha256 = sha256(salt + canonical JSON of body)
    hash        = sha256(canonical JSON of [prev_hash, log, seq, event_id, kind, call_id, turn, at, body_sha256])

A body can be erased (retention, a caller's right) without breaking the chain: its digest stays, its salt goes.
"""

from __future__ import annotations

import hashlib
import json
import math
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from contracts.databases import hold
from contracts.events import Event
from operations.readtables import apply_safely
from operations.tables import events

GENESIS = "0" * 64
_CONTROLS = dict.fromkeys([*range(9), *range(11, 32), *range(127, 160)])


@dataclass(slots=True, frozen=True)
class Stored:
    """An event as it waits for the disk: redacted, with an id that makes replaying it harmless."""

    event_id: str
    kind: str
    call_id: str
    turn: int
    at: datetime
    body: dict[str, Any]


def entry_of(event: Event, event_id: str, body: dict[str, Any]) -> Stored:
    """What is kept of an event; values that JSON does not know become text, so that appending cannot fail."""
    at = event.at if event.at.tzinfo else event.at.replace(tzinfo=UTC)
    return Stored(event_id, str(event.kind), _clean(event.call_id)[:128], event.turn, at.astimezone(UTC), _clean(body))


def _clean(value: Any) -> Any:
    """JSON that every database can keep and every terminal can show; what is not JSON becomes text.

    No lone surrogates, no NaN, no control characters but tab and newline: a caller's name may be chosen to drive the
    terminal of whoever reads it.
    """
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode().translate(_CONTROLS)
    if isinstance(value, Mapping):
        return {_clean(str(key)): _clean(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(inner) for inner in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int) else _clean(str(value))


def canonical(value: Any) -> bytes:
    """One byte string for one JSON value: sorted keys, no spaces, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest(salt: str, body: Mapping[str, Any]) -> str:
    """SHA-256 of a salted body, hex."""
    return hashlib.sha256(salt.encode() + canonical(body)).hexdigest()


def link(row: Mapping[str, Any]) -> str:
    """The hash of a row, hex; its ``at`` is an aware datetime."""
    parts = [row[key] for key in ("prev_hash", "log", "seq", "event_id", "kind", "call_id", "turn")]
    moment: datetime = row["at"]
    return hashlib.sha256(canonical([*parts, moment.astimezone(UTC).isoformat(), row["body_sha256"]])).hexdigest()


def append_rows(connection: sa.Connection, name: str, group: Sequence[Stored]) -> None:
    """Write a group behind the chain's head, and what it means to the tables for reading. Known events are skipped."""
    hold(connection, f"chain {name}")
    ids = [stored.event_id for stored in group]
    known = set(connection.scalars(sa.select(events.c.event_id).where(events.c.event_id.in_(ids))))
    head = connection.execute(
        sa.select(events.c.seq, events.c.hash).where(events.c.log == name).order_by(events.c.seq.desc()).limit(1)
    ).first()
    seq, last = (head.seq, head.hash) if head else (0, GENESIS)
    rows = []
    for stored in group:
        if stored.event_id in known:
            continue
        seq += 1
        salt = secrets.token_hex(16)
        row: dict[str, Any] = {
            "log": name,
            "seq": seq,
            "event_id": stored.event_id,
            "kind": stored.kind,
            "call_id": stored.call_id,
            "turn": stored.turn,
            "at": stored.at,
            "body": stored.body,
            "salt": salt,
            "body_sha256": digest(salt, stored.body),
            "prev_hash": last,
        }
        row["hash"] = last = link(row)
        rows.append(row)
        apply_safely(connection, stored.kind, stored.call_id, stored.turn, stored.at, stored.body)
    if rows:
        connection.execute(sa.insert(events), rows)
