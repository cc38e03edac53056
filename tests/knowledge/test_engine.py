from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from contracts.clock import ManualClock
from contracts.errors import DeadlineExceeded, EngineFailed, KnowledgeError
from knowledge.engine import KnowledgeEngine
from knowledge.local import open_local
from knowledge.settings import KnowledgeSettings

pytestmark = pytest.mark.models


class JobHere:
    """A request's deadline, kept on a clock."""

    def __init__(self, deadline: float, clock: ManualClock) -> None:
        self.deadline = deadline
        self._clock = clock

    def checkpoint(self) -> None:
        if self._clock.now() > self.deadline:
            raise DeadlineExceeded("late")

    def emit(self, body: Mapping[str, Any], blob: bytes = b"") -> None:
        raise AssertionError("the knowledge base emits nothing")


@pytest.fixture
def engine(tmp_path: Path, model_dir: Path) -> Iterator[KnowledgeEngine]:
    made = KnowledgeEngine({"home": str(tmp_path), "model_dir": str(model_dir), "settings": {"lock_wait_s": 0}})
    made.load()
    yield made
    made.close()


def test_wrong_requests_fail_as_the_engine_and_not_the_process(engine: KnowledgeEngine) -> None:
    job = JobHere(2000.0, ManualClock())
    with pytest.raises(EngineFailed, match="'explode'"):
        engine.run("explode", {}, b"", job)
    with pytest.raises(EngineFailed, match="'query'"):
        engine.run("search", {}, b"", job)
    with pytest.raises(EngineFailed, match="'by'"):
        engine.run("add", {"source": "x.md"}, b"x", job)


def test_a_late_request_is_dropped(engine: KnowledgeEngine) -> None:
    with pytest.raises(DeadlineExceeded):
        engine.run("search", {"query": "x", "limit": 1}, b"", JobHere(999.0, ManualClock(1000.0)))


def test_while_a_server_holds_the_base_nobody_else_opens_it(
    engine: KnowledgeEngine, tmp_path: Path, model_dir: Path
) -> None:
    with pytest.raises(KnowledgeError, match="another process"), open_local(tmp_path, model_dir, KnowledgeSettings()):
        pass
    second = KnowledgeEngine({"home": str(tmp_path), "model_dir": str(model_dir), "settings": {"lock_wait_s": 0}})
    with pytest.raises(EngineFailed, match="another process"):
        second.load()


def test_an_engine_that_is_not_loaded_says_so(tmp_path: Path) -> None:
    idle = KnowledgeEngine({"home": str(tmp_path), "model_dir": str(tmp_path)})
    with pytest.raises(EngineFailed, match="not loaded"):
        idle.run("stats", {}, b"", JobHere(2000.0, ManualClock()))
