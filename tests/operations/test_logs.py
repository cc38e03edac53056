"""Logs are JSON with call id and turn, and hold no card number. Run in a process of its own: logging is global."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from contracts.errors import RecordError
from operations.logs import redacting, setup_logs
from operations.settings import LogSettings

SPEAKING = """
import logging, sys
from pathlib import Path
import structlog
from operations.logs import setup_logs
from operations.settings import LogSettings

setup_logs(LogSettings(), Path(sys.argv[1]))
log = structlog.get_logger()
with structlog.contextvars.bound_contextvars(call_id="call-4111111111111111", turn=3):
    log.info("gate.rejected", sentence="card four one one one one one one one one one one one one one one one")
    logging.getLogger("sip").warning("INVITE from %s", "4111 1111 1111 1111")
    try:
        raise ValueError("4111-1111-1111-1111")
    except ValueError:
        log.exception("odd")
log.debug("too.quiet")
"""


def test_lines_are_json_with_call_and_turn_and_without_secrets(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", SPEAKING, str(tmp_path)],
        capture_output=True, text=True, check=True, cwd=root, env={**os.environ, "PYTHONPATH": str(root)},
    )  # fmt: skip
    text = (tmp_path / "logs" / "callwright.jsonl").read_text("utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    assert [line["event"] for line in lines] == ["gate.rejected", "INVITE from [card]", "odd"]
    assert {(line["call_id"], line["turn"]) for line in lines} == {("call-4111111111111111", 3)}
    assert lines[0]["sentence"] == "card [card]"
    assert lines[0]["level"] == "info"
    assert "ValueError: [card]" in lines[2]["exception"]
    assert [json.loads(line)["event"] for line in done.stderr.splitlines()] == [line["event"] for line in lines]
    assert "4111 1111" not in done.stderr


def test_a_log_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("in the way")
    with pytest.raises(RecordError, match=r"logs.callwright\.jsonl"):
        setup_logs(LogSettings(), tmp_path)


def test_levels_and_ids_are_left_alone() -> None:
    entry = {"level": "info", "call_id": "1234567890123", "timestamp": "2026-01-05T09:00:00.123456Z", "event": "x"}
    assert redacting(None, "info", dict(entry)) == entry
