"""The whole base in one process: what is published is found, by words and by meaning, whatever happens to the index."""

from __future__ import annotations

import queue
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pytest
from numpy.typing import NDArray

from contracts.errors import DocumentRefused, DocumentUnknown, KnowledgeError
from knowledge.api import Outcome
from knowledge.base import KnowledgeBase
from knowledge.indexer import THREAD, Embeds
from knowledge.settings import IndexSettings, KnowledgeSettings
from knowledge.vectors import VectorIndex

pytestmark = pytest.mark.models

WIRES = b"# Wire transfers\n\nA wire inside the country costs 25 dollars. It leaves before 4 p.m. the same day."
HOURS = b"# Opening hours\n\nWe are open Monday to Friday from 9 a.m. to 5 p.m. On Saturday we close at noon."


class OpenBase(Protocol):
    def __call__(self, home: Path) -> KnowledgeBase: ...


class CountingEmbedder:
    """The real embedder, and how many texts it was given; ``gate`` can hold up the indexer."""

    def __init__(self, real: Embeds) -> None:
        self._real = real
        self.texts = 0
        self.gate = threading.Event()
        self.gate.set()

    def embed(self, texts: list[str]) -> NDArray[np.float32]:
        if threading.current_thread().name == THREAD:
            assert self.gate.wait(20)
        self.texts += len(texts)
        return self._real.embed(texts)


@pytest.fixture
def counting(embedder: Embeds) -> Iterator[CountingEmbedder]:
    made = CountingEmbedder(embedder)
    yield made
    made.gate.set()


def published(base: KnowledgeBase) -> str:
    proposed = base.propose(by="editor", now=True)
    return base.publish(proposed.release, by="editor").release


def two_documents(base: KnowledgeBase) -> None:
    base.add(WIRES, "wires.md", by="editor")
    base.add(HOURS, "hours.md", by="editor")
    published(base)
    assert base.wait_indexed(60)


def indexed_ids(home: Path) -> set[str]:
    index = VectorIndex(home / "chroma", "minilm/1")
    try:
        return index.open()
    finally:
        index.close()


def test_an_empty_base_has_no_evidence(open_base: OpenBase, tmp_path: Path) -> None:
    evidence = open_base(tmp_path).search("when are you open")
    assert (evidence.passages, evidence.best, evidence.margin, evidence.degraded) == ((), None, 0.0, "")
    assert evidence.release == ""


def test_the_right_passage_comes_first_with_cosine_word_score_and_margin(open_base: OpenBase, tmp_path: Path) -> None:
    base = open_base(tmp_path)
    two_documents(base)
    evidence = base.search("hi um how much is a wire please")
    best = evidence.best
    assert best is not None
    assert (best.title, best.source) == ("Wire transfers", "wires.md")
    assert 0.4 < best.score <= 1.0
    assert 0.0 < best.lexical <= 1.0
    assert 0.1 < evidence.margin < best.score
    assert evidence.query == "hi um how much is a wire please"
    assert evidence.release == "r0001"
    assert base.search("um uh hello").passages == ()


def test_callers_hear_nothing_of_a_draft(open_base: OpenBase, tmp_path: Path) -> None:
    base = open_base(tmp_path)
    two_documents(base)
    base.add(WIRES.replace(b"25", b"30"), "wires.md", by="editor")
    base.remove("hours.md", by="editor")
    assert "25 dollars" in base.search("how much is a wire").passages[0].text
    assert base.search("when are you open").passages[0].title == "Opening hours"
    assert [(one.kind, one.source) for one in base.draft()] == [("removed", "hours.md"), ("changed", "wires.md")]


def test_a_release_is_found_by_words_before_its_vectors_are_made(counting: CountingEmbedder, tmp_path: Path) -> None:
    base = KnowledgeBase(tmp_path, KnowledgeSettings(), counting)
    base.open()
    base.add(HOURS, "hours.md", by="editor")
    published(base)
    assert base.wait_indexed(60)
    counting.gate.clear()
    many = "\n\n".join(f"## Fee {n}\n\n" + f"The handling charge for item {n} is {n} dollars. " * 8 for n in range(10))
    base.add(many.encode(), "fees.md", by="editor")
    published(base)
    evidence = base.search("handling charge for item 7", limit=1)
    assert evidence.best is not None
    assert "item 7 is 7 dollars" in evidence.best.text
    assert evidence.best.score > 0.4
    assert evidence.degraded == "vectors"
    assert base.stats().pending == 10
    counting.gate.set()
    assert base.wait_indexed(60)
    assert (base.stats().pending, base.search("charge").degraded) == (0, "")
    base.close()


def test_no_content_is_ever_embedded_twice(counting: CountingEmbedder, tmp_path: Path) -> None:
    base = KnowledgeBase(tmp_path, KnowledgeSettings(), counting)
    base.open()
    two_documents(base)
    before = counting.texts
    assert base.add(WIRES, "wires.md", by="editor")[0].outcome is Outcome.UNCHANGED
    longer = WIRES + b"\n\n## New\n\n" + b"Receiving a wire costs 12 dollars. " * 5
    assert base.add(longer, "wires.md", by="editor")[0].outcome is Outcome.REPLACED
    assert base.wait_indexed(60)
    assert counting.texts == before + 1
    base.add(WIRES, "a-copy-under-another-name.md", by="editor")
    base.add(WIRES, "wires.md", by="editor")
    base.rebuild()
    assert base.wait_indexed(60)
    base.close()
    shutil.rmtree(tmp_path / "chroma")
    again = KnowledgeBase(tmp_path, KnowledgeSettings(), counting)
    again.open()
    assert again.wait_indexed(60)
    assert counting.texts == before + 1
    again.close()


def test_a_removed_document_is_found_no_more(open_base: OpenBase, tmp_path: Path) -> None:
    base = open_base(tmp_path)
    two_documents(base)
    document_id = next(info.document_id for info in base.list_documents() if info.source == "wires.md")
    base.remove(document_id, by="editor")
    published(base)
    assert [one.title for one in base.search("how much is a wire").passages] == ["Opening hours"]
    with pytest.raises(DocumentUnknown):
        base.remove(document_id, by="editor")


def test_the_index_forgets_what_neither_draft_nor_kept_releases_hold(embedder: Embeds, tmp_path: Path) -> None:
    settings = KnowledgeSettings.model_validate({"releases": {"keep": 1}})
    base = KnowledgeBase(tmp_path, settings, embedder)
    base.open()
    two_documents(base)
    for price in (26, 27):
        base.add(WIRES.replace(b"25", str(price).encode()), "wires.md", by="editor")
        published(base)
    assert base.wait_indexed(60)
    base.close()
    assert len(indexed_ids(tmp_path)) == 3
    assert sorted(path.name for path in (tmp_path / "releases").glob("*.db")) == ["r0002.db", "r0003.db"]


def test_a_refused_document_changes_nothing(open_base: OpenBase, tmp_path: Path) -> None:
    base = open_base(tmp_path)
    two_documents(base)
    with pytest.raises(DocumentRefused):
        base.add(b"\x89PNG\r\n\x1a\n", "wires.md", by="editor")
    assert base.draft() == []


def test_documents_are_found_only_while_they_are_valid(embedder: Embeds, tmp_path: Path) -> None:
    days = [date(2026, 1, 1)]
    base = KnowledgeBase(tmp_path, KnowledgeSettings(), embedder, today=lambda: days[-1])
    base.open()
    offer = b"---\nvalid_from: 2026-02-01\nvalid_to: 2026-02-28\n---\n# Offer\n\nSavings pay 4 percent."
    base.add(offer, "offer.md", by="editor")
    published(base)
    found = []
    for day in (date(2026, 1, 31), date(2026, 2, 1), date(2026, 2, 28), date(2026, 3, 1)):
        days.append(day)
        found.append(len(base.search("what do savings pay").passages))
    assert found == [0, 1, 1, 0]
    base.close()


def test_the_expired_do_not_crowd_out_the_valid(embedder: Embeds, tmp_path: Path) -> None:
    base = KnowledgeBase(tmp_path, KnowledgeSettings(), embedder, today=lambda: date(2026, 6, 1))
    base.open()
    old = ["question,answer,valid_to"] + [
        f"What do savings pay in {y}?,Savings pay {y % 7} percent,2026-01-01" for y in range(1900, 2000)
    ]
    base.add("\n".join(old).encode(), "old.csv", by="editor")
    base.add(b"# Rates\n\nSavings earn 3 percent now, whatever they did in earlier years.", "rates.md", by="editor")
    published(base)
    assert [one.source for one in base.search("what do savings pay").passages] == ["rates.md"]
    assert base.wait_indexed(120)
    assert [one.source for one in base.search("what do savings pay").passages] == ["rates.md"]
    base.close()


def test_earlier_turns_complete_a_question(open_base: OpenBase, tmp_path: Path) -> None:
    base = open_base(tmp_path)
    two_documents(base)
    evidence = base.search("and how much is that?", context=["I want to send a wire"])
    assert evidence.best is not None
    assert evidence.best.title == "Wire transfers"


@pytest.mark.parametrize("harm", ["delete", "garbage"])
def test_a_lost_or_corrupt_index_is_rebuilt_while_the_release_answers(
    embedder: Embeds, tmp_path: Path, harm: str
) -> None:
    settings = KnowledgeSettings(index=IndexSettings(retry_s=0.1))
    base = KnowledgeBase(tmp_path, settings, embedder)
    base.open()
    two_documents(base)
    before = base.search("how much is a wire")
    base.close()
    if harm == "delete":
        shutil.rmtree(tmp_path / "chroma")
    else:
        for path in (tmp_path / "chroma").rglob("*"):
            if path.is_file():
                path.write_bytes(b"junk" * 500)
    again = KnowledgeBase(tmp_path, settings, embedder)
    again.open()
    during = again.search("how much is a wire")
    assert again.wait_indexed(60)
    assert again.stats().degraded == ""
    healed = again.search("how much is a wire")
    for evidence in (during, healed):
        assert [one.passage_id for one in evidence.passages] == [one.passage_id for one in before.passages]
        assert [one.score for one in evidence.passages] == pytest.approx(
            [one.score for one in before.passages], abs=0.01
        )
    again.close()
    assert len(indexed_ids(tmp_path)) == 2


@pytest.mark.parametrize("harm", ["delete", "garbage", "truncate", "no vectors"])
def test_a_lost_or_corrupt_release_is_written_again_from_sql(embedder: Embeds, tmp_path: Path, harm: str) -> None:
    base = KnowledgeBase(tmp_path, KnowledgeSettings(), embedder)
    base.open()
    two_documents(base)
    base.close()
    path = tmp_path / "releases" / "r0001.db"
    if harm == "delete":
        path.unlink()
    elif harm == "garbage":
        path.write_bytes(b"junk" * 5000)
    elif harm == "truncate":
        with path.open("r+b") as file:
            file.truncate(8192)
    else:
        path.with_suffix(".npy").unlink()
    again = KnowledgeBase(tmp_path, KnowledgeSettings(), embedder)
    again.open()
    evidence = again.search("how much is a wire")
    assert evidence.best is not None
    assert (evidence.best.title, evidence.release, evidence.degraded) == ("Wire transfers", "r0001", "")
    again.close()


def test_rebuild_throws_the_index_away_and_makes_it_again(open_base: OpenBase, tmp_path: Path) -> None:
    base = open_base(tmp_path)
    two_documents(base)
    base.rebuild()
    assert base.search("wire").passages
    assert base.wait_indexed(60)
    assert (base.stats().pending, base.stats().degraded) == (0, "")


def test_a_second_owner_is_refused_in_one_line(open_base: OpenBase, tmp_path: Path, embedder: Embeds) -> None:
    open_base(tmp_path)
    second = KnowledgeBase(tmp_path, KnowledgeSettings(), embedder)
    with pytest.raises(KnowledgeError, match="another process") as caught:
        second.open()
    assert "\n" not in str(caught.value)


def test_many_searches_at_once_while_releases_come_and_go(open_base: OpenBase, tmp_path: Path) -> None:
    """Each price was in one release only, so evidence that mixed two would show."""
    base = open_base(tmp_path)
    two_documents(base)
    prices = {"r0001": 25}
    going = threading.Event()
    heard: queue.SimpleQueue[str] = queue.SimpleQueue()

    def ask(_: int) -> list[tuple[str, str]]:
        seen = []
        while not going.is_set():
            evidence = base.search("how much is a wire")
            seen.append((evidence.release, evidence.passages[0].text))
            heard.put(evidence.release)
        return seen

    def until(release: str) -> None:
        while heard.get(timeout=60) != release:
            pass

    with ThreadPoolExecutor(3) as pool:
        asking = [pool.submit(ask, number) for number in range(3)]
        for number in range(2, 6):
            prices[f"r{number:04d}"] = 24 + number
            base.add(WIRES.replace(b"25", str(24 + number).encode()), "wires.md", by="editor")
            assert published(base) == f"r{number:04d}"
            until(f"r{number:04d}")
        base.rollback(by="editor", release="r0002")
        assert base.search("how much is a wire").release == "r0002"
        going.set()
        seen: list[Any] = [pair for one in asking for pair in one.result()]
    assert {release for release, _ in seen} >= {"r0002", "r0003", "r0004", "r0005"}
    for release, text in seen:
        assert f"{prices[release]} dollars" in text


def test_a_turn_stays_on_its_release(open_base: OpenBase, tmp_path: Path) -> None:
    base = open_base(tmp_path)
    two_documents(base)
    first = base.search("how much is a wire")
    base.add(WIRES.replace(b"25", b"30"), "wires.md", by="editor")
    published(base)
    second = base.search("and when does it leave", context=["a wire"], release=first.release)
    assert (second.release, "25 dollars" in second.passages[0].text) == ("r0001", True)
    assert base.search("how much is a wire").release == "r0002"
