"""`callwright rules test` as its user types it."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from server.rules_cli import make_app

SHIPPED = Path(__file__).parents[2] / "configs" / "rules.yaml"


def test_the_shipped_rules_pass_and_every_rule_is_listed() -> None:
    result = CliRunner().invoke(make_app(lambda: SHIPPED, lambda: Path("none")), ["test"])
    assert result.exit_code == 0, result.output
    assert "danger-to-self" in result.output
    assert "wrong" not in result.output


def test_an_example_that_does_not_fire_is_named_and_ends_with_code_1(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(
        "version: 1\nrules:\n  - id: hail\n    reason: other\n    priority: 1\n    say: Hello.\n"
        "    when: {phrases: [ahoy]}\n    examples: {fires: [Ahoy there, good morning]}\n"
    )
    result = CliRunner().invoke(make_app(lambda: SHIPPED, lambda: Path("none")), ["test", str(path)])
    assert result.exit_code == 1
    assert "hail: should fire on 'good morning'" in result.output
