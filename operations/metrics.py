"""Prometheus metrics of the media process, fed by events, the worker pool and the media tick.

No global registry: an operator (or a test) has its own. No label holds anything a caller said.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from contracts.events import Event, EventKind, EventSink
from escalation.redact import redact

LATENCY_BUCKETS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.75, 0.96, 1.25, 1.5, 2.0, 3.0, 5.0, 9.0)
_OURS = re.compile(r"[A-Za-z0-9_. -]{0,40}")
TICK_BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.04, 0.06, 0.1, 0.5)


class Metrics:
    """All metrics of one media process, and an EventSink that feeds them."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        registry = self.registry
        self.response_latency = Histogram(
            "callwright_response_latency_seconds", "True end of the caller's speech to the answer's first sound",
            ["rung"], buckets=LATENCY_BUCKETS, registry=registry,
        )  # fmt: skip
        self.filler_latency = Histogram(
            "callwright_filler_latency_seconds", "The same to a filler's first sound",
            buckets=LATENCY_BUCKETS, registry=registry,
        )  # fmt: skip
        self.turns = Counter(
            "callwright_turns_total", "Answered turns by rung of the cascade", ["rung"], registry=registry
        )
        self.calls = Counter("callwright_calls_total", "Answered calls by transport", ["kind"], registry=registry)
        self.refused = Counter("callwright_calls_refused_total", "Calls not admitted", ["reason"], registry=registry)
        self.ended = Counter("callwright_calls_ended_total", "Ended calls by reason", ["reason"], registry=registry)
        self.escalations = Counter(
            "callwright_escalations_total", "Escalations by reason", ["reason"], registry=registry
        )
        self.transfers = Counter("callwright_transfers_total", "Transfers by result", ["ok"], registry=registry)
        self.rejected = Counter(
            "callwright_gate_rejections_total",
            "Sentences that the grounding gate kept from being spoken",
            registry=registry,
        )
        self.captures = Counter(
            "callwright_captures_total", "Secure captures by how they ended, and what was posted by result",
            ["step", "result"], registry=registry,
        )  # fmt: skip
        self.barge_ins = Counter("callwright_barge_ins_total", "Answers that a caller interrupted", registry=registry)
        self.restarts = Counter("callwright_worker_restarts_total", "Lost model workers", ["worker"], registry=registry)
        self.trouble = Counter(
            "callwright_trouble_total", "Things that were caught while calls went on", ["what"], registry=registry
        )
        self.active = Gauge("callwright_active_calls", "Calls being served", registry=registry)
        self.tick_late = Histogram(
            "callwright_tick_lateness_seconds",
            "Lateness of the 20 ms media tick",
            buckets=TICK_BUCKETS,
            registry=registry,
        )

    def watch_events(self, waiting: Callable[[], int], spooled: Callable[[], int], lost: Callable[[], int]) -> None:
        """Show the event log's state: events in memory, in the spool file, and lost. Asked at each scrape."""
        for name, what, read in (
            ("waiting", "Events in memory that are on no disk yet", waiting),
            ("spooled", "Events in the spool file that the database has not got yet", spooled),
            ("lost", "Events that neither database nor spool could take", lost),
        ):
            gauge = Gauge(f"callwright_events_{name}", what, registry=self.registry)
            gauge.set_function(_as_float(read))

    def append(self, event: Event) -> None:
        """Count an event. Never raises for a body that lacks something."""
        body = event.body
        match event.kind:
            case EventKind.TURN_MEASURED:
                rung = _label(body.get("rung"))
                self.turns.labels(rung).inc()
                if isinstance(latency := body.get("response_latency_s"), int | float):
                    self.response_latency.labels(rung).observe(latency)
                if isinstance(filler := body.get("filler_latency_s"), int | float):
                    self.filler_latency.observe(filler)
            case EventKind.CALL_STARTED:
                self.calls.labels(_label(body.get("kind"))).inc()
            case EventKind.CALL_ENDED:
                self.ended.labels(_label(body.get("reason"))).inc()
            case EventKind.CALL_REFUSED:
                self.refused.labels(_label(body.get("reason"))).inc()
            case EventKind.ESCALATION_RAISED:
                self.escalations.labels(_label(body.get("reason"))).inc()
            case EventKind.TRANSFER_ENDED:
                self.transfers.labels("yes" if body.get("ok") else "no").inc()
            case EventKind.CAPTURE_MOVED if body.get("step") in ("ended", "posted"):
                result = "approved" if body.get("ok") else body.get("how") or body.get("why")
                self.captures.labels(body["step"], _label(result)).inc()
            case EventKind.GATE_REJECTED:
                self.rejected.inc()
            case EventKind.TURN_OPERATOR if body.get("interrupted"):
                self.barge_ins.inc()
            case EventKind.WORKER_LOST:
                self.restarts.labels(_label(body.get("worker"))).inc()
            case EventKind.TROUBLE:
                self.trouble.labels(_label(body.get("what"))).inc()

    def set_active(self, calls: int) -> None:
        """How many calls are being served now."""
        self.active.set(calls)

    def observe_tick(self, late_s: float) -> None:
        """Lateness of one media tick, seconds."""
        self.tick_late.observe(late_s)

    def render(self) -> str:
        """Prometheus text format."""
        return generate_latest(self.registry).decode()


def _label(value: Any) -> str:
    """A label's value: one of our own short words, never what somebody else chose to send."""
    text = str(value or "")
    return text if _OURS.fullmatch(text) and redact(text) == text else "other"


def _as_float(read: Callable[[], int]) -> Callable[[], float]:
    return lambda: float(read())


class Fanout:
    """One EventSink that gives each event to several."""

    def __init__(self, sinks: Sequence[EventSink]) -> None:
        self._sinks = list(sinks)

    def add(self, sink: EventSink) -> None:
        """One more, from now on."""
        self._sinks.append(sink)

    def append(self, event: Event) -> None:
        """Give the event to every sink."""
        for sink in self._sinks:
            sink.append(event)
