"""The kill switch of the running operator: shown and turned over the control socket, kept in the record.

Requests: ``switch`` shows; ``turn_switch`` (``scope``, ``name``, ``off``, ``by``, ``why``) turns.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import structlog

from contracts.errors import SwitchRefused
from contracts.events import EventSink
from contracts.handoff import Reason
from contracts.switch import MAX_NAME, MAX_WHY, Scope, Switch, Turned
from escalation.rules import RuleBook
from operations.switches import switch_event
from server.control import Operation

log = structlog.get_logger()
ALWAYS_ON = frozenset({Reason.DANGER, Reason.EMERGENCY, Reason.PERSON_REQUESTED, Reason.OFFER_ACCEPTED})
"""Reasons whose rules nobody switches off: a caller in danger, or who asks for a person, gets one."""
_FLUSH_S = 2.0


class KillSwitch:
    """Whoever asks has been let in by the console or sits at this machine. ``rules``: those of new calls."""

    def __init__(
        self,
        switch: Switch,
        rules: Callable[[], RuleBook],
        sink: EventSink,
        flush: Callable[[float], bool],
        trouble: Callable[[], str] = lambda: "",
    ) -> None:
        """``trouble``: why the rule file as it is now is not used."""
        self._switch = switch
        self._rules = rules
        self._sink = sink
        self._flush = flush
        self._trouble = trouble

    def operations(self) -> dict[str, Operation]:
        """By name, for the control socket."""
        return {"switch": self.show, "turn_switch": self.turn}

    async def show(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The whole, all rules, and the topics that are off."""
        state = self._switch.state
        whole = state.why_off(Scope.WHOLE)
        rules = []
        for rule in self._rules().rules:
            told = _told(state.why_off(Scope.RULE, rule.id))
            rules.append(
                {"name": rule.id, "reason": str(rule.reason), "say": rule.say, "may": rule.reason not in ALWAYS_ON}
                | told
            )
        topics = sorted(state.names(Scope.TOPIC))
        return {
            "whole": _told(whole),
            "version": self._rules().version,
            "digest": self._rules().digest[:12],
            "trouble": self._trouble(),
            "rules": rules,
            "topics": [{"name": name, **_told(state.why_off(Scope.TOPIC, name))} for name in topics],
        }

    async def turn(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Turn one. Raises SwitchRefused; ``kept`` false: it holds, and the record has not got it yet."""
        scope, name = Scope(request["scope"]), " ".join(str(request.get("name", "")).split())
        turn = Turned(
            scope, name, bool(request["off"]), str(request["by"])[:MAX_NAME], str(request.get("why", ""))[:MAX_WHY],
            datetime.now(UTC),
        )  # fmt: skip
        self._check(turn)
        self._switch.state = self._switch.state.turned(turn)
        self._sink.append(switch_event(turn))
        log.warning("switch.turned", **turn.body())
        return {"kept": await asyncio.to_thread(self._flush, _FLUSH_S)}

    def _check(self, turn: Turned) -> None:
        if (turn.scope is Scope.WHOLE) == bool(turn.name):
            raise SwitchRefused("a rule or a topic has a name; the whole has none")
        if len(turn.name) > MAX_NAME:
            raise SwitchRefused(f"a topic has at most {MAX_NAME} letters")
        if turn.scope is not Scope.RULE:
            return
        rule = next((one for one in self._rules().rules if one.id == turn.name), None)
        if rule is None and turn.off:
            raise SwitchRefused(f"there is no rule {turn.name!r}; `callwright switch show` lists them")
        if rule is not None and turn.off and rule.reason in ALWAYS_ON:
            raise SwitchRefused(f"{turn.name} stays on: it brings a caller in danger, or who asks for it, to a person")


def _told(turn: Turned | None) -> dict[str, Any]:
    if turn is None:
        return {"off": False, "by": "", "why": "", "at": ""}
    return {"off": True, "by": turn.by, "why": turn.why, "at": turn.at.isoformat(timespec="seconds")}
