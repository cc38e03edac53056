"""The command as its user types it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from contracts.errors import ConfigError
from evaluation.cli import chosen, exit_code
from evaluation.contract import Outcome
from evaluation.marks import load_marks
from evaluation.runner import Ran, State
from evaluation.suites import SUITES

GOOD = Ran("routing", State.DONE, outcome=Outcome({"banking77_top1": 0.95}))
POOR = Ran("routing", State.DONE, outcome=Outcome({"banking77_top1": 0.5}))
LEFT = Ran("pii", State.LEFT_OUT, "no file")
FAILED = Ran("safety", State.FAILED, "no")


def test_no_name_means_all_and_names_keep_the_suites_order() -> None:
    assert chosen("") == list(SUITES)
    assert chosen("routing, retrieval") == ["retrieval", "routing"]
    with pytest.raises(ConfigError, match="there are: retrieval"):
        chosen("roting")


@pytest.mark.parametrize(
    ("ran", "named", "strict", "code"),
    [
        ([GOOD, LEFT], False, False, 0),
        ([GOOD, LEFT], True, False, 1),
        ([GOOD, FAILED], False, False, 1),
        ([POOR], False, False, 0),
        ([POOR], False, True, 1),
        ([LEFT], False, False, 1),
    ],
)
def test_the_exit_code_tells(ran: list[Ran], named: bool, strict: bool, code: int) -> None:
    assert exit_code(ran, load_marks(), named=named, strict=strict) == code


def test_a_folder_with_nothing_in_it_is_told_what_it_lacks(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "server.cli", "evaluate", "--data", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
        env=os.environ | {"COLUMNS": "200"},
    )
    assert done.returncode == 1
    assert f"{tmp_path} has no" in done.stdout or "not available" in done.stdout
