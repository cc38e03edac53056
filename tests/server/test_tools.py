"""`callwright tools check`, and a start that refuses what does not fit."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from contracts.errors import ConfigError
from operations.tools.settings import ToolSettings
from server.settings import ROOT, OperatorSettings, load_settings
from server.tools import make_app, make_counter

TASKS = ROOT / "configs" / "demo" / "bank" / "tasks.yaml"


def _settings(**more: object) -> OperatorSettings:
    demo = load_settings(ROOT / "configs" / "demo.yaml")
    tools = ToolSettings.model_validate({**demo.tools.model_dump(), **more})
    return demo.model_copy(update={"tools": tools})


def test_the_demo_fits_and_is_listed() -> None:
    result = CliRunner().invoke(make_app(_settings), ["check", "--offline"])
    assert result.exit_code == 0, result.output
    assert "write blockCard(card, customer)" in result.output
    assert "block_card: card → identity → blockCard" in result.output


def test_a_service_that_is_not_there_is_named() -> None:
    result = CliRunner().invoke(make_app(lambda: _settings(base_url="http://127.0.0.1:9")), ["check"])
    assert result.exit_code == 1
    assert "nothing answers at http://127.0.0.1:9" in result.output


def test_what_does_not_fit_is_listed_and_stops_the_start(tmp_path: Path) -> None:
    data = yaml.safe_load(TASKS.read_text())
    data["tasks"]["block_card"] |= {"act": "getBalance", "confirm": "Block {what}?"}
    wrong = tmp_path / "tasks.yaml"
    wrong.write_text(yaml.safe_dump(data))
    settings = _settings(tasks=wrong)
    output = CliRunner().invoke(make_app(lambda: settings), ["check", "--offline"]).output
    for fault in ("confirm names 'what'", "is allowed as read, and is needed as write", "nothing gives 'account'"):
        assert fault in output
    assert "no task uses 'blockCard'" in output
    with pytest.raises(ConfigError, match="block_card"):
        make_counter(settings.tools)


def test_an_action_needs_a_read_back_and_identity(tmp_path: Path) -> None:
    data = yaml.safe_load(TASKS.read_text())
    data["tasks"]["block_card"]["identity"] = False
    wrong = tmp_path / "tasks.yaml"
    wrong.write_text(yaml.safe_dump(data))
    with pytest.raises(ConfigError, match="needs 'confirm' and identity"):
        make_counter(_settings(tasks=wrong).tools)


def test_tools_are_off_unless_the_settings_say_otherwise() -> None:
    assert make_counter(ToolSettings()) is None
    assert load_settings().tools.enabled is False


def test_numbers_that_are_keyed_in_need_a_place_to_go(tmp_path: Path) -> None:
    settings = _settings(capture={})
    with pytest.raises(ConfigError, match=r"pay_card_bill: has 'secure' slots, and tools.capture.url"):
        make_counter(settings.tools)
    assert "pay_card_bill" in CliRunner().invoke(make_app(lambda: settings), ["check", "--offline"]).output
    counter, dry = make_counter(_settings().tools), make_counter(_settings(dry_run=True).tools)
    assert counter is not None
    assert counter.payments is not None
    assert dry is not None
    assert dry.payments is None
    lacking = _settings(capture={"url": "http://127.0.0.1:1/", "token_file": tmp_path / "none"})
    with pytest.raises(ConfigError, match="token_file"):
        make_counter(lacking.tools)
