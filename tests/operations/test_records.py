"""What was logged can be read again, exported, and erased without breaking the chain."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from contracts.errors import CallUnknown, RecordError
from contracts.handoff import HandoffStatus
from operations.database import open_database
from operations.records import Records
from tests.operations.kit import STAGES, START, call_events, handoff, keep


def test_a_call_reads_as_it_was_logged(record: sa.Engine, tmp_path: Path) -> None:
    keep(record, tmp_path / "spool", call_events(), handoff())
    found = Records(record).get_call("call-1")
    assert found.call["caller"] == "+15550100"
    assert found.call["started_at"] == START
    assert (found.call["end_reason"], found.call["duration_s"]) == ("transferred", 31.5)
    first, second = found.turns
    assert (first["caller_text"], first["heard"], first["rung"]) == (
        "What is the fee?",
        "It is thirty dollars.",
        "small",
    )
    assert (first["interrupted"], first["response_latency_s"], first["stages"]) == (True, 0.7, STAGES)
    assert (second["caller_text"], second["barge_in"]) == ("Get me a human", True)
    (escalation,) = found.escalations
    assert (escalation["reason"], escalation["target"], escalation["ok"]) == ("person_requested", "sip:200@pbx", True)
    assert [event["kind"] for event in found.events][:2] == ["call.started", "turn.caller"]
    assert json.loads(json.dumps(found.as_json()))["turns"][0]["turn"] == 1


def test_a_call_is_found_by_its_external_id_and_by_a_clear_beginning(record: sa.Engine, tmp_path: Path) -> None:
    keep(record, tmp_path / "spool", [*call_events("call-12"), *call_events("call-13")])
    records = Records(record)
    assert records.get_call("sip-call-13").call["call_id"] == "call-13"
    assert records.get_call("call-12").call["call_id"] == "call-12"
    with pytest.raises(CallUnknown, match="several"):
        records.get_call("call")
    with pytest.raises(CallUnknown, match="nothing-like-it"):
        records.get_call("nothing-like-it")


def test_questions_that_a_rung_answered_are_found_once_each(record: sa.Engine, tmp_path: Path) -> None:
    keep(record, tmp_path / "spool", [*call_events("call-12"), *call_events("call-13")])
    records = Records(record)
    assert records.asked_of(["small", "large"]) == ["What is the fee?"]
    assert records.asked_of(["large"]) == []


def test_calls_are_listed_newest_first_with_turns_and_escalation(record: sa.Engine, tmp_path: Path) -> None:
    later = START + timedelta(hours=1)
    keep(record, tmp_path / "spool", [*call_events("old"), *call_events("new", later)[:2]])
    records = Records(record)
    rows = records.list_calls()
    assert [(row["call_id"], row["turns"], row["escalation"], row["end_reason"]) for row in rows] == [
        ("new", 1, None, ""),
        ("old", 2, "person_requested", "transferred"),
    ]
    assert [row["call_id"] for row in records.list_calls(before=later)] == ["old"]
    assert records.call_ids() == ["old", "new"]


def test_a_hand_over_is_kept_and_a_later_state_replaces_it(record: sa.Engine, tmp_path: Path) -> None:
    connected = handoff().model_copy(update={"status": HandoffStatus.CONNECTED, "wait_s": 2.0})
    keep(record, tmp_path / "spool", [], handoff(), connected, handoff("call-2"))
    records = Records(record)
    assert records.get_handoff("call-1") == connected
    assert records.get_handoff("sip-call-1") == connected
    assert len(records.list_handoffs()) == 2
    with pytest.raises(CallUnknown):
        records.get_handoff("nobody")


def test_a_database_that_cannot_be_read_is_one_line_without_the_statement(tmp_path: Path) -> None:
    engine = open_database("sqlite:///empty.db", tmp_path)
    with pytest.raises(RecordError) as caught:
        Records(engine).list_calls()
    assert "\n" not in str(caught.value)
    assert "SELECT" not in str(caught.value)
