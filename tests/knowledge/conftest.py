"""The real embedder, the demo bank, and bases in a fresh folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from knowledge.base import KnowledgeBase
from knowledge.indexer import Embeds
from knowledge.settings import KnowledgeSettings

DEMO = Path(__file__).parents[2] / "configs" / "demo" / "knowledge"
OpenBase = Callable[[Path], KnowledgeBase]
ROOT = Path(__file__).parents[2]


def publish(base: KnowledgeBase) -> str:
    """What the draft holds becomes what is searched; vectors may follow. Returns the release."""
    proposed = base.propose(by="editor", now=True)
    return base.publish(proposed.release, by="editor", despite="a test").release


def model_folder() -> Path:
    """Where the embedder's files lie."""
    root = os.environ.get("CALLWRIGHT_MODELS") or Path.home() / ".cache" / "callwright"
    return Path(root) / "minilm"


@pytest.fixture(scope="session")
def model_dir() -> Path:
    return model_folder()


@pytest.fixture(scope="session")
def embedder(model_dir: Path) -> Embeds:
    from workers.engines.embedder import Embedder

    return Embedder(model_dir)


@pytest.fixture
def open_base(embedder: Embeds) -> Iterator[OpenBase]:
    """Opens a base in a folder; closes all of them at the end."""
    opened: list[KnowledgeBase] = []

    def make(home: Path) -> KnowledgeBase:
        base = KnowledgeBase(home, KnowledgeSettings(), embedder)
        base.open()
        opened.append(base)
        return base

    yield make
    for base in opened:
        base.close()


@pytest.fixture(scope="session")
def demo_bank(embedder: Embeds, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KnowledgeBase]:
    """The demo bank, indexed; read only."""
    base = KnowledgeBase(tmp_path_factory.mktemp("bank"), KnowledgeSettings(), embedder)
    base.open()
    for path in sorted(DEMO.glob("*.md")):
        base.add(path.read_bytes(), path.name, by="editor")
    publish(base)
    assert base.wait_indexed(120)
    yield base
    base.close()
