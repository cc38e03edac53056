"""What is erased is gone, what is left can be verified, and whoever changes a row is found."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from contracts.events import Event, EventKind
from contracts.handoff import CallbackTicket, Reason
from operations.callbacks import CallbackOutcome, Callbacks, CallbackState
from operations.callers import CallerUnclear, find_caller, same_caller
from operations.cases import CaseOutcome, Cases
from operations.database import migrate, open_database
from operations.erasing import Class, Eraser
from operations.records import Records
from operations.settings import RetentionSettings
from operations.tables import events, handoffs
from operations.verifying import faults, heads
from tests.operations.kit import START, call_events, handoff, keep, length_of

DAY = timedelta(days=1)


@pytest.fixture
def record(tmp_path: Path, database_url: str) -> Iterator[sa.Engine]:
    """Two calls, a hundred days apart, both recorded, handed over, taken by ana, and to be called back."""
    engine = open_database(database_url, tmp_path)
    migrate(engine)
    (tmp_path / "recordings").mkdir()
    for name, start in (("call-old", START), ("call-new", START + 100 * DAY)):
        wanted = promise(f"ticket-{name}", name, start)
        keep(engine, tmp_path / "spool", [*call_events(name, start), wanted], handoff(name))
        (tmp_path / "recordings" / f"{name}.wav").write_bytes(b"RIFF")
        Cases(engine).claim(name, "ana")
        Cases(engine).close(name, "ana", CaseOutcome.SOLVED, ["fees"], "told the fee")
    Callbacks(engine).claim("ticket-call-new", "ana")
    yield engine
    engine.dispose()


def promise(ticket: str, call_id: str, since: datetime, days: float = 5) -> Event:
    """To be called back."""
    told = CallbackTicket(
        ticket=ticket, call_id=call_id, caller="+15550100", reason=Reason.FRAUD, wanted_at=since,
        expires_at=since + timedelta(days=days),
    )  # fmt: skip
    return Event(EventKind.CALLBACK_WANTED, call_id, told.model_dump(mode="json"), 2, since)


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


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_was_erased_is_not_left_in_the_files_of_the_database(record: sa.Engine, tmp_path: Path) -> None:
    Eraser(record, tmp_path / "recordings").forget(["call-old", "call-new"], "test", "asked for")
    record.dispose()
    for path in tmp_path.glob("record.db*"):
        data = path.read_bytes()
        assert b"What is the fee" not in data
        assert b"+15550100" not in data


def test_all_of_a_caller_goes_and_only_theirs(record: sa.Engine, tmp_path: Path) -> None:
    eraser = Eraser(record, tmp_path / "recordings")
    ids = list(find_caller(record, "+1 555 01 00").calls)
    assert ids == ["call-old", "call-new"]
    assert find_caller(record, "+1 555 01 99").calls == ()
    eraser.forget(ids[:1], "test", "asked for")
    assert [row["call_id"] for row in Records(record).list_calls()] == ["call-new"]
    assert list(faults(record)) == []
    assert length_of(record) > 10


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
            "UPDATE handoffs SET reason = 'media' WHERE call_id = 'call-old'",
            "handoffs, call_id call-old: reason changed",
        ),
        ("UPDATE cases SET note = 'hushed up' WHERE call_id = 'call-new'", "cases, call_id call-new: note changed"),
        ("UPDATE cases SET claimed_by = 'bo' WHERE call_id = 'call-old'", "claimed_by changed"),
        ("DELETE FROM cases WHERE call_id = 'call-old'", "table cases, call call-old: a row is missing"),
        (
            "INSERT INTO cases SELECT 'call-x', claimed_by, claimed_at, closed_at, outcome, tags, note FROM cases "
            "LIMIT 1",
            "cases, call_id call-x: no event tells",
        ),
        ("UPDATE callbacks SET caller = '+1900' WHERE ticket = 'ticket-call-new'", "ticket ticket-call-new: caller"),
        ("UPDATE callbacks SET claimed_by = NULL, claimed_at = NULL", "claimed_by, claimed_at changed"),
        ("DELETE FROM callbacks WHERE call_id = 'call-old'", "table callbacks, call call-old: a row is missing"),
        (
            "INSERT INTO turns SELECT call_id, 77, asked_at, answered_at, caller_text, confidence, barge_in, "
            "operator_text, heard, interrupted, rung, why, passage_ids, stages, response_latency_s, filler_latency_s "
            "FROM turns WHERE call_id = 'call-old' AND turn = 1",
            "no event tells of this row",
        ),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_whoever_changes_a_row_is_found_and_the_row_named(record: sa.Engine, change: str, named: str) -> None:
    with record.begin() as connection:
        assert connection.execute(sa.text(change)).rowcount
    found = list(faults(record))
    assert any(named in line for line in found), found


def test_a_row_that_comes_back_after_its_erasure_is_found(record: sa.Engine, tmp_path: Path) -> None:
    with record.connect() as connection:
        row = connection.execute(sa.select(handoffs).where(handoffs.c.call_id == "call-old")).mappings().one()
    Eraser(record, tmp_path / "recordings").forget(["call-old"], "test", "asked for")
    assert list(faults(record)) == []
    with record.begin() as connection:
        connection.execute(sa.insert(handoffs).values(dict(row)))
    assert any("was erased, and stands there again" in line for line in faults(record))


def test_callbacks_that_are_over_go_at_their_own_age_and_open_ones_stay(record: sa.Engine, tmp_path: Path) -> None:
    eraser, now, none = Eraser(record, tmp_path / "recordings"), datetime.now(UTC), RetentionSettings()
    keep(record, tmp_path / "spool", [promise("open", "call-open", now), promise("late", "call-late", now - 7 * DAY)])
    (done,) = eraser.retain(none, now, callbacks_days=30)
    assert (done.calls, done.rows, done.left) == (2, 2, 0)
    assert {one.ticket for one in Callbacks(record).past()} == {"late"}
    Callbacks(record).claim("open", "ana")
    Callbacks(record).close("open", "ana", CallbackOutcome.REACHED, "wanted a card")
    assert eraser.retain(none, now + 29 * DAY, callbacks_days=30)[0].rows == 1
    assert Callbacks(record).get("open").state(now) is CallbackState.DONE
    assert eraser.retain(none, now + 31 * DAY, callbacks_days=30)[0].events == 3
    assert list(faults(record)) == []


def test_retention_of_hand_overs_leaves_a_promise_that_is_open(record: sa.Engine, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    keep(record, tmp_path / "spool", [*call_events("call-open", now - DAY), promise("open", "call-open", now)])
    done = Eraser(record, tmp_path / "recordings").retain(RetentionSettings(handovers_days=1, events_days=1), now + DAY)
    assert all(one.left == 0 for one in done)
    assert [one.caller for one in Callbacks(record).to_do()] == ["+15550100"]
    assert list(faults(record)) == []


@pytest.mark.parametrize("given", ["", "  ", "anonymous", "sip:anonymous@anonymous.invalid", "unknown"])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_callers_without_a_number_are_nobody_in_particular(record: sa.Engine, given: str) -> None:
    with pytest.raises(CallerUnclear, match="give the number"):
        find_caller(record, given)


def test_whoever_was_refused_or_asked_for_a_call_is_found_too(record: sa.Engine, tmp_path: Path) -> None:
    refused = Event(EventKind.CALL_REFUSED, "call-full", {"reason": "overload", "caller": "sip:+15550100@x"}, 0, START)
    withheld = promise("ticket", "call-withheld", START + 2 * DAY)
    keep(record, tmp_path / "spool", [refused, withheld])
    ids = list(find_caller(record, "+15550100").calls)
    assert set(ids) == {"call-full", "call-old", "call-withheld", "call-new"}
    Eraser(record, tmp_path / "recordings").forget(ids, "test", "asked for, number +1 555 0100")
    assert find_caller(record, "+15550100").calls == ()
    with record.connect() as connection:
        assert "555" not in str(connection.execute(sa.select(events.c.body)).all())


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
