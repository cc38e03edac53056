from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Protocol

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

ROOT = Path(__file__).parents[2]
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


def two_documents(base: KnowledgeBase) -> None:
    base.add(WIRES, "wires.md")
    base.add(HOURS, "hours.md")
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


def test_the_right_passage_comes_first_with_cosine_word_score_and_margin(open_base: OpenBase, tmp_path: Path) -> None:
    base = open_base(tmp_path)
    two_documents(base)
    evidence = base.search("hi um how much is a wire please")
    best = evidence.best
    assert best is not None
    assert best.title == "Wire transfers"
    assert 0.4 < best.score <= 1.0
    assert 0.0 < best.lexical <= 1.0
    assert 0.1 < evidence.margin < best.score
    assert evidence.query == "hi um how much is a wire please"
    assert base.search("um uh hello").passages == ()


def test_documents_are_found_by_words_before_their_vectors_are_made(embedder: Embeds, tmp_path: Path) -> None:
    slow = CountingEmbedder(embedder)
    base = KnowledgeBase(tmp_path, KnowledgeSettings(), slow)
    base.open()
    base.add(HOURS, "hours.md")
    assert base.wait_indexed(60)
    slow.gate.clear()
    many = "\n\n".join(f"## Fee {n}\n\n" + f"The handling charge for item {n} is {n} dollars. " * 8 for n in range(10))
    base.add(many.encode(), "fees.md")
    evidence = base.search("handling charge for item 7", limit=1)
    assert evidence.best is not None
    assert "item 7 is 7 dollars" in evidence.best.text
    assert evidence.best.score > 0.4
    assert evidence.degraded == "vectors"
    assert base.stats().pending == 10
    slow.gate.set()
    assert base.wait_indexed(60)
    assert (base.stats().pending, base.search("charge").degraded) == (0, "")
    base.close()


def test_only_what_has_changed_is_embedded(embedder: Embeds, tmp_path: Path) -> None:
    counting = CountingEmbedder(embedder)
    base = KnowledgeBase(tmp_path, KnowledgeSettings(), counting)
    base.open()
    two_documents(base)
    before = counting.texts
    assert base.add(WIRES, "wires.md").outcome is Outcome.UNCHANGED
    assert base.add(WIRES + b"\n\n## New\n\n" + b"Receiving a wire costs 12 dollars. " * 5, "wires.md").outcome is (
        Outcome.REPLACED
    )
    assert base.wait_indexed(60)
    assert counting.texts == before + 1
    base.close()
    again = KnowledgeBase(tmp_path, KnowledgeSettings(), counting)
    again.open()
    assert again.wait_indexed(60)
    assert counting.texts == before + 1
    again.close()


def test_a_removed_document_is_found_no_more(open_base: OpenBase, tmp_path: Path) -> None:
    base = open_base(tmp_path)
    two_documents(base)
    document_id = next(info.document_id for info in base.list_documents() if info.source == "wires.md")
    base.remove(document_id)
    assert [one.title for one in base.search("how much is a wire").passages] == ["Opening hours"]
    with pytest.raises(DocumentUnknown):
        base.remove(document_id)
    assert base.wait_indexed(60)
    base.close()
    assert len(indexed_ids(tmp_path)) == 1


def test_a_refused_document_changes_nothing(open_base: OpenBase, tmp_path: Path) -> None:
    base = open_base(tmp_path)
    two_documents(base)
    with pytest.raises(DocumentRefused):
        base.add(b"%PDF-1.7", "wires.md")
    assert base.stats().documents == 2


def test_documents_are_found_only_while_they_are_valid(embedder: Embeds, tmp_path: Path) -> None:
    days = [date(2026, 1, 1)]
    base = KnowledgeBase(tmp_path, KnowledgeSettings(), embedder, today=lambda: days[-1])
    base.open()
    base.add(b"---\nvalid_from: 2026-02-01\nvalid_to: 2026-02-28\n---\n# Offer\n\nSavings pay 4 percent.", "offer.md")
    found = []
    for day in (date(2026, 1, 31), date(2026, 2, 1), date(2026, 2, 28), date(2026, 3, 1)):
        days.append(day)
        found.append(len(base.search("what do savings pay").passages))
    assert found == [0, 1, 1, 0]
    base.close()


def test_earlier_turns_complete_a_question(open_base: OpenBase, tmp_path: Path) -> None:
    base = open_base(tmp_path)
    two_documents(base)
    evidence = base.search("and how much is that?", context=["I want to send a wire"])
    assert evidence.best is not None
    assert evidence.best.title == "Wire transfers"


@pytest.mark.parametrize("harm", ["delete", "garbage"])
def test_a_lost_or_corrupt_index_is_rebuilt_while_words_answer(embedder: Embeds, tmp_path: Path, harm: str) -> None:
    slow = CountingEmbedder(embedder)
    settings = KnowledgeSettings(index=IndexSettings(retry_s=0.1))
    base = KnowledgeBase(tmp_path, settings, slow)
    base.open()
    two_documents(base)
    base.close()
    if harm == "delete":
        shutil.rmtree(tmp_path / "chroma")
    else:
        for path in (tmp_path / "chroma").rglob("*"):
            if path.is_file():
                path.write_bytes(b"junk" * 500)
    slow.gate.clear()
    again = KnowledgeBase(tmp_path, settings, slow)
    again.open()
    evidence = again.search("how much is a wire")
    assert evidence.degraded == "vectors"
    assert evidence.best is not None
    assert evidence.best.title == "Wire transfers"
    assert evidence.best.score > 0.4
    slow.gate.set()
    assert again.wait_indexed(60)
    healed = again.search("how much is a wire")
    assert healed.degraded == ""
    assert healed.best is not None
    assert healed.best.passage_id == evidence.best.passage_id
    assert healed.best.score == pytest.approx(evidence.best.score, abs=0.01)
    again.close()


def test_rebuild_throws_the_index_away_and_makes_it_again(open_base: OpenBase, tmp_path: Path) -> None:
    base = open_base(tmp_path)
    two_documents(base)
    base.rebuild()
    assert base.wait_indexed(60)
    assert base.stats().pending == 0
    assert base.search("wire").degraded == ""


def test_a_second_owner_is_refused_in_one_line(open_base: OpenBase, tmp_path: Path, embedder: Embeds) -> None:
    open_base(tmp_path)
    second = KnowledgeBase(tmp_path, KnowledgeSettings(), embedder)
    with pytest.raises(KnowledgeError, match="another process") as caught:
        second.open()
    assert "\n" not in str(caught.value)


def test_many_searches_at_once_while_documents_come_in(open_base: OpenBase, tmp_path: Path) -> None:
    base = open_base(tmp_path)
    two_documents(base)

    def ask(number: int) -> str:
        best = base.search("how much is a wire" if number % 2 else "when do you close on Saturday").best
        assert best is not None
        return best.title

    with ThreadPoolExecutor(4) as pool:
        answers = pool.map(ask, range(40))
        for number in range(10):
            base.add(f"Note {number} about parking space {number}.".encode(), f"{number}.txt")
        assert set(answers) == {"Wire transfers", "Opening hours"}
    assert base.wait_indexed(60)


ADDING = """
import sys
from pathlib import Path
from knowledge.engine import open_base
from knowledge.settings import KnowledgeSettings
base = open_base(Path(sys.argv[1]), Path(sys.argv[2]), KnowledgeSettings())
base.open()
for number in range(400):
    text = f"# Topic {number}\\n\\n" + "".join(
        f"## Part {part}\\n\\nThe charge for case {number} in part {part} is {number + part} dollars. " * 4 + "\\n\\n"
        for part in range(6)
    )
    base.add(text.encode(), f"{number}.md")
    print(number, flush=True)
"""


@pytest.mark.parametrize("acknowledged", [1, 7, 25])
def test_kill_9_while_adding_loses_nothing_acknowledged(
    open_base: OpenBase, tmp_path: Path, model_dir: Path, acknowledged: int
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", ADDING, str(tmp_path), str(model_dir)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    seen = [int(process.stdout.readline()) for _ in range(acknowledged)]
    process.send_signal(signal.SIGKILL)
    seen += [int(line) for line in process.communicate()[0].split("\n")[:-1]]
    base = open_base(tmp_path)
    assert {f"{number}.md" for number in seen} <= {info.source for info in base.list_documents()}
    best = base.search(f"charge for case {seen[-1]}", limit=1).best
    assert best is not None
    assert best.title == f"Topic {seen[-1]}"
    assert base.wait_indexed(120)
    passages = base.stats().passages
    base.close()
    assert len(indexed_ids(tmp_path)) == passages
