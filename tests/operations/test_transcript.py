"""A call can be read by a person, and by a program."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from rich.text import Text
from typer.testing import CliRunner

from contracts.errors import CallUnknown
from contracts.events import Event, EventKind
from operations.cli import make_app
from operations.records import Records
from operations.transcript import render_call, render_waterfall
from tests.operations.kit import STAGES, START, call_events, keep


@pytest.fixture
def records(record: sa.Engine, tmp_path: Path) -> Records:
    hostile = Event(
        EventKind.CALL_STARTED, "call-2", {"caller": "=1+1[red]\x1b[2J", "external_id": "x", "kind": "sip"}, 0, START
    )
    said = Event(EventKind.TURN_CALLER, "call-2", {"turn": 1, "text": "=cmd|' /C calc'!A0 [bold]"}, 1, START)
    keep(record, tmp_path / "spool", [*call_events(), hostile, said])
    return Records(record)


def run(records: Records, *arguments: str) -> str:
    @contextmanager
    def opened() -> Iterator[Records]:
        yield records

    result = CliRunner().invoke(make_app(opened), list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def plain(records: Records, call_id: str) -> str:
    return "\n".join(Text.from_markup(line).plain for line in render_call(records.get_call(call_id)))


def test_a_call_reads_as_a_conversation_with_rungs_and_passages(records: Records) -> None:
    text = plain(records, "call-1")
    for expected in (
        "caller   What is the fee? confidence 0.91",
        "operator It is thirty dollars. — interrupted [small · Fees [2026]]",
        "0.70 s",
        "not said It is 9 %.",
        "asks-for-a-person: person_requested “get me a human”",
        "transfer sip:200@pbx done: 200 OK",
        "ended: transferred, after 31.5 s",
    ):
        assert expected in text


def test_what_a_stranger_said_is_shown_and_not_obeyed(records: Records) -> None:
    text = plain(records, "call-2")
    assert "=1+1[red][2J" in text
    assert "[bold]" in text
    assert "\x1b" not in text
    assert "still up" in text


def test_a_waterfall_grows_with_time_and_stays_in_its_width() -> None:
    short, long = (Text.from_markup(render_waterfall({"all": [0.0, end]})).plain for end in (0.5, 30.0))
    assert 0 < short.count("━") < long.count("━") == 48
    assert "endpoint 300 · recognised 50" in Text.from_markup(render_waterfall(STAGES)).plain
    assert render_waterfall({}) == ""


def test_show_and_list_print_tables_and_json(records: Records) -> None:
    assert "person_requested" in json.dumps(json.loads(run(records, "show", "call-1", "--json")))
    assert "What is the fee?" in run(records, "show", "call-1")
    assert {row["call_id"] for row in json.loads(run(records, "list", "--json"))} == {"call-1", "call-2"}
    assert "call-1" in run(records, "list")


def test_an_export_holds_every_call_in_each_format(records: Records, tmp_path: Path) -> None:
    assert len(json.loads(run(records, "export", "--all"))) == 2
    target = tmp_path / "calls.jsonl"
    run(records, "export", "--all", "--format", "jsonl", "--out", str(target))
    assert len([json.loads(line) for line in target.read_text("utf-8").splitlines()]) == 2
    rows = list(csv.DictReader(io.StringIO(run(records, "export", "--all", "--format", "csv"))))
    assert len(rows) == 3
    assert {row["call_id"]: row["caller_text"] for row in rows}["call-2"].startswith("'=cmd")


def test_an_unknown_call_is_an_error_of_the_project(records: Records) -> None:
    with pytest.raises(CallUnknown):
        run(records, "show", "nobody")
