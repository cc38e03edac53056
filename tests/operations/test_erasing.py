"""What is erased is gone, what is left can be verified, and whoever changes a row is found."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from operations.database import migrate, open_database
from operations.erasing import Class, Eraser, same_caller
from operations.records import Records
from operations.settings import RetentionSettings
from operations.verifying import faults, heads
from tests.operations.kit import START, call_events, keep

DAY = timedelta(days=1)


@pytest.fixture
def record(tmp_path: Path) -> sa.Engine:
    """Two calls, a hundred days apart, both recorded."""
    engine = open_database("sqlite:///record.db", tmp_path)
    migrate(engine)
    (tmp_path / "recordings").mkdir()
    for name, start in (("call-old", START), ("call-new", START + 100 * DAY)):
        keep(engine, tmp_path / "spool", call_events(name, start))
        (tmp_path / "recordings" / f"{name}.wav").write_bytes(b"RIFF")
    return engine


def test_an_untouched_record_has_no_faults(record: sa.Engine) -> None:
    assert list(faults(record)) == []
    assert heads(record)["main"][0] > 10


def test_each_class_goes_at_its_own_age_and_the_chain_goes_on(record: sa.Engine, tmp_path: Path) -> None:
    eraser = Eraser(record, tmp_path / "recordings")
    settings = RetentionSettings(transcripts_days=30, recordings_days=30, handovers_days=400)
    done = {one.what: one for one in eraser.retain(settings, START + 101 * DAY)}
    assert set(done) == {Class.TRANSCRIPTS, Class.RECORDINGS, Class.HANDOVERS}
    assert done[Class.TRANSCRIPTS].calls == 1
    assert done[Class.TRANSCRIPTS].events >= 3
    assert done[Class.HANDOVERS].calls == 0
    assert all(one.left == 0 for one in done.values())
    assert [path.name for path in (tmp_path / "recordings").iterdir()] == ["call-new.wav"]
    old, new = Records(record).get_call("call-old"), Records(record).get_call("call-new")
    assert {turn["caller_text"] for turn in old.turns} == {""}
    assert "What is the fee?" in {turn["caller_text"] for turn in new.turns}
    assert old.escalations
    assert list(faults(record)) == []
    again = {one.what: one for one in eraser.retain(settings, START + 101 * DAY)}
    assert again[Class.TRANSCRIPTS].calls == 0


def test_what_was_erased_is_not_left_in_the_files_of_the_database(record: sa.Engine, tmp_path: Path) -> None:
    Eraser(record, tmp_path / "recordings").forget(["call-old", "call-new"], "test", "asked for")
    record.dispose()
    for path in tmp_path.glob("record.db*"):
        data = path.read_bytes()
        assert b"What is the fee" not in data
        assert b"+15550100" not in data


def test_all_of_a_caller_goes_and_only_theirs(record: sa.Engine, tmp_path: Path) -> None:
    eraser = Eraser(record, tmp_path / "recordings")
    ids = eraser.of_caller("+1 555 01 00")
    assert ids == ["call-old", "call-new"]
    assert eraser.of_caller("+1 555 01 99") == []
    eraser.forget(ids[:1], "test", "asked for")
    assert [row["call_id"] for row in Records(record).list_calls()] == ["call-new"]
    assert list(faults(record)) == []
    assert eraser.verify()["main"] > 10


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("UPDATE events SET body = '{\"text\": \"changed\"}' WHERE log = 'main' AND seq = 2", "entry 2"),
        ("UPDATE events SET kind = 'turn.operator' WHERE log = 'main' AND seq = 2", "entry 2"),
        ("DELETE FROM events WHERE log = 'main' AND seq = 3", "entries 3 to 3 are missing"),
        ("UPDATE events SET body = NULL, salt = NULL WHERE log = 'main' AND seq = 4", "no erasure tells of it"),
        ("UPDATE turns SET heard = 'something else' WHERE call_id = 'call-new' AND turn = 1", "turn 1: heard changed"),
        ("UPDATE calls SET caller = 'nobody' WHERE call_id = 'call-old'", "caller changed"),
        ("DELETE FROM escalations WHERE call_id = 'call-old'", "a row is missing"),
        (
            "INSERT INTO turns SELECT call_id, 77, asked_at, answered_at, caller_text, confidence, barge_in, "
            "operator_text, heard, interrupted, rung, why, passage_ids, stages, response_latency_s, filler_latency_s "
            "FROM turns WHERE call_id = 'call-old' AND turn = 1",
            "no event tells of this row",
        ),
    ],
)
def test_whoever_changes_a_row_is_found_and_the_row_named(record: sa.Engine, change: str, named: str) -> None:
    with record.begin() as connection:
        assert connection.execute(sa.text(change)).rowcount
    found = list(faults(record))
    assert any(named in line for line in found), found


@pytest.mark.parametrize(
    ("given", "caller", "same"),
    [
        ("+15550142", "sip:+15550142@example.org", True), ("+1 555 01 42", "+15550142", True),
        ("15550142", "sip:+15550142@example.org", True), ("alice", "sip:alice@example.org", True),
        ("50142", "sip:+15550142@example.org", False), ("", "", True), ("bob", "sip:alice@example.org", False),
    ],
)  # fmt: skip
def test_who_is_meant(given: str, caller: str, same: bool) -> None:
    assert same_caller(given, caller) is same
