"""Events become figures that Prometheus can read."""

from __future__ import annotations

from contracts.events import Event, EventKind
from operations.metrics import Fanout, Metrics
from tests.operations.kit import call_events


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def test_a_call_is_counted() -> None:
    metrics = Metrics()
    for event in call_events():
        metrics.append(event)
    assert value(metrics, "callwright_calls_total", kind="sip") == 1
    assert value(metrics, "callwright_turns_total", rung="small") == 1
    assert value(metrics, "callwright_response_latency_seconds_sum", rung="small") == 0.7
    assert value(metrics, "callwright_response_latency_seconds_bucket", rung="small", le="0.75") == 1
    assert value(metrics, "callwright_filler_latency_seconds_count") == 0
    assert value(metrics, "callwright_escalations_total", reason="person_requested") == 1
    assert value(metrics, "callwright_transfers_total", ok="yes") == 1
    assert value(metrics, "callwright_gate_rejections_total") == 1
    assert value(metrics, "callwright_barge_ins_total") == 1
    assert value(metrics, "callwright_calls_ended_total", reason="transferred") == 1


def test_gauges_show_the_present() -> None:
    metrics = Metrics()
    metrics.set_active(3)
    metrics.observe_tick(0.004)
    spooled = [7]
    metrics.watch_events(lambda: 1, lambda: spooled[0], lambda: 0)
    assert value(metrics, "callwright_active_calls") == 3
    assert value(metrics, "callwright_tick_lateness_seconds_count") == 1
    spooled[0] = 9
    assert value(metrics, "callwright_events_spooled") == 9
    assert "callwright_active_calls 3.0" in metrics.render()


def test_an_event_without_its_values_raises_nothing() -> None:
    metrics = Metrics()
    for kind in EventKind:
        metrics.append(Event(kind, "c"))
        metrics.append(Event(kind, "c", {"response_latency_s": "soon", "rung": None, "kind": 5}))


def test_secure_captures_are_counted_by_how_they_ended() -> None:
    metrics = Metrics()
    for body in ({"step": "asked"}, {"step": "ended", "how": "keyed"}, {"step": "posted", "ok": True}):
        metrics.append(Event(EventKind.CAPTURE_MOVED, "c", body))
    metrics.append(Event(EventKind.CAPTURE_MOVED, "c", {"step": "posted", "ok": False, "why": "declined"}))
    for step, result in (("ended", "keyed"), ("posted", "approved"), ("posted", "declined")):
        assert value(metrics, "callwright_captures_total", step=step, result=result) == 1


def test_two_metrics_do_not_share_a_registry() -> None:
    first, second = Metrics(), Metrics()
    Fanout([first, second]).append(Event(EventKind.WORKER_LOST, "-", {"worker": "tts"}))
    first.append(Event(EventKind.WORKER_LOST, "-", {"worker": "tts"}))
    assert value(first, "callwright_worker_restarts_total", worker="tts") == 2
    assert value(second, "callwright_worker_restarts_total", worker="tts") == 1
