"""The knowledge base in a real worker process."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from contracts.clock import MonotonicClock
from contracts.errors import DocumentRefused, DocumentUnknown, KnowledgeError, ReleaseRefused, WorkerDied
from knowledge.api import Outcome, ReleaseState
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
        assert await client.resembling("how much are wise", release="", deadline=later()) == ()
        data = b"---\ntags: [fees]\n---\n# Wires\n\nA wire costs 25 dollars."
        (added,) = await client.add(data, "wires.md", by="maria")
        assert (added.outcome, added.document.title, added.document.tags) == (Outcome.ADDED, "Wires", ("fees",))
        assert await client.list_documents() == [added.document]
        assert (await client.search("what does a wire cost", limit=3, deadline=later())).passages == ()
        proposed = await client.propose(by="maria", note="wires")
        assert (proposed.state, proposed.passages) == (ReleaseState.PROPOSED, 1)
        live = await client.publish(proposed.release, by="maria")
        assert (live.state, live.release) == (ReleaseState.LIVE, "r0001")
        evidence = await client.search("and how much is it", limit=3, deadline=later(), context=["I need a wire"])
        assert evidence.best is not None
        assert evidence.best.document_id == added.document.document_id
        (name,) = await client.resembling("how much are wise", release=live.release, deadline=later())
        assert (name.name, name.start, name.end) == ("Wires", 13, 17)
        assert (await client.stats()).documents == 1
        await client.rebuild()
        assert await client.remove("wires.md", by="maria") == [added.document]
        with pytest.raises(DocumentUnknown, match=r"wires\.md"):
            await client.remove("wires.md", by="maria")
        assert [(one.kind, one.source) for one in await client.draft()] == [("removed", "wires.md")]
        empty = await client.publish((await client.propose(by="maria")).release, by="maria")
        assert (await client.search("what does a wire cost", limit=3, deadline=later())).passages == ()
        pinned = await client.search("what does a wire cost", limit=3, deadline=later(), release=live.release)
        assert len(pinned.passages) == 1
        assert (await client.rollback(by="maria")).release == "r0001"
        assert (await client.search("what does a wire cost", limit=3, deadline=later())).release == "r0001"
        assert [one.state for one in await client.releases()] == [ReleaseState.SUPERSEDED, ReleaseState.LIVE]
        with pytest.raises(ReleaseRefused, match="was live before"):
            await client.publish(empty.release, by="maria")
        assert [one.action for one in await client.changes()][:2] == ["rollback", "publish"]


async def test_searches_go_on_while_a_file_is_read(tmp_path: Path, model_dir: Path) -> None:
    async with running(tmp_path, model_dir) as pool:
        client = KnowledgeClient(pool)
        await client.add(b"# Wires\n\nA wire costs 25 dollars.", "wires.md", by="maria")
        await client.publish((await client.propose(by="maria")).release, by="maria")
        rows = "question,answer\n" + "\n".join(f"What is fee {n}?,Fee {n} is {n} dollars." for n in range(3000))
        adding = asyncio.create_task(client.add(rows.encode(), "fees.csv", by="maria"))
        answered = 0
        while not adding.done():
            assert (await client.search("what does a wire cost", limit=1, deadline=later())).best is not None
            answered += 1
        assert len(await adding) == 3000
        assert answered > 10


async def test_a_killed_worker_comes_back_with_everything_acknowledged(tmp_path: Path, model_dir: Path) -> None:
    async with running(tmp_path, model_dir) as pool:
        client = KnowledgeClient(pool)
        await client.add(b"# Wires\n\nA wire costs 25 dollars.", "wires.md", by="maria")
        await client.publish((await client.propose(by="maria")).release, by="maria")
        with pytest.raises(DocumentRefused, match="damaged PDF"):
            await client.add(b"%PDF-1.4", "x.md", by="maria")
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
