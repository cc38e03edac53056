from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from knowledge.api import KnowledgeAccess
from knowledge.base import KnowledgeBase
from knowledge.cli import make_app
from knowledge.indexer import Embeds
from knowledge.settings import KnowledgeSettings

pytestmark = pytest.mark.models


class Shell:
    """Runs commands on a base in a folder."""

    def __init__(self, home: Path, embedder: Embeds) -> None:
        self._home = home
        self._embedder = embedder

    def access(self) -> AbstractContextManager[KnowledgeAccess]:
        @contextmanager
        def opened() -> Iterator[KnowledgeAccess]:
            base = KnowledgeBase(self._home, KnowledgeSettings(), self._embedder)
            base.open()
            try:
                yield base
            finally:
                base.close()

        return opened()

    def __call__(self, *words: str) -> Result:
        app = make_app(self.access, lambda: 1024 * 1024)
        return CliRunner().invoke(app, list(words), env={"COLUMNS": "200"})


@pytest.fixture
def shell(tmp_path: Path, embedder: Embeds) -> Shell:
    return Shell(tmp_path / "home", embedder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "wires.md").write_text("---\ntags: [fees]\n---\n# Wires\n\nA wire costs 25 dollars.")
    (docs / "hours.md").write_text("# Hours\n\nWe open at 9 a.m.")
    return docs


def test_add_list_search_and_remove(shell: Shell, folder: Path) -> None:
    added = shell("add", str(folder))
    assert added.exit_code == 0, added.output
    assert "2 added; 2 passages" in added.output
    assert "2 unchanged" in shell("add", str(folder)).output
    listed = shell("list")
    assert "wires.md" in listed.output
    assert "2 documents, 2 passages" in listed.output
    assert "25 dollars" in shell("search", "what does a wire cost").output
    assert "removed wires.md (1 passages)" in shell("remove", "wires.md").output
    assert "wires.md" not in shell("list").output


def test_json_is_for_machines(shell: Shell, folder: Path) -> None:
    added = json.loads(shell("add", "--json", str(folder / "wires.md")).stdout)
    assert added["refused"] == []
    assert added["documents"][0]["outcome"] == "added"
    assert json.loads(shell("list", "--json").stdout)["stats"]["passages"] == 1
    found = json.loads(shell("search", "--json", "wire").stdout)
    assert found["passages"][0]["title"] == "Wires"


def test_refusals_are_one_line_each_and_the_rest_is_added(shell: Shell, folder: Path) -> None:
    (folder / "photo.md").write_bytes(b"\x89PNG....")
    result = shell("add", str(folder), str(folder / "missing"))
    assert result.exit_code == 1
    assert "2 added" in result.stdout
    lines = result.stderr.strip().splitlines()
    assert [line for line in lines if "photo.md: is a PNG image" in line]
    assert [line for line in lines if "no such file or folder" in line]
    assert "Traceback" not in result.output


def test_errors_are_one_line_with_an_exit_code(shell: Shell, folder: Path) -> None:
    result = shell("remove", "nothing.md")
    assert result.exit_code == 1
    assert result.stderr.startswith("callwright: no document 'nothing.md'")
    with shell.access():
        held = shell("list")
    assert held.exit_code == 1
    assert "another process" in held.stderr
    assert len(held.stderr.strip().splitlines()) == 1


def test_an_empty_base_finds_nothing(shell: Shell) -> None:
    assert "nothing found" in shell("search", "anything").output


@pytest.mark.parametrize("command", ["add", "list", "search", "remove"])
def test_every_command_shows_an_example(shell: Shell, command: str) -> None:
    assert f"callwright knowledge {command}" in shell(command, "--help").output
