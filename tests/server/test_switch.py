"""`callwright switch` where no operator runs: what is turned is kept for its start."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from contracts.switch import Scope
from operations.database import open_database
from operations.switches import read_switch
from server.settings import OperatorSettings
from server.switch_cli import make_app


def test_an_operator_that_was_switched_off_starts_switched_off(tmp_path: Path) -> None:
    settings = OperatorSettings(home=tmp_path)
    runner, app = CliRunner(), make_app(lambda: settings)
    assert "operator: on" in runner.invoke(app, ["show"]).output
    assert "will start like this" in runner.invoke(app, ["off", "--why", "wrong [rates]"]).output
    runner.invoke(app, ["off", "--rule", "complaint"])
    runner.invoke(app, ["off", "--topic", "Wires"])
    runner.invoke(app, ["on", "--topic", "wires"])
    shown = runner.invoke(app, ["show"]).output
    assert "operator: off since" in shown
    assert "wrong [rates]" in shown
    assert "rule complaint: off" in shown
    assert "Wires" not in shown
    state = read_switch(open_database("sqlite:///callwright.db", tmp_path))
    assert state.why_off(Scope.WHOLE) is not None
    assert runner.invoke(app, ["off", "--rule", "a", "--topic", "b"]).exit_code == 2
