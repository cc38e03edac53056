"""What of an event's body is redacted before it is kept: all its text, and the keys of a long entry."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from contracts.events import Event, EventKind
from escalation.redact import redact_value
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

    def body_of(self, event: Event) -> dict[str, Any]:
        """The body as it may be kept."""
        body: dict[str, Any] = redact_value(event.body, IDENTIFIERS, self._names)
        if event.kind is EventKind.DTMF_RECEIVED:
            pressed = self._keys[event.call_id] = self._keys.get(event.call_id, 0) + 1
            self._keys.move_to_end(event.call_id)
            while len(self._keys) > MAX_CALLS:
                self._keys.popitem(last=False)
            if pressed > MAX_KEYS and str(body.get("digit", "")).isdigit():
                body["digit"] = "•"
        elif event.kind is EventKind.TURN_CALLER:
            self._keys.pop(event.call_id, None)
            text = str(event.body.get("text", ""))
            body["text"] = self._running(event.call_id).redact(text, continues=bool(event.body.get("continues")))
        elif event.kind is EventKind.TURN_PERSON:
            text = str(event.body.get("text", ""))
            running = self._running(event.call_id + _PERSON)
            body["text"] = running.redact(text, continues=bool(event.body.get("continues")))
        elif event.kind is EventKind.DESK_SUGGESTED:
            body["passages"] = event.body.get("passages", [])  # the owner's documents: "call 1 800 …" is their answer
        elif event.kind is EventKind.CALL_ENDED:
            self._keys.pop(event.call_id, None)
            self._spoken.pop(event.call_id, None)
            self._spoken.pop(event.call_id + _PERSON, None)
        return body

    def _running(self, call_id: str) -> Running:
        running = self._spoken.setdefault(call_id, Running(self._names))
        self._spoken.move_to_end(call_id)
        while len(self._spoken) > MAX_CALLS:
            self._spoken.popitem(last=False)
        return running
