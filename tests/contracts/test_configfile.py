"""Mistakes in YAML files are named so that a person can find them."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from pydantic import Field

from contracts.configfile import load_yaml
from contracts.errors import ConfigError
from contracts.settings import Settings


class Inner(Settings):
    port: int = 5060
    transport: Literal["udp", "tcp"] = "udp"


class Outer(Settings):
    sip: Inner = Inner()
    trunks: dict[str, Inner] = Field(default_factory=dict)
    legs: list[Inner] = Field(default_factory=list)


def write(folder: Path, text: str) -> Path:
    path = folder / "settings.yaml"
    path.write_text(text)
    return path


def test_a_good_file_is_read(tmp_path: Path) -> None:
    assert load_yaml(write(tmp_path, "sip:\n  port: 5070\n"), Outer).sip.port == 5070


def test_an_empty_file_means_defaults(tmp_path: Path) -> None:
    assert load_yaml(write(tmp_path, ""), Outer) == Outer()


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("sip:\n  prot: 1\n", 2, "did you mean 'port'"),
        ("sip:\n  port: abc\n", 2, "sip.port"),
        ("sip:\n  transport: upd\n", 2, "did you mean 'udp'"),
        ("\n\ntrunks:\n  main:\n    port: 1\n    trnsport: tcp\n", 6, "did you mean 'transport'"),
        ("legs:\n  - port: 1\n  - prt: 2\n", 3, "did you mean 'port'"),
        ("spi:\n  port: 1\n", 1, "did you mean 'sip'"),
        ("sip: [1,\n", 2, "not valid YAML"),
    ],
)
def test_a_mistake_names_file_line_and_nearest_name(tmp_path: Path, text: str, line: int, words: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load_yaml(path, Outer)
    assert f"{path}:{line}:" in str(caught.value)
    assert words in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yaml"):
        load_yaml(tmp_path / "nowhere.yaml", Outer)


def test_a_binary_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="UTF-8"):
        load_yaml(path, Outer)
