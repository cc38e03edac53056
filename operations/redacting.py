"""What of an event's body is redacted before it is kept: all its text, and the keys of a long entry."""

from __future__ import annotations

import re
from collections import OrderedDict
from typing import Any

from contracts.events import Event, EventKind
from escalation.redact import covered, redact_value
from escalation.running import Running

IDENTIFIERS = frozenset(
    {
        "call_id",
        "ticket",
        "calls",
        "external_id",
        "caller",
        "called",
        "config_digest",
        "passage_id",
        "passage_ids",
        "rule_id",
        "worker",
        "at",
        "asked_at",
        "target",
        "kind",
        "codec",
        "stages",
        "event_id",
        "timestamp",
    }
)
"""Keys whose values are names, numbers to call and digests: kept as they are, for the record is found by them."""
MAX_KEYS = 8
"""Keys pressed in a row that are kept; what comes after may be the rest of a card number."""
MAX_CALLS = 4096
MAX_TAKEN = 32
"""Secrets of a call that are known again."""
SHORTEST_REPEATED = 4
"""Letters and digits of a secret below which its words are too common to be looked for."""
_WORDS = re.compile(r"\w+")
_PERSON = "\0person"
"""A person's digits are followed apart from their caller's."""


class Redactor:
    """Redacts the bodies of events; remembers, for each call, how many keys were pressed in a row, and digits spoken.

    ``names``: people's names go too.
    """

    def __init__(self, names: bool = False) -> None:
        self._names = names
        self._spoken: OrderedDict[str, Running] = OrderedDict()
        self._keys: OrderedDict[str, int] = OrderedDict()
        self._taken: OrderedDict[str, list[tuple[re.Pattern[str], str]]] = OrderedDict()
        """What was taken out of the words of a call: later events of it may repeat them (a question, a quote)."""

    def body_of(self, event: Event) -> dict[str, Any]:
        """The body as it may be kept."""
        # First what is known, whole: redaction alone may find a part of it, and then the whole is there no more.
        known = _cleared(event.body, self._taken.get(event.call_id, []))
        body: dict[str, Any] = redact_value(known, IDENTIFIERS, self._names)
        if event.kind is EventKind.DTMF_RECEIVED:
            pressed = self._keys[event.call_id] = self._keys.get(event.call_id, 0) + 1
            self._keys.move_to_end(event.call_id)
            while len(self._keys) > MAX_CALLS:
                self._keys.popitem(last=False)
            if pressed > MAX_KEYS and str(body.get("digit", "")).isdigit():
                body["digit"] = "•"
        elif event.kind is EventKind.TURN_CALLER:
            self._keys.pop(event.call_id, None)
            body["text"] = self._said(event, event.call_id)
        elif event.kind is EventKind.TURN_PERSON:
            body["text"] = self._said(event, event.call_id + _PERSON)
        elif event.kind is EventKind.DESK_SUGGESTED:
            body["passages"] = event.body.get("passages", [])  # the owner's documents: "call 1 800 …" is their answer
        elif event.kind is EventKind.CALL_ENDED:
            self._keys.pop(event.call_id, None)
            self._spoken.pop(event.call_id, None)
            self._spoken.pop(event.call_id + _PERSON, None)
            taken = self._taken.pop(event.call_id, None)
            return _cleared(body, taken or [])
        return _cleared(body, self._taken.get(event.call_id, []))

    def _said(self, event: Event, speaker: str) -> str:
        text = str(event.body.get("text", ""))
        secrets = self._running(speaker).secrets(text, continues=bool(event.body.get("continues")))
        for secret in secrets:
            words = _WORDS.findall(text[secret.start : secret.end])
            if sum(map(len, words)) >= SHORTEST_REPEATED:
                pattern = re.compile(r"\b" + r"\W+".join(map(re.escape, words)) + r"\b", re.IGNORECASE)
                taken = self._taken.setdefault(event.call_id, [])
                taken.append((pattern, f"[{secret.kind}]"))
                del taken[:-MAX_TAKEN]
        while len(self._taken) > MAX_CALLS:
            self._taken.popitem(last=False)
        return covered(text, secrets)

    def _running(self, call_id: str) -> Running:
        running = self._spoken.setdefault(call_id, Running(self._names))
        self._spoken.move_to_end(call_id)
        while len(self._spoken) > MAX_CALLS:
            self._spoken.popitem(last=False)
        return running


def _cleared(body: dict[str, Any], taken: list[tuple[re.Pattern[str], str]]) -> dict[str, Any]:
    return {key: value if key in IDENTIFIERS else _without(value, taken) for key, value in body.items()}


def _without(value: Any, taken: list[tuple[re.Pattern[str], str]]) -> Any:
    """A value without what was taken out of the turns before, but for its identifiers."""
    if isinstance(value, str):
        for pattern, label in taken:
            value = pattern.sub(label, value)
        return value
    if isinstance(value, dict):
        return _cleared(value, taken)
    return [_without(inner, taken) for inner in value] if isinstance(value, list) else value
