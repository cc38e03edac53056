"""The knowledge base in a real worker process."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from contracts.clock import MonotonicClock
from contracts.errors import DocumentRefused, DocumentUnknown, KnowledgeError, WorkerDied
from knowledge.api import Outcome
from knowledge.client import KnowledgeClient
from knowledge.local import open_local
from knowledge.settings import KnowledgeSettings
from workers.pool import WorkerPool
from workers.settings import WorkersSettings

pytestmark = pytest.mark.models


@asynccontextmanager
async def running(home: Path, model_dir: Path) -> AsyncIterator[WorkerPool]:
    options = {"home": str(home), "model_dir": str(model_dir), "settings": KnowledgeSettings().model_dump(mode="json")}
    engine = {"name": "knowledge", "engine": "knowledge.engine:KnowledgeEngine", "options": options}
    pool = WorkerPool(WorkersSettings.model_validate({"workers": [{"name": "knowledge", "engines": [engine]}]}))
    await pool.start()
    try:
        yield pool
    finally:
        await pool.close()


def later() -> float:
    return MonotonicClock().now() + 60


async def test_the_client_adds_searches_lists_and_removes(tmp_path: Path, model_dir: Path) -> None:
    async with running(tmp_path, model_dir) as pool:
        client = KnowledgeClient(pool)
        assert (await client.search("anything", limit=3, deadline=later())).passages == ()
        added = await client.add(b"---\ntags: [fees]\n---\n# Wires\n\nA wire costs 25 dollars.", "wires.md")
        assert (added.outcome, added.document.title, added.document.tags) == (Outcome.ADDED, "Wires", ("fees",))
        assert await client.list_documents() == [added.document]
        evidence = await client.search("and how much is it", limit=3, deadline=later(), context=["I need a wire"])
        assert evidence.best is not None
        assert evidence.best.document_id == added.document.document_id
        assert (await client.stats()).documents == 1
        await client.rebuild()
        assert await client.remove("wires.md") == added.document
        with pytest.raises(DocumentUnknown, match=r"wires\.md"):
            await client.remove("wires.md")
        assert (await client.search("what does a wire cost", limit=3, deadline=later())).passages == ()


async def test_a_killed_worker_comes_back_with_everything_acknowledged(tmp_path: Path, model_dir: Path) -> None:
    async with running(tmp_path, model_dir) as pool:
        client = KnowledgeClient(pool)
        await client.add(b"# Wires\n\nA wire costs 25 dollars.", "wires.md")
        with pytest.raises(DocumentRefused, match="is a PDF"):
            await client.add(b"%PDF-1.4", "x.md")
        with (
            pytest.raises(KnowledgeError, match="another process"),
            open_local(tmp_path, model_dir, KnowledgeSettings()),
        ):
            pass
        pid = int((tmp_path / "knowledge.lock").read_text())
        os.kill(pid, signal.SIGKILL)
        for _ in range(2):  # the first request may still reach the dead one
            try:
                await pool.wait_ready("knowledge", deadline=later())
                await client.stats()
            except WorkerDied:
                continue
        evidence = await client.search("what does a wire cost", limit=1, deadline=later())
        assert evidence.best is not None
        assert "25 dollars" in evidence.best.text
