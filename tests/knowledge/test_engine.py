from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from contracts.clock import ManualClock, MonotonicClock
from contracts.errors import DeadlineExceeded, DocumentRefused, DocumentUnknown, EngineFailed, KnowledgeError
from contracts.worker import Priority, Reply
from knowledge.api import Outcome
from knowledge.client import KnowledgeClient
from knowledge.engine import KnowledgeEngine
from knowledge.local import open_local
from knowledge.settings import KnowledgeSettings

pytestmark = pytest.mark.models


class JobHere:
    """A request's deadline, kept on a clock."""

    def __init__(self, deadline: float, clock: ManualClock | MonotonicClock) -> None:
        self.deadline = deadline
        self._clock = clock

    def checkpoint(self) -> None:
        if self._clock.now() > self.deadline:
            raise DeadlineExceeded("late")

    def emit(self, body: Mapping[str, Any], blob: bytes = b"") -> None:
        raise AssertionError("the knowledge base emits nothing")


class WorkersHere:
    """contracts.worker.WorkerClient that runs the engine in this process; bodies go through JSON as on the wire."""

    def __init__(self, engine: KnowledgeEngine) -> None:
        self._engine = engine
        self.priorities: list[Priority] = []

    async def request(
        self,
        engine: str,
        method: str,
        params: Mapping[str, Any],
        *,
        blob: bytes = b"",
        deadline: float,
        priority: Priority,
    ) -> Reply:
        assert engine == "knowledge"
        self.priorities.append(priority)
        reply = self._engine.run(method, json.loads(json.dumps(params)), blob, JobHere(deadline, MonotonicClock()))
        return Reply(json.loads(json.dumps(reply.body)), reply.blob)

    def stream(
        self,
        engine: str,
        method: str,
        params: Mapping[str, Any],
        *,
        blob: bytes = b"",
        deadline: float,
        priority: Priority,
    ) -> AsyncIterator[Reply]:
        raise NotImplementedError


@pytest.fixture
def engine(tmp_path: Path, model_dir: Path) -> Iterator[KnowledgeEngine]:
    made = KnowledgeEngine({"home": str(tmp_path), "model_dir": str(model_dir), "settings": {"lock_wait_s": 0}})
    made.load()
    yield made
    made.close()


def later() -> float:
    return MonotonicClock().now() + 30


async def test_the_client_adds_searches_lists_and_removes(engine: KnowledgeEngine) -> None:
    workers = WorkersHere(engine)
    client = KnowledgeClient(workers)
    added = await client.add(b"---\ntags: [fees]\n---\n# Wires\n\nA wire costs 25 dollars.", "wires.md")
    assert (added.outcome, added.document.title, added.document.tags) == (Outcome.ADDED, "Wires", ("fees",))
    assert await client.list_documents() == [added.document]
    evidence = await client.search("what does a wire cost", limit=3, deadline=later(), context=["hello"])
    assert evidence.best is not None
    assert evidence.best.document_id == added.document.document_id
    assert (await client.stats()).documents == 1
    await client.rebuild()
    assert await client.remove("wires.md") == added.document
    assert (await client.search("what does a wire cost", limit=3, deadline=later())).passages == ()
    assert workers.priorities.count(Priority.FINAL_RECOGNITION) == 2
    assert workers.priorities.count(Priority.BACKGROUND) == 5


async def test_knowledge_errors_keep_their_type_through_the_worker(engine: KnowledgeEngine) -> None:
    client = KnowledgeClient(WorkersHere(engine))
    with pytest.raises(DocumentRefused, match=r"x\.md: is a PDF"):
        await client.add(b"%PDF-1.4", "x.md")
    with pytest.raises(DocumentUnknown, match=r"x\.md"):
        await client.remove("x.md")


async def test_a_late_request_is_dropped(engine: KnowledgeEngine) -> None:
    with pytest.raises(DeadlineExceeded):
        await KnowledgeClient(WorkersHere(engine)).search("x", limit=1, deadline=MonotonicClock().now() - 1)


def test_wrong_requests_fail_as_the_engine_and_not_the_process(engine: KnowledgeEngine) -> None:
    job = JobHere(2000.0, ManualClock())
    with pytest.raises(EngineFailed, match="'explode'"):
        engine.run("explode", {}, b"", job)
    with pytest.raises(EngineFailed, match="'query'"):
        engine.run("search", {}, b"", job)


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
